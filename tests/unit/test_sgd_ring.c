/* test_sgd_ring.c: one training over several hosts (threads of this process, hosts_loopback.h) has
 * the bits of one host. */
#include "sgd_testing.h"

#include "base/id_list.h"
#include "hosts_loopback.h"
#include "sgd/lap.h"
#include "sgd/state.h"

/* A training that all hosts run, and the same on one host beside it. */
typedef struct run {
    mf_hyperparameters h;
    const mf_ratings *ratings;
    const mf_ratings_rows *rows; /* or NULL */
    const mf_model_parts *base;  /* or NULL */
    mf_trainer *expected;        /* done */
    mf_trainer_result result;    /* of it */
    bool must_differ;
    uint64_t sent_bytes[8]; /* by rank, in the last epoch */
    /* Checkpoints: one file for each host. */
    char *paths[8];
    size_t n_paths;
    uint32_t epochs_before; /* they are made after as many */
} run;

/* Trains to the end. */
static bool train_to_the_end(mf_trainer *t, mf_error *err)
{
    while (!mf_trainer_done(t)) {
        bool ended;
        if (!mf_trainer_step(t, &ended, err))
            return false;
    }
    return true;
}

static bool same_figures(const mf_trainer *a, const mf_trainer *b)
{
    uint32_t n_a, n_b;
    const mf_epoch *epochs_a = mf_trainer_epochs(a, &n_a);
    const mf_epoch *epochs_b = mf_trainer_epochs(b, &n_b);
    bool same = n_a == n_b;
    for (uint32_t n = 0; same && n < n_a; n++)
        same = epochs_a[n].is_best == epochs_b[n].is_best &&
               epochs_a[n].train_rmse == epochs_b[n].train_rmse &&
               epochs_a[n].validation_rmse == epochs_b[n].validation_rmse &&
               epochs_a[n].validation_mae == epochs_b[n].validation_mae;
    return same;
}

/* The result is on the first host, the figures on all. */
static bool is_that_of_one_host(mf_hosts_group *group, const run *r, mf_trainer *t, mf_error *err)
{
    mf_trainer_result found;
    if (!mf_trainer_result_get(t, &found, err))
        return false;
    const bool first = mf_hosts_rank(group) == 0;
    const bool same = same_figures(t, r->expected) &&
                      mf_trainer_fingerprint(t) == mf_trainer_fingerprint(r->expected) &&
                      found.best_epoch == r->result.best_epoch &&
                      (first ? same_result(&found, &r->result, r->ratings->n_users,
                                           r->ratings->n_items, r->h.n_factors)
                             : found.user_factors == NULL && found.item_factors == NULL);
    if (r->must_differ)
        return !first || !same ||
               mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "the same bits out of turn");
    return same || mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "other bits than on one host");
}

static bool work(mf_hosts_group *group, void *argument, mf_error *err)
{
    run *r = argument;
    const mf_trainer_input input = {
        .ratings = r->ratings, .validation = r->rows, .base = r->base, .group = group};
    mf_trainer *t = mf_trainer_create(&r->h, &input, err);
    if (t == NULL)
        return false;
    const bool ok = train_to_the_end(t, err) && is_that_of_one_host(group, r, t, err);
    uint32_t n;
    const mf_epoch *epochs = mf_trainer_epochs(t, &n);
    r->sent_bytes[mf_hosts_rank(group)] = n > 0 ? epochs[n - 1].sent_bytes : 0;
    mf_trainer_destroy(t);
    return ok;
}

static run make_run(const mf_hyperparameters *h, const mf_ratings *ratings,
                    const mf_ratings_rows *rows, const mf_model_parts *base)
{
    mf_error err = {0};
    run r = {.h = *h, .ratings = ratings, .rows = rows, .base = base};
    r.expected = new_trainer(h, ratings, rows, base);
    assert_ok(train_to_the_end(r.expected, &err), err);
    r.result = get_result(r.expected);
    return r;
}

static const uint32_t host_counts[] = {2, 3, 5};
static const uint32_t thread_counts[] = {1, 3};
enum { HOST_COUNTS = 3, THREAD_COUNTS = 2 };

