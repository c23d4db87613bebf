/* test_predict_settings.c: what the function's environment may say, and the sentence for
 * what it may not. */
#include "environment_testing.h"
#include "testing.h"

#include "lambda/aws/s3.h"
#include "lambda/predict/predict_settings.h"

static bool read_with(const char *const *pairs, mf_predict_settings *values, mf_error *err)
{
    mf_settings settings;
    mf_error_clear(err);
    testing_environment(pairs);
    return mf_predict_settings_read(&settings, values, err);
}

#define ENOUGH "ENDPOINT_NAME", "movies", "MOVIES_URI", "/m.csv"

static void two_variables_are_enough(void **state)
{
    (void)state;
    mf_predict_settings values;
    mf_error err;
    assert_ok(read_with(PAIRS(ENOUGH), &values, &err), err);
    assert_string_equal(values.endpoint_name, "movies");
    assert_string_equal(values.movies_uri, "/m.csv");
    assert_string_equal(values.allow_origin, "*");
    assert_string_equal(values.route, "predict");
    assert_int_equal(values.movies_refresh_seconds, 300);
    assert_int_equal(values.max_top_n, 1000);
    assert_int_equal(values.margin_ms, 200);
    assert_true(values.metrics);
    assert_int_equal(values.outsiders, MF_PREDICT_OPEN);
}

static void the_other_names_mean_the_same(void **state)
{
    (void)state;
    mf_predict_settings values;
    mf_error err;
    assert_ok(read_with(PAIRS("MODEL_S3_URI", "s3://bucket/a/model.tar.gz", "MOVIES_FILE", "m.csv"),
                        &values, &err),
              err);
    assert_string_equal(values.model_uri, "s3://bucket/a/model.tar.gz");
    assert_string_equal(values.movies_uri, "m.csv");
    assert_true(mf_aws_s3_uri_is(values.model_uri));
    assert_false(mf_aws_s3_uri_is(values.movies_uri));
    assert_ok(
        read_with(PAIRS("MODEL_FILE", "/m", "MOVIES_S3_URI", "s3://bucket/m.csv"), &values, &err),
        err);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    const struct {
        const char *const *pairs;
        const char *says;
    } cases[] = {
        {PAIRS("MOVIES_URI", "/m.csv"), "neither ENDPOINT_NAME nor MODEL_URI is set"},
        {PAIRS(ENOUGH, "MODEL_URI", "/m.bin"), "ENDPOINT_NAME and MODEL_URI are both set"},
        {PAIRS("ENDPOINT_NAME", "a_b", "MOVIES_URI", "/m"),
         "ENDPOINT_NAME: \"a_b\" is not the name"},
        {PAIRS("ENDPOINT_NAME", "-a", "MOVIES_URI", "/m"), "ENDPOINT_NAME"},
        {PAIRS("ENDPOINT_NAME", "a23456789b23456789c23456789d23456789e23456789f23456789g23456789h",
               "MOVIES_URI", "/m"),
         "ENDPOINT_NAME"},
        {PAIRS("ENDPOINT_NAME", "a", "MOVIES_URI", "s3://Bucket/m.csv"), "MOVIES_URI"},
        {PAIRS("ENDPOINT_NAME", "a", "MOVIES_URI", "s3://bucket"), "MOVIES_URI"},
        {PAIRS("ENDPOINT_NAME", "a", "MOVIES_URI", "https://x/m.csv"),
         "expected s3://bucket/key or the path of a file"},
        {PAIRS("ENDPOINT_NAME", "a", "MOVIES_URI", "/m", "MOVIES_FILE", "/n"), "MOVIES_FILE"},
        {PAIRS("MODEL_URI", "s3:///x", "MOVIES_URI", "/m"), "MODEL_URI"},
        {PAIRS(ENOUGH, "ALLOW_ORIGIN", "example.com"), "ALLOW_ORIGIN is \"example.com\""},
        {PAIRS(ENOUGH, "ALLOW_ORIGIN", "https://a.b/"), "ALLOW_ORIGIN"},
        {PAIRS(ENOUGH, "ALLOW_ORIGIN", "https://a.b, https://c.d"), "ALLOW_ORIGIN"},
        {PAIRS(ENOUGH, "ALLOW_ORIGIN", "://a"), "ALLOW_ORIGIN"},
        {PAIRS(ENOUGH, "ROUTE", "/predict"), "ROUTE"},
        {PAIRS(ENOUGH, "MAX_TOP_N", "0"), "MAX_TOP_N"},
        {PAIRS(ENOUGH, "MOVIES_REFRESH_SECONDS", "-1"), "MOVIES_REFRESH_SECONDS"},
        {PAIRS(ENOUGH, "MOVIES_REFRESH_SECONDS", "soon"), "MOVIES_REFRESH_SECONDS"},
        {PAIRS(ENOUGH, "ANSWER_MARGIN_MS", "1e9"), "ANSWER_MARGIN_MS"},
        {PAIRS(ENOUGH, "METRICS", "maybe"), "METRICS"},
        {PAIRS(ENOUGH, "OUTSIDERS", "no"), "OUTSIDERS is \"no\": expected one of open, closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_predict_settings values;
        mf_error err;
        if (read_with(cases[i].pairs, &values, &err))
            fail_msg("accepted: %s", cases[i].says);
        assert_error(&err, MF_ERR_CONFIG, cases[i].says);
    }
}

static void origins_are_a_star_or_one_origin_or_none(void **state)
{
    (void)state;
    static const char *const good[] = {"", "*", "null", "https://www.example.com",
                                       "http://localhost:8080"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        mf_predict_settings values;
        mf_error err;
        assert_ok(read_with(PAIRS(ENOUGH, "ALLOW_ORIGIN", good[i]), &values, &err), err);
        assert_string_equal(values.allow_origin, good[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_variables_are_enough),
        cmocka_unit_test(the_other_names_mean_the_same),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(origins_are_a_star_or_one_origin_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
