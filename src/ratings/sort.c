/* sort.c: keys that end in a row's position sort rows stably; merge_repeated makes one row of those
 * of one item. */
#include "ratings/sort.h"

#include "base/memory.h"

#include <float.h>
#include <stddef.h>
#include <string.h>

enum {
    FEW = 32,       /* below, insertion beats distribution (measured) */
    DIGIT_MOST = 8, /* bits */
    BUCKETS = 1 << DIGIT_MOST,
};

void mf_sorter_clear(mf_sorter *sorter)
{
    mf_free(sorter->keys);
    *sorter = (mf_sorter){.adds = sorter->adds, .defers = sorter->defers, .shared = sorter->shared};
}

static void insert_keys(uint64_t *keys, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        const uint64_t key = keys[i];
        uint32_t j = i;
        for (; j > 0 && keys[j - 1] >> 32 > key >> 32; j--)
            keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

static unsigned digit_bits(unsigned n_bits, unsigned n_passes)
{
    return (n_bits + n_passes - 1) / n_passes;
}

/* Steps of so many passes: each counts and moves the keys and adds up its counters. */
static uint64_t n_steps(uint32_t n, unsigned n_bits, unsigned n_passes)
{
    return n_passes * (2 * (uint64_t)n + (UINT64_C(1) << digit_bits(n_bits, n_passes)));
}

void mf_sort_keys(uint64_t *keys, uint32_t n, uint64_t *spare)
{
    uint32_t place[BUCKETS];
    uint64_t differing = 0;
    if (n < FEW) {
        insert_keys(keys, n);
        return;
    }
    for (uint32_t k = 1; k < n; k++)
        differing |= keys[k] ^ keys[0];
    const unsigned n_bits = differing >> 32 == 0 ? 0 : 32 - (unsigned)__builtin_clzll(differing);
    unsigned n_passes = (n_bits + DIGIT_MOST - 1) / DIGIT_MOST;
    while (n_bits > n_passes && n_steps(n, n_bits, n_passes + 1) < n_steps(n, n_bits, n_passes))
        n_passes++;
    uint64_t *from = keys;
    uint64_t *to = spare;
    for (unsigned pass = 0; pass < n_passes; pass++) {
        const unsigned n_digit = digit_bits(n_bits, n_passes);
        const unsigned shift = 32 + pass * n_digit;
        const uint32_t n_buckets = UINT32_C(1) << n_digit;
        memset(place, 0, n_buckets * sizeof *place);
        for (uint32_t k = 0; k < n; k++)
            place[from[k] >> shift & (n_buckets - 1)]++;
        for (uint32_t b = 0, at = 0; b < n_buckets; b++) {
            const uint32_t count = place[b];
            place[b] = at;
            at += count;
        }
        for (uint32_t k = 0; k < n; k++)
            to[place[from[k] >> shift & (n_buckets - 1)]++] = from[k];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys)
        memcpy(keys, from, n * sizeof *keys);
}

uint64_t *mf_sorter_keys(mf_sorter *sorter, uint32_t n, mf_error *err)
{
    if (n <= sorter->n_keys)
        return sorter->keys;
    mf_sorter_clear(sorter);
    sorter->keys = mf_allocate(2 * (size_t)n, sizeof *sorter->keys, "sorting", err);
    sorter->n_keys = sorter->keys != NULL ? n : 0;
    return sorter->keys;
}

/* column[k] = old column[lower half of keys[k]]; elements of 4 bytes of any type. */
static void gather(void *column, uint32_t n, uint64_t *keys)
{
    char *spare = (char *)(keys + n);
    if (column == NULL)
        return;
    memcpy(spare, column, 4 * (size_t)n);
    for (uint32_t k = 0; k < n; k++)
        memcpy((char *)column + 4 * (size_t)k, spare + 4 * (size_t)(uint32_t)keys[k], 4);
}

static uint64_t time_of(const mf_sort_rows *rows, uint32_t k)
{
    return (rows->time_high != NULL ? (uint64_t)rows->time_high[k] << 32 : 0) |
           (rows->time_low != NULL ? rows->time_low[k] : 0);
}

/* Rows sorted by item and, within an item, in the order read, in which row k was position[k]. */
static uint32_t merge_repeated(const mf_sorter *sorter, uint32_t n, const mf_sort_rows *rows,
                               bool is_moved)
{
    uint32_t n_kept = 0;
    for (uint32_t k = 0; k < n;) {
        uint32_t best = k;
        const uint32_t first = k;
        double sum = (double)rows->value[k];
        for (k++; k < n && rows->item[k] == rows->item[first]; k++) {
            sum += (double)rows->value[k];
            if (time_of(rows, k) >= time_of(rows, best))
                best = k;
            if (sorter->shared != NULL)
                mf_shared_count(sorter->shared,
                                rows->file[is_moved ? (uint32_t)sorter->keys[k - 1] : k - 1],
                                rows->file[is_moved ? (uint32_t)sorter->keys[k] : k]);
        }
        const float value = sorter->adds ? (float)(sum < (double)FLT_MAX ? sum : (double)FLT_MAX)
                                         : rows->value[best];
        rows->item[n_kept] = rows->item[first];
        rows->value[n_kept] = value;
        if (rows->time_low != NULL)
            rows->time_low[n_kept] = rows->time_low[best];
        if (rows->time_high != NULL)
            rows->time_high[n_kept] = rows->time_high[best];
        n_kept++;
    }
    return n_kept;
}

bool mf_sort_ratings(mf_sorter *sorter, uint32_t n, const mf_sort_rows *rows, uint32_t *n_kept,
                     mf_error *err)
{
    uint32_t *item = rows->item;
    bool ascends = true;
    uint32_t n_sorted = 1;
    for (; n_sorted < n && item[n_sorted - 1] <= item[n_sorted]; n_sorted++)
        ascends &= item[n_sorted - 1] < item[n_sorted];
    const bool is_moved = n_sorted < n;
    uint64_t *keys = NULL;
    if (is_moved) {
        keys = mf_sorter_keys(sorter, n, err);
        if (keys == NULL)
            return false;
        for (uint32_t k = 0; k < n; k++)
            keys[k] = (uint64_t)item[k] << 32 | k;
        mf_sort_keys(keys, n, keys + n);
        ascends = true;
        for (uint32_t k = 1; k < n; k++)
            ascends &= keys[k - 1] >> 32 < keys[k] >> 32;
    }
    *n_kept = 0;
    if (!ascends && sorter->defers)
        return true;
    if (is_moved) {
        for (uint32_t k = 0; k < n; k++)
            item[k] = (uint32_t)(keys[k] >> 32);
        gather(rows->value, n, keys);
        gather(rows->time_low, n, keys);
        gather(rows->time_high, n, keys);
    }
    *n_kept = ascends ? n : merge_repeated(sorter, n, rows, is_moved);
    return true;
}
