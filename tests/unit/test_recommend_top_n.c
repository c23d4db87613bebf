/* test_recommend_top_n.c: the best items for a profile are those of the plain scan, bit
 * for bit, whatever the model, the CPU and the index (recommender.h). */
#include "recommend_testing.h"

#include "recommend/state.h"

#include <pthread.h>

/* The same list in as many steps as there can be. */
static void check_steps(const mf_recommender *recommender, mf_workspace *workspace,
                        const mf_profile *profile, const mf_top_n_query *query,
                        const mf_recommendation *expected, size_t n_expected)
{
    enum { MANY_ITEMS = 65537 };
    const double past = 1e-9;
    const mf_recommendation *best = NULL;
    size_t n_best = 99, n_steps = 1;
    mf_error err = {0};
    assert_ok(mf_top_n_begin(recommender, workspace, profile, query, &err), err);
    while (!mf_search_step(workspace, past, &best, &n_best))
        n_steps++;
    assert_lists_equal(best, n_best, expected, n_expected);
    if (query->n > 0 && mf_model_get(mf_recommender_model(recommender))->n_items >= MANY_ITEMS)
        assert_true(n_steps >= 2);
}

/* All users of a world, with the index and without, each with its own n. */
static void check_world(world_shape shape)
{
    world w = world_create(shape);
    mf_error err = {0};
    mf_workspace *workspace = workspace_create();
    mf_recommendation *expected = testing_allocate(shape.n_items, sizeof *expected);
    mf_recommender *recommenders[] = {recommender_with(w.model, SIZE_MAX),
                                      recommender_with(w.model, 0)};
    assert_int_equal(mf_recommender_index_bytes(recommenders[1]), 0);
    const size_t ns[] = {1, 10, 3, shape.n_items / 9, 0, shape.n_items, (size_t)shape.n_items * 2};
    for (uint32_t user = 0; user < shape.n_users; user++) {
        const mf_profile profile = mf_profile_of_user(recommenders[0], user);
        assert_true(profile.known);
        const mf_top_n_query query = {.n = ns[user % (sizeof ns / sizeof ns[0])],
                                      .include_rated = user % 3 == 2};
        const size_t n_expected = plain_top_n(w.parts, &profile, &query, expected);
        for (size_t r = 0; r < 2; r++) {
            const mf_recommendation *best = NULL;
            size_t n_best = 99;
            assert_ok(mf_top_n(recommenders[r], workspace, &profile, &query, &best, &n_best, &err),
                      err);
            assert_lists_equal(best, n_best, expected, n_expected);
            const size_t n_scored = workspace->n_scored;
            check_steps(recommenders[r], workspace, &profile, &query, expected, n_expected);
            assert_int_equal(workspace->n_scored, n_scored);
            for (size_t k = 0; k < n_best && w.parts->n_factors > 0; k++) {
                const float predicted = mf_model_predict(w.model, user, best[k].item);
                assert_memory_equal(&best[k].predicted_rating, &predicted, sizeof predicted);
            }
        }
    }
    mf_recommender_destroy(recommenders[0]);
    mf_recommender_destroy(recommenders[1]);
    mf_workspace_destroy(workspace);
    mf_free(expected);
    world_release(&w);
}

static void every_kind_of_model_on_every_cpu(void **state)
{
    (void)state;
    for (size_t c = 0; c < TESTING_CPUS; c++) {
        setenv("MF_CPU", testing_cpus[c], 1);
        for (int k = 0; k < KINDS; k++)
            check_world((world_shape){.kind = (world_kind)k,
                                      .n_users = 14,
                                      .n_items = 700,
                                      .n_factors = 20,
                                      .rated_percent = 10,
                                      .seed = c});
    }
    unsetenv("MF_CPU");
}

static void any_number_of_factors(void **state)
{
    (void)state;
    for (uint32_t n_factors = 1; n_factors <= 130; n_factors++)
        check_world((world_shape){.kind = (world_kind)(n_factors % KINDS),
                                  .n_users = 4,
                                  .n_items = 200 + n_factors,
                                  .n_factors = n_factors,
                                  .rated_percent = 5,
                                  .seed = n_factors});
    /* Sums of whole numbers in several runs, the last one short (index.h). */
    for (uint32_t n_factors = 255; n_factors <= 1100; n_factors += 209)
        check_world((world_shape){.kind = KIND_NORMAL,
                                  .n_users = 3,
                                  .n_items = 300,
                                  .n_factors = n_factors,
                                  .rated_percent = 5,
                                  .seed = n_factors});
}

