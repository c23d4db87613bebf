/* test_lambda_recommend_settings.c: the environment variables of recommend. */
#include "testing.h"

#include "lambda/recommend/recommend_settings.h"

static mf_settings table;
static mf_recommend_settings values;

static bool read_with(const char *const *pairs, mf_error *err)
{
    static const char *const variables[] = {
        "RECOMMEND_SERVICE_URL",
        "ENDPOINT_NAME",
        "MODEL_URI",
        "MODEL_FILE",
        "PREDICTIONS_STREAM_NAME",
        "DEAD_LETTER_STREAM_NAME",
        "TEST_RUN",
        "TOP_N",
        "MAX_TOP_N",
        "CONCURRENCY",
    };
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    for (size_t i = 0; pairs[i] != NULL; i += 2)
        setenv(pairs[i], pairs[i + 1], 1);
    mf_error_clear(err);
    return mf_recommend_settings_read(&table, &values, err);
}

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void one_source_and_a_stream_are_enough(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(
        read_with(PAIRS("ENDPOINT_NAME", "movies", "PREDICTIONS_STREAM_NAME", "predictions"), &err),
        err);
    assert_string_equal(values.endpoint_name, "movies");
    assert_string_equal(values.predictions_stream, "predictions");
    const mf_recommend_limits limits = mf_recommend_settings_limits(&values);
    assert_int_equal(limits.usual_top_n, 20);
    assert_int_equal(limits.max_top_n, 1000);
    assert_true(values.keep_order && values.metrics && !values.test_run);
    assert_ok(read_with(PAIRS("MODEL_FILE", "/opt/model.bin", "TEST_RUN", "True"), &err), err);
    assert_string_equal(values.model_uri, "/opt/model.bin");
}

static void what_cannot_be_is_refused_with_the_variable(void **state)
{
    (void)state;
    const struct {
        const char *const *pairs;
        const char *says;
    } cases[] = {
        {PAIRS("TEST_RUN", "1"), "none of RECOMMEND_SERVICE_URL, ENDPOINT_NAME and MODEL_URI is"},
        {PAIRS("ENDPOINT_NAME", "a", "MODEL_URI", "/m"), "more than one of RECOMMEND_SERVICE_URL"},
        {PAIRS("ENDPOINT_NAME", "a_b", "TEST_RUN", "1"), "environment variable ENDPOINT_NAME: \"a"},
        {PAIRS("MODEL_URI", "http://x/y", "TEST_RUN", "1"), "environment variable MODEL_URI"},
        {PAIRS("ENDPOINT_NAME", "a"), "PREDICTIONS_STREAM_NAME is not set"},
        {PAIRS("ENDPOINT_NAME", "a", "PREDICTIONS_STREAM_NAME", "a b"),
         "environment variable PREDICTIONS_STREAM_NAME: \"a b\" is not the name of a stream"},
        {PAIRS("ENDPOINT_NAME", "a", "PREDICTIONS_STREAM_NAME", "p", "DEAD_LETTER_STREAM_NAME",
               "arn:aws:s3:x"),
         "environment variable DEAD_LETTER_STREAM_NAME: \"arn:aws:s3:x\" is not the ARN of a stre"},
        {PAIRS("ENDPOINT_NAME", "a", "TEST_RUN", "1", "TOP_N", "30", "MAX_TOP_N", "20"),
         "TOP_N is 30, which is more than MAX_TOP_N (20)"},
        {PAIRS("ENDPOINT_NAME", "a", "TEST_RUN", "1", "CONCURRENCY", "65"), "CONCURRENCY"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        if (read_with(cases[i].pairs, &err))
            fail_msg("accepted: %s", cases[i].says);
        assert_error(&err, MF_ERR_CONFIG, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_source_and_a_stream_are_enough),
        cmocka_unit_test(what_cannot_be_is_refused_with_the_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
