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

bool mf_similar(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item, size_t n,
                const mf_recommendation **best, size_t *n_best, mf_error *err)
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
    mf_best heap;
    mf_best_begin(&heap, entries, n);
    if (n > 0 && norm > NO_FACTORS) {
        for (size_t f = 0; f < recommender->stride; f++)
            query[f] = (float)((double)q[f] / norm);
        const mf_ranking ranking = {
            .query = query,
            .weight = recommender->likeness,
            .left_out = &item,
            .n_left_out = 1,
        };
        if (!mf_scan(recommender, workspace, &ranking, &heap, err))
            return false;
    }
    mf_best_sort(&heap);
    for (size_t k = 0; k < heap.n; k++)
        entries[k].predicted_rating = fmaxf(-1, fminf(1, entries[k].predicted_rating));
    *best = entries;
    *n_best = heap.n;
    return true;
}
