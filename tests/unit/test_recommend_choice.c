/* test_recommend_choice.c: lists of some of the items (candidates, allowed, exclude, pages) are
 * those of the plain scan, bit for bit, in every order and combination. */
#include "recommend_testing.h"

#include "recommend/state.h"

enum { UNKNOWN = 3 };

/* A world and what its lists are drawn from. */
typedef struct draw {
    world world;
    mf_recommender *recommenders[2]; /* with an index, without */
    mf_workspace *workspace;
    mf_recommendation *expected;
    uint32_t *candidates;
    uint32_t *exclude;
    uint64_t *allowed;
} draw;

static draw draw_create(world_shape shape)
{
    draw d = {.world = world_create(shape), .workspace = workspace_create()};
    d.recommenders[0] = recommender_with(d.world.model, SIZE_MAX);
    d.recommenders[1] = recommender_with(d.world.model, 0);
    d.expected = testing_allocate(shape.n_items + UNKNOWN, sizeof *d.expected);
    d.candidates = testing_allocate((size_t)2 * shape.n_items, sizeof *d.candidates);
    d.exclude = testing_allocate(shape.n_items, sizeof *d.exclude);
    d.allowed = testing_allocate(shape.n_items / 64 + 1, sizeof *d.allowed);
    return d;
}

static void draw_release(draw *d)
{
    mf_recommender_destroy(d->recommenders[0]);
    mf_recommender_destroy(d->recommenders[1]);
    mf_workspace_destroy(d->workspace);
    mf_free(d->expected);
    mf_free(d->candidates);
    mf_free(d->exclude);
    mf_free(d->allowed);
    world_release(&d->world);
}

/* By both recommenders, at once and in steps. */
static void check_list(const draw *d, const mf_profile *profile, const mf_top_n_query *query)
{
    const double past = 1e-9;
    mf_error err = {0};
    const size_t n_expected = plain_top_n(d->world.parts, profile, query, d->expected);
    for (size_t r = 0; r < 2; r++) {
        const mf_recommendation *best = NULL;
        size_t n_best = 99;
        assert_ok(mf_top_n(d->recommenders[r], d->workspace, profile, query, &best, &n_best, &err),
                  err);
        assert_lists_equal(best, n_best, d->expected, n_expected);
        assert_ok(mf_top_n_begin(d->recommenders[r], d->workspace, profile, query, &err), err);
        while (!mf_search_step(d->workspace, past, &best, &n_best))
            continue;
        assert_lists_equal(best, n_best, d->expected, n_expected);
    }
}

/* Every subset of the conditions, each with a share of the items of its own. */
static void check_profile(const draw *d, const mf_profile *profile, uint64_t key)
{
    static const uint32_t per_mille[] = {0, 3, 10, 100, 500, 900, 1000};
    enum { SHARES = sizeof per_mille / sizeof per_mille[0] };
    const uint32_t n_items = d->world.parts->n_items;
    const size_t ns[] = {1, 10, 3, n_items / 9, n_items, (size_t)n_items * 2, SIZE_MAX};
    for (unsigned set = 0; set < 32; set++) {
        const uint64_t k = mf_random_key(key, set);
        const uint32_t share = per_mille[mf_random_below(k, 0, SHARES)];
        const size_t n_most[] = {1, n_items / 300, n_items / 10, (size_t)n_items * 2};
        memset(d->allowed, 0xFF, (n_items / 64 + 1) * sizeof *d->allowed); /* also past the end */
        for (uint32_t item = 0; item < n_items; item++)
            if (mf_random_below(k + 1, item, 1000) >= share)
                d->allowed[item / 64] &= ~(UINT64_C(1) << item % 64);
        const uint32_t n_exclude = n_items * per_mille[mf_random_below(k, 1, SHARES)] / 1000;
        for (uint32_t e = 0; e < n_exclude; e++)
            d->exclude[e] = e % 11 == 10 ? MF_INDEX_NONE : mf_random_below(k + 2, e, n_items);
        mf_top_n_query query = {
            .n = ns[mf_random_below(k, 2, sizeof ns / sizeof ns[0])],
            .offset = set & 1 ? mf_random_below(k, 3, n_items + 9) : 0,
            .include_rated = set & 2,
            .candidates = set & 4 ? d->candidates : NULL,
            .n_candidates = n_most[mf_random_below(k, 4, 4)],
            .allowed = set & 8 ? d->allowed : NULL,
            .exclude = set & 16 ? d->exclude : NULL,
            .n_exclude = set & 16 ? n_exclude : 0,
            .n_unknown = set & 4 ? mf_random_below(k, 5, UNKNOWN + 1) : 0,
            .unknown_last = mf_random_below(k, 6, 2) == 1,
        };
        for (size_t c = 0; c < query.n_candidates && set & 4; c++)
            d->candidates[c] = c % 7 == 6 ? MF_INDEX_NONE : mf_random_below(k + 3, c, n_items);
        for (int order = 0; order < MF_ORDERS; order++) {
            query.order = (mf_order)order;
            if (mf_recommender_can_order(d->recommenders[0], query.order))
                check_list(d, profile, &query);
        }
    }
}

