/* memory.h: blocks of memory whose sizes are checked for overflow.
 *
 * (1) Every size is a product that was checked for overflow.
 * (2) Every block starts on a 64-byte boundary (a cache line, an AVX-512 register) and is zero.
 * (3) A block from here is freed with mf_free and nothing else.
 *
 * Threads: all functions may be called from any thread. */
#ifndef MF_BASE_MEMORY_H
#define MF_BASE_MEMORY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* *product = a · b, or false when it does not fit. */
MF_MUST_CHECK static inline bool mf_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* A zeroed block of count × size bytes. NULL and MF_ERR_MEMORY naming `what` when there is none; a
 * block of zero bytes is a valid pointer. Large blocks come straight from the kernel, in huge pages
 * where it offers them, and cost no resident memory until they are written. */
MF_MUST_CHECK void *mf_allocate(size_t count, size_t size, const char *what, mf_error *err);

/* Changes *block from old_count to new_count elements of `size` bytes; content
 * is kept, growth is zeroed. A large block moves by its page tables, so growing
 * never holds two copies. False and *block untouched when there is no memory.
 * *block may be NULL with old_count 0. */
MF_MUST_CHECK bool mf_reallocate(void **block, size_t old_count, size_t new_count, size_t size,
                                 const char *what, mf_error *err);

/* Frees a block. NULL is fine. The owner of a block may hold it as a view (const). */
void mf_free(const void *block);

/* `memory` for an interface that takes a pointer without const and does not write through it
 * (zlib's next_in, iovec, jansson's iterators, munmap). */
static inline void *mf_without_const(const void *memory)
{
    const union {
        const void *given;
        void *wanted;
    } pointer = {memory};
    return pointer.wanted;
}

#endif
