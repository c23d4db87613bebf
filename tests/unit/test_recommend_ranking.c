/* test_recommend_ranking.c: lists in each order, of models that have a ranking model, are those of
 * the plain scan, bit for bit, whatever the model, the CPU and the index (recommender.h). */
#include "recommend_testing.h"

#include "recommend/audience.h"
#include "recommend/explain.h"
#include "recommend/group.h"
#include "recommend/state.h"

enum { UNKNOWN = 3 };

typedef struct asking {
    world world;
    mf_recommender *recommenders[2]; /* with an index, without */
    mf_workspace *workspace;
    mf_recommendation *expected;
    uint32_t *candidates;
} asking;

static asking asking_create(world_shape shape)
{
    asking a = {.world = world_create(shape)};
    a.recommenders[0] = recommender_with(a.world.model, SIZE_MAX);
    a.recommenders[1] = recommender_with(a.world.model, 0);
    a.workspace = workspace_create();
    a.expected = testing_allocate(shape.n_items + UNKNOWN, sizeof *a.expected);
    a.candidates = testing_allocate(shape.n_items, sizeof *a.candidates);
    return a;
}

static void asking_release(asking *a)
{
    mf_recommender_destroy(a->recommenders[0]);
    mf_recommender_destroy(a->recommenders[1]);
    mf_workspace_destroy(a->workspace);
    mf_free(a->expected);
    mf_free(a->candidates);
    world_release(&a->world);
}

static void check_list(const asking *a, const mf_profile *profile, const mf_top_n_query *query)
{
    const double past = 1e-9;
    mf_error err = {0};
    const size_t n_expected = plain_top_n(a->world.parts, profile, query, a->expected);
    for (size_t r = 0; r < 2; r++) {
        const mf_recommendation *best = NULL;
        size_t n_best = 99;
        assert_ok(mf_top_n(a->recommenders[r], a->workspace, profile, query, &best, &n_best, &err),
                  err);
        assert_lists_equal(best, n_best, a->expected, n_expected);
        assert_ok(mf_top_n_begin(a->recommenders[r], a->workspace, profile, query, &err), err);
        while (!mf_search_step(a->workspace, past, &best, &n_best))
            continue;
        assert_lists_equal(best, n_best, a->expected, n_expected);
    }
}

/* Some lists of each order for this profile. */
static void check_profile(const asking *a, const mf_profile *profile, uint64_t key)
{
    const uint32_t n_items = a->world.parts->n_items;
    const size_t ns[] = {1, 10, 3, n_items / 9, 0, n_items, (size_t)n_items * 2};
    for (int order = 0; order < MF_ORDERS; order++) {
        if (!mf_recommender_can_order(a->recommenders[0], (mf_order)order))
            continue;
        for (int mode = 0; mode < 4; mode++) {
            const uint64_t draw = mf_random_key(key, (uint64_t)(order * 4 + mode));
            mf_top_n_query query = {
                .n = ns[mf_random_below(draw, 0, sizeof ns / sizeof ns[0])],
                .order = (mf_order)order,
                .include_rated = mode % 2 == 1,
                .candidates = mode >= 2 ? a->candidates : NULL,
                .n_candidates = mf_random_below(draw, 1, n_items),
                .n_unknown = mode >= 2 ? mf_random_below(draw, 2, UNKNOWN + 1) : 0,
                .unknown_last = mf_random_below(draw, 3, 2) == 1,
            };
            for (uint32_t k = 0; k < n_items; k++)
                a->candidates[k] = mf_random_below(draw + 1, k, n_items);
            check_list(a, profile, &query);
        }
    }
}