static void check_world(world_shape shape)
{
    draw d = draw_create(shape);
    for (uint32_t user = 0; user < shape.n_users; user++) {
        const mf_profile profile = mf_profile_of_user(d.recommenders[0], user);
        check_profile(&d, &profile, shape.seed + user);
    }
    const mf_profile anonymous = mf_profile_of_user(d.recommenders[0], MF_INDEX_NONE);
    check_profile(&d, &anonymous, shape.seed + 99);
    draw_release(&d);
}

/* Rows of the ranking model by falling length, item factors in the order of the items. */
static void every_kind_of_model_on_every_cpu(void **state)
{
    (void)state;
    for (size_t c = 0; c < TESTING_CPUS; c++) {
        setenv("MF_CPU", testing_cpus[c], 1);
        for (int k = 0; k < KINDS; k++)
            check_world((world_shape){.kind = (world_kind)k,
                                      .n_users = 1,
                                      .n_items = 300 + (uint32_t)c,
                                      .n_factors = 9,
                                      .rated_percent = 10,
                                      .ranking_factors = k % 3 == 0 ? 0 : 20,
                                      .recency = 1,
                                      .prior = 0.5f,
                                      .seed = c * 1000});
    }
    unsetenv("MF_CPU");
}

static void any_number_of_items(void **state)
{
    (void)state;
    for (uint32_t n_items = 1; n_items <= 140; n_items += 3)
        check_world((world_shape){.kind = (world_kind)(n_items % KINDS),
                                  .n_users = 1,
                                  .n_items = n_items,
                                  .n_factors = 3,
                                  .rated_percent = 20,
                                  .ranking_factors = n_items % 2 * 5,
                                  .seed = n_items});
}

/* Several stages of a scan, blocks without an item that may come, a few items among many. */
static void many_items(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 2; k++) {
        draw d = draw_create((world_shape){.kind = KIND_MIXED,
                                           .n_users = 1,
                                           .n_items = 70001,
                                           .n_factors = 2,
                                           .rated_percent = 1,
                                           .ranking_factors = k * 5,
                                           .seed = 4});
        const uint32_t n_items = d.world.parts->n_items;
        const mf_profile profile = mf_profile_of_user(d.recommenders[0], 0);
        const uint32_t every[] = {1, 2, 10, 100, 5000};
        for (size_t e = 0; e < sizeof every / sizeof every[0]; e++) {
            memset(d.allowed, 0, (n_items / 64 + 1) * sizeof *d.allowed);
            for (uint32_t item = 0; item < n_items; item++)
                if (e == 1 ? item / 6400 % 2 == 1 : item % every[e] == 0)
                    d.allowed[item / 64] |= UINT64_C(1) << item % 64;
            for (uint32_t x = 0; x < 50; x++)
                d.exclude[x] = mf_random_below(9, x, n_items);
            check_list(&d, &profile,
                       &(mf_top_n_query){.n = 10,
                                         .offset = e,
                                         .allowed = d.allowed,
                                         .exclude = d.exclude,
                                         .n_exclude = 50});
        }
        draw_release(&d);
    }
}

