/* test_train_metrics.c: the line of an epoch, metrics.json, and the part of it that
 * goes into the model. */
#include "sgd_testing.h"

#include "base/file.h"
#include "train/metrics.h"
#include "train/settings.h"

#include <fcntl.h>
#include <jansson.h>

/* --- the line ------------------------------------------------------------ */

static void four_decimals_for_stars_and_more_for_ratings_within_less_than_one(void **state)
{
    (void)state;
    static const struct {
        float low, high;
        int decimals;
    } cases[] = {
        {0.5f, 5, 4},    {1, 5, 4},          {0, 100, 4},   {-1, 1, 4},       {0, 1, 4},
        {3, 3, 4},       {5, 1, 4},          {0, 0.5f, 5},  {0, 0.99f, 5},    {0, 0.1f, 5},
        {0, 0.0999f, 6}, {0, 0.0101f, 6},    {1, 1.25f, 5}, {0, 1.01e-4f, 8}, {0, 1e-12f, 16},
        {0, 1e-30f, 16}, {-3e38f, 3e38f, 4}, {0, NAN, 4},   {0, INFINITY, 4},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const int found = mf_metrics_decimals(cases[c].low, cases[c].high);
        if (found != cases[c].decimals)
            fail_msg("%g to %g: %d decimals, expected %d", (double)cases[c].low,
                     (double)cases[c].high, found, cases[c].decimals);
    }
}

static void assert_line(const mf_epoch *epoch, bool validation, uint64_t n_ratings, int decimals,
                        const char *expected)
{
    char text[1024];
    fflush(stdout);
    FILE *file = tmpfile();
    const int kept = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    const bool ok = mf_metrics_print_epoch(epoch, validation, n_ratings, decimals);
    /* No fflush here: the line must be out when the call returns. */
    dup2(kept, STDOUT_FILENO);
    close(kept);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_true(ok);
    assert_string_equal(text, expected);
}

static void a_line_that_does_not_get_out_is_noticed_each_time(void **state)
{
    (void)state;
    const mf_epoch epoch = {.epoch = 1, .train_rmse = 1};
    fflush(stdout);
    const int kept = dup(STDOUT_FILENO);
    const int full = open("/dev/full", O_WRONLY);
    assert_true(full >= 0);
    dup2(full, STDOUT_FILENO);
    const bool first = mf_metrics_print_epoch(&epoch, false, 1, 4);
    const bool second = mf_metrics_print_epoch(&epoch, false, 1, 4);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(full);
    assert_false(first);
    assert_false(second);
    assert_line(&epoch, false, 1, 4,
                "epoch=1 train_rmse=1.0000 seconds=0.000 ratings_per_second=0\n");
}

static void the_line_of_an_epoch_is_what_the_metric_definitions_read(void **state)
{
    (void)state;
    const mf_epoch epoch = {
        .epoch = 7,
        .train_rmse = 0.73124,
        .validation_rmse = 0.87206,
        .validation_mae = 0.669,
        .seconds = 0.0414,
    };
    assert_line(&epoch, true, 100000, 4,
                "epoch=7 train_rmse=0.7312 validation_rmse=0.8721 validation_mae=0.6690 "
                "seconds=0.041 ratings_per_second=2415459\n");
    assert_line(&epoch, false, 100000, 6,
                "epoch=7 train_rmse=0.731240 seconds=0.041 ratings_per_second=2415459\n");
}

static void figures_of_any_size_are_plain_decimals(void **state)
{
    (void)state;
    const mf_epoch large = {
        .epoch = 100000,
        .train_rmse = 1.5e16,
        .validation_rmse = 1e20,
        .validation_mae = 123456789012,
        .seconds = 86400.5,
    };
    assert_line(&large, true, UINT64_C(4000000000), 4,
                "epoch=100000 train_rmse=15000000000000000.0000 "
                "validation_rmse=100000000000000000000.0000 validation_mae=123456789012.0000 "
                "seconds=86400.500 ratings_per_second=46296\n");
    const mf_epoch small = {.epoch = 1, .train_rmse = 1.25e-9};
    assert_line(&small, false, 5, 12,
                "epoch=1 train_rmse=0.000000001250 seconds=0.000 ratings_per_second=0\n");
}

/* --- metrics.json -------------------------------------------------------- */

typedef struct world {
    mf_settings settings;
    mf_train_settings values;
    mf_ratings *ratings;
    mf_ratings_rows rows;
    mf_trainer *trainer;
    mf_run_facts facts;
    char *folder;
    char *path;
} world;

static float small_factor = 1;

static float small_rank_two(uint32_t user, uint32_t item)
{
    return rank_two(user, item) * small_factor;
}

static float small_held_out(uint32_t user, uint32_t item)
{
    return rank_two_held_out(user, item) * small_factor;
}