/* Users, an anonymous user, and visitors. */
static void check_world(world_shape shape)
{
    asking a = asking_create(shape);
    const mf_model_parts *parts = a.world.parts;
    for (uint32_t user = 0; user < shape.n_users; user++) {
        const mf_profile profile = mf_profile_of_user(a.recommenders[0], user);
        assert_true(profile.known);
        check_profile(&a, &profile, user);
    }
    const mf_profile anonymous = mf_profile_of_user(a.recommenders[0], MF_INDEX_NONE);
    assert_false(anonymous.known);
    check_profile(&a, &anonymous, 1000);
    for (uint32_t v = 0; v < 3; v++) {
        uint32_t items[9];
        float ratings[9];
        double times[9];
        const uint32_t n = 1 + 4 * v;
        for (uint32_t j = 0; j < n; j++) {
            items[j] = mf_random_below(shape.seed + v, j, parts->n_items);
            ratings[j] = (float)mf_random_below(shape.seed + v, 100 + j, 6);
            times[j] = j;
        }
        const mf_visitor visitor = {items, v == 2 ? NULL : ratings, v == 1 ? times : NULL, n};
        mf_error err = {0};
        mf_profile profile;
        mf_workspace *workspace = workspace_create();
        assert_ok(mf_fold_in(a.recommenders[0], workspace, &visitor, &profile, &err), err);
        assert_true(profile.known);
        check_profile(&a, &profile, 2000 + v);
        mf_workspace_destroy(workspace);
    }
    asking_release(&a);
}

static void every_kind_of_model_on_every_cpu(void **state)
{
    (void)state;
    for (size_t c = 0; c < TESTING_CPUS; c++) {
        setenv("MF_CPU", testing_cpus[c], 1);
        for (int k = 0; k < KINDS; k++)
            check_world((world_shape){.kind = (world_kind)k,
                                      .n_users = 3,
                                      .n_items = 500,
                                      .n_factors = 7,
                                      .rated_percent = 10,
                                      .ranking_factors = 40,
                                      .no_ratings = k % 4 == 1,
                                      .no_times = k % 3 == 1,
                                      .recency = 1,
                                      .prior = 0.5f,
                                      .seed = c});
    }
    unsetenv("MF_CPU");
}

static void any_number_of_directions(void **state)
{
    (void)state;
    for (uint32_t k = 1; k <= 300; k += k < 70 ? 1 : 23)
        check_world((world_shape){.kind = (world_kind)(k % KINDS),
                                  .n_users = 2,
                                  .n_items = 150 + k,
                                  .n_factors = 3,
                                  .rated_percent = 5,
                                  .ranking_factors = k,
                                  .no_ratings = k % 3 == 1,
                                  .recency = 0.5f,
                                  .seed = k});
    check_world((world_shape){.kind = KIND_NORMAL,
                              .n_users = 2,
                              .n_items = 200,
                              .n_factors = 3,
                              .rated_percent = 5,
                              .ranking_factors = 1030, /* too many for an index */
                              .seed = 1});
}

static void any_number_of_items(void **state)
{
    (void)state;
    for (uint32_t n_items = 1; n_items <= 140; n_items += 3)
        check_world((world_shape){.kind = (world_kind)(n_items % KINDS),
                                  .n_users = 3,
                                  .n_items = n_items,
                                  .n_factors = 2,
                                  .rated_percent = n_items % 2 == 1 ? 20 : 100,
                                  .ranking_factors = 9,
                                  .prior = 1,
                                  .seed = n_items});
}

/* Several stages of a scan, of items whose lengths differ much, and of equal ones. */
static void many_items(void **state)
{
    (void)state;
    static const world_kind kinds[] = {KIND_MIXED, KIND_EQUAL, KIND_SOME_ZERO};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        asking a = asking_create((world_shape){.kind = kinds[k],
                                               .n_users = 3,
                                               .n_items = 70001,
                                               .n_factors = 1,
                                               .rated_percent = 1,
                                               .ranking_factors = 5,
                                               .seed = 1});
        for (uint32_t user = 0; user < 3; user++) {
            const mf_profile profile = mf_profile_of_user(a.recommenders[0], user);
            const mf_top_n_query query = {.n = user == 0 ? 7 : 100, .include_rated = user == 1};
            check_list(&a, &profile, &query);
        }
        asking_release(&a);
    }
}