/* The pages of a list are the list. */
static void pages_follow_each_other(void **state)
{
    (void)state;
    draw d = draw_create((world_shape){.kind = KIND_EQUAL,
                                       .n_users = 1,
                                       .n_items = 333,
                                       .n_factors = 3,
                                       .rated_percent = 10,
                                       .ranking_factors = 4,
                                       .seed = 1});
    const mf_profile profile = mf_profile_of_user(d.recommenders[0], 0);
    for (int order = 0; order < MF_ORDERS; order++) {
        const mf_top_n_query all = {.n = SIZE_MAX, .order = (mf_order)order};
        const size_t n_all = plain_top_n(d.world.parts, &profile, &all, d.expected);
        size_t n = 0;
        for (size_t page = 0; page * 10 <= n_all + 10; page++) {
            const mf_top_n_query query = {.n = 10, .offset = page * 10, .order = (mf_order)order};
            const mf_recommendation *best;
            size_t n_best;
            mf_error err = {0};
            assert_ok(mf_top_n(d.recommenders[page % 2], d.workspace, &profile, &query, &best,
                               &n_best, &err),
                      err);
            assert_lists_equal(best, n_best, d.expected + n,
                               n_all - n < 10 ? n_all - n : (size_t)10);
            n += n_best;
        }
        assert_int_equal(n, n_all);
    }
    draw_release(&d);
}

/* The rows of few items are read, and no bound of a block without any. */
static void what_is_not_allowed_costs_little(void **state)
{
    (void)state;
    draw d = draw_create((world_shape){
        .kind = KIND_NORMAL, .n_users = 1, .n_items = 60000, .n_factors = 16, .seed = 1});
    const mf_profile profile = mf_profile_of_user(d.recommenders[0], 0);
    const mf_recommendation *best;
    size_t n_best;
    mf_error err = {0};
    for (uint32_t block = 0; block < 60000 / 64; block += 5)
        d.allowed[block] = UINT64_MAX;
    const mf_top_n_query query = {.n = 10, .allowed = d.allowed};
    assert_ok(mf_top_n(d.recommenders[0], d.workspace, &profile, &query, &best, &n_best, &err),
              err);
    assert_int_equal(n_best, 10);
    assert_int_equal(d.workspace->n_bounded, (60000 / 64 / 5 + 1) * 64);
    assert_true(d.workspace->n_scored < 600);
    draw_release(&d);
}

static void items_out_of_range_are_named(void **state)
{
    (void)state;
    draw d = draw_create(
        (world_shape){.kind = KIND_NORMAL, .n_users = 1, .n_items = 40, .n_factors = 2, .seed = 1});
    const mf_profile profile = mf_profile_of_user(d.recommenders[0], 0);
    const uint32_t items[] = {3, MF_INDEX_NONE, 40};
    const mf_top_n_query queries[] = {
        {.n = 1, .candidates = items, .n_candidates = 3},
        {.n = 1, .exclude = items, .n_exclude = 3},
    };
    const char *const messages[] = {"candidates[2] is item 40 of 40",
                                    "exclude[2] is item 40 of 40"};
    for (size_t q = 0; q < 2; q++) {
        const mf_recommendation *best;
        size_t n_best;
        mf_error err = {0};
        assert_false(
            mf_top_n(d.recommenders[0], d.workspace, &profile, &queries[q], &best, &n_best, &err));
        assert_error(&err, MF_ERR_ARGUMENT, messages[q]);
    }
    draw_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_model_on_every_cpu),
        cmocka_unit_test(any_number_of_items),
        cmocka_unit_test(many_items),
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(what_is_not_allowed_costs_little),
        cmocka_unit_test(items_out_of_range_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