/* Every number of hosts and threads against one host. */
static void check(const mf_hyperparameters *h, const mf_ratings *ratings,
                  const mf_ratings_rows *rows, const mf_model_parts *base)
{
    run r = make_run(h, ratings, rows, base);
    for (size_t n = 0; n < HOST_COUNTS; n++)
        for (size_t t = 0; t < THREAD_COUNTS; t++) {
            mf_error err = {0};
            r.h.n_threads = thread_counts[t];
            if (!mf_hosts_loopback_run(host_counts[n], work, &r, &err))
                fail_msg("%u hosts, %u threads: %s", host_counts[n], r.h.n_threads, err.text);
        }
    mf_trainer_destroy(r.expected);
}

/* Some users and items of the rows are not known. */
static mf_ratings_rows rows_with_unknowns(uint32_t n_users, uint32_t n_items)
{
    mf_ratings_rows rows = make_rows(n_users, n_items, rank_two_held_out);
    for (uint64_t k = 0; k < rows.n; k++) {
        const uint32_t what = mf_random_below(51, k, 10);
        rows.user[k] = what < 2 ? MF_INDEX_NONE : rows.user[k];
        rows.item[k] = what == 0 || what == 2 ? MF_INDEX_NONE : rows.item[k];
    }
    return rows;
}

