/* test_sagemaker_hyperparameters.c: hyperparameters.json as people and tools
 * write it. Numbers in brackets are lines of the checklist in docs/sagemaker.md. */
#include "testing.h"

#include "base/memory.h"
#include "sagemaker/config_file.h"
#include "sagemaker/job_config.h"

#include <jansson.h>

typedef struct options {
    uint32_t n_factors;
    double learning_rate;
    bool shuffle;
    char user_column[32];
} options;

static const mf_setting table[] = {
    {.name = "n_factors",
     .aliases = "k",
     .type = MF_SETTING_INTEGER,
     .min = 1,
     .max = 4096,
     .initial = "64",
     MF_SETTING_FIELD(options, n_factors)},
    {.name = "learning_rate",
     .type = MF_SETTING_REAL,
     .min = 0,
     .above_min = true,
     .max = 1,
     .initial = "0.01",
     MF_SETTING_FIELD(options, learning_rate)},
    {.name = "shuffle",
     .type = MF_SETTING_BOOLEAN,
     .initial = "false",
     MF_SETTING_FIELD(options, shuffle)},
    {.name = "user_column",
     .type = MF_SETTING_TEXT,
     .min = 1,
     .initial = "userId",
     MF_SETTING_FIELD(options, user_column)},
};

static options chosen;
static mf_settings settings;
static mf_platform_hyperparameters platform;

static bool parse_bytes(const char *json, size_t n, mf_error *err)
{
    *err = (mf_error){0};
    assert_ok(mf_settings_start(&settings, table, 4, "hyperparameter", &chosen, err), *err);
    /* Exactly as large as the text, so that the sanitizer sees one byte over. */
    char *exact = malloc(n > 0 ? n : 1);
    memcpy(exact, json, n);
    const bool ok =
        mf_hyperparameter_file_parse(exact, n, "hyperparameters.json", &settings, &platform, err);
    free(exact);
    return ok;
}

static void accepts(const char *json)
{
    mf_error err;
    assert_ok(parse_bytes(json, strlen(json), &err), err);
}

static void refuses(const char *json, const char *piece)
{
    mf_error err;
    assert_false(parse_bytes(json, strlen(json), &err));
    assert_error(&err, MF_ERR_CONFIG, piece);
}

/* [18] */
static void every_value_is_a_string(void **state)
{
    (void)state;
    accepts("{\"n_factors\": \"1e2\", \"learning_rate\": \"5e-3\", \"shuffle\": \"True\", "
            "\"user_column\": \"K\\u00e4ufer\"}");
    assert_int_equal(chosen.n_factors, 100);
    assert_true(chosen.learning_rate == 0.005);
    assert_true(chosen.shuffle);
    assert_string_equal(chosen.user_column, "Käufer");
}

/* [19] [20] the same with inner quotes, as the SDK's framework estimators send it */
static void inner_quotes_are_taken_off(void **state)
{
    (void)state;
    accepts("{\"n_factors\": \"\\\"1e2\\\"\", \"learning_rate\": \"\\\"0.005\\\"\", "
            "\"shuffle\": \" \\\"true\\\" \", \"user_column\": \"\\\"K\\\\u00e4ufer\\\"\"}");
    assert_int_equal(chosen.n_factors, 100);
    assert_true(chosen.learning_rate == 0.005);
    assert_true(chosen.shuffle);
    assert_string_equal(chosen.user_column, "Käufer");
    refuses("{\"n_factors\": \"\\\"many\\\"\"}", "hyperparameter n_factors is \"many\"");
    refuses("{\"n_factors\": \"\\\"5\"}", "hyperparameter n_factors is \"\"5\""); /* half a quote */
    accepts("{\"user_column\": \"\\\"half\"}");
    assert_string_equal(chosen.user_column, "\"half");
}