static world *open_world(bool validated, const char *n_threads)
{
    mf_error err = {0};
    world *w = calloc(1, sizeof *w);
    assert_ok(mf_train_settings_start(&w->settings, &w->values, &err), err);
    assert_ok(mf_settings_set(&w->settings, "n_factors", "5", 1, &err), err);
    assert_ok(mf_settings_set(&w->settings, "epochs", "4", 1, &err), err);
    assert_ok(mf_settings_set(&w->settings, "n_threads", n_threads, strlen(n_threads), &err), err);
    assert_ok(mf_settings_set(&w->settings, "user_column", "an \"id\"", 7, &err), err);
    mf_train_settings_finish(&w->values);
    w->ratings = make_ratings(30, 25, small_rank_two);
    w->rows = make_rows(30, 25, small_held_out);
    w->trainer = train(&w->values.h, w->ratings, validated ? &w->rows : NULL);
    w->facts = (mf_run_facts){
        .settings = &w->settings,
        .ratings = w->ratings,
        .all = w->ratings,
        .validation = validated ? &w->rows : NULL,
        .trainer = w->trainer,
        .read_seconds = 0.25,
        .train_seconds = 1.5,
    };
    w->folder = testing_folder();
    w->path = testing_path(w->folder, "metrics.json");
    return w;
}

static void close_world(world *w)
{
    mf_trainer_destroy(w->trainer);
    mf_ratings_rows_clear(&w->rows);
    mf_ratings_destroy(w->ratings);
    free(w->path);
    testing_folder_remove(w->folder);
    free(w);
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("%s is no number", key);
    return json_number_value(value);
}

static json_t *written(const world *w)
{
    mf_error err = {0};
    assert_ok(mf_metrics_write(w->path, &w->facts, &err), err);
    json_t *json = json_load_file(w->path, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void assert_near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-5 * fabs(expected)))
        fail_msg("%.17g, expected %.17g", found, expected);
}

static void metrics_hold_hyperparameters_data_epochs_and_figures(void **state)
{
    (void)state;
    for (int validated = 0; validated < 2; validated++) {
        world *w = open_world(validated, "2");
        json_t *json = written(w);
        assert_string_equal(json_string_value(json_object_get(json, "cpu")),
                            mf_trainer_cpu(w->trainer));
        assert_non_null(json_string_value(json_object_get(json, "version")));

        const json_t *h = json_object_get(json, "hyperparameters");
        assert_int_equal(json_object_size(h), w->settings.n);
        assert_true(number(h, "n_factors") == 5 && number(h, "n_threads") == 2);
        assert_true(number(h, "user_regularization") == 0.08); /* in force, not given */
        assert_true(json_is_integer(json_object_get(h, "seed")));
        assert_string_equal(json_string_value(json_object_get(h, "user_column")), "an \"id\"");

        const json_t *data = json_object_get(json, "data");
        assert_true(number(data, "n_ratings") == (double)w->ratings->n_ratings);
        assert_true(number(data, "n_users") == 30 && number(data, "n_items") == 25);
        assert_true(number(data, "n_validation_ratings") == (validated ? (double)w->rows.n : 0));

        uint32_t n;
        const mf_epoch *epochs = mf_trainer_epochs(w->trainer, &n);
        const json_t *list = json_object_get(json, "epochs");
        assert_int_equal(json_array_size(list), 4);
        uint32_t best = n - 1;
        for (uint32_t e = 0; e < n; e++) {
            const json_t *epoch = json_array_get(list, e);
            assert_true(number(epoch, "epoch") == e + 1);
            assert_near(number(epoch, "train_rmse"), epochs[e].train_rmse);
            assert_int_equal(json_object_get(epoch, "validation_rmse") != NULL, validated);
            if (validated) {
                assert_near(number(epoch, "validation_rmse"), epochs[e].validation_rmse);
                assert_near(number(epoch, "validation_mae"), epochs[e].validation_mae);
                best = epochs[e].is_best ? e : best;
            }
        }
        const json_t *final = json_object_get(json, "final");
        assert_true(number(final, "best_epoch") == best + 1);
        assert_near(number(final, "train_rmse"), epochs[best].train_rmse);
        assert_int_equal(json_object_get(final, "validation_rmse") != NULL, validated);
        assert_true(json_is_false(json_object_get(final, "stopped_early")));
        assert_true(json_is_false(json_object_get(final, "stopped_by_signal")));
        assert_true(number(json_object_get(json, "timings"), "read_seconds") == 0.25);
        json_decref(json);
        close_world(w);
    }
}

/* Ratings in millionths have errors in millionths, which must not become 0. */
static void figures_of_small_ratings_keep_their_digits(void **state)
{
    (void)state;
    small_factor = 1e-6f;
    world *w = open_world(true, "1");
    small_factor = 1;
    json_t *json = written(w);
    uint32_t n;
    const mf_epoch *epochs = mf_trainer_epochs(w->trainer, &n);
    for (uint32_t e = 0; e < n; e++) {
        const json_t *epoch = json_array_get(json_object_get(json, "epochs"), e);
        assert_near(number(epoch, "train_rmse"), epochs[e].train_rmse);
        assert_near(number(epoch, "validation_rmse"), epochs[e].validation_rmse);
        assert_near(number(epoch, "validation_mae"), epochs[e].validation_mae);
    }
    json_decref(json);
    close_world(w);
}

