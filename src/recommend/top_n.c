/* top_n.c: the best items for a taste; promises in recommender.h. */
#include "recommend/popularity.h"
#include "recommend/scan.h"
#include "recommend/state.h"

#include <stdlib.h>

static int by_item(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The candidates ascending, none twice, in the workspace. NULL with *err. */
static const uint32_t *sorted_candidates(const mf_recommender *r, mf_workspace *workspace,
                                         const mf_top_n_query *query, size_t *n, mf_error *err)
{
    const uint32_t n_items = r->parts->n_items;
    uint32_t *list = mf_room_reserve(&workspace->candidates, query->n_candidates, sizeof *list,
                                     "candidates", err);
    if (list == NULL)
        return NULL;
    size_t kept = 0;
    for (size_t k = 0; k < query->n_candidates; k++) {
        const uint32_t item = query->candidates[k];
        if (item == MF_INDEX_NONE)
            continue;
        if (item >= n_items) {
            mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "candidates[%zu] is item %lu of %lu", k,
                    (unsigned long)item, (unsigned long)n_items);
            return NULL;
        }
        list[kept++] = item;
    }
    qsort(list, kept, sizeof *list, by_item);
    *n = 0;
    for (size_t k = 0; k < kept; k++)
        if (*n == 0 || list[*n - 1] != list[k])
            list[(*n)++] = list[k];
    return list;
}

bool mf_top_n_begin(const mf_recommender *recommender, mf_workspace *workspace,
                    const mf_taste *taste, const mf_top_n_query *query, mf_error *err)
{
    const mf_model_parts *parts = recommender->parts;
    const uint32_t *items = NULL;
    size_t n_items = parts->n_items;
    if (query->candidates != NULL) {
        items = sorted_candidates(recommender, workspace, query, &n_items, err);
        if (items == NULL)
            return false;
    }
    const size_t n = query->n < n_items ? query->n : n_items;
    mf_recommendation *entries =
        mf_room_reserve(&workspace->best, n, sizeof *entries, "a list of the best", err);
    if (entries == NULL)
        return false;
    mf_search *search = &workspace->search;
    search->recommender = recommender;
    search->ranking = (mf_ranking){
        .query = taste->factors,
        .base = parts->global_mean + taste->bias,
        .bias = parts->item_bias,
        .left_out = taste->rated,
        .n_left_out = query->include_rated ? 0 : taste->n_rated,
    };
    search->item = MF_INDEX_NONE;
    search->popular = !taste->known;
    search->under_way = false;
    mf_best_begin(&search->best, entries, n);
    if (n > 0 && !taste->known) {
        if (items != NULL)
            mf_popular_best_of(parts, &search->ranking, items, n_items, &search->best);
        else
            mf_popular_best(&recommender->popular, parts, &search->ranking, &search->best);
    } else if (n > 0 && items != NULL) {
        mf_scan_list(recommender, &search->ranking, items, n_items, &search->best);
    } else if (n > 0) {
        return mf_scan_begin(search, workspace, err);
    }
    return true;
}

bool mf_search_step(mf_workspace *workspace, double until, const mf_recommendation **best,
                    size_t *n_best)
{
    mf_search *search = &workspace->search;
    const mf_recommender *recommender = search->recommender;
    if (search->under_way && !mf_scan_step(search, workspace, until))
        return false;
    mf_recommendation *entries = search->best.entries;
    if (!search->popular) /* those stand sorted */
        mf_best_sort(&search->best);
    for (size_t k = 0; k < search->best.n; k++) {
        float *rating = &entries[k].predicted_rating;
        if (search->item != MF_INDEX_NONE)
            *rating = mf_clip_similarity(*rating);
        else if (search->popular)
            *rating = mf_model_predict(recommender->model, MF_INDEX_NONE, entries[k].item);
        else
            *rating = mf_clip_rating(recommender->parts, *rating);
    }
    *best = entries;
    *n_best = search->best.n;
    return true;
}

bool mf_top_n(const mf_recommender *recommender, mf_workspace *workspace, const mf_taste *taste,
              const mf_top_n_query *query, const mf_recommendation **best, size_t *n_best,
              mf_error *err)
{
    return mf_top_n_begin(recommender, workspace, taste, query, err) &&
           mf_search_step(workspace, 0, best, n_best);
}