/* [21] */
static void no_file_and_an_empty_object_mean_defaults(void **state)
{
    (void)state;
    accepts(" {} \n");
    assert_int_equal(chosen.n_factors, 64);
    char *folder = testing_folder();
    char *path = testing_path(folder, "hyperparameters.json");
    mf_error err = {0};
    assert_ok(mf_hyperparameter_file_read(path, &settings, NULL, &err), err);
    testing_write(path, "{\"k\":\"7\"}", 9);
    assert_ok(mf_settings_start(&settings, table, 4, "hyperparameter", &chosen, &err), err);
    assert_ok(mf_hyperparameter_file_read(path, &settings, NULL, &err), err);
    assert_int_equal(chosen.n_factors, 7);
    free(path);
    testing_folder_remove(folder);
}

/* [22] */
static void the_platforms_own_keys_are_skipped(void **state)
{
    (void)state;
    accepts("{\"sagemaker_program\": \"\\\"train.py\\\"\", \"sagemaker_region\": null, "
            "\"sagemaker_mpi_enabled\": true, \"sagemaker_container_log_level\": \"10\", "
            "\"_tuning_objective_metric\": \"\\\"validation:rmse\\\"\", \"k\": \"5\"}");
    assert_int_equal(chosen.n_factors, 5);
    assert_string_equal(platform.tuning_objective, "validation:rmse");
    assert_string_equal(platform.log_level, "10");
    accepts("{}");
    assert_string_equal(platform.tuning_objective, "");
}

/* [23] [24] */
static void unknown_keys_and_bad_values_say_what_to_do(void **state)
{
    (void)state;
    refuses("{\"n_factor\": \"5\"}",
            "unknown hyperparameter \"n_factor\": did you mean n_factors?");
    refuses("{\"n_factors\": \"0\"}",
            "hyperparameter n_factors is \"0\": expected a whole number from 1 to 4096");
    refuses("{\"k\": \"5\", \"n_factors\": \"6\"}",
            "is given twice: as \"k\" and as \"n_factors\"");
}

static void values_that_are_not_strings_are_named(void **state)
{
    (void)state;
    refuses("{\"n_factors\": 64}",
            "hyperparameters.json: hyperparameter n_factors is a number, not a text: SageMaker "
            "passes every value as a text, so write \"n_factors\": \"64\"");
    refuses("{\"learning_rate\": 0.5}", "write \"learning_rate\": \"0.5\"");
    refuses("{\"shuffle\": true}", "write \"shuffle\": \"true\"");
    refuses("{\"n_factors\": null}", "hyperparameter n_factors is null");
    refuses("{\"n_factors\": {\"a\": \"b\"}}", "hyperparameter n_factors is an object");
    refuses("{\"n_factors\": [\"5\"]}", "hyperparameter n_factors is an array");
}

static void what_is_not_json_gets_a_line_and_a_column(void **state)
{
    (void)state;
    refuses("{\n  \"k\": \"5\",\n  oops\n}", "hyperparameters.json:3:6: not valid JSON: ");
    refuses("{\"k\": \"5\"} x", "not valid JSON: ");
    refuses("{\"k\": \"5\", \"k\": \"6\"}", "a key occurs twice: ");
    refuses("{\"k\": \"\\u0000\"}", "hyperparameters.json:1:");
    refuses("{\"k\": \"\xFF\"}", "not valid JSON: unable to decode byte 0xff");
    refuses("{\"k\": \"\\ud800\"}", "not valid JSON: ");
    refuses("", "hyperparameters.json: the file is empty: expected a JSON object such as {}");
    refuses("  \n", "the file is empty");
    refuses("[]", "expected a JSON object, found an array");
    refuses("\"text\"", "expected a JSON object, found a text");
    refuses("12", "expected a JSON object, found a number");
    refuses("null", "expected a JSON object, found null");
    refuses("n_factors = 64", "not valid JSON");
    mf_error err;
    assert_false(parse_bytes("{\n\"k\"\0: \"5\"}", 13, &err));
    assert_error(&err, MF_ERR_CONFIG, "hyperparameters.json:2:4: not valid JSON: a NUL byte");
    accepts("\xEF\xBB\xBF{\"k\": \"9\"}"); /* an editor's byte order mark */
    assert_int_equal(chosen.n_factors, 9);
}

