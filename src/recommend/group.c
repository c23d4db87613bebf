/* group.c: the rows of a group's members, and their mean.
 *
 * The least of some scores is at most any mean of them: so the index is searched with a mean, and
 * what that does not exclude is scored for each member (scan.c). The weights λ of the mean are those
 * of the lowest bounds: the least of
 *
 *   λ·b + κ |Pλ|        P: the members' rows, b: their biases, κ: REACH · the length of an item
 *
 * Without biases that is the point of the rows' hull that is next to zero. Members with greater
 * weights have the least score more often, so they come first. Of a group of five, items that the
 * index leaves for a list of ten, of 60,000 planted ones by rating and by ranking, and of MovieLens'
 * 9,066:
 *
 *   mean of the rows at length 1       2,819   6,106    1,127
 *   λ as above                         1,342   5,662      988
 */
#include "recommend/group.h"

#include "recommend/norm.h"
#include "recommend/state.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* So that a row of zeros has a weight, which makes it nearly all of the mean. */
static const double LENGTH_MIN = 1e-15;

static float *row_of(const mf_scratch *rows, size_t stride, size_t member)
{
    return (float *)rows->block + member * stride;
}

bool mf_group_begin(const mf_recommender *recommender, mf_workspace *workspace, mf_error *err)
{
    static const char *const WHAT = "a group";
    const size_t n_words = mf_choice_words(recommender->parts->n_items);
    mf_group *group = &workspace->group;
    group->n = 0;
    group->known = false;
    /* One row more: the mean. */
    if (mf_scratch_reserve(&group->vectors, MF_GROUP_MAX + 1,
                           recommender->ranking.stride * sizeof(float), WHAT, err) == NULL ||
        mf_scratch_reserve(&group->factors, MF_GROUP_MAX + 1,
                           recommender->rating.stride * sizeof(float), WHAT, err) == NULL ||
        mf_scratch_reserve(&group->rated, n_words, sizeof(uint64_t), WHAT, err) == NULL)
        return false;
    memset(group->rated.block, 0, n_words * sizeof(uint64_t));
    return true;
}

bool mf_group_add(const mf_recommender *recommender, mf_workspace *workspace,
                  const mf_profile *member, mf_error *err)
{
    const mf_space *ranking = &recommender->ranking, *rating = &recommender->rating;
    mf_group *group = &workspace->group;
    if (group->n == MF_GROUP_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a group has at most %d members",
                       MF_GROUP_MAX);
    if (ranking->rows != NULL) {
        float *vector = row_of(&group->vectors, ranking->stride, group->n);
        const float *known = member->vector;
        if (known == NULL && !member->known)
            known = recommender->parts->ranking.mean_profile;
        if (known != NULL) {
            memcpy(vector, known, ranking->stride * sizeof *vector);
        } else {
            const mf_history history = member->user != MF_INDEX_NONE
                                           ? mf_history_of_user(recommender->parts, member->user)
                                           : (mf_history){.n = 0};
            mf_profile_compute(&recommender->profiles, &history, vector);
        }
    }
    if (rating->rows != NULL) {
        float *factors = row_of(&group->factors, rating->stride, group->n);
        memset(factors, 0, rating->stride * sizeof *factors);
        if (member->factors != NULL)
            memcpy(factors, member->factors, rating->stride * sizeof *factors);
    }
    uint64_t *rated = group->rated.block;
    for (size_t k = 0; k < member->n_rated; k++)
        rated[member->rated[k] / 64] |= UINT64_C(1) << member->rated[k] % 64;
    group->bias[group->n++] = member->bias;
    group->known |= member->known;
    return true;
}

/* How far an item's score is from its bias where bounds matter, by its length and the query's: .05
 * leaves 3,400 of the 60,000 above, .2 1,450, .3 1,340, .5 1,540, 1 1,970. */
static const double REACH = 0.3;

