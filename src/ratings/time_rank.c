/* time_rank.c: sorts positions by time, then writes each rank in the place of its time.
 *
 * Few times are sorted by insertion. Many are sorted by a radix sort of their
 * positions, which needs 8 bytes per rating: a sort of keys with positions would need
 * 16, and a single user can have all ratings there are. */
#include "ratings/time_rank.h"

#include <stddef.h>

enum {
    FEW = 32, /* below, insertion beats radix (measured) */
    DIGIT_MOST = 8,
    BUCKETS = 1 << DIGIT_MOST,
};

/* The ratings at order[from … to-1] have one time. */
static inline uint32_t shared_rank(uint32_t from, uint32_t to)
{
    return from + to - 1;
}

static void rank_few(uint32_t n, uint32_t *low)
{
    uint64_t keys[FEW];
    for (uint32_t k = 0; k < n; k++) {
        const uint64_t key = (uint64_t)low[k] << 32 | k;
        uint32_t j = k;
        for (; j > 0 && keys[j - 1] > key; j--)
            keys[j] = keys[j - 1];
        keys[j] = key;
    }
    for (uint32_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && keys[to] >> 32 == keys[from] >> 32;)
            to++;
        for (uint32_t k = from; k < to; k++)
            low[(uint32_t)keys[k]] = shared_rank(from, to);
    }
}

/* Positions in `order` sorted by key, equal keys in their order. Returns which of
 * the two buffers holds the result. */
static uint32_t *sort_positions(uint32_t n, const uint32_t *key, uint32_t *order, uint32_t *other)
{
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (uint32_t k = 0; k < n; k++) {
        least = key[k] < least ? key[k] : least;
        most = key[k] > most ? key[k] : most;
    }
    unsigned n_bits = 0;
    while (n_bits < 32 && (most - least) >> n_bits > 0)
        n_bits++;
    const unsigned n_passes = (n_bits + DIGIT_MOST - 1) / DIGIT_MOST;
    if (n_passes == 0)
        return order;
    const unsigned n_digit = (n_bits + n_passes - 1) / n_passes;
    const uint32_t n_buckets = UINT32_C(1) << n_digit;
    for (unsigned pass = 0; pass < n_passes; pass++) {
        const unsigned shift = pass * n_digit;
        uint32_t place[BUCKETS] = {0};
        for (uint32_t k = 0; k < n; k++)
            place[(key[k] - least) >> shift & (n_buckets - 1)]++;
        uint32_t next = 0;
        for (uint32_t b = 0; b < n_buckets; b++) {
            const uint32_t count = place[b];
            place[b] = next;
            next += count;
        }
        for (uint32_t i = 0; i < n; i++)
            other[place[(key[order[i]] - least) >> shift & (n_buckets - 1)]++] = order[i];
        uint32_t *swap = order;
        order = other;
        other = swap;
    }
    return order;
}

void mf_time_rank(uint32_t n, uint32_t *low, const uint32_t *high, uint32_t *spare)
{
    if (high == NULL && n < FEW) {
        rank_few(n, low);
        return;
    }
    uint32_t *order = spare;
    for (uint32_t k = 0; k < n; k++)
        order[k] = k;
    order = sort_positions(n, low, order, spare + n);
    if (high != NULL)
        order = sort_positions(n, high, order, order == spare ? spare + n : spare);
    /* A rank is written where its time stood, so times that are equal are counted
     * before. */
    for (uint32_t from = 0, to; from < n; from = to) {
        const uint32_t first = order[from];
        for (to = from + 1; to < n && low[order[to]] == low[first] &&
                            (high == NULL || high[order[to]] == high[first]);)
            to++;
        for (uint32_t k = from; k < to; k++)
            low[order[k]] = shared_rank(from, to);
    }
}