/* More item-blocks than user-blocks, as many, fewer; hosts without a user-block; one of a side. */
static void a_training_over_hosts_has_the_bits_of_one_host(void **state)
{
    (void)state;
    static const struct {
        uint32_t n_users, n_items, n_factors;
    } cases[] = {
        {120, 90, 8}, {TALL_USERS, TALL_ITEMS, TALL_FACTORS}, {300, 3, 8}, {3, 200, 8}, {1, 40, 8},
        {40, 1, 8},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        for (int implicit = 0; implicit < 2; implicit++) {
            mf_hyperparameters h = small_run();
            h.n_factors = cases[c].n_factors;
            h.n_epochs = 3;
            h.implicit_rate = implicit;
            mf_ratings *ratings = make_ratings(cases[c].n_users, cases[c].n_items, rank_two);
            mf_ratings_rows rows = rows_with_unknowns(cases[c].n_users, cases[c].n_items);
            check(&h, ratings, implicit == 1 && rows.n > 0 ? &rows : NULL, NULL);
            mf_ratings_rows_clear(&rows);
            mf_ratings_destroy(ratings);
        }
}

static void all_hosts_stop_early_at_the_same_epoch(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_epochs = 60;
    h.learning_rate = 0.05;
    h.early_stopping_patience = 3;
    mf_ratings *ratings = make_ratings(50, 40, noise);
    mf_ratings_rows rows = make_rows(50, 40, noise_held_out);
    check(&h, ratings, &rows, NULL);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

static void a_warm_start_over_hosts_has_the_bits_of_one_host(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_epochs = 3;
    mf_ratings *ratings = make_ratings(100, 60, rank_two);
    mf_ratings *more = make_ratings(130, 70, rank_two);
    mf_trainer *first = train(&h, ratings, NULL);
    const mf_trainer_result old = get_result(first);
    const mf_model_parts base = {
        .n_users = 100,
        .n_items = 60,
        .n_factors = h.n_factors,
        .global_mean = old.global_mean,
        .rating_min = old.rating_min,
        .rating_max = old.rating_max,
        .user_bias = old.user_bias,
        .item_bias = old.item_bias,
        .user_factors = old.user_factors,
        .item_factors = old.item_factors,
    };
    check(&h, more, NULL, &base);
    mf_trainer_destroy(first);
    mf_ratings_destroy(more);
    mf_ratings_destroy(ratings);
}

/* The control: without the turns of user-blocks the sums have another order. */
static void item_blocks_out_of_turn_give_other_bits(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_hyperparameters h = small_run();
    h.n_epochs = 2;
    h.implicit_rate = 0;
    mf_ratings *ratings = make_ratings(120, 90, rank_two);
    run r = make_run(&h, ratings, NULL, NULL);
    r.must_differ = true;
    mf_lap_out_of_turn(true);
    const bool ok = mf_hosts_loopback_run(2, work, &r, &err);
    mf_lap_out_of_turn(false);
    assert_ok(ok, err);
    mf_trainer_destroy(r.expected);
    mf_ratings_destroy(ratings);
}

/* Rows of all items for each lap, once: 2 rows and a bias, 2 rows, 1 row and a bias. What is beside
 * them is small and does not grow with the items. */
static void a_host_sends_each_item_row_once_a_lap(void **state)
{
    (void)state;
    enum { ITEMS = 2000, BESIDES = 2000 };
    mf_error err = {0};
    mf_hyperparameters h = small_run();
    h.n_epochs = 1;
    mf_ratings *ratings = make_ratings(100, ITEMS, rank_two);
    mf_ratings_rows rows = make_rows(20, 10, rank_two_held_out);
    run r = make_run(&h, ratings, &rows, NULL);
    const uint64_t row = mf_model_stride(h.n_factors) * sizeof(float);
    const uint64_t expected = ITEMS * (5 * row + 2 * sizeof(float));
    for (size_t n = 0; n < HOST_COUNTS; n++) {
        assert_ok(mf_hosts_loopback_run(host_counts[n], work, &r, &err), err);
        for (uint32_t rank = 0; rank < host_counts[n]; rank++)
            assert_in_range(r.sent_bytes[rank], expected, expected + BESIDES);
    }
    mf_trainer_destroy(r.expected);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

static void divergence_ends_all_hosts_with_the_same_sentence(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_hyperparameters h = small_run();
    mf_ratings *ratings = make_ratings(50, 40, rank_two);
    run r = make_run(&h, ratings, NULL, NULL);
    r.h.learning_rate = 1e9;
    assert_false(mf_hosts_loopback_run(3, work, &r, &err));
    assert_int_equal(err.code, MF_ERR_DIVERGED);
    assert_non_null(strstr(err.text, "training diverged in epoch 1"));
    mf_trainer_destroy(r.expected);
    mf_ratings_destroy(ratings);
}

/* --- checkpoints --------------------------------------------------------------------- */

static bool save(mf_hosts_group *group, void *argument, mf_error *err)
{
    const run *r = argument;
    const mf_trainer_input input = {
        .ratings = r->ratings, .validation = r->rows, .base = r->base, .group = group};
    mf_trainer *t = mf_trainer_create(&r->h, &input, err);
    bool ok = t != NULL;
    for (uint32_t n = 0; ok && n < r->epochs_before;) {
        bool ended;
        ok = mf_trainer_step(t, &ended, err);
        n += ended;
    }
    ok = ok && mf_trainer_save(t, r->paths[mf_hosts_rank(group)], err);
    mf_trainer_destroy(t);
    return ok;
}

static bool resume(mf_hosts_group *group, void *argument, mf_error *err)
{
    run *r = argument;
    const mf_trainer_input input = {
        .ratings = r->ratings, .validation = r->rows, .base = r->base, .group = group};
    mf_trainer *t = mf_trainer_create(&r->h, &input, err);
    uint32_t n = 0;
    bool ok = t != NULL && mf_trainer_resume_set(t, (const char *const *)r->paths, r->n_paths, err);
    if (ok)
        mf_trainer_epochs(t, &n);
    ok = ok && (n == r->epochs_before || mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%u epochs", n));
    ok = ok && train_to_the_end(t, err) && is_that_of_one_host(group, r, t, err);
    mf_trainer_destroy(t);
    return ok;
}

static void name_paths(run *r, const char *folder, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        char name[48];
        snprintf(name, sizeof name, "%zu-of-%zu", k + 1, n);
        r->paths[k] = testing_path(folder, name);
    }
    r->n_paths = n;
}

static void forget_paths(run *r)
{
    for (size_t k = 0; k < r->n_paths; k++)
        free(r->paths[k]);
    r->n_paths = 0;
}

static void a_run_continues_on_another_number_of_hosts_with_the_same_bits(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 3, 5};
    static const struct {
        uint32_t n_users, n_items, n_factors, epochs_before;
        bool validated;
    } cases[] = {{120, 90, 8, 2, true},
                 {TALL_USERS, TALL_ITEMS, TALL_FACTORS, 1, true},
                 {3, 60, 8, 1, false},
                 {60, 50, 8, 3, true}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_hyperparameters h = small_run();
        h.n_factors = cases[c].n_factors;
        h.n_epochs = 3;
        mf_ratings *ratings = make_ratings(cases[c].n_users, cases[c].n_items, rank_two);
        mf_ratings_rows rows = rows_with_unknowns(cases[c].n_users, cases[c].n_items);
        run r = make_run(&h, ratings, cases[c].validated ? &rows : NULL, NULL);
        r.epochs_before = cases[c].epochs_before;
        /* The large one takes longer. */
        const size_t step = cases[c].n_factors == TALL_FACTORS ? 2 : 1;
        for (size_t from = 0; from < 4; from += step) {
            mf_error err = {0};
            char *folder = testing_folder();
            name_paths(&r, folder, counts[from]);
            assert_ok(mf_hosts_loopback_run(counts[from], save, &r, &err), err);
            for (size_t to = 0; to < 4; to += step)
                if (!mf_hosts_loopback_run(counts[to], resume, &r, &err))
                    fail_msg("case %zu, from %u hosts to %u: %s", c, counts[from], counts[to],
                             err.text);
            forget_paths(&r);
            testing_folder_remove(folder);
        }
        mf_trainer_destroy(r.expected);
        mf_ratings_rows_clear(&rows);
        mf_ratings_destroy(ratings);
    }
}

static void sets_that_are_not_whole_are_refused_by_all_hosts(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_hyperparameters h = small_run();
    h.n_epochs = 2;
    mf_ratings *ratings = make_ratings(60, 50, rank_two);
    run r = make_run(&h, ratings, NULL, NULL);
    char *folder = testing_folder();
    r.epochs_before = 1;
    name_paths(&r, folder, 3);
    assert_ok(mf_hosts_loopback_run(3, save, &r, &err), err);
    /* One too few. */
    r.n_paths = 2;
    assert_false(mf_hosts_loopback_run(2, resume, &r, &err));
    assert_int_equal(err.code, MF_ERR_FORMAT);
    assert_non_null(strstr(err.text, "is not number 1 of the checkpoints of 2 hosts"));
    /* In another order. */
    mf_error_clear(&err);
    r.n_paths = 3;
    char *first = r.paths[0];
    r.paths[0] = r.paths[1];
    r.paths[1] = first;
    assert_false(mf_hosts_loopback_run(2, resume, &r, &err));
    assert_non_null(strstr(err.text, "is not number 1 of the checkpoints of 3 hosts"));
    r.paths[1] = r.paths[0];
    r.paths[0] = first;
    /* One of another epoch. */
    mf_error_clear(&err);
    r.epochs_before = 2;
    free(r.paths[1]);
    r.paths[1] = testing_path(folder, "later");
    assert_ok(mf_hosts_loopback_run(3, save, &r, &err), err);
    r.epochs_before = 1;
    free(r.paths[1]);
    r.paths[1] = testing_path(folder, "2-of-3");
    assert_false(mf_hosts_loopback_run(2, resume, &r, &err));
    assert_non_null(strstr(err.text, "is of another epoch"));
    forget_paths(&r);
    testing_folder_remove(folder);
    mf_trainer_destroy(r.expected);
    mf_ratings_destroy(ratings);
}

/* --- the ring itself --------------------------------------------------------------- */

static void ranges_cover_all_user_blocks(void **state)
{
    (void)state;
    for (uint32_t blocks = 1; blocks < 30; blocks++)
        for (uint32_t size = 1; size < 12; size++) {
            const mf_grid grid = {.user_blocks = blocks};
            assert_int_equal(mf_grid_range_start(&grid, 0, size), 0);
            assert_int_equal(mf_grid_range_start(&grid, size, size), blocks);
            for (uint32_t a = 0; a < blocks; a++) {
                const uint32_t host = mf_grid_host(&grid, a, size);
                assert_in_range(a, mf_grid_range_start(&grid, host, size),
                                mf_grid_range_start(&grid, host + 1, size) - 1);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_cover_all_user_blocks),
        cmocka_unit_test(a_training_over_hosts_has_the_bits_of_one_host),
        cmocka_unit_test(all_hosts_stop_early_at_the_same_epoch),
        cmocka_unit_test(a_warm_start_over_hosts_has_the_bits_of_one_host),
        cmocka_unit_test(item_blocks_out_of_turn_give_other_bits),
        cmocka_unit_test(a_host_sends_each_item_row_once_a_lap),
        cmocka_unit_test(a_run_continues_on_another_number_of_hosts_with_the_same_bits),
        cmocka_unit_test(sets_that_are_not_whole_are_refused_by_all_hosts),
        cmocka_unit_test(divergence_ends_all_hosts_with_the_same_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
