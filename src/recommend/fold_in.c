/* fold_in.c: a visitor's profile from a few ratings, and a user's with fresh events. The equation of the factors is in
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
    float rating;   /* NAN of an event: a liked item */
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

static bool check(const mf_model_parts *parts, const mf_visitor *visitor, bool may_lack_ratings,
                  size_t j, mf_error *err)
{
    const uint32_t item = visitor->items[j];
    if (item != MF_INDEX_NONE && item >= parts->n_items)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "ratings[%zu] is of item %lu of %lu", j,
                       (unsigned long)item, (unsigned long)parts->n_items);
    if (visitor->ratings != NULL && !isfinite(visitor->ratings[j]) &&
        !(may_lack_ratings && isnan(visitor->ratings[j])))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "ratings[%zu] is not a finite number", j);
    if (visitor->times != NULL && isinf(visitor->times[j]))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "times[%zu] is not a finite number", j);
    return true;
}

/* In the range of the training ratings, where there were ratings. */
static float rating_of(const mf_model_parts *parts, const mf_visitor *visitor, size_t j)
{
    const float rating = visitor->ratings != NULL ? visitor->ratings[j] : 1;
    return parts->n_factors > 0 && !isnan(rating)
               ? fminf(fmaxf(rating, parts->rating_min), parts->rating_max)
               : rating;
}

size_t mf_visitor_count_clipped(const mf_recommender *recommender, const mf_visitor *visitor)
{
    size_t n = 0;
    for (size_t j = 0; j < visitor->n && visitor->ratings != NULL; j++)
        n += !isnan(visitor->ratings[j]) &&
             visitor->ratings[j] != rating_of(recommender->parts, visitor, j);
    return n;
}

/* The known items ascending, each with its newest rating, in the workspace. NULL with
 * *err. */
