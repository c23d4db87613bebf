/* time_rank.c: positions are sorted by time, then each rank is written in the place of its time. */
#include "ratings/time_rank.h"

#include "ratings/sort.h"

/* The end of the keys from keys[from] on that have its time. */
static uint32_t run_end(const uint64_t *keys, uint32_t from, uint32_t n)
{
    uint32_t to = from + 1;
    while (to < n && keys[to] >> 32 == keys[from] >> 32)
        to++;
    return to;
}

/* The ranks of keys[from … to-1], which are in the order of their times. */
static void write_ranks(const uint64_t *keys, uint32_t from, uint32_t to, uint32_t *rank)
{
    for (uint32_t end; from < to; from = end) {
        end = run_end(keys, from, to);
        for (uint32_t k = from; k < end; k++)
            rank[(uint32_t)keys[k]] = from + end - 1;
    }
}

void mf_time_rank(uint32_t n, uint32_t *low, const uint32_t *high, uint64_t *keys)
{
    for (uint32_t k = 0; k < n; k++)
        keys[k] = (uint64_t)(high != NULL ? high : low)[k] << 32 | k;
    mf_sort_keys(keys, n, keys + n);
    if (high == NULL)
        write_ranks(keys, 0, n, low);
    /* Those that have one upper half, by the lower one. */
    for (uint32_t from = 0, to; high != NULL && from < n; from = to) {
        to = run_end(keys, from, n);
        for (uint32_t k = from; k < to; k++)
            keys[k] = (uint64_t)low[(uint32_t)keys[k]] << 32 | (uint32_t)keys[k];
        mf_sort_keys(keys + from, to - from, keys + n);
        write_ranks(keys, from, to, low);
    }
}
