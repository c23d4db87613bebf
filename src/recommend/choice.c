/* choice.c: candidates, allowed and excluded items become one bitmap, or one short list.
 *
 * What a bit of a filter costs, against sorting: 1,000 excluded items are 1,000 bits to clear,
 * about a microsecond. A single row that is scored comes from anywhere in memory and takes as
 * long as the bounds of 30 to 50 items in a row, so below one item in DIRECT the scan is not
 * worth it; with codes (codes.h) below one in DIRECT_CODES, as far as that takes no tenth of a
 * millisecond: a list is not read in steps. */
#include "recommend/choice.h"

#include "recommend/state.h"

#include <stdlib.h>
#include <string.h>

enum { DIRECT = 32, DIRECT_CODES = 8, DIRECT_MAX = 1 << 14 };

/* Fewer candidates than one in this many items are sorted, more are bits. */
enum { SORTED = 256 };

static int by_item(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool check(const mf_model_parts *parts, const uint32_t *items, size_t n, const char *what,
                  mf_error *err)
{
    for (size_t k = 0; k < n; k++)
        if (items[k] >= parts->n_items && items[k] != MF_INDEX_NONE)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s[%zu] is item %lu of %lu", what, k,
                           (unsigned long)items[k], (unsigned long)parts->n_items);
    return true;
}

/* Sets or clears the bits of items. */
static void mark(uint64_t *bits, const uint32_t *items, size_t n, bool is_in)
{
    for (size_t k = 0; k < n; k++) {
        if (items[k] == MF_INDEX_NONE)
            continue;
        const uint64_t bit = UINT64_C(1) << items[k] % 64;
        uint64_t *word = &bits[items[k] / 64];
        *word = is_in ? *word | bit : *word & ~bit;
    }
}

static size_t count(const uint64_t *bits, size_t n_words)
{
    size_t n = 0;
    for (size_t w = 0; w < n_words; w++)
        n += (size_t)__builtin_popcountll(bits[w]);
    return n;
}

static uint64_t *make_bits(const mf_model_parts *parts, mf_workspace *workspace,
                           const mf_profile *profile, const mf_top_n_query *query,
                           bool candidates_are_bits, mf_error *err)
{
    const size_t n_words = mf_choice_words(parts->n_items);
    uint64_t *bits =
        mf_scratch_reserve(&workspace->chosen, n_words, sizeof *bits, "a bitmap of items", err);
    if (bits == NULL)
        return NULL;
    if (candidates_are_bits) {
        memset(bits, 0, n_words * sizeof *bits);
        mark(bits, query->candidates, query->n_candidates, true);
        for (size_t w = 0; query->allowed != NULL && w < n_words; w++)
            bits[w] &= query->allowed[w];
    } else if (query->allowed != NULL) {
        memcpy(bits, query->allowed, n_words * sizeof *bits);
    } else {
        memset(bits, 0xFF, n_words * sizeof *bits);
    }
    if (parts->n_items % 64 != 0)
        bits[n_words - 1] &= (UINT64_C(1) << parts->n_items % 64) - 1;
    mark(bits, query->exclude, query->n_exclude, false);
    if (!query->include_rated)
        mark(bits, profile->rated, profile->n_rated, false);
    return bits;
}

/* The candidates ascending, none twice, as far as they are in the bits, which may be NULL. */
static size_t sort_candidates(const mf_top_n_query *query, const uint64_t *bits, uint32_t *list)
{
    size_t kept = 0, n = 0;
    for (size_t k = 0; k < query->n_candidates; k++) {
        const uint32_t item = query->candidates[k];
        if (item != MF_INDEX_NONE && (bits == NULL || mf_choice_has(bits, item)))
            list[kept++] = item;
    }
    qsort(list, kept, sizeof *list, by_item);
    for (size_t k = 0; k < kept; k++)
        if (n == 0 || list[n - 1] != list[k])
            list[n++] = list[k];
    return n;
}

void mf_choice_list(const uint64_t *bits, size_t n_words, uint32_t *list)
{
    for (size_t w = 0; w < n_words; w++)
        for (uint64_t left = bits[w]; left != 0; left &= left - 1)
            *list++ = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(left);
}

/* So many items are scored one by one. */
static size_t direct_most(const mf_recommender *r)
{
    const size_t n_items = r->parts->n_items;
    size_t most = 0;
    if (r->ranking.codes.n_items > 0 || r->rating.codes.n_items > 0)
        most = n_items / DIRECT_CODES < DIRECT_MAX ? n_items / DIRECT_CODES : DIRECT_MAX;
    return most > n_items / DIRECT ? most : n_items / DIRECT;
}

bool mf_choice_make(const mf_recommender *recommender, mf_workspace *workspace,
                    const mf_profile *profile, const mf_top_n_query *query, mf_choice *choice,
                    mf_error *err)
{
    const mf_model_parts *parts = recommender->parts;
    const bool is_sorted =
        query->candidates != NULL && query->n_candidates <= parts->n_items / SORTED + 1;
    const bool are_bits = query->candidates != NULL && !is_sorted;
    const size_t n_words = mf_choice_words(parts->n_items);
    const uint64_t *bits = NULL;
    *choice = (mf_choice){.n = parts->n_items};
    if (!check(parts, query->candidates, query->candidates != NULL ? query->n_candidates : 0,
               "candidates", err) ||
        !check(parts, query->exclude, query->n_exclude, "exclude", err))
        return false;
    if (are_bits || query->allowed != NULL || query->n_exclude > 0) {
        bits = make_bits(parts, workspace, profile, query, are_bits, err);
        if (bits == NULL)
            return false;
        choice->bits = bits;
        if (!is_sorted)
            choice->n = count(bits, n_words);
    }
    if (!is_sorted && (bits == NULL || choice->n > direct_most(recommender)))
        return true;
    uint32_t *list =
        mf_scratch_reserve(&workspace->candidates, is_sorted ? query->n_candidates : choice->n,
                           sizeof *list, "candidates", err);
    if (list == NULL)
        return false;
    if (is_sorted)
        choice->n = sort_candidates(query, bits, list);
    else
        mf_choice_list(bits, n_words, list);
    choice->items = list;
    return true;
}
