/* memory.c: blocks with a 64-byte header before them that holds their size.
 *
 * Blocks of MAPPED_BYTES and more are mappings of their own: the kernel zeroes them, mremap resizes
 * them, and mf_free unmaps them at once. */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGNMENT = 64 };
static const size_t MAPPED_BYTES = (size_t)1 << 20;
static const size_t HUGE_BYTES = (size_t)2 << 20;

typedef struct block_header {
    _Alignas(ALIGNMENT) size_t total_bytes; /* header included */
} block_header;
_Static_assert(sizeof(block_header) == ALIGNMENT, "blocks start on a cache line");

static bool total_size(size_t count, size_t size, size_t *total)
{
    size_t bytes;
    if (!mf_mul(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return false;
    bytes += sizeof(block_header);
    *total = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return true;
}

static bool fail_memory(mf_error *err, size_t count, size_t size, const char *what)
{
    return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %zu bytes of %s", count * size,
                   what);
}

/* `total` bytes of zeroed pages, on a huge page's boundary when they fill one. */
static void *map_pages(size_t total)
{
    const size_t spare = total >= HUGE_BYTES ? HUGE_BYTES : 0;
    char *start =
        mmap(NULL, total + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    if (spare > 0) {
        /* Both ends are unmapped in whole pages. */
        const size_t page = (size_t)sysconf(_SC_PAGESIZE);
        const size_t before = (HUGE_BYTES - (uintptr_t)start % HUGE_BYTES) % HUGE_BYTES;
        const size_t end = (before + total + page - 1) / page * page;
        if (before > 0)
            munmap(start, before);
        if (total + spare > end)
            munmap(start + end, total + spare - end);
        start += before;
        (void)madvise(start, total, MADV_HUGEPAGE);
    }
    return start;
}

static block_header *block_create(size_t total)
{
    const bool mapped = total >= MAPPED_BYTES;
    block_header *header = mapped ? map_pages(total) : aligned_alloc(ALIGNMENT, total);
    if (header == NULL)
        return NULL;
    if (!mapped)
        memset(header, 0, total);
    header->total_bytes = total;
    return header;
}

static void block_destroy(block_header *header)
{
    if (header->total_bytes >= MAPPED_BYTES)
        munmap(header, header->total_bytes);
    else
        free(header);
}

void *mf_allocate(size_t count, size_t size, const char *what, mf_error *err)
{
    size_t total;
    block_header *header = NULL;
    if (total_size(count, size, &total))
        header = block_create(total);
    if (header == NULL) {
        fail_memory(err, count, size, what);
        return NULL;
    }
    return header + 1;
}

bool mf_reallocate(void **block, size_t old_count, size_t new_count, size_t size, const char *what,
                   mf_error *err)
{
    size_t total;
    block_header *old = *block != NULL ? (block_header *)*block - 1 : NULL;
    block_header *header = NULL;
    if (!total_size(new_count, size, &total))
        return fail_memory(err, new_count, size, what);
    if (old != NULL && old->total_bytes >= MAPPED_BYTES && total >= MAPPED_BYTES) {
        const size_t old_total = old->total_bytes, old_end = sizeof *old + old_count * size;
        header = mremap(old, old_total, total, MREMAP_MAYMOVE);
        if (header == MAP_FAILED)
            return fail_memory(err, new_count, size, what);
        header->total_bytes = total;
        /* The last page may still hold bytes from before the block was shrunk. */
        if (new_count > old_count && old_total > old_end)
            memset((char *)header + old_end, 0, (old_total < total ? old_total : total) - old_end);
    } else {
        header = block_create(total);
        if (header == NULL)
            return fail_memory(err, new_count, size, what);
        if (old != NULL) {
            memcpy(header + 1, old + 1, (old_count < new_count ? old_count : new_count) * size);
            block_destroy(old);
        }
    }
    *block = header + 1;
    return true;
}

void mf_free(const void *block)
{
    if (block != NULL)
        block_destroy((block_header *)mf_without_const(block) - 1);
}
