/* test_evaluate_lists.c: figures of lists (lists.h), those of a model among them (model_lists.h).
 */
#include "evaluate_testing.h"

#include "evaluate/baselines.h"
#include "evaluate/model_lists.h"
#include "recommend_testing.h"

#include <math.h>

enum { ITEMS = 30, LISTED = 25 };

/* A source that lists ITEMS-1, ITEMS-2, … to everybody; user u has rated item 0 … u-1. */
typedef struct countdown {
    uint32_t failing_user;
} countdown;

static uint32_t first_items[ITEMS];

static void *nothing_create(const void *context, mf_error *err)
{
    (void)context;
    return mf_allocate(1, 1, "nothing", err);
}

static void nothing_destroy(void *thread)
{
    mf_free(thread);
}

static bool first_ones(const void *context, void *thread, uint32_t user, const uint32_t *held,
                       size_t n_held, mf_left_out *out, mf_error *err)
{
    (void)context, (void)thread, (void)held, (void)n_held, (void)err;
    *out = (mf_left_out){first_items, user};
    return true;
}

static bool count_down(const void *context, void *thread, uint32_t user, const mf_left_out *out,
                       size_t n, uint32_t *items, size_t *n_list, mf_error *err)
{
    (void)thread, (void)out;
    if (((const countdown *)context)->failing_user == user)
        return mf_fail(err, MF_ERR_IO, MF_NOWHERE, "user %u has bad luck", user);
    for (*n_list = 0; *n_list < n && *n_list < LISTED; ++*n_list)
        items[*n_list] = ITEMS - 1 - (uint32_t)*n_list;
    return true;
}

/* Before any thread is started. */
static mf_list_source countdown_source(const countdown *context)
{
    for (uint32_t i = 0; i < ITEMS; i++)
        first_items[i] = i;
    return (mf_list_source){context,         ITEMS,      nothing_create,
                            nothing_destroy, first_ones, count_down};
}

static const countdown lucky = {UINT32_MAX};

static mf_evaluation evaluation_of(const mf_list_source *source, const mf_held_out *held,
                                   const mf_evaluation_options *options)
{
    mf_error err = {0};
    mf_evaluation e;
    assert_ok(mf_evaluate_lists(source, held, options, &e, &err), err);
    return e;
}

static void figures_are_those_of_the_list_against_what_is_relevant(void **state)
{
    (void)state;
    const triple rows[] = {
        {0, 29, 5}, /* has rated nothing */
        {1, 29, 5},
        {1, 27, 4},
        {1, 5, 5},
        {1, 28, 3.5f}, /* hits in places 1 and 3 of 3 relevant */
        {2, 29, 1},
        {2, 28, 3}, /* nothing relevant */
        {4, 3, 5},
        {4, 26, 5},
        {4, MF_INDEX_NONE, 5}, /* 3 was in training; one is unknown */
        {5, 4, 5},             /* all of it was in training */
        {6, 12, 5},            /* place 18 */
        {MF_INDEX_NONE, 29, 5},
    };
    mf_held_out held = held_out_of(rows, sizeof rows / sizeof rows[0], 8, 4);
    const mf_list_source source = countdown_source(&lucky);
    float rank[ITEMS];
    for (int i = 0; i < ITEMS; i++)
        rank[i] = (float)i / 100;
    mf_evaluation e = evaluation_of(
        &source, &held, &(mf_evaluation_options){.k = 4, .n_threads = 2, .popularity_rank = rank});
    assert_int_equal(e.n_users, 3);
    assert_memory_equal(e.user, ((uint32_t[]){1, 4, 6}), 3 * sizeof(uint32_t));
    assert_int_equal(e.n_unknown_users, 1);
    assert_int_equal(e.n_nothing_relevant, 2);
    assert_int_equal(e.n_repeated, 2);
    assert_int_equal(e.n_not_looked_at, 0);
    assert_int_equal(e.length, 20);
    assert_int_equal(e.list[0], 29);
    assert_int_equal(e.list[20 + 19], 10);

    const double ideal3 = 1 + 1 / log2(3) + 0.5;
    assert_true(e.figures[0].at_k.precision == 0.5);
    assert_true(fabs(e.figures[0].at_k.recall - 2.0 / 3) < 1e-12);
    assert_true(fabs(e.figures[0].at_k.ndcg - 1.5 / ideal3) < 1e-12);
    assert_true(fabs(e.figures[0].at_k.average_precision - (1 + 2.0 / 3) / 3) < 1e-12);
    assert_true(e.figures[0].at_k.reciprocal_rank == 1);
    assert_true(fabs(e.figures[0].novelty - 0.275) < 1e-6);

    /* 26 in place 4 of two that are relevant: the unknown one counts as missed. */
    assert_true(fabs(e.figures[1].at_k.recall - 0.5) < 1e-12);
    assert_true(fabs(e.figures[1].at_k.reciprocal_rank - 0.25) < 1e-12);

    assert_true(e.figures[2].at_k.ndcg == 0);
    assert_true(e.figures[2].recall_20 == 1);
    assert_true(fabs(e.coverage - 4.0 / ITEMS) < 1e-12);
    mf_evaluation_clear(&e);
    mf_held_out_clear(&held);
}

