/* group.c: the rows of a group's members, and their mean.
 *
 * The least of some scores is at most any mean of them: so the index is searched with a mean, and
 * what that does not exclude is scored for each member (scan.c). The mean has the members' directions:
 * in the plain one the longest are the greater part, and they are seldom the least. Of a group of five
 * (60,000 planted items; MovieLens), ms: plain mean 1.1, 0.33; the shortest vector alone 5.1, 0.18. */
#include "recommend/group.h"

#include "recommend/norm.h"
#include "recommend/state.h"

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
    *group = (mf_group){.vectors = group->vectors,
                        .factors = group->factors,
                        .rated = group->rated,
                        .left_out = group->left_out};
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

/* The mean of the members' rows in the row behind them: sums in double, in their order. Of each
 * row at length 1 when `of_directions`, as a mean of the rows themselves. */
static const float *mean_row(const mf_scratch *rows, size_t stride, size_t n, bool of_directions)
{
    double weights[MF_GROUP_MAX], all = 0;
    float *mean = row_of(rows, stride, MF_GROUP_MAX);
    for (size_t m = 0; m < n; m++) {
        const double length = of_directions ? mf_norm(row_of(rows, stride, m), stride) : 1;
        weights[m] = 1 / fmax(length, LENGTH_MIN);
        all += weights[m];
    }
    for (size_t f = 0; f < stride; f++) {
        double sum = 0;
        for (size_t m = 0; m < n; m++)
            sum += weights[m] * (double)row_of(rows, stride, m)[f];
        mean[f] = (float)(sum / all);
    }
    return mean;
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
    const bool is_least = blend == MF_BLEND_LEAST_MISERY;
    if (rating->rows != NULL)
        profile->factors = mean_row(&group->factors, rating->stride, group->n, is_least);
    if (ranking->rows != NULL)
        profile->vector = mean_row(&group->vectors, ranking->stride, group->n, is_least);
    if (!is_least)
        return true;
    profile->n_members = group->n;
    profile->member_vectors = group->vectors.block;
    profile->member_factors = group->factors.block;
    profile->member_bias = group->bias;
    return true;
}
