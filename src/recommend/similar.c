/* similar.c: items like an item; see recommender.h and similar.h. */
#include "recommend/similar.h"

#include "recommend/norm.h"
#include "recommend/scan.h"
#include "recommend/state.h"

#include <math.h>

/* Below it a row's products underflow. */
static const double LENGTH_MIN = 1e-30;

/* Pseudo-counts, with a rating model and with a ranking model. */
static const double RATING_DAMPING = 5, RANKING_DAMPING = 50;

/* Of the squared first component, which is popularity. */
static const double FIRST = 0.25;

static bool is_length(double length)
{
    return length > LENGTH_MIN && isfinite(length);
}

/* How much direction f of a ranking model counts in a product of two rows q. */
static double weight_of(const mf_model_parts *parts, size_t f)
{
    return (double)parts->ranking.spectrum[f] * (f == 0 ? FIRST : 1);
}

/* |x_i| of the ranking model, |q_i| of the rating model. */
static double length_of(const mf_model_parts *parts, const mf_space *space, uint32_t item)
{
    const float *row = space->rows + item * space->stride;
    if (parts->ranking.n_factors == 0)
        return mf_norm(row, space->stride);
    double sum = 0;
    for (size_t f = 0; f < space->n_factors; f++)
        sum += weight_of(parts, f) * ((double)row[f] * (double)row[f]);
    return sqrt(sum);
}

void mf_likeness_compute(const mf_model_parts *parts, const mf_space *space, float *likeness)
{
    const double damping = parts->ranking.n_factors > 0 ? RANKING_DAMPING : RATING_DAMPING;
    for (uint32_t item = 0; item < parts->n_items; item++) {
        const double length = length_of(parts, space, item);
        const double count = (double)parts->item_count[item];
        likeness[item] =
            is_length(length) && count > 0 ? (float)(count / (count + damping) / length) : 0;
    }
}

bool mf_likeness_query(const mf_model_parts *parts, const mf_space *space, uint32_t item,
                       float *query)
{
    const bool has_ranking = parts->ranking.n_factors > 0;
    const double length = length_of(parts, space, item);
    const float *row = space->rows + item * space->stride;
    for (size_t f = 0; f < space->stride; f++)
        query[f] = 0;
    for (size_t f = 0; f < space->n_factors; f++) {
        const double scale = has_ranking ? weight_of(parts, f) : 1;
        query[f] = (float)(scale * (double)row[f] / length);
    }
    return is_length(length);
}

bool mf_similar_begin(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item,
                      size_t n, mf_error *err)
{
    const mf_model_parts *parts = recommender->parts;
    const mf_space *space = mf_similar_space(recommender);
    if (item >= parts->n_items)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "item %lu of %lu", (unsigned long)item,
                       (unsigned long)parts->n_items);
    n = n < parts->n_items ? n : parts->n_items;
    mf_recommendation *entries =
        mf_room_reserve(&workspace->best, n, sizeof *entries, "a list of the best", err);
    float *query = mf_room_reserve(&workspace->direction, space->stride, sizeof *query,
                                   "a row of factors", err);
    if (entries == NULL || query == NULL)
        return false;
    mf_search *search = &workspace->search;
    *search = (mf_search){.recommender = recommender, .item = item};
    mf_best_begin(&search->best, entries, n);
    if (n == 0 || !mf_likeness_query(parts, space, item, query))
        return true;
    search->scoring = (mf_scoring){
        .space = space,
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