static void a_list_that_ends_early_is_marked(void **state)
{
    (void)state;
    const triple rows[] = {{1, 5, 5}};
    mf_held_out held = held_out_of(rows, 1, 2, 4);
    const mf_list_source source = countdown_source(&lucky);
    mf_evaluation e =
        evaluation_of(&source, &held, &(mf_evaluation_options){.k = 28, .n_threads = 1});
    assert_int_equal(e.length, 28);
    assert_int_equal(e.list[LISTED - 1], ITEMS - LISTED);
    assert_int_equal(e.list[LISTED], MF_INDEX_NONE);
    assert_true(e.figures[0].at_k.recall == 1);
    assert_true(e.figures[0].at_k.precision == 1.0 / 28);
    assert_true(e.figures[0].novelty == 0);
    mf_evaluation_clear(&e);
    mf_held_out_clear(&held);
}

static void nothing_relevant_is_no_failure(void **state)
{
    (void)state;
    const triple rows[] = {{1, 29, 1}, {0, 28, 1}};
    mf_held_out held = held_out_of(rows, 2, 3, 4);
    const mf_list_source source = countdown_source(&lucky);
    mf_evaluation e =
        evaluation_of(&source, &held, &(mf_evaluation_options){.k = 10, .n_threads = 2});
    assert_int_equal(e.n_users, 0);
    assert_int_equal(e.n_nothing_relevant, 2);
    assert_true(e.coverage == 0);
    mf_evaluation_clear(&e);
    mf_held_out_clear(&held);
}

static void at_most_so_many_users_are_looked_at_evenly_spread(void **state)
{
    (void)state;
    triple rows[25];
    for (uint32_t u = 0; u < 25; u++)
        rows[u] = (triple){u, 29, 5};
    mf_held_out held = held_out_of(rows, 25, 25, 4);
    const mf_list_source source = countdown_source(&lucky);
    for (uint32_t most = 1; most <= 30; most++) {
        mf_evaluation e = evaluation_of(
            &source, &held, &(mf_evaluation_options){.k = 10, .n_threads = 1, .max_users = most});
        const uint32_t looked_at = most < 25 ? most : 25;
        assert_int_equal(e.n_users + e.n_unknown_users, looked_at); /* user 0 is unknown */
        assert_int_equal(e.n_not_looked_at, 25 - looked_at);
        for (uint32_t k = 1; k < e.n_users; k++)
            assert_true(e.user[k] > e.user[k - 1] &&
                        e.user[k] - e.user[k - 1] <= 25 / looked_at + 1);
        mf_evaluation_clear(&e);
    }
    mf_held_out_clear(&held);
}

static void a_source_that_fails_ends_it_with_its_words(void **state)
{
    (void)state;
    triple rows[29];
    for (uint32_t u = 0; u < 29; u++)
        rows[u] = (triple){u, 29, 5};
    mf_held_out held = held_out_of(rows, 29, 29, 4);
    const countdown unlucky = {7};
    const mf_list_source source = countdown_source(&unlucky);
    for (uint32_t n_threads = 1; n_threads <= 4; n_threads++) {
        mf_error err = {0};
        mf_evaluation e;
        const mf_evaluation_options options = {.k = 10, .n_threads = n_threads};
        assert_false(mf_evaluate_lists(&source, &held, &options, &e, &err));
        assert_error(&err, MF_ERR_IO, "user 7 has bad luck");
        assert_null(e.figures);
    }
    mf_held_out_clear(&held);
}