/* Weights, which add up to 1: the rows at length 1 … */
static void weigh_directions(const float *rows, size_t stride, size_t n, double *weights)
{
    double all = 0;
    for (size_t m = 0; m < n; m++) {
        weights[m] = 1 / fmax(mf_norm(rows + m * stride, stride), LENGTH_MIN);
        all += weights[m];
    }
    for (size_t m = 0; m < n; m++)
        weights[m] /= all;
}

/* … moved to those of the lowest bounds, from one member to another at a time (pairwise steps of
 * Frank and Wolfe; Lacoste-Julien, Jaggi 2015): |x| ≤ x²/2s + s/2 makes the function a quadratic one
 * that touches it at s = |Pλ|. products: [n × n] of the rows. Whatever comes out is a mean. */
static void lower_bounds(const float *products, const float *bias, size_t n, double reach,
                         double *weights)
{
    enum { STEPS_PER_MEMBER = 8 };
    double slopes[MF_GROUP_MAX] = {0};
    for (size_t m = 0; m < n; m++)
        for (size_t k = 0; k < n; k++)
            slopes[m] += weights[k] * (double)products[m * n + k];
    for (size_t step = 0; step < STEPS_PER_MEMBER * n; step++) {
        size_t to = 0, from = 0;
        double square = 0, least = DBL_MAX, most = -DBL_MAX;
        for (size_t m = 0; m < n; m++)
            square += weights[m] * slopes[m];
        const double length = sqrt(square);
        if (!(length > 0 && length <= DBL_MAX))
            return;
        for (size_t m = 0; m < n; m++) {
            const double slope = reach * slopes[m] / length + (bias != NULL ? (double)bias[m] : 0);
            if (slope < least) {
                least = slope;
                to = m;
            }
            if (slope > most && weights[m] > 0) {
                most = slope;
                from = m;
            }
        }
        const double gain = most - least;
        if (!(gain > 1e-3 * reach * length))
            return;
        const double between = (double)products[to * n + to] + (double)products[from * n + from] -
                               2 * (double)products[to * n + from];
        const double best = between > 0 ? gain * length / (reach * between) : DBL_MAX;
        const double moved = fmin(weights[from], best);
        weights[to] += moved;
        weights[from] -= moved;
        for (size_t m = 0; m < n; m++)
            slopes[m] += moved * ((double)products[m * n + to] - (double)products[m * n + from]);
    }
}

/* The mean of the members' rows: sums in double, in their order. */
static const float *mean_row(const mf_scratch *rows, size_t stride, size_t n, const double *weights,
                             float *mean)
{
    for (size_t f = 0; f < stride; f += MF_MODEL_LANES) {
        double sum[MF_MODEL_LANES] = {0};
        for (size_t m = 0; m < n; m++) {
            const float *row = row_of(rows, stride, m) + f;
            for (size_t lane = 0; lane < MF_MODEL_LANES; lane++)
                sum[lane] += weights[m] * (double)row[lane];
        }
        for (size_t lane = 0; lane < MF_MODEL_LANES; lane++)
            mean[f + lane] = (float)sum[lane];
    }
    return mean;
}

/* A group's rows of one space, for the least of its scores. */
typedef struct least_rows {
    const float *mean;
    const float *members; /* greater weights first */
    size_t order[MF_GROUP_MAX];
    double weights[MF_GROUP_MAX];
} least_rows;

