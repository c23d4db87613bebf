/* test_sgd_checkpoint.c: a run that was cut anywhere ends like one that was not. */
#include "sgd_testing.h"

#include "base/file.h"
#include "section_testing.h"
#include "sgd/state.h"

enum { USERS = 30, ITEMS = 25, STEPS_MAX = 64 };

typedef struct run {
    mf_hyperparameters h;
    mf_ratings *ratings;
    mf_ratings_rows rows;
} run;

static run make_run(void)
{
    run r = {.h = small_run(), .ratings = make_ratings(USERS, ITEMS, rank_two)};
    r.rows = make_rows(USERS, ITEMS, rank_two_held_out);
    r.h.n_epochs = 6;
    return r;
}

static void run_clear(run *r)
{
    mf_ratings_rows_clear(&r->rows);
    mf_ratings_destroy(r->ratings);
}

/* Saves before the first step and after each one, resumes every checkpoint in a
 * trainer of its own and compares the ends. Returns how many steps there were. */
static uint32_t cut_everywhere(const mf_hyperparameters *h, const mf_ratings *ratings,
                               const mf_ratings_rows *validation, const mf_model_parts *base)
{
    mf_error err = {0};
    char *folder = testing_folder();
    char *paths[STEPS_MAX];
    uint32_t steps = 0;
    mf_trainer *whole = new_trainer(h, ratings, validation, base);
    for (;; steps++) {
        assert_true(steps < STEPS_MAX);
        char name[32];
        snprintf(name, sizeof name, "step-%u", steps);
        paths[steps] = testing_path(folder, name);
        assert_ok(mf_trainer_save(whole, paths[steps], &err), err);
        if (mf_trainer_done(whole))
            break;
        bool ended;
        assert_ok(mf_trainer_step(whole, &ended, &err), err);
    }
    const mf_trainer_result expected = get_result(whole);
    for (uint32_t k = 0; k <= steps; k++) {
        mf_hyperparameters other = *h;
        other.n_threads = 1 + k % 3; /* may differ after the cut */
        mf_trainer *resumed = new_trainer(&other, ratings, validation, base);
        assert_ok(mf_trainer_resume(resumed, paths[k], &err), err);
        uint32_t left = 0;
        for (bool ended; !mf_trainer_done(resumed); left++)
            assert_ok(mf_trainer_step(resumed, &ended, &err), err);
        assert_int_equal(k + left, steps);
        const mf_trainer_result found = get_result(resumed);
        assert_int_equal(found.best_epoch, expected.best_epoch);
        if (!same_result(&found, &expected, ratings->n_users, ratings->n_items, h->n_factors))
            fail_msg("cut after step %u of %u: another result", k, steps);
        assert_same_epochs(resumed, whole);
        assert_int_equal(mf_trainer_stopped_early(resumed), mf_trainer_stopped_early(whole));
        mf_trainer_destroy(resumed);
        free(paths[k]);
    }
    mf_trainer_destroy(whole);
    testing_folder_remove(folder);
    return steps;
}

static void a_run_cut_after_any_step_ends_with_the_same_bits(void **state)
{
    (void)state;
    for (int validated = 0; validated < 2; validated++)
        for (int implicit = 0; implicit < 2; implicit++) {
            run r = make_run();
            r.h.implicit_rate = implicit;
            assert_int_equal(cut_everywhere(&r.h, r.ratings, validated ? &r.rows : NULL, NULL), 6);
            run_clear(&r);
        }
}

