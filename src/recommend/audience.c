/* audience.c: one pass over what all users rated (audience.h).
 *
 * A ranking score is a sum over rated items (profile.h), so with the item's products with all others a
 * user costs one multiplication for each rating, not one for each of its directions:
 *
 *   score(u, i) = Σ_j w_uj (q_j · q_i) + w(n) (mean · q_i),  off by at most
 *                 u · (n + 2 · stride / 16 + 16) · (Σ_j w_uj |q_j| + w(n) |mean|) · |q_i|     u = 2^-24
 *
 * from the score that floats give when the vector is computed first. (Sums of the vector: n + 1
 * roundings; its product and those here: stride / 16 + 4 each, dot.h; weights are the same.) Users who
 * may be among the n best by that, a few more than n, are scored as their lists are. */
#include "recommend/audience.h"

#include "recommend/norm.h"
#include "recommend/state.h"

#include "base/clock.h"

#include <math.h>

enum { ITEMS = 4096, USERS = 1024, EXACT = 64 };

enum { OF_ITEMS, OF_USERS, OF_CANDIDATES, DONE }; /* phases */

static bool has_rated(const mf_model_parts *parts, uint32_t user, uint32_t item)
{
    const uint64_t start = parts->rated_start[user];
    const mf_scoring rated = {
        .left_out = parts->rated_items + start,
        .n_left_out = (size_t)(parts->rated_start[user + 1] - start),
    };
    return mf_scoring_leaves_out(&rated, item);
}

static void offer(mf_best *best, uint32_t user, float score)
{
    score = isnan(score) ? -INFINITY : score;
    if (mf_best_wants(best, score, user))
        mf_best_take(best, score, user);
}

static size_t longest_history(const mf_model_parts *parts)
{
    uint64_t most = 0;
    for (uint32_t user = 0; user < parts->n_users; user++) {
        const uint64_t n = parts->rated_start[user + 1] - parts->rated_start[user];
        most = n > most ? n : most;
    }
    return (size_t)most;
}

bool mf_audience_begin(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item,
                       size_t n, mf_order order, mf_error *err)
{
    static const char *const WHAT = "an audience";
    const mf_model_parts *parts = recommender->parts;
    mf_audience_search *a = &workspace->audience;
    if (item >= parts->n_items)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "item %lu of %lu", (unsigned long)item,
                       (unsigned long)parts->n_items);
    if (!mf_recommender_can_order(recommender, order))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "the model has no order %d", (int)order);
    if (order == MF_ORDER_POPULARITY)
        return mf_fail(
            err, MF_ERR_ARGUMENT, MF_NOWHERE,
            "by popularity an item has no audience: its score is the same for all users");
    const bool by_ranking = order == MF_ORDER_RANKING ||
                            (order == MF_ORDER_DEFAULT && mf_recommender_has_ranking(recommender));
    *a = (mf_audience_search){.recommender = recommender,
                              .item = item,
                              .by_ranking = by_ranking,
                              .phase = by_ranking ? OF_ITEMS : OF_CANDIDATES};
    n = n < parts->n_users ? n : parts->n_users;
    if (n == 0 || (by_ranking && mf_space_is_zero(&recommender->ranking, item)))
        a->phase = DONE;
    const size_t n_ranked = by_ranking ? parts->n_items : 0;
    const size_t n_users = by_ranking ? parts->n_users : USERS;
    mf_recommendation *entries =
        mf_scratch_reserve(&workspace->best, n, sizeof *entries, WHAT, err);
    mf_recommendation *bounds = mf_scratch_reserve(&workspace->seeds, n, sizeof *bounds, WHAT, err);
    a->products = mf_scratch_reserve(&workspace->rows, n_ranked, sizeof(float), WHAT, err);
    a->lengths = mf_scratch_reserve(&workspace->cosines, n_ranked, sizeof(float), WHAT, err);
    a->highest = mf_scratch_reserve(&workspace->bounds, n_users, sizeof(float), WHAT, err);
    a->weights =
        mf_scratch_reserve(&workspace->weights, longest_history(parts), sizeof(float), WHAT, err);
    a->vector = mf_scratch_reserve(&workspace->direction, recommender->ranking.stride,
                                   sizeof(float), WHAT, err);
    if (entries == NULL || bounds == NULL || a->products == NULL || a->lengths == NULL ||
        a->highest == NULL || a->weights == NULL || a->vector == NULL)
        return false;
    mf_best_begin(&a->best, entries, n);
    mf_best_begin(&a->lowest, bounds, n);
    return true;
}

/* Some items' products and lengths. */
static void look_at_items(mf_audience_search *a, size_t first, size_t end)
{
    const mf_space *space = &a->recommender->ranking;
    const float *rows = space->rows + first * space->stride;
    a->recommender->kernel->products(space->rows + a->item * space->stride, rows, space->stride,
                                     end - first, a->products + first);
    for (size_t item = first; item < end; item++)
        a->lengths[item] = (float)mf_norm(space->rows + item * space->stride, space->stride);
}