static void an_order_that_the_model_does_not_have_is_refused(void **state)
{
    (void)state;
    const world_shape shapes[] = {
        {.kind = KIND_NORMAL, .n_users = 2, .n_items = 9, .n_factors = 3, .seed = 1},
        {.kind = KIND_NORMAL,
         .n_users = 2,
         .n_items = 9,
         .n_factors = 3,
         .ranking_factors = 2,
         .no_ratings = true,
         .seed = 1}};
    const mf_order missing[] = {MF_ORDER_RANKING, MF_ORDER_RATING};
    for (size_t s = 0; s < 2; s++) {
        asking a = asking_create(shapes[s]);
        assert_int_equal(mf_recommender_has_ratings(a.recommenders[0]), s == 0);
        assert_int_equal(mf_recommender_has_ranking(a.recommenders[0]), s == 1);
        assert_false(mf_recommender_can_order(a.recommenders[0], MF_ORDERS));
        const mf_profile profile = mf_profile_of_user(a.recommenders[0], 0);
        const mf_recommendation *best;
        size_t n_best;
        const mf_order refused[] = {missing[s], MF_ORDERS};
        for (size_t k = 0; k < 2; k++) {
            mf_error err = {0};
            const mf_top_n_query query = {.n = 3, .order = refused[k]};
            assert_false(mf_recommender_can_order(a.recommenders[0], refused[k]));
            assert_false(
                mf_top_n(a.recommenders[0], a.workspace, &profile, &query, &best, &n_best, &err));
            assert_error(&err, MF_ERR_ARGUMENT, "the model has no order");
        }
        asking_release(&a);
    }
}

/* Candidates without a vector come after negative scores, before unknown candidates. */
static void the_last_places_of_a_ranking(void **state)
{
    (void)state;
    asking a = asking_create((world_shape){.kind = KIND_SOME_ZERO,
                                           .n_users = 1,
                                           .n_items = 300,
                                           .n_factors = 3,
                                           .ranking_factors = 8,
                                           .seed = 2});
    const mf_profile profile = mf_profile_of_user(a.recommenders[0], 0);
    mf_error err = {0};
    const mf_recommendation *best;
    size_t n_best;
    const mf_top_n_query all = {.n = 300};
    assert_ok(mf_top_n(a.recommenders[0], a.workspace, &profile, &all, &best, &n_best, &err), err);
    assert_int_equal(n_best, 200);
    assert_true(best[0].score > 0 && best[199].score < 0);
    for (uint32_t k = 0; k < 300; k++)
        a.candidates[k] = 299 - k;
    const mf_top_n_query some = {
        .n = 400, .candidates = a.candidates, .n_candidates = 300, .n_unknown = UNKNOWN};
    assert_ok(mf_top_n(a.recommenders[0], a.workspace, &profile, &some, &best, &n_best, &err), err);
    assert_int_equal(n_best, 300 + UNKNOWN);
    assert_true(best[199].score < 0);
    for (uint32_t k = 200; k < 300; k++) {
        assert_int_equal(best[k].item, 3 * (k - 200));
        assert_true(best[k].score == 0);
    }
    for (uint32_t k = 300; k < n_best; k++) {
        assert_int_equal(best[k].item, MF_INDEX_NONE);
        assert_true(isnan(best[k].score));
        assert_true(!isnan(best[k].predicted_rating));
    }
    asking_release(&a);
}

/* The order in exact arithmetic: the reference in float could be wrong the same way. */
static void the_order_is_that_of_the_equation(void **state)
{
    (void)state;
    asking a = asking_create((world_shape){.kind = KIND_NORMAL,
                                           .n_users = 4,
                                           .n_items = 2000,
                                           .n_factors = 3,
                                           .rated_percent = 3,
                                           .ranking_factors = 33,
                                           .recency = 1,
                                           .prior = 2,
                                           .seed = 3});
    const mf_model_parts *p = a.world.parts;
    const mf_ranking_parts *r = &p->ranking;
    const size_t stride = mf_model_stride(33);
    const double least = (double)mf_age_weight(1, 0, 1000); /* grade.h */
    double *scores = testing_allocate(p->n_items, sizeof *scores);
    for (uint32_t user = 0; user < p->n_users; user++) {
        double vector[33], n = 0;
        for (uint64_t j = p->rated_start[user]; j < p->rated_start[user + 1]; j++)
            n += r->grades[j] > 0;
        for (size_t f = 0; f < 33; f++)
            vector[f] = 2 * exp(-n / 15) * (double)r->mean_profile[f];
        for (uint64_t j = p->rated_start[user]; j < p->rated_start[user + 1]; j++)
            for (size_t f = 0; f < 33; f++)
                vector[f] += r->grades[j] / 255.0 *
                             (least + (1 - least) * exp(-((n - 1) - r->time_ranks[j] / 2.0) / 10)) *
                             (double)r->item_vectors[p->rated_items[j] * stride + f];
        for (uint32_t item = 0; item < p->n_items; item++) {
            scores[item] = 0;
            for (size_t f = 0; f < 33; f++)
                scores[item] += vector[f] * (double)r->item_vectors[item * stride + f];
        }
        const mf_profile profile = mf_profile_of_user(a.recommenders[0], user);
        const mf_top_n_query query = {.n = 50};
        const mf_recommendation *best;
        size_t n_best;
        mf_error err = {0};
        assert_ok(mf_top_n(a.recommenders[0], a.workspace, &profile, &query, &best, &n_best, &err),
                  err);
        assert_int_equal(n_best, 50);
        for (size_t k = 0; k < n_best; k++)
            assert_true(fabs(scores[best[k].item] - (double)best[k].score) < 1e-4);
        uint32_t better = 0;
        for (uint32_t item = 0; item < p->n_items; item++)
            if (!is_among(profile.rated, profile.n_rated, item))
                better += scores[item] > scores[best[49].item] + 1e-4;
        assert_true(better <= 49);
    }
    mf_free(scores);
    asking_release(&a);
}