static void a_run_that_stops_early_may_be_cut_too(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_epochs = 60;
    h.learning_rate = 0.05;
    h.early_stopping_patience = 4;
    mf_ratings *ratings = make_ratings(50, 40, noise);
    mf_ratings_rows rows = make_rows(50, 40, noise_held_out);
    assert_true(cut_everywhere(&h, ratings, &rows, NULL) < 60);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

static float dense(uint32_t user, uint32_t item)
{
    return 1 + (float)mf_random_below(41, (uint64_t)user << 32 | item, 5);
}

/* With as many ratings an epoch is more than one step. */
static void a_run_cut_in_the_middle_of_an_epoch_ends_with_the_same_bits(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_factors = 125;
    h.n_epochs = 2;
    mf_ratings *ratings = make_ratings(1000, 1000, dense);
    mf_ratings_rows rows = make_rows(7, 6, dense);
    assert_true(cut_everywhere(&h, ratings, &rows, NULL) > 2);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

static void a_run_with_more_user_blocks_than_item_blocks_may_be_cut_too(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_factors = TALL_FACTORS;
    h.n_epochs = 2;
    mf_ratings *ratings = make_ratings(TALL_USERS, TALL_ITEMS, rank_two);
    mf_ratings_rows rows = make_rows(TALL_USERS, TALL_ITEMS, rank_two_held_out);
    assert_true(cut_everywhere(&h, ratings, &rows, NULL) > 2);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

static void a_warm_start_may_be_cut_too(void **state)
{
    (void)state;
    run r = make_run();
    mf_trainer *trainer = train(&r.h, r.ratings, NULL);
    const mf_trainer_result old = get_result(trainer);
    const mf_model_parts base = {
        .n_users = USERS,
        .n_items = ITEMS,
        .n_factors = r.h.n_factors,
        .global_mean = old.global_mean,
        .rating_min = old.rating_min,
        .rating_max = old.rating_max,
        .user_bias = old.user_bias,
        .item_bias = old.item_bias,
        .user_factors = old.user_factors,
        .item_factors = old.item_factors,
    };
    assert_int_equal(cut_everywhere(&r.h, r.ratings, &r.rows, &base), 6);
    mf_trainer_destroy(trainer);
    run_clear(&r);
}

/* --- refusals ------------------------------------------------------------ */

static float other_rank_two(uint32_t user, uint32_t item)
{
    return user == 3 && !isnan(rank_two(user, item)) ? 6 - rank_two(user, item)
                                                     : rank_two(user, item);
}

static float fewer(uint32_t user, uint32_t item)
{
    return user == USERS - 1 && item > 10 ? NAN : rank_two(user, item);
}

/* The trainer is as if nothing had been tried: it ends like a new one. */
static void assert_refused(mf_trainer *trainer, const char *path, const char *words)
{
    mf_error err = {0};
    uint32_t n;
    assert_false(mf_trainer_resume(trainer, path, &err));
    assert_error(&err, MF_ERR_FORMAT, words);
    mf_trainer_epochs(trainer, &n);
    assert_int_equal(n, 0);
    assert_false(mf_trainer_done(trainer));
}

/* Each user's ratings one after another in time, from a number on. */
static void set_time_ranks(mf_ratings *ratings, uint32_t first)
{
    mf_error err = {0};
    ratings->time_rank = mf_allocate(ratings->n_ratings, sizeof *ratings->time_rank, "ranks", &err);
    assert_ok(ratings->time_rank != NULL, err);
    for (uint32_t u = 0; u < ratings->n_users; u++)
        for (uint64_t k = ratings->user_start[u]; k < ratings->user_start[u + 1]; k++)
            ratings->time_rank[k] = first + 2 * (uint32_t)(k - ratings->user_start[u]);
}

static void clear_time_ranks(mf_ratings *ratings)
{
    mf_free(ratings->time_rank);
    ratings->time_rank = NULL;
}

static void a_checkpoint_of_other_data_or_other_settings_is_refused(void **state)
{
    (void)state;
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "checkpoint");
    run r = make_run();
    mf_trainer *trainer = new_trainer(&r.h, r.ratings, &r.rows, NULL);
    run_epochs(trainer, 3);
    assert_ok(mf_trainer_save(trainer, path, &err), err);

    mf_ratings *values = make_ratings(USERS, ITEMS, other_rank_two);
    mf_ratings *pairs = make_ratings(USERS, ITEMS, fewer);
    mf_ratings *shape = make_ratings(USERS + 1, ITEMS, rank_two);
    mf_ratings_rows rows = make_rows(USERS, ITEMS, fewer);
    mf_ratings_rows other_value = make_rows(USERS, ITEMS, rank_two_held_out);
    other_value.value[5] += 1;
    mf_model_parts base = {.n_users = 1, .n_items = 1, .n_factors = 8};
    static const _Alignas(64) float zeros[16];
    base.user_bias = base.item_bias = zeros;
    base.user_factors = base.item_factors = zeros;
    mf_ratings *item_id = make_ratings(USERS, ITEMS, rank_two);
    ((char *)(uintptr_t)item_id->items.bytes)[1] = 'x';
    mf_ratings *user_id = make_ratings(USERS, ITEMS, rank_two);
    ((char *)(uintptr_t)user_id->users.bytes)[1] = 'x';
    /* u1, u2 become u, 1u2: the same bytes one after another. */
    mf_ratings *id_border = make_ratings(USERS, ITEMS, rank_two);
    ((uint64_t *)(uintptr_t)id_border->users.start)[2]--;
    mf_ratings *times = make_ratings(USERS, ITEMS, rank_two);
    set_time_ranks(times, 0);
    mf_ratings *clicks = make_ratings(USERS, ITEMS, rank_two);
    clicks->feedback = MF_FEEDBACK_IMPLICIT;
    const mf_trainer_input data[] = {
        {.ratings = values, .validation = &r.rows},
        {.ratings = pairs, .validation = &r.rows},
        {.ratings = shape, .validation = &r.rows},
        {.ratings = item_id, .validation = &r.rows},
        {.ratings = user_id, .validation = &r.rows},
        {.ratings = id_border, .validation = &r.rows},
        {.ratings = times, .validation = &r.rows},
        {.ratings = clicks, .validation = &r.rows},
        {.ratings = r.ratings},
        {.ratings = r.ratings, .validation = &rows},
        {.ratings = r.ratings, .validation = &other_value},
        {.ratings = r.ratings, .validation = &r.rows, .base = &base},
        {.ratings = r.ratings, .validation = &r.rows, .settings_fingerprint = 1},
    };
    for (size_t c = 0; c < sizeof data / sizeof data[0]; c++) {
        mf_trainer *other = mf_trainer_create(&r.h, &data[c], &err);
        assert_ok(other != NULL, err);
        assert_refused(other, path, "is a checkpoint of other data or other hyperparameters");
        mf_trainer_destroy(other);
    }
    mf_ratings_destroy(values);
    mf_ratings_destroy(pairs);
    mf_ratings_destroy(shape);
    mf_ratings_destroy(item_id);
    mf_ratings_destroy(user_id);
    mf_ratings_destroy(id_border);
    clear_time_ranks(times);
    mf_ratings_destroy(times);
    mf_ratings_destroy(clicks);
    mf_ratings_rows_clear(&rows);
    mf_ratings_rows_clear(&other_value);
    mf_trainer_destroy(trainer);
    run_clear(&r);
    free(path);
    testing_folder_remove(folder);
}

static uint64_t fingerprint_of(const mf_hyperparameters *h, const mf_trainer_input *input)
{
    mf_error err = {0};
    mf_trainer *trainer = mf_trainer_create(h, input, &err);
    assert_ok(trainer != NULL, err);
    const uint64_t print = mf_trainer_fingerprint(trainer);
    mf_trainer_destroy(trainer);
    return print;
}

/* Ranks are hashed, not only that there are some; and any one number counts. */
static void the_fingerprint_sees_every_number(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    mf_ratings *ratings = make_ratings(USERS, ITEMS, rank_two);
    mf_ratings_rows rows = make_rows(USERS, ITEMS, rank_two_held_out);
    set_time_ranks(ratings, 0);
    static _Alignas(64) float factors[USERS * 16], biases[USERS];
    mf_model_parts base = {.n_users = USERS - 1,
                           .n_items = ITEMS - 1,
                           .n_factors = 8,
                           .user_bias = biases,
                           .item_bias = biases,
                           .user_factors = factors,
                           .item_factors = factors};
    const mf_trainer_input input = {
        .ratings = ratings, .validation = &rows, .base = &base, .settings_fingerprint = 7};
    const uint64_t first = fingerprint_of(&h, &input);
    for (uint64_t k = 0; k < ratings->n_ratings; k += 7) {
        ratings->time_rank[k]++;
        assert_true(fingerprint_of(&h, &input) != first);
        ratings->time_rank[k]--;
        ratings->value[k] += 0.5f;
        assert_true(fingerprint_of(&h, &input) != first);
        ratings->value[k] -= 0.5f;
    }
    for (uint64_t k = 0; k < rows.n; k += 7) {
        rows.value[k] += 0.5f;
        assert_true(fingerprint_of(&h, &input) != first);
        rows.value[k] -= 0.5f;
        const uint32_t user = rows.user[k];
        rows.user[k] = MF_INDEX_NONE;
        assert_true(fingerprint_of(&h, &input) != first);
        rows.user[k] = user;
    }
    factors[16 * (USERS - 2) + 7] = 1; /* a user's and not an item's: there are fewer items */
    assert_true(fingerprint_of(&h, &input) != first);
    factors[16 * (USERS - 2) + 7] = 0;
    base.global_mean = 1;
    assert_true(fingerprint_of(&h, &input) != first);
    base.global_mean = 0;
    /* What is not of the data: settings are the caller's to hash. */
    h.n_threads = 8;
    h.learning_rate = 0.5;
    h.seed = 99;
    assert_true(fingerprint_of(&h, &input) == first);
    mf_ratings_rows_clear(&rows);
    clear_time_ranks(ratings);
    mf_ratings_destroy(ratings);
}

static void a_result_that_was_taken_frees_the_rest_of_a_finished_training(void **state)
{
    (void)state;
    char *folder = testing_folder();
    char *path = testing_path(folder, "checkpoint");
    for (int validated = 0; validated < 2; validated++) {
        mf_error err = {0};
        run r = make_run();
        mf_trainer *trainer = new_trainer(&r.h, r.ratings, validated ? &r.rows : NULL, NULL);
        mf_trainer *running = new_trainer(&r.h, r.ratings, validated ? &r.rows : NULL, NULL);
        /* In the middle nothing is freed: the run continues after its result was read. */
        run_epochs(running, 3);
        get_result(running);
        assert_false(running->is_released);
        assert_ok(mf_trainer_save(running, path, &err), err);
        run_epochs(running, UINT32_MAX);

        run_epochs(trainer, UINT32_MAX);
        const mf_trainer_result first = get_result(trainer);
        assert_true(trainer->is_released);
        assert_null(trainer->grid.ratings);
        assert_null(trainer->parameters.user_factors);
        assert_null(trainer->implicit.user_vectors);
        assert_null(trainer->held_out.ratings);
        const mf_trainer_result again = get_result(trainer);
        const mf_trainer_result other = get_result(running);
        assert_ptr_equal(again.user_factors, first.user_factors);
        assert_int_equal(again.best_epoch, first.best_epoch);
        assert_true(same_result(&again, &other, USERS, ITEMS, 8));
        assert_same_epochs(trainer, running);

        bool ended = true;
        assert_ok(mf_trainer_step(trainer, &ended, &err), err);
        assert_false(ended);
        assert_true(mf_trainer_done(trainer));
        assert_true(mf_trainer_fraction(trainer) == 0);
        assert_true(mf_trainer_fingerprint(trainer) == mf_trainer_fingerprint(running));
        assert_false(mf_trainer_resume(trainer, path, &err));
        assert_error(&err, MF_ERR_ARGUMENT, "cannot be resumed");
        mf_error_clear(&err);
        char *unwritten = testing_path(folder, "unwritten");
        assert_false(mf_trainer_save(trainer, unwritten, &err));
        assert_error(&err, MF_ERR_ARGUMENT, "nothing to save");
        assert_false(mf_file_exists(unwritten));
        free(unwritten);
        mf_trainer_destroy(trainer);
        mf_trainer_destroy(running);
        run_clear(&r);
    }
    free(path);
    testing_folder_remove(folder);
}

/* A whole checkpoint of r in memory. */
static char *checkpoint_bytes(const run *r, const mf_ratings_rows *validation, const char *path,
                              size_t *n_bytes)
{
    mf_error err = {0};
    char *bytes = NULL;
    mf_trainer *trainer = new_trainer(&r->h, r->ratings, validation, NULL);
    run_epochs(trainer, 3);
    assert_ok(mf_trainer_save(trainer, path, &err), err);
    assert_ok(mf_file_read(path, 1 << 24, &bytes, n_bytes, &err), err);
    mf_trainer_destroy(trainer);
    return bytes;
}

static void a_damaged_checkpoint_is_refused_and_the_trainer_unchanged(void **state)
{
    (void)state;
    char *folder = testing_folder();
    char *path = testing_path(folder, "checkpoint");
    run r = make_run();
    size_t n_bytes;
    char *bytes = checkpoint_bytes(&r, &r.rows, path, &n_bytes);
    mf_trainer *trainer = new_trainer(&r.h, r.ratings, &r.rows, NULL);
    mf_trainer *untouched = new_trainer(&r.h, r.ratings, &r.rows, NULL);

    for (size_t cut = 0; cut < n_bytes; cut += cut < 256 ? 1 : 97) {
        testing_write(path, bytes, cut);
        assert_refused(trainer, path, "checkpoint");
    }
    for (size_t at = 0; at < n_bytes; at += at < 256 || at + 1024 > n_bytes ? 5 : 61) {
        bytes[at] ^= (char)(1 << at % 8);
        testing_write(path, bytes, n_bytes);
        assert_refused(trainer, path, "checkpoint");
        bytes[at] ^= (char)(1 << at % 8);
    }
    bytes[n_bytes - 1] = 0; /* a zero byte stands there anyway */
    testing_write(path, bytes, n_bytes + 1);
    assert_refused(trainer, path, "checkpoint");

    run_epochs(trainer, UINT32_MAX);
    run_epochs(untouched, UINT32_MAX);
    const mf_trainer_result found = get_result(trainer), expected = get_result(untouched);
    assert_true(same_result(&found, &expected, USERS, ITEMS, 8));
    mf_trainer_destroy(trainer);
    mf_trainer_destroy(untouched);
    run_clear(&r);
    mf_free(bytes);
    free(path);
    testing_folder_remove(folder);
}

/* Behind a checksum that fits: what a program with a bug might have written. */
static void a_checkpoint_with_a_position_that_does_not_exist_is_refused(void **state)
{
    (void)state;
    char *folder = testing_folder();
    char *path = testing_path(folder, "checkpoint");
    run r = make_run();
    size_t n_bytes;
    char *bytes = checkpoint_bytes(&r, &r.rows, path, &n_bytes);
    mf_trainer *trainer = new_trainer(&r.h, r.ratings, &r.rows, NULL);
    /* The position is the first section: fingerprint, epochs_done, round, best. */
    static const struct {
        size_t offset;
        uint32_t value;
        const char *words;
    } cases[] = {
        {64 + 0, 0x12345678, "other data or other hyperparameters"},
        {64 + 8, 7, "a place that does not exist"},
        {64 + 8, UINT32_MAX, "a place that does not exist"},
        {64 + 12, 8, "a place that does not exist"},
        {64 + 12, UINT32_MAX, "a place that does not exist"},
        {64 + 16, 4, "a place that does not exist"},
        {64 + 8, 5, "epochs"}, /* not as many as there are figures of */
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        uint32_t kept;
        memcpy(&kept, bytes + cases[c].offset, sizeof kept);
        memcpy(bytes + cases[c].offset, &cases[c].value, sizeof kept);
        const uint64_t checksum = section_checksum(bytes, n_bytes);
        memcpy(bytes + 56, &checksum, sizeof checksum);
        testing_write(path, bytes, n_bytes);
        assert_refused(trainer, path, cases[c].words);
        memcpy(bytes + cases[c].offset, &kept, sizeof kept);
    }
    mf_trainer_destroy(trainer);
    run_clear(&r);
    mf_free(bytes);
    free(path);
    testing_folder_remove(folder);
}

static void a_missing_checkpoint_and_a_folder_that_cannot_be_written_are_errors(void **state)
{
    (void)state;
    mf_error err = {0};
    run r = make_run();
    mf_trainer *trainer = new_trainer(&r.h, r.ratings, NULL, NULL);
    assert_false(mf_trainer_resume(trainer, "/nonexistent/checkpoint", &err));
    assert_error(&err, MF_ERR_IO, "/nonexistent/checkpoint");
    mf_error_clear(&err);
    assert_false(mf_trainer_save(trainer, "/proc/self/none/checkpoint", &err));
    assert_error(&err, MF_ERR_IO, "/proc/self/none/checkpoint");
    mf_trainer_destroy(trainer);
    run_clear(&r);
}

static void saving_and_resuming_are_clean_when_any_allocation_fails(void **state)
{
    (void)state;
    char *folder = testing_folder();
    char *path = testing_path(folder, "checkpoint");
    run r = make_run();
    mf_trainer *trainer = new_trainer(&r.h, r.ratings, &r.rows, NULL);
    run_epochs(trainer, 2);
    bool done = false;
    for (size_t n = 1; !done; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        done = mf_trainer_save(trainer, path, &err);
        mf_memory_fail_nth(0);
        if (!done) {
            assert_error(&err, MF_ERR_MEMORY, "no memory");
            assert_false(mf_file_exists(path));
        }
        assert_true(n < 100);
    }
    mf_trainer *other = new_trainer(&r.h, r.ratings, &r.rows, NULL);
    done = false;
    for (size_t n = 1; !done; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        done = mf_trainer_resume(other, path, &err);
        mf_memory_fail_nth(0);
        if (!done)
            assert_error(&err, MF_ERR_MEMORY, "no memory");
        assert_true(n < 100);
    }
    assert_same_epochs(other, trainer);
    mf_trainer_destroy(other);
    mf_trainer_destroy(trainer);
    run_clear(&r);
    free(path);
    testing_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_cut_after_any_step_ends_with_the_same_bits),
        cmocka_unit_test(a_run_that_stops_early_may_be_cut_too),
        cmocka_unit_test(a_run_cut_in_the_middle_of_an_epoch_ends_with_the_same_bits),
        cmocka_unit_test(a_run_with_more_user_blocks_than_item_blocks_may_be_cut_too),
        cmocka_unit_test(a_warm_start_may_be_cut_too),
        cmocka_unit_test(a_checkpoint_of_other_data_or_other_settings_is_refused),
        cmocka_unit_test(the_fingerprint_sees_every_number),
        cmocka_unit_test(a_result_that_was_taken_frees_the_rest_of_a_finished_training),
        cmocka_unit_test(a_damaged_checkpoint_is_refused_and_the_trainer_unchanged),
        cmocka_unit_test(a_checkpoint_with_a_position_that_does_not_exist_is_refused),
        cmocka_unit_test(a_missing_checkpoint_and_a_folder_that_cannot_be_written_are_errors),
        cmocka_unit_test(saving_and_resuming_are_clean_when_any_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
