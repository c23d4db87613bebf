/* profile.c: a user's ranking profile, the weighted sum of the vectors of his items.
 *
 * A trained user and a visitor go through the same operations in the same order, so that equal
 * histories have equal bits. */
#include "recommend/profile.h"

#include "base/portable_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64 };

static const double PRIOR_FADES = 15; /* graded items; profile.h has the measurement */

mf_history mf_history_of_user(const mf_model_parts *parts, uint32_t user)
{
    const mf_ranking_parts *ranking = &parts->ranking;
    const uint64_t start = parts->rated_start[user];
    return (mf_history){
        .items = parts->rated_items + start,
        .grades = ranking->grades + start,
        .time_ranks = ranking->time_ranks != NULL ? ranking->time_ranks + start : NULL,
        .n = (size_t)(parts->rated_start[user + 1] - start),
    };
}

float mf_prior_weight(float prior, size_t n)
{
    return (float)((double)prior * mf_exp(-(double)n / PRIOR_FADES));
}

static bool is_zero(const float *vector, size_t stride)
{
    for (size_t f = 0; f < stride; f++)
        if (vector[f] != 0)
            return false;
    return true;
}

mf_profiles mf_profiles_prepare(const mf_model_parts *parts, const mf_recommend_kernel *kernel)
{
    enum { N = MF_AGE_OLDEST / 2 + 1 }; /* ratings, of which the oldest is old enough */
    mf_profiles profiles = {.parts = parts, .kernel = kernel};
    for (uint32_t newer = 0; newer <= MF_AGE_OLDEST; newer++)
        profiles.age_weights[newer] =
            mf_age_weight(parts->ranking.recency, MF_AGE_OLDEST - newer, N);
    return profiles;
}

/* Whether the times of the n ratings with a grade tell any of them apart: equal ones share the
 * rank n - 1. */
static bool has_order(const mf_history *history, uint32_t n)
{
    for (size_t j = 0; history->time_ranks != NULL && j < history->n; j++)
        if (history->grades[j] > 0 && history->time_ranks[j] != n - 1)
            return true;
    return false;
}

/* a_j · y_j of a rating with a grade, among n. */
static float weight_of(const mf_profiles *profiles, const mf_history *history, bool ordered,
                       size_t j, uint32_t n)
{
    const float grade = (float)history->grades[j] / MF_GRADE_MAX;
    if (!ordered)
        return grade;
    const uint64_t newer = 2 * ((uint64_t)n - 1) - history->time_ranks[j];
    return profiles->age_weights[newer < MF_AGE_OLDEST ? newer : MF_AGE_OLDEST] * grade;
}

static uint32_t count_graded(const mf_history *history)
{
    uint32_t n = 0;
    for (size_t j = 0; j < history->n; j++)
        n += history->grades[j] > 0;
    return n;
}

float mf_profile_weights(const mf_profiles *profiles, const mf_history *history, float *weights)
{
    const uint32_t n_graded = count_graded(history);
    const bool ordered = has_order(history, n_graded);
    for (size_t j = 0; j < history->n; j++)
        weights[j] =
            history->grades[j] > 0 ? weight_of(profiles, history, ordered, j, n_graded) : 0;
    return mf_prior_weight(profiles->parts->ranking.prior, n_graded);
}

void mf_profile_compute(const mf_profiles *profiles, const mf_history *history, float *vector)
{
    const mf_ranking_parts *ranking = &profiles->parts->ranking;
    const mf_recommend_kernel *kernel = profiles->kernel;
    const size_t stride = mf_model_stride(ranking->n_factors);
    uint32_t items[BATCH];
    float weights[BATCH];
    const uint32_t n_graded = count_graded(history);
    size_t n_batch = 0;
    const bool ordered = has_order(history, n_graded);
    memset(vector, 0, stride * sizeof *vector);
    for (size_t j = 0; j < history->n; j++) {
        if (history->grades[j] == 0)
            continue;
        items[n_batch] = history->items[j];
        weights[n_batch++] = weight_of(profiles, history, ordered, j, n_graded);
        if (n_batch == BATCH) {
            kernel->add_rows(ranking->item_vectors, stride, items, weights, n_batch, vector);
            n_batch = 0;
        }
    }
    kernel->add_rows(ranking->item_vectors, stride, items, weights, n_batch, vector);
    if (is_zero(vector, stride)) {
        memcpy(vector, ranking->mean_profile, stride * sizeof *vector);
        return;
    }
    const uint32_t first = 0;
    const float prior = mf_prior_weight(ranking->prior, n_graded);
    kernel->add_rows(ranking->mean_profile, stride, &first, &prior, 1, vector);
}

/* NAN first. */
int mf_time_compare(double x, double y)
{
    if (isnan(x) || isnan(y))
        return isnan(y) - isnan(x);
    return (x > y) - (x < y);
}

static int by_time(const void *a, const void *b, void *times)
{
    const double *t = times;
    return mf_time_compare(t[*(const uint32_t *)a], t[*(const uint32_t *)b]);
}

void mf_time_ranks(const double *times, size_t n, uint32_t *order, uint32_t *time_ranks)
{
    for (size_t k = 0; k < n; k++)
        order[k] = (uint32_t)k;
    qsort_r(order, n, sizeof *order, by_time, (void *)(uintptr_t)times);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n; end++)
            if (mf_time_compare(times[order[first]], times[order[end]]) != 0)
                break;
        for (size_t k = first; k < end; k++)
            time_ranks[order[k]] = (uint32_t)(first + end - 1);
    }
}