static void a_file_beyond_a_megabyte_is_refused(void **state)
{
    (void)state;
    char *folder = testing_folder();
    char *path = testing_path(folder, "hyperparameters.json");
    const size_t n = MF_CONFIG_FILE_BYTES + 1;
    char *big = malloc(n);
    memset(big, ' ', n);
    memcpy(big, "{}", 2);
    testing_write(path, big, n);
    mf_error err = {0};
    assert_false(mf_hyperparameter_file_read(path, &settings, NULL, &err));
    assert_error(&err, MF_ERR_CONFIG, "1048577 bytes");
    assert_error(&err, MF_ERR_CONFIG, path);
    assert_false(parse_bytes(big, n, &err));
    assert_error(&err, MF_ERR_CONFIG, "expected at most 1048576");
    testing_write(path, big, n - 1);
    mf_error_clear(&err);
    assert_ok(mf_hyperparameter_file_read(path, &settings, NULL, &err), err);
    free(big);
    free(path);
    testing_folder_remove(folder);
}

static void a_folder_in_the_files_place_is_an_error(void **state)
{
    (void)state;
    char *folder = testing_folder();
    mf_error err = {0};
    assert_false(mf_hyperparameter_file_read(folder, &settings, NULL, &err));
    assert_error(&err, MF_ERR_IO, "is a folder");
    testing_folder_remove(folder);
}

static void deep_nesting_is_an_error_not_a_crash(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    char *deep = malloc(DEPTH + 5);
    memcpy(deep, "{\"k\":", 5);
    memset(deep + 5, '[', DEPTH);
    mf_error err;
    assert_false(parse_bytes(deep, DEPTH + 5, &err));
    assert_error(&err, MF_ERR_CONFIG, "not valid JSON: maximum parsing depth reached");
    free(deep);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    static const char json[] = "{\"n_factors\": \"\\\"12\\\"\", \"user_column\": \"K\\u00e4ufer\"}";
    mf_error err;
    for (size_t n = 0; n < sizeof json - 1; n++)
        assert_false(parse_bytes(json, n, &err));
    accepts(json);
}

static size_t n_left; /* jansson's allocations until one fails */

static void *failing_malloc(size_t n)
{
    return n_left > 0 && --n_left == 0 ? NULL : malloc(n);
}

static void every_failing_allocation_is_an_error(void **state)
{
    (void)state;
    static const char json[] = "{\"user_column\": \"name\", \"n_factors\": \"\\\"12\\\"\"}";
    char *folder = testing_folder();
    char *path = testing_path(folder, "hyperparameters.json");
    testing_write(path, json, sizeof json - 1);
    json_set_alloc_funcs(failing_malloc, free);
    size_t n_failed = 0;
    for (size_t nth = 1; nth < 200; nth++) {
        mf_error err = {0};
        assert_ok(mf_settings_start(&settings, table, 4, "hyperparameter", &chosen, &err), err);
        n_left = nth;
        const bool ok = mf_hyperparameter_file_read(path, &settings, NULL, &err);
        if (ok && n_left > 0)
            break; /* none failed any more */
        n_left = 0;
        assert_true(!ok);
        /* Deep inside, jansson takes "no memory" for a syntax error. */
        assert_true(err.code == MF_ERR_MEMORY || err.code == MF_ERR_CONFIG);
        n_failed++;
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(n_failed > 5 && n_failed < 199);
    mf_error err = {0};
    mf_memory_fail_nth(1);
    assert_false(mf_hyperparameter_file_read(path, &settings, NULL, &err));
    assert_error(&err, MF_ERR_MEMORY, "no memory");
    mf_memory_fail_nth(0);
    free(path);
    testing_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_a_string),
        cmocka_unit_test(inner_quotes_are_taken_off),
        cmocka_unit_test(no_file_and_an_empty_object_mean_defaults),
        cmocka_unit_test(the_platforms_own_keys_are_skipped),
        cmocka_unit_test(unknown_keys_and_bad_values_say_what_to_do),
        cmocka_unit_test(values_that_are_not_strings_are_named),
        cmocka_unit_test(what_is_not_json_gets_a_line_and_a_column),
        cmocka_unit_test(a_file_beyond_a_megabyte_is_refused),
        cmocka_unit_test(a_folder_in_the_files_place_is_an_error),
        cmocka_unit_test(deep_nesting_is_an_error_not_a_crash),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(every_failing_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
