/* sort.c: all three sorts are stable, so rows of one item stay in the order in which they were
 * read; merge_repeated makes one of them. */
#include "ratings/sort.h"

#include "base/memory.h"

#include <float.h>
#include <stddef.h>
#include <string.h>

enum {
    FEW = 48,       /* below, insertion beats radix (measured) */
    DIGIT_MOST = 8, /* bits per pass: the counters stay in L1 */
    BUCKETS = 1 << DIGIT_MOST,
    COUNTING_PART = 8, /* counting sort from n_items / 8 ratings on */
};

void mf_sorter_clear(mf_sorter *sorter)
{
    mf_free(sorter->keys);
    mf_free(sorter->item_place);
    mf_free(sorter->place);
    *sorter = (mf_sorter){.n_items = sorter->n_items, .adds = sorter->adds};
}

/* Both sorts: by the item, which is a key's upper half; keys of one item stay in
 * their order. */
static void insertion_sort(uint64_t *keys, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        const uint64_t key = keys[i];
        uint32_t j = i;
        for (; j > 0 && keys[j - 1] >> 32 > key >> 32; j--)
            keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

/* Returns which of the two buffers holds the result. */
static uint64_t *radix_sort(uint64_t *keys, uint64_t *other, uint32_t n, uint32_t n_items)
{
    unsigned n_bits = 0;
    while (n_bits < 32 && (n_items - 1) >> n_bits > 0)
        n_bits++;
    const unsigned n_passes = (n_bits + DIGIT_MOST - 1) / DIGIT_MOST;
    if (n_passes == 0)
        return keys;
    /* Digits of equal length have the fewest counters to add up. */
    const unsigned n_digit = (n_bits + n_passes - 1) / n_passes;
    const uint32_t n_buckets = UINT32_C(1) << n_digit;
    for (unsigned pass = 0; pass < n_passes; pass++) {
        const unsigned shift = 32 + pass * n_digit;
        uint32_t place[BUCKETS] = {0};
        for (uint32_t i = 0; i < n; i++)
            place[keys[i] >> shift & (n_buckets - 1)]++;
        uint32_t next = 0;
        for (uint32_t b = 0; b < n_buckets; b++) {
            const uint32_t count = place[b];
            place[b] = next;
            next += count;
        }
        for (uint32_t i = 0; i < n; i++)
            other[place[keys[i] >> shift & (n_buckets - 1)]++] = keys[i];
        uint64_t *swap = keys;
        keys = other;
        other = swap;
    }
    return keys;
}

static bool keys_reserve(mf_sorter *sorter, uint32_t n, mf_error *err)
{
    if (n <= sorter->n_keys)
        return true;
    mf_free(sorter->keys);
    sorter->n_keys = 0;
    sorter->keys = mf_allocate(2 * (size_t)n, sizeof *sorter->keys, "sorting", err);
    if (sorter->keys == NULL)
        return false;
    sorter->n_keys = n;
    return true;
}

/* column[k] = old column[lower half of keys[k]]; elements of 4 bytes of any type.
 * `spare` holds n of them. */
static void gather(void *column, uint32_t n, const uint64_t *keys, char *spare)
{
    if (column == NULL)
        return;
    memcpy(spare, column, 4 * (size_t)n);
    for (uint32_t k = 0; k < n; k++)
        memcpy((char *)column + 4 * (size_t)k, spare + 4 * (size_t)(uint32_t)keys[k], 4);
}

static bool sort_by_keys(mf_sorter *sorter, uint32_t n, const mf_sort_rows *rows, mf_error *err)
{
    if (!keys_reserve(sorter, n, err))
        return false;
    uint64_t *keys = sorter->keys;
    uint32_t *item = rows->item;
    float *value = rows->value;
    /* A value can travel in its key; more than that is fetched afterwards. */
    const bool fetches = rows->time_low != NULL || rows->time_high != NULL;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t lower = k;
        if (!fetches)
            memcpy(&lower, &value[k], sizeof lower);
        keys[k] = (uint64_t)item[k] << 32 | lower;
    }
    if (n < FEW)
        insertion_sort(keys, n);
    else
        keys = radix_sort(keys, keys + n, n, sorter->n_items);
    /* The buffer that does not hold the result. */
    char *spare = (char *)(keys == sorter->keys ? sorter->keys + n : sorter->keys);
    for (uint32_t k = 0; k < n; k++)
        item[k] = (uint32_t)(keys[k] >> 32);
    if (!fetches) {
        for (uint32_t k = 0; k < n; k++) {
            const uint32_t lower = (uint32_t)keys[k];
            memcpy(&value[k], &lower, sizeof lower);
        }
        return true;
    }
    gather(value, n, keys, spare);
    gather(rows->time_low, n, keys, spare);
    gather(rows->time_high, n, keys, spare);
    return true;
}