static void any_number_of_items(void **state)
{
    (void)state;
    for (uint32_t n_items = 1; n_items <= 140; n_items++)
        check_world((world_shape){.kind = (world_kind)(n_items % KINDS),
                                  .n_users = 7,
                                  .n_items = n_items,
                                  .n_factors = 5,
                                  .rated_percent = 20,
                                  .seed = n_items});
    /* More than one stage of the scan (recommend/scan.c). */
    check_world((world_shape){.kind = KIND_NORMAL,
                              .n_users = 3,
                              .n_items = 70001,
                              .n_factors = 3,
                              .rated_percent = 1,
                              .seed = 1});
    check_world((world_shape){.kind = KIND_EQUAL,
                              .n_users = 2,
                              .n_items = 66000,
                              .n_factors = 2,
                              .rated_percent = 1,
                              .seed = 1});
}

static void who_rated_everything_gets_nothing(void **state)
{
    (void)state;
    check_world((world_shape){.kind = KIND_NORMAL,
                              .n_users = 6,
                              .n_items = 300,
                              .n_factors = 8,
                              .rated_percent = 100,
                              .seed = 1});
    check_world((world_shape){.kind = KIND_NORMAL,
                              .n_users = 14,
                              .n_items = 300,
                              .n_factors = 8,
                              .rated_percent = 98,
                              .seed = 1});
}

/* The index is used, and for most items its bound is enough. */
static void few_items_are_scored(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 20,
                                         .n_items = 20000,
                                         .n_factors = 64,
                                         .rated_percent = 1,
                                         .seed = 1});
    mf_error err = {0};
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    const mf_top_n_query query = {.n = 10};
    const mf_recommendation *best;
    size_t n_best, scored = 0;
    for (uint32_t user = 0; user < 20; user++) {
        const mf_profile profile = mf_profile_of_user(recommender, user);
        assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
        scored += workspace->n_scored;
    }
    assert_true(scored / 20 < 200);
    assert_true(scored / 20 >= 10);
    /* What is left out does not hide the threshold. */
    mf_profile profile = mf_profile_of_user(recommender, 3);
    const mf_top_n_query more = {.n = 50, .include_rated = true};
    assert_ok(mf_top_n(recommender, workspace, &profile, &more, &best, &n_best, &err), err);
    uint32_t rated[50];
    size_t n_rated = 0;
    for (uint32_t item = 0; item < 20000; item++)
        for (size_t k = 0; k < n_best; k++)
            if (best[k].item == item)
                rated[n_rated++] = item;
    assert_int_equal(n_rated, 50);
    profile.rated = rated;
    profile.n_rated = 50;
    assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
    assert_true(workspace->n_scored < 650); /* 501; 818 if they came first */
    const size_t n_bytes = mf_recommender_index_bytes(recommender);
    const size_t n_alone = n_bytes - (size_t)20000 * (64 + 8); /* without codes */
    assert_in_range(n_alone, 20000 * (64 / 2 + 4), 20100 * (64 / 2 + 5));
    const size_t limits[] = {n_bytes, n_bytes - 1, n_alone, n_alone - 1};
    const size_t taken[] = {n_bytes, n_alone, n_alone, 0};
    for (size_t k = 0; k < 4; k++) {
        mf_recommender *limited = recommender_with(w.model, limits[k]);
        assert_int_equal(mf_recommender_index_bytes(limited), taken[k]);
        mf_recommender_destroy(limited);
    }
    mf_recommender_destroy(recommender);
    mf_workspace_destroy(workspace);
    world_release(&w);
}

/* Order in exact arithmetic: the float reference above could be wrong the same way. */
static void the_order_is_that_of_the_equation(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 5,
                                         .n_items = 2000,
                                         .n_factors = 33,
                                         .rated_percent = 2,
                                         .seed = 3});
    const mf_model_parts *p = w.parts;
    mf_error err = {0};
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    double *scores = testing_allocate(p->n_items, sizeof *scores);
    for (uint32_t user = 0; user < p->n_users; user++) {
        const mf_profile profile = mf_profile_of_user(recommender, user);
        for (uint32_t item = 0; item < p->n_items; item++) {
            double score = (double)p->global_mean + (double)p->user_bias[user];
            score += (double)p->item_bias[item];
            for (size_t f = 0; f < p->n_factors; f++)
                score += (double)profile.factors[f] * (double)item_row(p, item)[f];
            scores[item] = score;
        }
        const mf_top_n_query query = {.n = 50};
        const mf_recommendation *best;
        size_t n_best;
        assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
        assert_int_equal(n_best, 50);
        for (size_t k = 1; k < n_best; k++)
            assert_true(scores[best[k].item] <= scores[best[k - 1].item] + 1e-5);
        uint32_t better = 0;
        for (uint32_t item = 0; item < p->n_items; item++)
            if (!is_among(profile.rated, profile.n_rated, item))
                better += scores[item] > scores[best[49].item] + 1e-5;
        assert_true(better <= 49);
    }
    mf_free(scores);
    mf_recommender_destroy(recommender);
    mf_workspace_destroy(workspace);
    world_release(&w);
}