/* Without times for vectors that are not finite either. */
static void vectors_that_are_not_finite(void **state)
{
    (void)state;
    asking a = asking_create((world_shape){.kind = KIND_SOME_ZERO,
                                           .n_users = 1,
                                           .n_items = 400,
                                           .n_factors = 3,
                                           .rated_percent = 5,
                                           .ranking_factors = 9,
                                           .seed = 1});
    static const float odd[] = {INFINITY, -INFINITY, NAN, 3e38f, 1e-42f, 0};
    for (size_t k = 0; k < sizeof odd / sizeof odd[0]; k++) {
        _Alignas(64) float vector[16] = {odd[k], 1};
        if (odd[k] == 0)
            vector[1] = 0;
        const mf_profile profile = {.known = true, .user = MF_INDEX_NONE, .vector = vector};
        check_list(&a, &profile, &(const mf_top_n_query){.n = 11});
        check_list(&a, &profile, &(const mf_top_n_query){.n = 400});
    }
    asking_release(&a);
}

static void without_memory_there_is_an_error(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 2,
                                         .n_items = 500,
                                         .n_factors = 3,
                                         .rated_percent = 20,
                                         .ranking_factors = 9,
                                         .seed = 1});
    const uint32_t items[] = {3, 9}, candidates[] = {8, 2};
    const float ratings[] = {4, 1};
    const double times[] = {7, 6};
    const mf_visitor visitor = {items, ratings, times, 2};
    uint32_t *start = testing_allocate(501, sizeof *start);
    const uint32_t values[] = {0};
    const mf_quota quota = {start, values, 1, 1}; /* of values that no item has */
    size_t n_failures = 0;
    bool ok = false;
    while (!ok) {
        mf_error err = {0};
        const mf_recommendation *best;
        size_t n_best;
        mf_profile profile;
        mf_memory_fail_nth(n_failures + 1);
        mf_recommender *recommender = mf_recommender_create(w.model, SIZE_MAX, &err);
        mf_workspace *workspace = recommender != NULL ? mf_workspace_create(&err) : NULL;
        if (workspace != NULL) {
            const mf_profile user = mf_profile_of_user(recommender, 0);
            const mf_top_n_query all = {.n = 20};
            const mf_top_n_query some = {.n = 20, .candidates = candidates, .n_candidates = 2};
            const mf_top_n_query varied = {.n = 20,
                                           .exclude = candidates,
                                           .n_exclude = 2,
                                           .diversity = 0.5f,
                                           .quotas = &quota,
                                           .n_quotas = 1};
            const mf_explanation *why;
            ok =
                mf_top_n(recommender, workspace, &user, &all, &best, &n_best, &err) &&
                mf_explain(workspace, 3, &why, &err) &&
                mf_top_n(recommender, workspace, &user, &varied, &best, &n_best, &err) &&
                mf_group_begin(recommender, workspace, &err) &&
                mf_group_add(recommender, workspace, &user, &err) &&
                mf_group_profile(recommender, workspace, MF_BLEND_LEAST_MISERY, &profile, &err) &&
                mf_top_n(recommender, workspace, &profile, &all, &best, &n_best, &err) &&
                mf_audience(recommender, workspace, 5, 2, MF_ORDER_RANKING, &best, &n_best, &err) &&
                mf_fold_in(recommender, workspace, &visitor, &profile, &err) &&
                mf_top_n(recommender, workspace, &profile, &some, &best, &n_best, &err) &&
                mf_similar(recommender, workspace, 4, 50, &best, &n_best, &err);
        }
        mf_memory_fail_nth(0);
        if (!ok) {
            assert_error(&err, MF_ERR_MEMORY, "no memory");
            n_failures++;
        }
        mf_workspace_destroy(workspace);
        mf_recommender_destroy(recommender);
    }
    assert_true(n_failures >= 40);
    mf_free(start);
    world_release(&w);
}

