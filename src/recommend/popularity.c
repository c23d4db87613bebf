/* popularity.c: the items by popularity, sorted once for lists without candidates.
 *
 * The MF_POPULAR_MAX most popular items are kept; a list of candidates is computed anew. */
#include "recommend/popularity.h"

#include "base/memory.h"

static float popularity_of(const mf_model_parts *parts, uint32_t item)
{
    const float count = (float)parts->item_count[item];
    return parts->item_bias != NULL ? parts->item_bias[item] * count : count;
}

/* items NULL: 0 … n - 1. */
static void take_best(const mf_model_parts *parts, const mf_scoring *scoring, const uint32_t *items,
                      size_t n, mf_best *best)
{
    for (size_t k = 0; k < n; k++) {
        const uint32_t item = items != NULL ? items[k] : (uint32_t)k;
        const float score = popularity_of(parts, item);
        if (mf_best_wants(best, score, item) && !mf_scoring_leaves_out(scoring, item))
            mf_best_take(best, score, item);
    }
    mf_best_sort(best);
}

bool mf_popular_create(mf_popular *popular, const mf_model_parts *parts, mf_error *err)
{
    const size_t n = parts->n_items < MF_POPULAR_MAX ? parts->n_items : MF_POPULAR_MAX;
    *popular = (mf_popular){.list = mf_allocate(n, sizeof *popular->list, "popular items", err)};
    if (popular->list == NULL)
        return false;
    mf_best best;
    mf_best_begin(&best, popular->list, n);
    take_best(parts, &(mf_scoring){0}, NULL, parts->n_items, &best);
    popular->n = best.n;
    return true;
}

void mf_popular_release(mf_popular *popular)
{
    mf_free(popular->list);
    *popular = (mf_popular){0};
}

void mf_popular_best(const mf_popular *popular, const mf_model_parts *parts,
                     const mf_scoring *scoring, mf_best *best)
{
    /* Best first, so what is taken stands sorted, and nothing needs a heap. */
    size_t n = 0;
    for (size_t k = 0; k < popular->n && n < best->capacity; k++)
        if (!mf_scoring_leaves_out(scoring, popular->list[k].item))
            best->entries[n++] = popular->list[k];
    if (n == best->capacity || popular->n == parts->n_items)
        best->n = n;
    else
        take_best(parts, scoring, NULL, parts->n_items, best);
}

void mf_popular_best_of(const mf_model_parts *parts, const mf_scoring *scoring,
                        const uint32_t *items, size_t n, mf_best *best)
{
    take_best(parts, scoring, items, n, best);
}
