/* grow.h: arrays that grow with the batches and stay. */
#ifndef MF_LAMBDA_RECOMMEND_GROW_H
#define MF_LAMBDA_RECOMMEND_GROW_H

#include "base/memory.h"

/* The block with room for n elements, half again as many as it had at least; without memory
 * as it was, and *room too. */
static inline void *mf_grow(void *block, size_t *room, size_t n, size_t size, mf_error *err)
{
    const size_t more = *room + *room / 2;
    const size_t wanted = n > more ? n : more;
    if (n > *room && mf_reallocate(&block, *room, wanted, size, "a batch", err))
        *room = wanted;
    return block;
}

/* Room for n elements in array, a pointer with room; false: MF_ERR_MEMORY. */
#define MF_GROW(array, room, n, err)                                                               \
    ((array) = mf_grow((void *)(array), &(room), (n), sizeof(__typeof__(*(array))), (err)),        \
     (n) <= (room))

#endif
