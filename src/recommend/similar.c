/* similar.c: the similarity of two items as a query times a row times a weight (similar.h), so that
 * the scan of top-N lists finds similar items too. */
#include "recommend/similar.h"

#include "recommend/norm.h"
#include "recommend/state.h"

#include <math.h>

/* Below it a row's products underflow. */
static const double LENGTH_MIN = 1e-30;

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

void mf_similarity_weights(const mf_model_parts *parts, const mf_space *space, float *weight)
{
    const double damping = (double)(parts->ranking.n_factors > 0 ? MF_SIMILAR_RANKING_DAMPING
                                                                 : MF_SIMILAR_RATING_DAMPING);
    for (uint32_t item = 0; item < parts->n_items; item++) {
        const double length = length_of(parts, space, item);
        const double count = (double)parts->item_count[item];
        weight[item] =
            is_length(length) && count > 0 ? (float)(count / (count + damping) / length) : 0;
    }
}

bool mf_similarity_query(const mf_model_parts *parts, const mf_space *space, uint32_t item,
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

double mf_item_cosine(const mf_recommender *recommender, uint32_t a, uint32_t b)
{
    const mf_model_parts *parts = recommender->parts;
    const mf_space *space = mf_similar_space(recommender);
    const double lengths = length_of(parts, space, a) * length_of(parts, space, b);
    const float *x = space->rows + a * space->stride, *y = space->rows + b * space->stride;
    double sum = 0;
    for (size_t f = 0; f < space->n_factors; f++)
        sum +=
            (parts->ranking.n_factors > 0 ? weight_of(parts, f) : 1) * (double)x[f] * (double)y[f];
    return is_length(lengths) ? sum / lengths : 0;
}