static void candidates_in_any_order_and_repeated(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 6,
                                         .n_items = 400,
                                         .n_factors = 9,
                                         .rated_percent = 20,
                                         .seed = 1});
    mf_error err = {0};
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    mf_recommendation expected[400];
    uint32_t candidates[300];
    for (uint32_t k = 0; k < 300; k++)
        candidates[k] = k % 10 == 3 ? MF_INDEX_NONE : mf_random_below(7, k, 400);
    const mf_recommendation *best;
    size_t n_best;
    for (uint32_t user = 0; user < 6; user++)
        for (size_t n = 0; n <= 300; n += 60) {
            const mf_profile profile = mf_profile_of_user(recommender, user);
            const mf_top_n_query query = {.n = user < 3 ? 1000 : 7,
                                          .include_rated = user % 2 == 1,
                                          .candidates = candidates,
                                          .n_candidates = n};
            const size_t n_expected = plain_top_n(w.parts, &profile, &query, expected);
            assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err),
                      err);
            assert_lists_equal(best, n_best, expected, n_expected);
        }
    candidates[7] = 400;
    const mf_profile profile = mf_profile_of_user(recommender, 0);
    const mf_top_n_query query = {.n = 7, .candidates = candidates, .n_candidates = 10};
    assert_false(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "candidates[7] is item 400 of 400");
    mf_recommender_destroy(recommender);
    mf_workspace_destroy(workspace);
    world_release(&w);
}

/* A profile without factors: items by their biases. */
static void a_bias_without_factors(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 1,
                                         .n_items = 500,
                                         .n_factors = 9,
                                         .rated_percent = 20,
                                         .seed = 1});
    mf_error err = {0};
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    mf_recommendation expected[500];
    const mf_recommendation *best;
    size_t n_best;
    const mf_profile profile = {.known = true, .bias = 0.25f};
    const mf_top_n_query query = {.n = 20};
    const size_t n_expected = plain_top_n(w.parts, &profile, &query, expected);
    assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
    assert_lists_equal(best, n_best, expected, n_expected);
    const float predicted = mf_predict(recommender, &profile, best[0].item);
    assert_memory_equal(&predicted, &best[0].predicted_rating, sizeof predicted);
    mf_recommender_destroy(recommender);
    mf_workspace_destroy(workspace);
    world_release(&w);
}

/* Scores that are no numbers, where bounds would say nothing. */
static void profiles_that_are_not_finite(void **state)
{
    (void)state;
    static const float biases[] = {INFINITY, -INFINITY, NAN, 3e38f, -3e38f, 1e30f, -1e30f};
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 1,
                                         .n_items = 500,
                                         .n_factors = 9,
                                         .rated_percent = 20,
                                         .seed = 1});
    mf_error err = {0};
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    mf_recommendation expected[500];
    _Alignas(64) float factors[16] = {0};
    for (size_t k = 0; k < sizeof biases / sizeof biases[0]; k++)
        for (int f = 0; f < 3; f++) {
            factors[0] = f == 0 ? 1 : f == 1 ? INFINITY : NAN;
            const mf_profile profile = {.known = true, .bias = biases[k], .factors = factors};
            const mf_top_n_query query = {.n = 20};
            const mf_recommendation *best;
            size_t n_best;
            const size_t n_expected = plain_top_n(w.parts, &profile, &query, expected);
            assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err),
                      err);
            assert_lists_equal(best, n_best, expected, n_expected);
        }
    mf_recommender_destroy(recommender);
    mf_workspace_destroy(workspace);
    world_release(&w);
}

static void predictions_are_the_models(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        world w = world_create((world_shape){.kind = (world_kind)k,
                                             .n_users = 5,
                                             .n_items = 50,
                                             .n_factors = 17,
                                             .rated_percent = 20,
                                             .seed = 1});
        mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
        assert_ptr_equal(mf_recommender_model(recommender), w.model);
        for (uint32_t u = 0; u <= 5; u++)
            for (uint32_t i = 0; i <= 50; i++) {
                const uint32_t user = u < 5 ? u : MF_INDEX_NONE, item = i < 50 ? i : MF_INDEX_NONE;
                const mf_profile profile = mf_profile_of_user(recommender, user);
                assert_int_equal(profile.known, u < 5);
                const float ours = mf_predict(recommender, &profile, item);
                const float models = mf_model_predict(w.model, user, item);
                assert_memory_equal(&ours, &models, sizeof ours);
            }
        mf_recommender_destroy(recommender);
        world_release(&w);
    }
}

