/* sort.c: promises in sort.h. */
#include "ratings/sort.h"

#include "base/memory.h"

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
    mf_free(sorter->column);
    *sorter = (mf_sorter){.n_items = sorter->n_items, .defers = sorter->defers};
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
 * `spare` has room for n. */
static void gather(void *column, uint32_t n, const uint64_t *keys, char *spare)
{
    if (column == NULL)
        return;
    memcpy(spare, column, 4 * (size_t)n);
    for (uint32_t k = 0; k < n; k++)
        memcpy((char *)column + 4 * (size_t)k, spare + 4 * (size_t)(uint32_t)keys[k], 4);
}

/* Whether two neighbours have one item. */
static bool keys_repeat(const uint64_t *keys, uint32_t n)
{
    bool repeat = false;
    for (uint32_t k = 1; k < n; k++)
        repeat |= keys[k - 1] >> 32 == keys[k] >> 32;
    return repeat;
}

static bool sort_by_keys(mf_sorter *sorter, uint32_t n, uint32_t *item, float *value,
                         uint32_t *time_low, uint32_t *time_high, uint32_t *n_kept, mf_error *err)
{
    if (!keys_reserve(sorter, n, err))
        return false;
    uint64_t *keys = sorter->keys;
    /* A value can travel in its key; more than that is fetched afterwards. */
    const bool fetches = time_low != NULL || time_high != NULL;
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
    if (sorter->defers && keys_repeat(keys, n)) {
        *n_kept = 0;
        return true;
    }
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
    gather(time_low, n, keys, spare);
    gather(time_high, n, keys, spare);
    return true;
}

static bool places_reserve(mf_sorter *sorter, uint32_t n, mf_error *err)
{
    if (sorter->item_place == NULL)
        sorter->item_place =
            mf_allocate(sorter->n_items, sizeof *sorter->item_place, "sorting", err);
    if (sorter->item_place == NULL)
        return false;
    if (n <= sorter->n_places)
        return true;
    mf_free(sorter->place);
    mf_free(sorter->column);
    sorter->n_places = 0;
    sorter->column = NULL;
    sorter->place = mf_allocate(n, sizeof *sorter->place, "sorting", err);
    if (sorter->place != NULL)
        sorter->column = mf_allocate(n, sizeof *sorter->column, "sorting", err);
    if (sorter->column == NULL)
        return false;
    sorter->n_places = n;
    return true;
}

static void scatter(void *column, uint32_t n, const uint32_t *place, uint32_t *spare)
{
    if (column == NULL)
        return;
    memcpy(spare, column, 4 * (size_t)n);
    for (uint32_t k = 0; k < n; k++)
        memcpy((char *)column + 4 * (size_t)place[k], &spare[k], 4);
}

static bool sort_by_counting(mf_sorter *sorter, uint32_t n, uint32_t *item, float *value,
                             uint32_t *time_low, uint32_t *time_high, uint32_t *n_kept,
                             mf_error *err)
{
    if (!places_reserve(sorter, n, err))
        return false;
    uint32_t *item_place = sorter->item_place;
    memset(item_place, 0, sorter->n_items * sizeof *item_place);
    for (uint32_t k = 0; k < n; k++)
        item_place[item[k]]++;
    uint32_t next = 0;
    bool repeat = false;
    for (uint32_t i = 0; i < sorter->n_items; i++) {
        const uint32_t count = item_place[i];
        repeat |= count > 1;
        item_place[i] = next;
        next += count;
    }
    if (sorter->defers && repeat) {
        *n_kept = 0;
        return true;
    }
    for (uint32_t k = 0; k < n; k++)
        sorter->place[k] = item_place[item[k]]++;
    scatter(item, n, sorter->place, sorter->column);
    scatter(value, n, sorter->place, sorter->column);
    scatter(time_low, n, sorter->place, sorter->column);
    scatter(time_high, n, sorter->place, sorter->column);
    return true;
}

static uint64_t time_of(const uint32_t *low, const uint32_t *high, uint32_t k)
{
    return (high != NULL ? (uint64_t)high[k] << 32 : 0) | (low != NULL ? low[k] : 0);
}

/* Sorted by item and, within an item, in the order read. */
static uint32_t keep_newest(uint32_t n, uint32_t *item, float *value, const uint32_t *low,
                            const uint32_t *high)
{
    uint32_t n_kept = 0;
    for (uint32_t k = 0; k < n;) {
        uint32_t best = k;
        const uint32_t first = k;
        for (k++; k < n && item[k] == item[first]; k++)
            if (time_of(low, high, k) >= time_of(low, high, best))
                best = k;
        item[n_kept] = item[first];
        value[n_kept] = value[best];
        n_kept++;
    }
    return n_kept;
}

bool mf_sort_ratings(mf_sorter *sorter, uint32_t n, uint32_t *item, float *value,
                     uint32_t *time_low, uint32_t *time_high, uint32_t *n_kept, mf_error *err)
{
    bool ascends = true;
    uint32_t n_sorted = 1;
    for (; n_sorted < n && item[n_sorted - 1] <= item[n_sorted]; n_sorted++)
        ascends &= item[n_sorted - 1] < item[n_sorted];
    const bool is_sorted = n_sorted >= n;
    ascends &= is_sorted;
    *n_kept = n;
    if (ascends)
        return true;
    if (!is_sorted) {
        const bool ok =
            n > FEW && n >= sorter->n_items / COUNTING_PART
                ? sort_by_counting(sorter, n, item, value, time_low, time_high, n_kept, err)
                : sort_by_keys(sorter, n, item, value, time_low, time_high, n_kept, err);
        if (!ok)
            return false;
        if (sorter->defers)
            return true; /* each item once, or left as it was */
    } else if (sorter->defers) {
        *n_kept = 0;
        return true;
    }
    *n_kept = keep_newest(n, item, value, time_low, time_high);
    return true;
}
