/* test_feedback_settings.c: the environment variables of feedback. */
#include "environment_testing.h"
#include "testing.h"

#include "lambda/feedback/feedback_settings.h"

static mf_settings table;
static mf_feedback_settings values;

static bool read_with(const char *const *pairs, mf_error *err)
{
    testing_environment(pairs);
    mf_error_clear(err);
    return mf_feedback_settings_read(&table, &values, err);
}

static void nothing_is_required(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(read_with(PAIRS(NULL), &err), err);
    assert_int_equal(values.most, 200);
    assert_int_equal(values.ttl_seconds, 30 * 86400);
    assert_string_equal(values.dead_letter_stream, "");
    assert_true(values.metrics);
    memset(&values, 1, sizeof values);
    assert_ok(mf_feedback_settings_start(&table, &values, &err), err);
    assert_int_equal(values.margin_ms, 500);
}

static void what_is_given_is_read(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(read_with(PAIRS("PROFILE_EVENTS", "1000", "PROFILE_TTL", "60", "METRICS", "no",
                              "DEAD_LETTER_STREAM_ARN",
                              "arn:aws:kinesis:us-east-1:123456789012:stream/dead"),
                        &err),
              err);
    assert_int_equal(values.most, 1000);
    assert_int_equal(values.ttl_seconds, 60);
    assert_false(values.metrics);
    assert_non_null(strstr(values.dead_letter_stream, "stream/dead"));
}

static void what_cannot_be_is_refused_with_the_variable(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"PROFILE_EVENTS", "0"},   {"PROFILE_EVENTS", "1001"},         {"PROFILE_TTL", "59"},
        {"PROFILE_TTL", "1 week"}, {"DEAD_LETTER_STREAM_NAME", "a b"}, {"METRICS", "maybe"},
        {"ANSWER_MARGIN_MS", "-1"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mf_error err = {0};
        assert_false(read_with(PAIRS(wrong[i][0], wrong[i][1]), &err));
        assert_error(&err, MF_ERR_CONFIG, wrong[i][0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_required),
        cmocka_unit_test(what_is_given_is_read),
        cmocka_unit_test(what_cannot_be_is_refused_with_the_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