static entry *collect(const mf_model_parts *parts, mf_workspace *workspace,
                      const mf_visitor *visitor, bool may_lack_ratings, size_t *n_known,
                      mf_error *err)
{
    entry *known = mf_scratch_reserve(&workspace->entries, visitor->n, sizeof *known,
                                      "a visitor's ratings", err);
    if (known == NULL)
        return NULL;
    size_t n = 0;
    for (size_t j = 0; j < visitor->n; j++) {
        if (!check(parts, visitor, may_lack_ratings, j, err))
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

/* Memory for a history of n items and its vector. */
typedef struct history_memory {
    uint8_t *grades;
    double *times;
    uint32_t *ranks, *order;
    float *vector;
} history_memory;

static bool reserve_history(const mf_recommender *r, mf_workspace *workspace, size_t n,
                            history_memory *to, mf_error *err)
{
    const char *what = "a visitor's history";
    to->grades = mf_scratch_reserve(&workspace->grades, n, sizeof *to->grades, what, err);
    to->times = mf_scratch_reserve(&workspace->times, n, sizeof *to->times, what, err);
    to->ranks = mf_scratch_reserve(&workspace->time_ranks, n, sizeof *to->ranks, what, err);
    to->order = mf_scratch_reserve(&workspace->time_order, n, sizeof *to->order, what, err);
    to->vector = mf_scratch_reserve(&workspace->vector, r->ranking.stride, sizeof *to->vector,
                                    "a ranking vector", err);
    return to->grades != NULL && to->times != NULL && to->ranks != NULL && to->order != NULL &&
           to->vector != NULL;
}

static uint8_t grade_of(const mf_ranking_parts *ranking, const mf_visitor *visitor,
                        const entry *known)
{
    const bool is_liked = visitor->ratings == NULL && ranking->grading.kind != MF_GRADING_LOG;
    return is_liked || isnan(known->rating) ? MF_GRADE_MAX
                                            : mf_grade_code(&ranking->grading, known->rating);
}

/* The vector of profile->rated with these grades and, if `ordered`, these time ranks. */
static void set_history(const mf_recommender *r, const history_memory *m, bool ordered, size_t n,
                        mf_profile *profile)
{
    const mf_history history = {
        .items = profile->rated,
        .grades = m->grades,
        .time_ranks = ordered ? m->ranks : NULL,
        .n = n,
    };
    mf_profile_compute(&r->profiles, &history, m->vector);
    profile->vector = m->vector;
    profile->grades = history.grades;
    profile->time_ranks = history.time_ranks;
}

/* The ranking model's side: the sum that a user's vector is. */
static bool fold_ranking(const mf_recommender *r, mf_workspace *workspace,
                         const mf_visitor *visitor, const entry *known, size_t n,
                         mf_profile *profile, mf_error *err)
{
    const mf_ranking_parts *ranking = &r->parts->ranking;
    const bool has_times = visitor->times != NULL && ranking->time_ranks != NULL;
    history_memory m;
    if (!reserve_history(r, workspace, n, &m, err))
        return false;
    for (size_t j = 0; j < n; j++) {
        m.grades[j] = grade_of(ranking, visitor, &known[j]);
        m.times[j] = known[j].time;
    }
    if (has_times)
        mf_time_ranks(m.times, n, m.order, m.ranks);
    set_history(r, &m, has_times, n, profile);
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
        const float rating = isnan(known[j].rating) ? parts->rating_max : known[j].rating;
        left[j] = rating - parts->global_mean - parts->item_bias[known[j].item];
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

static bool fold_in(const mf_recommender *recommender, mf_workspace *workspace,
                    const mf_visitor *visitor, bool may_lack_ratings, mf_profile *profile,
                    mf_error *err)
{
    size_t n = 0;
    if (visitor->n == 0 || visitor->n > UINT32_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a visitor with %zu ratings", visitor->n);
    entry *known = collect(recommender->parts, workspace, visitor, may_lack_ratings, &n, err);
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

bool mf_fold_in(const mf_recommender *recommender, mf_workspace *workspace,
                const mf_visitor *visitor, mf_profile *profile, mf_error *err)
{
    return fold_in(recommender, workspace, visitor, false, profile, err);
}

/* ---------------------------------------------------------------- events of a user */

/* Later than any rank of a history. */
static const double AFTER_HISTORY = 0x1p33;

/* The history and the events, ascending by item, in rated and m; returns how many. An event's place is
 * its time rank. */
static size_t merge(const mf_history *history, const mf_ranking_parts *ranking,
                    const mf_visitor *events, const entry *known, size_t n, uint32_t *rated,
                    const history_memory *m)
{
    size_t n_all = 0;
    for (size_t h = 0, j = 0; h < history->n || j < n; n_all++) {
        const bool is_event = j < n && (h == history->n || known[j].item <= history->items[h]);
        rated[n_all] = is_event ? known[j].item : history->items[h];
        m->grades[n_all] = is_event ? grade_of(ranking, events, &known[j]) : history->grades[h];
        m->times[n_all] = is_event                      ? AFTER_HISTORY + known[j].place
                          : history->time_ranks != NULL ? history->time_ranks[h]
                                                        : 0;
        h += h < history->n && history->items[h] == rated[n_all];
        j += is_event;
    }
    return n_all;
}

/* Time ranks among the items with a grade; 0 for the others. */
static void rank_graded(const history_memory *m, size_t n)
{
    size_t n_graded = 0;
    for (size_t k = 0; k < n; k++)
        if (m->grades[k] > 0)
            m->times[n_graded++] = m->times[k];
    mf_time_ranks(m->times, n_graded, m->order, m->ranks);
    for (size_t k = n; k-- > 0;)
        m->ranks[k] = m->grades[k] > 0 ? m->ranks[--n_graded] : 0;
}

static bool add_to_ranking(const mf_recommender *r, mf_workspace *workspace,
                           const mf_visitor *events, entry *known, size_t n, mf_profile *profile,
                           mf_error *err)
{
    const mf_ranking_parts *ranking = &r->parts->ranking;
    const mf_history history = mf_history_of_user(r->parts, profile->user);
    const size_t n_most = history.n + n;
    uint32_t *rated =
        mf_scratch_reserve(&workspace->rated, n_most, sizeof *rated, "a user's items", err);
    history_memory m;
    if (rated == NULL || !reserve_history(r, workspace, n_most, &m, err))
        return false;
    for (size_t j = 0; j < n; j++)
        m.times[j] = known[j].time;
    mf_time_ranks(m.times, n, m.order, m.ranks);
    for (size_t j = 0; j < n; j++)
        known[j].place = m.ranks[j];
    const size_t n_all = merge(&history, ranking, events, known, n, rated, &m);
    rank_graded(&m, n_all);
    profile->rated = rated;
    profile->n_rated = n_all;
    set_history(r, &m, ranking->time_ranks != NULL, n_all, profile);
    return true;
}

/* Without a ranking model the items are left out, and that is all. */
static bool add_to_rated(mf_workspace *workspace, const entry *known, size_t n, mf_profile *profile,
                         mf_error *err)
{
    size_t n_all = 0;
    uint32_t *rated = mf_scratch_reserve(&workspace->rated, profile->n_rated + n, sizeof *rated,
                                         "a user's items", err);
    if (rated == NULL)
        return false;
    for (size_t h = 0, j = 0; h < profile->n_rated || j < n; n_all++) {
        const bool is_event =
            j < n && (h == profile->n_rated || known[j].item <= profile->rated[h]);
        rated[n_all] = is_event ? known[j].item : profile->rated[h];
        h += h < profile->n_rated && profile->rated[h] == rated[n_all];
        j += is_event;
    }
    profile->rated = rated;
    profile->n_rated = n_all;
    return true;
}

bool mf_add_events(const mf_recommender *recommender, mf_workspace *workspace, uint32_t user,
                   const mf_visitor *events, mf_profile *profile, mf_error *err)
{
    size_t n = 0;
    if (user == MF_INDEX_NONE)
        return fold_in(recommender, workspace, events, true, profile, err);
    if (events->n == 0 || events->n > UINT32_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a user with %zu events", events->n);
    entry *known = collect(recommender->parts, workspace, events, true, &n, err);
    if (known == NULL)
        return false;
    *profile = mf_profile_of_user(recommender, user);
    if (n == 0)
        return true;
    return mf_recommender_has_ranking(recommender)
               ? add_to_ranking(recommender, workspace, events, known, n, profile, err)
               : add_to_rated(workspace, known, n, profile, err);
}
