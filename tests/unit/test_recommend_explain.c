/* test_recommend_explain.c: reasons are the greatest terms of the score, and all terms together
 * are the score (explain.h). */
#include "recommend_testing.h"

#include "recommend/explain.h"

enum { N = 10, VISITED = 30 };

/* The terms by the equation: terms[n_rated], returns that of the prior. *size is what they add up
 * to when nothing cancels out. */
static double plain_terms(const mf_model_parts *parts, const mf_history *history, uint32_t item,
                          double *terms, double *size)
{
    const mf_ranking_parts *r = &parts->ranking;
    const size_t stride = mf_model_stride(r->n_factors);
    const float *q = r->item_vectors + item * stride;
    uint32_t n = 0;
    double popular = 0;
    bool is_empty = true, ordered = false;
    *size = 0;
    for (size_t j = 0; j < history->n; j++)
        n += history->grades[j] > 0;
    for (size_t j = 0; j < history->n && history->time_ranks != NULL; j++)
        ordered |= history->grades[j] > 0 && history->time_ranks[j] != n - 1;
    for (size_t j = 0; j < history->n; j++) {
        const float *rated = r->item_vectors + history->items[j] * stride;
        terms[j] = 0;
        if (history->grades[j] == 0)
            continue;
        is_empty &= is_zero_row(rated, stride);
        const double age =
            ordered ? (double)mf_age_weight(r->recency, history->time_ranks[j], n) : 1;
        for (size_t f = 0; f < stride; f++) {
            const double part =
                age * (history->grades[j] / 255.0) * (double)rated[f] * (double)q[f];
            terms[j] += part;
            *size += fabs(part);
        }
    }
    for (size_t f = 0; f < stride; f++) {
        popular += (double)r->mean_profile[f] * (double)q[f];
        *size += fabs((double)r->mean_profile[f] * (double)q[f]);
    }
    return popular * (is_empty ? 1 : (double)mf_prior_weight(r->prior, n));
}

static void check_entry(const mf_model_parts *parts, const mf_history *history,
                        const mf_recommendation *entry, const mf_explanation *why, size_t n_reasons)
{
    double *terms = testing_allocate(history->n + 1, sizeof *terms);
    double size, rest = 0, sum = (double)why->popular + (double)why->rest;
    const double popular = plain_terms(parts, history, entry->item, terms, &size);
    size_t n_positive = 0;
    for (size_t j = 0; j < history->n; j++)
        rest += terms[j];
    const double about = 1e-5 * size + 1e-30;
    for (size_t j = 0; j < history->n; j++)
        n_positive += terms[j] > about;
    assert_true(why->n_reasons <= n_reasons);
    assert_true(why->n_reasons >= (n_positive < n_reasons ? n_positive : n_reasons));
    for (size_t k = 0; k < why->n_reasons; k++) {
        const mf_score_term *reason = &why->reasons[k];
        size_t j = 0, n_greater = 0;
        while (j < history->n && history->items[j] != reason->item)
            j++;
        assert_true(j < history->n && history->grades[j] > 0);
        assert_true(fabs((double)reason->term - terms[j]) <= about);
        for (size_t other = 0; other < history->n; other++)
            n_greater += terms[other] > terms[j] + about;
        assert_true(n_greater <= k);
        if (entry->score > 0)
            assert_true(reason->share == reason->term / entry->score);
        else
            assert_true(isnan(reason->share));
        rest -= (double)reason->term;
        sum += (double)reason->term;
    }
    assert_true(fabs((double)why->popular - popular) <= about);
    assert_true(fabs((double)why->rest - rest) <= about);
    assert_true(fabs(sum - (double)entry->score) <= about);
    mf_free(terms);
}

static void check_list(const mf_recommender *recommender, mf_workspace *workspace,
                       const mf_profile *profile, const mf_history *history,
                       const mf_top_n_query *query, size_t n_reasons)
{
    const mf_recommendation *best;
    const mf_explanation *why;
    size_t n_best;
    mf_error err = {0};
    assert_ok(mf_top_n(recommender, workspace, profile, query, &best, &n_best, &err), err);
    assert_ok(mf_explain(workspace, n_reasons, &why, &err), err);
    for (size_t k = 0; k < n_best; k++) {
        if (best[k].item != MF_INDEX_NONE) {
            check_entry(mf_model_get(mf_recommender_model(recommender)), history, &best[k], &why[k],
                        n_reasons);
            continue;
        }
        assert_int_equal(why[k].n_reasons, 0);
        assert_true(why[k].popular == 0 && why[k].rest == 0);
    }
}

/* What the user rated, as a visitor's request; n of them from the first on. */
static mf_visitor visitor_of(const world *w, uint32_t user, size_t n)
{
    const size_t start = (size_t)w->parts->rated_start[user];
    return (mf_visitor){w->parts->rated_items + start, w->ratings + start, w->times + start, n};
}

