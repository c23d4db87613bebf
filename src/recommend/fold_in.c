/* fold_in.c: a visitor's profile from a few ratings. The equation of the factors is in
 * recommender.h, its solution in ridge.h; the sum of the ranking vector is in profile.h. */
#include "recommend/profile.h"
#include "recommend/ridge.h"
#include "recommend/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What counts against little evidence; chosen on MovieLens (recommender.h). */
static const double FACTORS_PRIOR_STRENGTH = 40, BIAS_PRIOR_STRENGTH = 4;

typedef struct entry {
    double time; /* NAN: older than any that has one */
    uint32_t item;
    uint32_t place; /* in the caller's list */
    float rating;
} entry;

static int compare_ages(const entry *x, const entry *y)
{
    const int order = mf_time_compare(x->time, y->time);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static int by_item_and_age(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    return compare_ages(x, y);
}

static int newest_first(const void *a, const void *b)
{
    return compare_ages(b, a);
}

static bool check(const mf_model_parts *parts, const mf_visitor *visitor, size_t j, mf_error *err)
{
    const uint32_t item = visitor->items[j];
    if (item != MF_INDEX_NONE && item >= parts->n_items)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "ratings[%zu] is of item %lu of %lu", j,
                       (unsigned long)item, (unsigned long)parts->n_items);
    if (visitor->ratings != NULL && !isfinite(visitor->ratings[j]))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "ratings[%zu] is not a finite number", j);
    if (visitor->times != NULL && isinf(visitor->times[j]))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "times[%zu] is not a finite number", j);
    return true;
}

/* In the range of the training ratings, where there were ratings. */
static float rating_of(const mf_model_parts *parts, const mf_visitor *visitor, size_t j)
{
    const float rating = visitor->ratings != NULL ? visitor->ratings[j] : 1;
    return parts->n_factors > 0 ? fminf(fmaxf(rating, parts->rating_min), parts->rating_max)
                                : rating;
}

/* The known items ascending, each with its newest rating, in the workspace. NULL with
 * *err. */
static entry *collect(const mf_model_parts *parts, mf_workspace *workspace,
                      const mf_visitor *visitor, size_t *n_known, mf_error *err)
{
    entry *known = mf_scratch_reserve(&workspace->entries, visitor->n, sizeof *known,
                                      "a visitor's ratings", err);
    if (known == NULL)
        return NULL;
    size_t n = 0;
    for (size_t j = 0; j < visitor->n; j++) {
        if (!check(parts, visitor, j, err))
            return NULL;
        if (visitor->items[j] == MF_INDEX_NONE)
            continue;
        known[n++] = (entry){
            .time = visitor->times != NULL ? visitor->times[j] : (double)NAN,
            .item = visitor->items[j],
            .place = (uint32_t)j,
            .rating = rating_of(parts, visitor, j),
        };
    }
    qsort(known, n, sizeof *known, by_item_and_age);
    *n_known = 0;
    for (size_t j = 0; j < n; j++) {
        if (*n_known > 0 && known[*n_known - 1].item == known[j].item)
            --*n_known;
        known[(*n_known)++] = known[j];
    }
    return known;
}

/* The ranking model's side: the sum that a user's vector is. */
static bool fold_ranking(const mf_recommender *r, mf_workspace *workspace,
                         const mf_visitor *visitor, const entry *known, size_t n,
                         mf_profile *profile, mf_error *err)
{
    const mf_ranking_parts *ranking = &r->parts->ranking;
    const bool has_times = visitor->times != NULL && ranking->time_ranks != NULL;
    const char *what = "a visitor's history";
    uint8_t *grades = mf_scratch_reserve(&workspace->grades, n, sizeof *grades, what, err);
    double *times = mf_scratch_reserve(&workspace->times, n, sizeof *times, what, err);
    uint32_t *ranks = mf_scratch_reserve(&workspace->time_ranks, n, sizeof *ranks, what, err);
    uint32_t *order = mf_scratch_reserve(&workspace->time_order, n, sizeof *order, what, err);
    float *vector = mf_scratch_reserve(&workspace->vector, r->ranking.stride, sizeof *vector,
                                       "a ranking vector", err);
    if (grades == NULL || times == NULL || ranks == NULL || order == NULL || vector == NULL)
        return false;
    const bool is_liked = visitor->ratings == NULL && ranking->grading.kind != MF_GRADING_LOG;
    for (size_t j = 0; j < n; j++) {
        grades[j] = is_liked ? MF_GRADE_MAX : mf_grade_code(&ranking->grading, known[j].rating);
        times[j] = known[j].time;
    }
    if (has_times)
        mf_time_ranks(times, n, order, ranks);
    const mf_history history = {
        .items = profile->rated,
        .grades = grades,
        .time_ranks = has_times ? ranks : NULL,
        .n = n,
    };
    mf_profile_compute(&r->profiles, &history, vector);
    profile->vector = vector;
    profile->grades = history.grades;
    profile->time_ranks = history.time_ranks;
    return true;
}