static void lists_without_a_length_are_refused(void **state)
{
    (void)state;
    mf_held_out held = held_out_of(NULL, 0, 1, 4);
    const mf_list_source source = countdown_source(&lucky);
    static const uint32_t lengths[] = {0, MF_METRICS_K_MAX + 1};
    for (size_t i = 0; i < 2; i++) {
        mf_error err = {0};
        mf_evaluation e;
        const mf_evaluation_options options = {.k = lengths[i], .n_threads = 1};
        assert_false(mf_evaluate_lists(&source, &held, &options, &e, &err));
        assert_error(&err, MF_ERR_ARGUMENT, "lists of");
    }
    mf_held_out_clear(&held);
}

static void each_failing_allocation_is_an_error(void **state)
{
    (void)state;
    const triple rows[] = {{1, 29, 5}, {2, 29, 5}};
    mf_held_out held = held_out_of(rows, 2, 3, 4);
    const mf_list_source source = countdown_source(&lucky);
    bool ok = false;
    for (size_t n = 1; !ok; n++) {
        mf_error err = {0};
        mf_evaluation e;
        const mf_evaluation_options options = {.k = 10, .n_threads = 1};
        mf_memory_fail_nth(n);
        ok = mf_evaluate_lists(&source, &held, &options, &e, &err);
        mf_memory_fail_nth(0);
        if (!ok)
            assert_int_equal(err.code, MF_ERR_MEMORY);
        mf_evaluation_clear(&e);
        assert_true(n < 100);
    }
    mf_held_out_clear(&held);
}

/* ---- lists of a model ------------------------------------------------------ */

static void held_out_at_random(const mf_model_parts *parts, mf_held_out *held)
{
    enum { ROWS = 300 };
    triple rows[ROWS];
    size_t n = 0;
    for (uint32_t u = 0; u < parts->n_users; u++)
        for (uint32_t i = 0; i < parts->n_items && n < ROWS; i++)
            if (mf_random_below(9, (uint64_t)u * parts->n_items + i, 100) < 8)
                rows[n++] = (triple){u, i, (float)(i % 6)};
    *held = held_out_of(rows, n, parts->n_users, 3);
}

static void the_lists_of_a_model_are_those_of_top_n(void **state)
{
    (void)state;
    mf_error err = {0};
    world w = world_create((world_shape){
        .n_users = 20, .n_items = 90, .n_factors = 5, .rated_percent = 30, .seed = 3});
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    mf_held_out held;
    held_out_at_random(w.parts, &held);
    const mf_model_lists lists = {.recommender = recommender, .order = MF_ORDER_RATING};
    const mf_list_source source = mf_model_lists_source(&lists);
    mf_evaluation e =
        evaluation_of(&source, &held, &(mf_evaluation_options){.k = 10, .n_threads = 3});
    assert_true(e.n_users > 10);
    bool came_back = false;
    for (uint32_t k = 0; k < e.n_users; k++) {
        const uint32_t user = e.user[k];
        uint32_t out[90];
        size_t n_out = 0;
        /* Without a ranking model the file does not tell what was in training: held-out items may be listed. */
        for (uint64_t r = w.parts->rated_start[user]; r < w.parts->rated_start[user + 1]; r++) {
            const uint32_t item = w.parts->rated_items[r];
            if (!is_among(held.item + held.start[user],
                          (size_t)(held.start[user + 1] - held.start[user]), item))
                out[n_out++] = item;
            else
                came_back |= is_among(e.list + (size_t)k * e.length, e.length, item);
        }
        mf_profile profile = mf_profile_of_user(recommender, user);
        profile.rated = out;
        profile.n_rated = n_out;
        const mf_top_n_query query = {.n = e.length, .order = MF_ORDER_RATING};
        const mf_recommendation *best;
        size_t n_best;
        assert_ok(mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err), err);
        assert_int_equal(n_best, e.length);
        for (size_t j = 0; j < n_best; j++)
            assert_int_equal(e.list[(size_t)k * e.length + j], best[j].item);
    }
    assert_true(came_back);
    mf_evaluation_clear(&e);
    mf_held_out_clear(&held);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommender);
    world_release(&w);
}