/* Everything that can run out of memory, once each. */
static void without_memory_there_is_an_error(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 2,
                                         .n_items = 500,
                                         .n_factors = 20,
                                         .rated_percent = 20,
                                         .seed = 1});
    const uint32_t some[] = {3, 1, 2};
    const float ratings[] = {1, 5, 4};
    size_t n_failures = 0;
    for (size_t nth = 1;; nth++) {
        mf_error err = {0};
        bool ok = false;
        mf_profile profile;
        const mf_recommendation *best;
        size_t n_best;
        mf_memory_fail_nth(nth);
        mf_recommender *recommender = mf_recommender_create(w.model, SIZE_MAX, &err);
        mf_workspace *workspace = recommender != NULL ? mf_workspace_create(&err) : NULL;
        if (workspace != NULL) {
            const mf_profile user = mf_profile_of_user(recommender, 1);
            const mf_top_n_query all = {.n = 5};
            const mf_top_n_query few = {.n = 5, .candidates = some, .n_candidates = 3};
            ok = mf_top_n(recommender, workspace, &user, &all, &best, &n_best, &err) &&
                 mf_top_n(recommender, workspace, &user, &few, &best, &n_best, &err) &&
                 mf_similar(recommender, workspace, 7, 400, &best, &n_best, &err) &&
                 mf_fold_in(recommender, workspace,
                            &(mf_visitor){.items = some, .ratings = ratings, .n = 3}, &profile,
                            &err) &&
                 mf_top_n(recommender, workspace, &profile, &all, &best, &n_best, &err);
        }
        mf_memory_fail_nth(0);
        /* What failed has broken nothing. */
        mf_error later = {0};
        if (workspace != NULL) {
            const mf_top_n_query all = {.n = 500, .include_rated = true};
            const mf_profile user = mf_profile_of_user(recommender, 1);
            assert_ok(mf_top_n(recommender, workspace, &user, &all, &best, &n_best, &later), later);
            assert_int_equal(n_best, 500);
        }
        mf_workspace_destroy(workspace);
        mf_recommender_destroy(recommender);
        if (ok)
            break;
        assert_error(&err, MF_ERR_MEMORY, "no memory");
        n_failures++;
    }
    assert_true(n_failures >= 12);
    mf_workspace_destroy(NULL);
    mf_recommender_destroy(NULL);
    world_release(&w);
}

typedef struct job {
    const mf_recommender *recommender;
    uint32_t n_users;
    uint64_t sum;
} job;

/* NULL: everything went well. */
static void *request_everything(void *argument)
{
    job *j = argument;
    mf_error err = {0};
    mf_workspace *workspace = mf_workspace_create(&err);
    const mf_recommendation *best;
    size_t n_best;
    j->sum = 0;
    for (uint32_t user = 0; user < j->n_users; user++) {
        const mf_profile profile = mf_profile_of_user(j->recommender, user);
        const mf_top_n_query query = {.n = 10};
        if (workspace == NULL ||
            !mf_top_n(j->recommender, workspace, &profile, &query, &best, &n_best, &err))
            return argument;
        for (size_t k = 0; k < n_best; k++)
            j->sum = j->sum * 31 + best[k].item;
        if (!mf_similar(j->recommender, workspace, user, 5, &best, &n_best, &err))
            return argument;
        for (size_t k = 0; k < n_best; k++)
            j->sum = j->sum * 31 + best[k].item;
    }
    mf_workspace_destroy(workspace);
    return NULL;
}

static void threads_share_a_recommender(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 40,
                                         .n_items = 3000,
                                         .n_factors = 16,
                                         .rated_percent = 2,
                                         .seed = 1});
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    pthread_t threads[THREADS];
    job jobs[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
        jobs[t] = (job){recommender, 40, 0};
        assert_int_equal(pthread_create(&threads[t], NULL, request_everything, &jobs[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++) {
        void *failed;
        assert_int_equal(pthread_join(threads[t], &failed), 0);
        assert_null(failed);
        assert_true(jobs[t].sum == jobs[0].sum);
    }
    mf_recommender_destroy(recommender);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_model_on_every_cpu),
        cmocka_unit_test(any_number_of_factors),
        cmocka_unit_test(any_number_of_items),
        cmocka_unit_test(who_rated_everything_gets_nothing),
        cmocka_unit_test(few_items_are_scored),
        cmocka_unit_test(the_order_is_that_of_the_equation),
        cmocka_unit_test(candidates_in_any_order_and_repeated),
        cmocka_unit_test(a_bias_without_factors),
        cmocka_unit_test(profiles_that_are_not_finite),
        cmocka_unit_test(predictions_are_the_models),
        cmocka_unit_test(without_memory_there_is_an_error),
        cmocka_unit_test(threads_share_a_recommender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