/* Between what the user's score is: *low to a->highest[user]. False: the item was rated. */
static bool bound_user(mf_audience_search *a, uint32_t user, float *low)
{
    const mf_recommender *r = a->recommender;
    const mf_space *space = &r->ranking;
    const mf_history history = mf_history_of_user(r->parts, user);
    const float *mean = r->parts->ranking.mean_profile,
                *row = space->rows + a->item * space->stride;
    const double prior = (double)mf_profile_weights(&r->profiles, &history, a->weights);
    const uint32_t first = 0;
    float popular;
    r->kernel->products_of(row, mean, space->stride, &first, 1, &popular);
    double sum = 0, size = 0;
    for (size_t j = 0; j < history.n; j++) {
        if (history.items[j] == a->item)
            return false;
        sum += (double)a->weights[j] * (double)a->products[history.items[j]];
        size += (double)a->weights[j] * (double)a->lengths[history.items[j]];
    }
    size += fmax(prior, 1) * mf_norm(mean, space->stride);
    const double roundings = (double)history.n + 2 * (double)space->stride / MF_MODEL_LANES + 16;
    const double error = 0x1p-24 * roundings * size * (double)a->lengths[a->item] * 1.01 + 0x1p-120;
    const double score = sum + prior * (double)popular;
    double least = score, most = score;
    if (!(fabs(sum) > error)) { /* the sum may be zero, and the vector the mean profile */
        least = fmin(score, (double)popular);
        most = fmax(score, (double)popular);
    }
    *low = nextafterf((float)(least - error), -INFINITY);
    a->highest[user] = nextafterf((float)(most + error), INFINITY);
    return true;
}

static void look_at_users(mf_audience_search *a, size_t first, size_t end)
{
    for (uint32_t user = (uint32_t)first; user < end; user++) {
        float low;
        if (bound_user(a, user, &low))
            offer(&a->lowest, user, low);
        else
            a->highest[user] = NAN; /* told from bounds that are no numbers by has_rated */
    }
}

/* Scores, as their lists have them, those who may be among the best. */
static void score_ranking(mf_audience_search *a, size_t first, size_t end)
{
    const mf_recommender *r = a->recommender;
    const mf_space *space = &r->ranking;
    for (uint32_t user = (uint32_t)first; user < end; user++) {
        if (a->highest[user] < a->lowest.threshold || has_rated(r->parts, user, a->item))
            continue;
        const mf_history history = mf_history_of_user(r->parts, user);
        float score;
        mf_profile_compute(&r->profiles, &history, a->vector);
        r->kernel->products_of(a->vector, space->rows, space->stride, &a->item, 1, &score);
        offer(&a->best, user, score);
        a->n_scored++;
    }
}

static void score_rating(mf_audience_search *a, size_t first, size_t end)
{
    const mf_recommender *r = a->recommender;
    const mf_model_parts *parts = r->parts;
    const mf_space *space = &r->rating;
    float *products = a->highest;
    r->kernel->products(space->rows + a->item * space->stride,
                        parts->user_factors + first * space->stride, space->stride, end - first,
                        products);
    for (uint32_t user = (uint32_t)first; user < end; user++) {
        const float base = parts->global_mean + parts->user_bias[user];
        const float score = (base + parts->item_bias[a->item]) + products[user - first];
        if (!(score < a->best.threshold) && !has_rated(parts, user, a->item))
            offer(&a->best, user, score);
    }
}

bool mf_audience_step(mf_workspace *workspace, double until, const mf_recommendation **best,
                      size_t *n_best)
{
    mf_audience_search *a = &workspace->audience;
    const mf_model_parts *parts = a->recommender->parts;
    while (a->phase != DONE) {
        const size_t all = a->phase == OF_ITEMS ? parts->n_items : parts->n_users;
        const size_t most = a->phase == OF_ITEMS                     ? ITEMS
                            : a->phase == OF_USERS || !a->by_ranking ? USERS
                                                                     : EXACT;
        const size_t end = all - a->next < most ? all : a->next + most;
        if (a->phase == OF_ITEMS)
            look_at_items(a, a->next, end);
        else if (a->phase == OF_USERS)
            look_at_users(a, a->next, end);
        else if (a->by_ranking)
            score_ranking(a, a->next, end);
        else
            score_rating(a, a->next, end);
        a->phase += end == all;
        a->next = end == all ? 0 : end;
        if (a->phase != DONE && until > 0 && mf_clock_seconds() >= until)
            return false;
    }
    if (a->best.n > 0)
        mf_best_sort(&a->best);
    for (size_t k = 0; k < a->best.n && mf_recommender_has_ratings(a->recommender); k++) {
        const mf_profile profile = mf_profile_of_user(a->recommender, a->best.entries[k].item);
        a->best.entries[k].predicted_rating = mf_predict(a->recommender, &profile, a->item);
    }
    *best = a->best.entries;
    *n_best = a->best.n;
    return true;
}

bool mf_audience(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item,
                 size_t n, mf_order order, const mf_recommendation **best, size_t *n_best,
                 mf_error *err)
{
    return mf_audience_begin(recommender, workspace, item, n, order, err) &&
           mf_audience_step(workspace, 0, best, n_best);
}
