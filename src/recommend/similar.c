/* similar.c: items like an item; see recommender.h and similar.h. */
#include "recommend/similar.h"

#include "recommend/norm.h"
#include "recommend/scan.h"
#include "recommend/state.h"

#include <math.h>

/* Below it a row's products underflow. */
static const double NO_FACTORS = 1e-30;

static const double DAMPING = 5;

void mf_likeness_compute(const mf_model_parts *parts, float *likeness)
{
    const size_t stride = mf_model_stride(parts->n_factors);
    for (uint32_t item = 0; item < parts->n_items; item++) {
        const double norm = mf_norm(parts->item_factors + item * stride, stride);
        const double count = (double)parts->item_count[item];
        likeness[item] = norm > NO_FACTORS ? (float)(count / (count + DAMPING) / norm) : 0;
    }
}

bool mf_similar_begin(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item,
                      size_t n, mf_error *err)
{
    const mf_model_parts *parts = recommender->parts;
    if (item >= parts->n_items)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "item %lu of %lu", (unsigned long)item,
                       (unsigned long)parts->n_items);
    n = n < parts->n_items ? n : parts->n_items;
    mf_recommendation *entries =
        mf_room_reserve(&workspace->best, n, sizeof *entries, "a list of the best", err);
    float *query = mf_room_reserve(&workspace->direction, recommender->stride, sizeof *query,
                                   "a row of factors", err);
    if (entries == NULL || query == NULL)
        return false;
    const float *q = parts->item_factors + item * recommender->stride;
    const double norm = mf_norm(q, recommender->stride);
    mf_search *search = &workspace->search;
    search->recommender = recommender;
    search->item = item;
    search->n_unknown = 0;
    search->under_way = false;
    mf_best_begin(&search->best, entries, n);
    if (n == 0 || !(norm > NO_FACTORS))
        return true;
    for (size_t f = 0; f < recommender->stride; f++)
        query[f] = (float)((double)q[f] / norm);
    search->ranking = (mf_ranking){
        .query = query,
        .weight = recommender->likeness,
        .left_out = &search->item,
        .n_left_out = 1,
    };
    return mf_scan_begin(search, workspace, err);
}

bool mf_similar(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item, size_t n,
                const mf_recommendation **best, size_t *n_best, mf_error *err)
{
    return mf_similar_begin(recommender, workspace, item, n, err) &&
           mf_search_step(workspace, 0, best, n_best);
}
