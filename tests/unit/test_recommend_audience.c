/* test_recommend_audience.c: an item's audience are the users whose own lists give it the highest
 * scores, bit for bit (audience.h). */
#include "recommend_testing.h"

#include "recommend/audience.h"
#include "recommend/state.h"

static size_t plain_audience(const mf_recommender *r, uint32_t item, size_t n, mf_order order,
                             mf_recommendation *list)
{
    const mf_model_parts *parts = r->parts;
    mf_workspace *workspace = workspace_create();
    size_t n_list = 0;
    for (uint32_t user = 0; user < parts->n_users; user++) {
        const mf_profile profile = mf_profile_of_user(r, user);
        const mf_top_n_query query = {
            .n = 1, .order = order, .candidates = &item, .n_candidates = 1};
        const mf_recommendation *best;
        size_t n_best;
        mf_error err = {0};
        assert_ok(mf_top_n(r, workspace, &profile, &query, &best, &n_best, &err), err);
        if (n_best == 0 || (order != MF_ORDER_RATING && parts->ranking.n_factors > 0 &&
                            mf_space_is_zero(&r->ranking, item)))
            continue;
        list[n_list++] = (mf_recommendation){user, best[0].score, best[0].predicted_rating};
    }
    mf_workspace_destroy(workspace);
    qsort(list, n_list, sizeof *list, better_first);
    return n < n_list ? n : n_list;
}

static void check_world(world_shape shape)
{
    const double past = 1e-9;
    world w = world_create(shape);
    mf_recommender *r = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    mf_recommendation *expected = testing_allocate(shape.n_users, sizeof *expected);
    const size_t ns[] = {1, 10, 0, SIZE_MAX};
    const mf_order orders[] = {MF_ORDER_DEFAULT, MF_ORDER_RANKING, MF_ORDER_RATING};
    for (size_t c = 0; c < 12; c++) {
        const uint32_t item = mf_random_below(shape.seed, c, shape.n_items);
        const mf_order order = orders[c % 3];
        const size_t n = ns[c / 3];
        const mf_recommendation *best;
        size_t n_best;
        mf_error err = {0};
        if (!mf_recommender_can_order(r, order))
            continue;
        const size_t n_expected = plain_audience(r, item, n, order, expected);
        assert_ok(mf_audience(r, workspace, item, n, order, &best, &n_best, &err), err);
        assert_lists_equal(best, n_best, expected, n_expected);
        assert_ok(mf_audience_begin(r, workspace, item, n, order, &err), err);
        while (!mf_audience_step(workspace, past, &best, &n_best))
            continue;
        assert_lists_equal(best, n_best, expected, n_expected);
    }
    mf_free(expected);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(r);
    world_release(&w);
}

static void every_kind_of_model(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (uint32_t seed = 0; seed < 3; seed++)
            check_world((world_shape){.kind = (world_kind)k,
                                      .n_users = 150,
                                      .n_items = 120,
                                      .n_factors = 6,
                                      .rated_percent = seed == 1 ? 1 : 15,
                                      .ranking_factors = k % 4 == 3 ? 0 : 19,
                                      .no_ratings = k % 4 == 1,
                                      .no_times = seed == 2,
                                      .recency = 1,
                                      .prior = 0.5f,
                                      .seed = seed});
}

static void every_cpu_has_the_same_audience(void **state)
{
    (void)state;
    for (size_t c = 0; c < TESTING_CPUS; c++) {
        setenv("MF_CPU", testing_cpus[c], 1);
        check_world((world_shape){.kind = KIND_NORMAL,
                                  .n_users = 100,
                                  .n_items = 90,
                                  .n_factors = 6,
                                  .rated_percent = 10,
                                  .ranking_factors = 19,
                                  .seed = 9});
    }
    unsetenv("MF_CPU");
}

static void few_vectors_are_computed(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 3000,
                                         .n_items = 300,
                                         .n_factors = 2,
                                         .rated_percent = 10,
                                         .ranking_factors = 16,
                                         .seed = 9});
    mf_recommender *r = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    const mf_recommendation *best;
    size_t n_best;
    mf_error err = {0};
    assert_ok(mf_audience(r, workspace, 7, 20, MF_ORDER_RANKING, &best, &n_best, &err), err);
    assert_int_equal(n_best, 20);
    assert_true(workspace->audience.n_scored >= 20 && workspace->audience.n_scored < 40);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(r);
    world_release(&w);
}

static void what_is_refused(void **state)
{
    (void)state;
    world w = world_create(
        (world_shape){.kind = KIND_NORMAL, .n_users = 2, .n_items = 9, .n_factors = 3, .seed = 1});
    mf_recommender *r = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    const struct {
        uint32_t item;
        mf_order order;
        const char *message;
    } refused[] = {{9, MF_ORDER_DEFAULT, "item 9 of 9"},
                   {1, MF_ORDER_RANKING, "the model has no order"},
                   {1, MF_ORDER_POPULARITY, "the same for all users"}};
    for (size_t k = 0; k < 3; k++) {
        const mf_recommendation *best;
        size_t n_best;
        mf_error err = {0};
        assert_false(
            mf_audience(r, workspace, refused[k].item, 3, refused[k].order, &best, &n_best, &err));
        assert_error(&err, MF_ERR_ARGUMENT, refused[k].message);
    }
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(r);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_model),
        cmocka_unit_test(every_cpu_has_the_same_audience),
        cmocka_unit_test(few_vectors_are_computed),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