static bool find_least_rows(const mf_recommender *recommender, mf_group *group,
                            const mf_space *space, const float *bias, const mf_scratch *rows,
                            mf_scratch *ordered, least_rows *least, mf_error *err)
{
    static const char *const WHAT = "a group";
    const size_t n = group->n, stride = space->stride;
    float *products = mf_scratch_reserve(&group->products, n, n * sizeof *products, WHAT, err);
    /* One row more: the mean. */
    float *members = mf_scratch_reserve(ordered, n + 1, stride * sizeof *members, WHAT, err);
    if (products == NULL || members == NULL)
        return false;
    for (size_t m = 0; m < n; m++)
        recommender->kernel->products(row_of(rows, stride, m), rows->block, stride, n,
                                      products + m * n);
    weigh_directions(rows->block, stride, n, least->weights);
    if (space->index.n_items > 0)
        lower_bounds(products, bias, n, REACH * space->index.typical_norm, least->weights);
    for (size_t m = 0; m < n; m++) {
        size_t at = m;
        for (; at > 0 && least->weights[least->order[at - 1]] < least->weights[m]; at--)
            least->order[at] = least->order[at - 1];
        least->order[at] = m;
    }
    for (size_t m = 0; m < n; m++)
        memcpy(members + m * stride, row_of(rows, stride, least->order[m]),
               stride * sizeof *members);
    least->mean = mean_row(rows, stride, n, least->weights, members + n * stride);
    least->members = members;
    return true;
}

static float blend_biases(const mf_group *group, mf_blend blend)
{
    double sum = 0;
    float least = INFINITY;
    for (size_t m = 0; m < group->n; m++) {
        sum += (double)group->bias[m];
        least = fminf(least, group->bias[m]);
    }
    return blend == MF_BLEND_AVERAGE ? (float)(sum / (double)group->n) : least;
}

/* The profile of the least of their scores. */
static bool take_least(const mf_recommender *recommender, mf_group *group, mf_profile *profile,
                       mf_error *err)
{
    const mf_space *ranking = &recommender->ranking, *rating = &recommender->rating;
    least_rows least = {.mean = NULL};
    profile->n_members = group->n;
    if (rating->rows != NULL) {
        double bias = 0;
        if (!find_least_rows(recommender, group, rating, group->bias, &group->factors,
                             &group->ordered_factors, &least, err))
            return false;
        for (size_t m = 0; m < group->n; m++) {
            bias += least.weights[m] * (double)group->bias[m];
            group->ordered_bias[m] = group->bias[least.order[m]];
        }
        profile->factors = least.mean;
        profile->member_factors = least.members;
        profile->member_bias = group->ordered_bias;
        profile->mean_bias = (float)bias;
    }
    if (ranking->rows != NULL) {
        if (!find_least_rows(recommender, group, ranking, NULL, &group->vectors,
                             &group->ordered_vectors, &least, err))
            return false;
        profile->vector = least.mean;
        profile->member_vectors = least.members;
    }
    return true;
}

bool mf_group_profile(const mf_recommender *recommender, mf_workspace *workspace, mf_blend blend,
                      mf_profile *profile, mf_error *err)
{
    const mf_space *ranking = &recommender->ranking, *rating = &recommender->rating;
    mf_group *group = &workspace->group;
    if (group->n == 0)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a group without members");
    const uint64_t *rated = group->rated.block;
    const size_t n_words = mf_choice_words(recommender->parts->n_items);
    size_t n_rated = 0;
    for (size_t w = 0; w < n_words; w++)
        n_rated += (size_t)__builtin_popcountll(rated[w]);
    uint32_t *list =
        mf_scratch_reserve(&group->left_out, n_rated, sizeof *list, "a group's items", err);
    if (list == NULL)
        return false;
    mf_choice_list(rated, n_words, list);
    *profile = (mf_profile){
        .bias = blend_biases(group, blend),
        .known = group->known,
        .rated = list,
        .n_rated = n_rated,
        .user = MF_INDEX_NONE,
    };
    if (!group->known)
        return true;
    if (blend == MF_BLEND_LEAST_MISERY)
        return take_least(recommender, group, profile, err);
    double weights[MF_GROUP_MAX];
    for (size_t m = 0; m < group->n; m++)
        weights[m] = 1 / (double)group->n;
    if (rating->rows != NULL)
        profile->factors = mean_row(&group->factors, rating->stride, group->n, weights,
                                    row_of(&group->factors, rating->stride, MF_GROUP_MAX));
    if (ranking->rows != NULL)
        profile->vector = mean_row(&group->vectors, ranking->stride, group->n, weights,
                                   row_of(&group->vectors, ranking->stride, MF_GROUP_MAX));
    return true;
}