static void what_else_is_left_out_joins_what_was_rated(void **state)
{
    (void)state;
    world w = world_create((world_shape){
        .n_users = 20, .n_items = 90, .n_factors = 5, .rated_percent = 30, .seed = 4});
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_held_out held;
    held_out_at_random(w.parts, &held);
    /* Items 0, 2, 4, …, of all users: some are rated, and some are held out. */
    uint64_t start[21];
    uint32_t items[20 * 45];
    for (uint32_t k = 0; k < sizeof items / sizeof items[0]; k++)
        items[k] = k % 45 * 2;
    for (uint32_t u = 0; u < sizeof start / sizeof start[0]; u++)
        start[u] = u * 45;
    const mf_model_lists lists = {.recommender = recommender,
                                  .order = MF_ORDER_RATING,
                                  .also_start = start,
                                  .also_items = items};
    const mf_list_source source = mf_model_lists_source(&lists);
    mf_evaluation e =
        evaluation_of(&source, &held, &(mf_evaluation_options){.k = 10, .n_threads = 2});
    assert_true(e.n_users > 5);
    for (uint32_t k = 0; k < e.n_users * e.length; k++)
        assert_true(e.list[k] == MF_INDEX_NONE || e.list[k] % 2 == 1);
    mf_error err = {0};
    void *thread = source.thread_create(source.context, &err);
    assert_ok(thread != NULL, err);
    for (uint32_t u = 0; u < w.parts->n_users; u++) {
        mf_left_out out;
        assert_ok(source.left_out(source.context, thread, u, NULL, 0, &out, &err), err);
        for (size_t k = 1; k < out.n; k++)
            assert_true(out.items[k - 1] < out.items[k]);
        for (uint32_t i = 0; i < 90; i += 2)
            assert_true(is_among(out.items, out.n, i));
        for (uint64_t r = w.parts->rated_start[u]; r < w.parts->rated_start[u + 1]; r++)
            assert_true(is_among(out.items, out.n, w.parts->rated_items[r]));
    }
    source.thread_destroy(thread);
    mf_evaluation_clear(&e);
    mf_held_out_clear(&held);
    mf_recommender_destroy(recommender);
    world_release(&w);
}

static void the_number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    world w = world_create((world_shape){
        .n_users = 40, .n_items = 70, .n_factors = 4, .rated_percent = 20, .seed = 8});
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_ratings train = random_ratings(40, 70, 20, 77);
    mf_error err = {0};
    mf_baselines *b = mf_baselines_create(&train, &err);
    assert_ok(b != NULL, err);
    mf_held_out held;
    held_out_at_random(w.parts, &held);
    const mf_model_lists lists = {.recommender = recommender, .order = MF_ORDER_RATING};
    const mf_list_source sources[] = {mf_model_lists_source(&lists), mf_baselines_popularity(b),
                                      mf_baselines_item_item(b)};
    for (size_t s = 0; s < 3; s++) {
        mf_evaluation one =
            evaluation_of(&sources[s], &held, &(mf_evaluation_options){.k = 7, .n_threads = 1});
        static const uint32_t threads[] = {2, 3, 8, 64};
        for (size_t t = 0; t < 4; t++) {
            mf_evaluation e = evaluation_of(
                &sources[s], &held, &(mf_evaluation_options){.k = 7, .n_threads = threads[t]});
            assert_same_evaluation(&one, &e);
            mf_evaluation_clear(&e);
        }
        mf_evaluation_clear(&one);
    }
    mf_held_out_clear(&held);
    mf_baselines_destroy(b);
    ratings_clear(&train);
    mf_recommender_destroy(recommender);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_list_against_what_is_relevant),
        cmocka_unit_test(a_list_that_ends_early_is_marked),
        cmocka_unit_test(nothing_relevant_is_no_failure),
        cmocka_unit_test(at_most_so_many_users_are_looked_at_evenly_spread),
        cmocka_unit_test(a_source_that_fails_ends_it_with_its_words),
        cmocka_unit_test(lists_without_a_length_are_refused),
        cmocka_unit_test(each_failing_allocation_is_an_error),
        cmocka_unit_test(the_lists_of_a_model_are_those_of_top_n),
        cmocka_unit_test(what_else_is_left_out_joins_what_was_rated),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