/* Which lists take long depends on their order: only one of the two spaces has an index. */
static void the_order_tells_whether_a_list_takes_long(void **state)
{
    (void)state;
    asking a = asking_create((world_shape){.kind = KIND_ZERO,
                                           .n_users = 1,
                                           .n_items = 70000,
                                           .n_factors = 61,
                                           .ranking_factors = 61,
                                           .seed = 1});
    for (size_t r = 0; r < 2; r++) {
        const mf_recommender *recommender = a.recommenders[r];
        assert_int_equal(mf_recommender_index_bytes(recommender) > 0, r == 0);
        assert_int_equal(mf_recommender_is_long(recommender), r == 1);
        assert_int_equal(mf_recommender_order_is_long(recommender, MF_ORDER_DEFAULT), r == 1);
        assert_int_equal(mf_recommender_order_is_long(recommender, MF_ORDER_RANKING), r == 1);
        assert_true(mf_recommender_order_is_long(recommender, MF_ORDER_RATING));
        assert_false(mf_recommender_order_is_long(recommender, MF_ORDER_POPULARITY));
    }
    asking_release(&a);
}

/* Of vectors as training makes them, few are scored and the short ones not even bounded. */
static void few_items_are_scored(void **state)
{
    (void)state;
    asking a = asking_create((world_shape){.kind = KIND_SPECTRAL,
                                           .n_users = 20,
                                           .n_items = 20000,
                                           .n_factors = 1,
                                           .rated_percent = 1,
                                           .ranking_factors = 128,
                                           .seed = 1});
    size_t n_scored = 0, n_bounded = 0;
    mf_error err = {0};
    const mf_recommendation *best;
    size_t n_best;
    const mf_top_n_query query = {.n = 10};
    for (uint32_t user = 0; user < 20; user++) {
        const mf_profile profile = mf_profile_of_user(a.recommenders[0], user);
        assert_ok(mf_top_n(a.recommenders[0], a.workspace, &profile, &query, &best, &n_best, &err),
                  err);
        n_scored += a.workspace->n_scored;
        n_bounded += a.workspace->n_bounded;
        assert_true(a.workspace->n_scored >= 10);
    }
    assert_true(n_scored / 20 < 60);
    assert_true(n_bounded / 20 < 10000);
    /* What is left out does not hide the threshold. */
    mf_profile profile = mf_profile_of_user(a.recommenders[0], 3);
    const mf_top_n_query more = {.n = 300, .include_rated = true};
    assert_ok(mf_top_n(a.recommenders[0], a.workspace, &profile, &more, &best, &n_best, &err), err);
    assert_int_equal(n_best, 300);
    uint32_t rated[300];
    size_t n_rated = 0;
    for (uint32_t item = 0; item < 20000; item++)
        for (size_t k = 0; k < n_best; k++)
            if (best[k].item == item)
                rated[n_rated++] = item;
    profile.rated = rated;
    profile.n_rated = n_rated;
    assert_ok(mf_top_n(a.recommenders[0], a.workspace, &profile, &query, &best, &n_best, &err),
              err);
    assert_true(a.workspace->n_scored < 300); /* 202; 559 if they came first */
    asking_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_model_on_every_cpu),
        cmocka_unit_test(any_number_of_directions),
        cmocka_unit_test(any_number_of_items),
        cmocka_unit_test(many_items),
        cmocka_unit_test(an_order_that_the_model_does_not_have_is_refused),
        cmocka_unit_test(the_last_places_of_a_ranking),
        cmocka_unit_test(the_order_is_that_of_the_equation),
        cmocka_unit_test(vectors_that_are_not_finite),
        cmocka_unit_test(few_items_are_scored),
        cmocka_unit_test(without_memory_there_is_an_error),
        cmocka_unit_test(the_order_tells_whether_a_list_takes_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