uint32_t *mf_sorter_spare(mf_sorter *sorter, uint32_t n, mf_error *err)
{
    if (n <= sorter->n_places)
        return sorter->place;
    mf_free(sorter->place);
    sorter->n_places = 0;
    sorter->place = mf_allocate(2 * (size_t)n, sizeof *sorter->place, "sorting", err);
    if (sorter->place != NULL)
        sorter->n_places = n;
    return sorter->place;
}

uint32_t *mf_sorter_items(mf_sorter *sorter, mf_error *err)
{
    if (sorter->item_place == NULL)
        sorter->item_place =
            mf_allocate(sorter->n_items, sizeof *sorter->item_place, "sorting", err);
    return sorter->item_place;
}

static void scatter(void *column, uint32_t n, const uint32_t *place, uint32_t *spare)
{
    if (column == NULL)
        return;
    memcpy(spare, column, 4 * (size_t)n);
    for (uint32_t k = 0; k < n; k++)
        memcpy((char *)column + 4 * (size_t)place[k], &spare[k], 4);
}

static bool sort_by_counting(mf_sorter *sorter, uint32_t n, const mf_sort_rows *rows, mf_error *err)
{
    uint32_t *item_place = mf_sorter_items(sorter, err);
    uint32_t *place = item_place != NULL ? mf_sorter_spare(sorter, n, err) : NULL;
    if (place == NULL)
        return false;
    memset(item_place, 0, sorter->n_items * sizeof *item_place);
    for (uint32_t k = 0; k < n; k++)
        item_place[rows->item[k]]++;
    uint32_t next = 0;
    for (uint32_t i = 0; i < sorter->n_items; i++) {
        const uint32_t count = item_place[i];
        item_place[i] = next;
        next += count;
    }
    for (uint32_t k = 0; k < n; k++)
        place[k] = item_place[rows->item[k]]++;
    scatter(rows->item, n, place, place + n);
    scatter(rows->value, n, place, place + n);
    scatter(rows->time_low, n, place, place + n);
    scatter(rows->time_high, n, place, place + n);
    return true;
}

static uint64_t time_of(const mf_sort_rows *rows, uint32_t k)
{
    return (rows->time_high != NULL ? (uint64_t)rows->time_high[k] << 32 : 0) |
           (rows->time_low != NULL ? rows->time_low[k] : 0);
}

/* Sorted by item and, within an item, in the order read. */
static uint32_t merge_repeated(uint32_t n, const mf_sort_rows *rows, bool adds)
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
        }
        const float value =
            adds ? (float)(sum < (double)FLT_MAX ? sum : (double)FLT_MAX) : rows->value[best];
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
    const uint32_t *item = rows->item;
    bool ascends = true;
    uint32_t n_sorted = 1;
    for (; n_sorted < n && item[n_sorted - 1] <= item[n_sorted]; n_sorted++)
        ascends &= item[n_sorted - 1] < item[n_sorted];
    *n_kept = n;
    if (n_sorted < n) {
        const bool ok = n > FEW && n >= sorter->n_items / COUNTING_PART
                            ? sort_by_counting(sorter, n, rows, err)
                            : sort_by_keys(sorter, n, rows, err);
        if (!ok)
            return false;
        ascends = true;
        for (uint32_t k = 1; k < n; k++)
            ascends &= item[k - 1] < item[k];
    }
    if (!ascends)
        *n_kept = merge_repeated(n, rows, sorter->adds);
    return true;
}