/* The rating model's side: the equations. known is sorted anew. */
static bool fold_rating(const mf_recommender *r, mf_workspace *workspace, entry *known, size_t n,
                        mf_profile *profile, mf_error *err)
{
    const mf_model_parts *parts = r->parts;
    const size_t stride = r->rating.stride;
    const size_t most = mf_ridge_n_max(parts->n_factors);
    const size_t n_used = n < most ? n : most;
    size_t n_doubles = 0;
    if (!mf_ridge_doubles(n_used, parts->n_factors, &n_doubles))
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %zu equations", n_used);
    uint32_t *used =
        mf_scratch_reserve(&workspace->used, n_used, sizeof *used, "a visitor's items", err);
    float *left =
        mf_scratch_reserve(&workspace->left, n_used, sizeof *left, "a visitor's ratings", err);
    float *factors =
        mf_scratch_reserve(&workspace->factors, stride, sizeof *factors, "a row of factors", err);
    double *work =
        mf_scratch_reserve(&workspace->equations, n_doubles, sizeof *work, "equations", err);
    if (used == NULL || left == NULL || factors == NULL || work == NULL)
        return false;
    if (n_used < n) {
        qsort(known, n, sizeof *known, newest_first);
        qsort(known, n_used, sizeof *known, by_item_and_age);
    }
    for (size_t j = 0; j < n_used; j++) {
        used[j] = known[j].item;
        left[j] = known[j].rating - parts->global_mean - parts->item_bias[known[j].item];
    }
    const mf_ridge ridge = {
        .n = n_used,
        .n_factors = parts->n_factors,
        .stride = stride,
        .rows = parts->item_factors,
        .items = used,
        .y = left,
        .regularization = (double)parts->regularization * ((double)n_used + FACTORS_PRIOR_STRENGTH),
        .bias_regularization =
            (double)parts->bias_regularization * (double)n_used + BIAS_PRIOR_STRENGTH,
        .kernel = r->kernel,
    };
    mf_ridge_solve(&ridge, work, factors, &profile->bias);
    memset(factors + parts->n_factors, 0, (stride - parts->n_factors) * sizeof *factors);
    profile->factors = factors;
    return true;
}

bool mf_fold_in(const mf_recommender *recommender, mf_workspace *workspace,
                const mf_visitor *visitor, mf_profile *profile, mf_error *err)
{
    size_t n = 0;
    if (visitor->n == 0 || visitor->n > UINT32_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a visitor with %zu ratings", visitor->n);
    entry *known = collect(recommender->parts, workspace, visitor, &n, err);
    if (known == NULL)
        return false;
    if (n == 0) {
        *profile = (mf_profile){.user = MF_INDEX_NONE};
        return true;
    }
    uint32_t *rated =
        mf_scratch_reserve(&workspace->rated, n, sizeof *rated, "a visitor's items", err);
    if (rated == NULL)
        return false;
    for (size_t j = 0; j < n; j++)
        rated[j] = known[j].item;
    mf_profile folded = {.known = true, .rated = rated, .n_rated = n, .user = MF_INDEX_NONE};
    if (mf_recommender_has_ranking(recommender) &&
        !fold_ranking(recommender, workspace, visitor, known, n, &folded, err))
        return false;
    if (mf_recommender_has_ratings(recommender) && visitor->ratings != NULL &&
        !fold_rating(recommender, workspace, known, n, &folded, err))
        return false;
    *profile = folded;
    return true;
}
