/* grow.h: arrays that grow by half.
 *
 *     size_t capacity = 0, n = 0;
 *     int *numbers = NULL;
 *     if (!MF_GROW(numbers, capacity, n + 1, "numbers", err))
 *         return false;
 *     numbers[n++] = 7;
 *
 * The block comes from mf_reallocate: new elements are zero, mf_free frees it. */
#ifndef MF_BASE_GROW_H
#define MF_BASE_GROW_H

#include "base/memory.h"

enum { MF_GROW_FEWEST = 16 };

/* The block, with capacity for n elements of `size` bytes; at least half as many again as it had.
 * Without memory block and *capacity are as they were. `what` is named in the error. */
MF_MUST_CHECK static inline void *mf_grow(void *block, size_t *capacity, size_t n, size_t size,
                                          const char *what, mf_error *err)
{
    const size_t more = *capacity == 0 ? MF_GROW_FEWEST : *capacity + *capacity / 2;
    const size_t wanted = n > more ? n : more;
    if (n > *capacity && mf_reallocate(&block, *capacity, wanted, size, what, err))
        *capacity = wanted;
    return block;
}

/* Capacity for n elements in `array`, a pointer. False: MF_ERR_MEMORY. */
#define MF_GROW(array, capacity, n, what, err)                                                     \
    ((array) =                                                                                     \
         mf_grow((void *)(array), &(capacity), (n), sizeof(__typeof__(*(array))), (what), (err)),  \
     (n) <= (capacity))

#endif