static void the_models_metadata_has_nothing_that_differs_between_equal_runs(void **state)
{
    (void)state;
    mf_error err = {0};
    world *one = open_world(true, "1"), *three = open_world(true, "3");
    three->facts.read_seconds = 77;
    three->facts.train_seconds = 78;
    char *a = mf_metrics_model_metadata(&one->facts, 4, &err);
    char *b = mf_metrics_model_metadata(&three->facts, 4, &err);
    assert_ok(a != NULL && b != NULL, err);
    assert_string_equal(a, b);
    json_t *json = json_loads(a, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    const json_t *h = json_object_get(json, "hyperparameters");
    size_t n_recorded = 0;
    for (size_t i = 0; i < one->settings.n; i++)
        n_recorded += mf_train_settings_is_recorded(&one->settings, i);
    assert_int_equal(json_object_size(h), n_recorded);
    assert_null(json_object_get(h, "delimiter")); /* only recorded when it is not the default */
    assert_null(json_object_get(h, "n_threads"));
    assert_null(json_object_get(h, "checkpoint_every"));
    assert_true(number(h, "learning_rate") == 0.025);
    assert_true(number(json, "best_epoch") == 4);
    assert_true(number(json, "n_ratings") == (double)one->ratings->n_ratings);
    uint32_t n;
    const mf_epoch *epochs = mf_trainer_epochs(one->trainer, &n);
    uint32_t best = 0;
    for (uint32_t e = 0; e < n; e++)
        best = epochs[e].is_best ? e : best;
    assert_float_equal(number(json, "validation_rmse"), epochs[best].validation_rmse, 1e-12);
    json_decref(json);
    mf_free(a);
    mf_free(b);
    close_world(one);
    close_world(three);
}

/* --- failures ------------------------------------------------------------ */

static size_t json_n, json_fails_at; /* the allocation of jansson that fails; 0: none */

static void *json_allocate(size_t n_bytes)
{
    return ++json_n == json_fails_at ? NULL : malloc(n_bytes);
}

/* Whether jansson has no memory or we have none: an error, or the whole text. */
static void metrics_are_whole_or_an_error_when_any_allocation_fails(void **state)
{
    (void)state;
    mf_error err = {0};
    world *w = open_world(true, "1");
    char *whole = NULL, *found = NULL;
    size_t n_whole, n_found;
    assert_ok(mf_metrics_write(w->path, &w->facts, &err), err);
    assert_ok(mf_file_read(w->path, 1 << 20, &whole, &n_whole, &err), err);
    char *metadata = mf_metrics_model_metadata(&w->facts, 4, &err);
    assert_non_null(metadata);
    size_t n_failed = 0;
    json_set_alloc_funcs(json_allocate, free);
    bool done = false;
    for (size_t n = 1; !done; n++) {
        mf_error_clear(&err);
        unlink(w->path);
        json_n = 0;
        json_fails_at = n;
        const bool ok = mf_metrics_write(w->path, &w->facts, &err);
        done = json_n < n;
        if (ok) {
            assert_ok(mf_file_read(w->path, 1 << 20, &found, &n_found, &err), err);
            assert_string_equal(found, whole);
            mf_free(found);
        } else {
            assert_error(&err, MF_ERR_MEMORY, "no memory");
            assert_false(mf_file_exists(w->path));
        }
        n_failed += !ok;

        mf_error_clear(&err);
        json_n = 0;
        char *text = mf_metrics_model_metadata(&w->facts, 4, &err);
        if (text != NULL)
            assert_string_equal(text, metadata);
        else
            assert_error(&err, MF_ERR_MEMORY, "no memory");
        mf_free(text);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(n_failed > 50);
    done = false;
    for (size_t n = 1; !done; n++) {
        mf_error_clear(&err);
        mf_memory_fail_nth(n);
        done = mf_metrics_write(w->path, &w->facts, &err);
        mf_memory_fail_nth(0);
        if (!done)
            assert_error(&err, MF_ERR_MEMORY, "no memory");
        assert_true(n < 20);
    }
    mf_free(whole);
    mf_free(metadata);
    close_world(w);
}

static void a_folder_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    mf_error err = {0};
    world *w = open_world(false, "1");
    assert_false(mf_metrics_write("/proc/self/none/metrics.json", &w->facts, &err));
    assert_error(&err, MF_ERR_IO, "/proc/self/none/metrics.json");
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_decimals_for_stars_and_more_for_ratings_within_less_than_one),
        cmocka_unit_test(a_line_that_does_not_get_out_is_noticed_each_time),
        cmocka_unit_test(the_line_of_an_epoch_is_what_the_metric_definitions_read),
        cmocka_unit_test(figures_of_any_size_are_plain_decimals),
        cmocka_unit_test(metrics_hold_hyperparameters_data_epochs_and_figures),
        cmocka_unit_test(figures_of_small_ratings_keep_their_digits),
        cmocka_unit_test(the_models_metadata_has_nothing_that_differs_between_equal_runs),
        cmocka_unit_test(metrics_are_whole_or_an_error_when_any_allocation_fails),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