static void reasons_are_the_terms_of_the_score(void **state)
{
    (void)state;
    static const world_kind kinds[] = {KIND_NORMAL, KIND_SOME_ZERO, KIND_EQUAL, KIND_LARGE,
                                       KIND_SMALL,  KIND_MIXED,     KIND_ZERO,  KIND_SPECTRAL};
    for (size_t c = 0; c < sizeof kinds / sizeof kinds[0]; c++) {
        world w = world_create((world_shape){.kind = kinds[c],
                                             .n_users = 8,
                                             .n_items = 400,
                                             .n_factors = 4,
                                             .rated_percent = c % 2 == 0 ? 30 : 1,
                                             .ranking_factors = 21,
                                             .no_times = c % 3 == 2,
                                             .recency = 1,
                                             .prior = 0.5f,
                                             .seed = c});
        mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
        mf_workspace *workspace = workspace_create();
        const uint32_t candidates[] = {1, 2, 3, 30, 60, 90};
        for (uint32_t user = 0; user <= 8; user++) {
            const bool known = user < 8;
            const mf_profile profile =
                mf_profile_of_user(recommender, known ? user : MF_INDEX_NONE);
            const mf_history history =
                known ? mf_history_of_user(w.parts, user) : (mf_history){.n = 0};
            mf_top_n_query query = {.n = N, .offset = user, .include_rated = user % 2 == 1};
            check_list(recommender, workspace, &profile, &history, &query, user % 4);
            check_list(recommender, workspace, &profile, &history, &query, SIZE_MAX);
            query = (mf_top_n_query){
                .n = N, .candidates = candidates, .n_candidates = 6, .n_unknown = 2};
            check_list(recommender, workspace, &profile, &history, &query, 3);
        }
        for (uint32_t user = 0; user < 8; user++) {
            const mf_history whole = mf_history_of_user(w.parts, user);
            const mf_visitor visitor = visitor_of(&w, user, whole.n < VISITED ? whole.n : VISITED);
            if (visitor.n == 0)
                continue;
            mf_profile profile;
            mf_error err = {0};
            assert_ok(mf_fold_in(recommender, workspace, &visitor, &profile, &err), err);
            const mf_history history = {profile.rated, profile.grades, profile.time_ranks,
                                        profile.n_rated};
            const mf_top_n_query query = {.n = N};
            check_list(recommender, workspace, &profile, &history, &query, 3);
        }
        mf_workspace_destroy(workspace);
        mf_recommender_destroy(recommender);
        world_release(&w);
    }
}

static float score_for(const mf_recommender *recommender, mf_workspace *workspace,
                       const mf_visitor *visitor, uint32_t item)
{
    mf_profile profile;
    const mf_recommendation *best;
    size_t n_best;
    mf_error err = {0};
    assert_ok(mf_fold_in(recommender, workspace, visitor, &profile, &err), err);
    const mf_top_n_query query = {.n = 1, .candidates = &item, .n_candidates = 1};
    assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
    assert_int_equal(n_best, 1);
    return best[0].score;
}

/* A visitor without the rating that is the first reason scores the item lower. */
static void without_its_first_reason_an_item_scores_lower(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_SPECTRAL,
                                         .n_users = 20,
                                         .n_items = 500,
                                         .n_factors = 4,
                                         .rated_percent = 5,
                                         .ranking_factors = 16,
                                         .recency = 0.5f,
                                         .prior = 1,
                                         .seed = 5});
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    size_t n_lower = 0, n = 0;
    for (uint32_t user = 0; user < 20; user++) {
        const mf_history history = mf_history_of_user(w.parts, user);
        const mf_visitor whole = visitor_of(&w, user, history.n);
        mf_profile profile;
        const mf_recommendation *best;
        const mf_explanation *why;
        size_t n_best;
        mf_error err = {0};
        assert_ok(mf_fold_in(recommender, workspace, &whole, &profile, &err), err);
        const mf_top_n_query query = {.n = N};
        assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
        assert_ok(mf_explain(workspace, 1, &why, &err), err);
        mf_recommendation listed[N];
        uint32_t first[N];
        for (size_t k = 0; k < n_best; k++) {
            listed[k] = best[k];
            assert_int_equal(why[k].n_reasons, 1);
            first[k] = why[k].reasons[0].item;
        }
        for (size_t k = 0; k < n_best; k++) {
            uint32_t items[100];
            float ratings[100];
            double times[100];
            mf_visitor other = {items, ratings, times, 0};
            for (size_t j = 0; j < whole.n; j++) {
                if (whole.items[j] == first[k])
                    continue;
                items[other.n] = whole.items[j];
                ratings[other.n] = whole.ratings[j];
                times[other.n++] = whole.times[j];
            }
            n++;
            n_lower += score_for(recommender, workspace, &other, listed[k].item) < listed[k].score;
        }
    }
    assert_int_equal(n, 20 * N);
    assert_true(n_lower >= n * 95 / 100);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommender);
    world_release(&w);
}

static void what_is_no_sum_is_refused(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 2,
                                         .n_items = 90,
                                         .n_factors = 4,
                                         .rated_percent = 10,
                                         .ranking_factors = 5,
                                         .seed = 1});
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    mf_profile profile = mf_profile_of_user(recommender, 0);
    const mf_recommendation *best;
    const mf_explanation *why;
    size_t n_best;
    mf_error err = {0};
    mf_top_n_query query = {.n = 3, .order = MF_ORDER_POPULARITY};
    assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
    assert_ok(mf_explain(workspace, 3, &why, &err), err);
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(why[k].n_reasons, 0);
        assert_true(why[k].popular == best[k].score && why[k].rest == 0);
        assert_true(why[k].popular_share == 1);
    }
    query.order = MF_ORDER_RATING;
    assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
    assert_false(mf_explain(workspace, 3, &why, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "a predicted rating is no sum over what the user rated");
    err = (mf_error){0};
    assert_ok(mf_similar(recommender, workspace, 1, 3, &best, &n_best, &err), err);
    assert_false(mf_explain(workspace, 3, &why, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "similar items have no user");
    err = (mf_error){0};
    query.order = MF_ORDER_RANKING;
    profile.user = MF_INDEX_NONE;
    profile.vector = w.parts->ranking.mean_profile;
    assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
    assert_false(mf_explain(workspace, 3, &why, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "the list of one user");
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommender);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_are_the_terms_of_the_score),
        cmocka_unit_test(without_its_first_reason_an_item_scores_lower),
        cmocka_unit_test(what_is_no_sum_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
