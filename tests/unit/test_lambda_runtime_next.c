/* The response to `next`, header by header: promises of lambda/runtime/invocation.h. */
#include "testing.h"

#include "lambda/runtime/invocation.h"

static mf_lambda_next next;

static void header(const char *line)
{
    mf_lambda_next_header(&next, line, strlen(line));
}

static int fresh(void **state)
{
    (void)state;
    mf_lambda_next_start(&next);
    return 0;
}

static int done(void **state)
{
    (void)state;
    mf_lambda_next_free(&next);
    return 0;
}

static void names_count_in_any_case_and_blanks_around_values_do_not(void **state)
{
    (void)state;
    header("HTTP/1.1 200 OK\r\n");
    header("LAMBDA-RUNTIME-aws-request-id:  8476a536-e9f4-11e8-9739-2dfe598c3fcd \t\r\n");
    header("lambda-runtime-deadline-ms:1542409706888\r\n");
    header("Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-2:1:function:f:live");
    header("Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e8;Parent=6;Sampled=1\r\n");
    assert_string_equal(next.request_id, "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
    assert_int_equal(next.deadline_ms, 1542409706888);
    assert_string_equal(next.function_arn, "arn:aws:lambda:us-east-2:1:function:f:live");
    assert_string_equal(next.trace_id, "Root=1-5bef4de7-ad49b0e8;Parent=6;Sampled=1");
}

static void other_headers_and_lines_that_are_none_change_nothing(void **state)
{
    (void)state;
    header("Lambda-Runtime-Aws-Request-Id: a-b");
    header("Lambda-Runtime-Aws-Request-Id-2: c");
    header("Lambda-Runtime-Aws-Request-I: c");
    header("Lambda-Runtime-Tenant: c");
    header("no colon");
    header(":");
    header("\r\n");
    header("");
    assert_string_equal(next.request_id, "a-b");
}

static void a_status_line_starts_afresh(void **state)
{
    (void)state;
    header("Lambda-Runtime-Aws-Request-Id: first");
    header("Lambda-Runtime-Trace-Id: Root=1");
    header("Lambda-Runtime-Deadline-Ms: 5");
    assert_true(mf_lambda_next_body(&next, "half", 4));
    header("HTTP/1.1 200 OK");
    assert_string_equal(next.request_id, "");
    assert_string_equal(next.trace_id, "");
    assert_int_equal(next.deadline_ms, 0);
    assert_int_equal(next.event.n_bytes, 0);
}

static void an_id_that_would_change_a_url_counts_as_absent(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a/b", "..", "a b", "a%2f", "a?b", "a#b", "é", "a\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "Lambda-Runtime-Aws-Request-Id: %s", bad[i]);
        header("Lambda-Runtime-Aws-Request-Id: good");
        header(line);
        assert_string_equal(next.request_id, "");
    }
}

static void texts_that_are_too_long_count_as_absent_whole(void **state)
{
    (void)state;
    static char line[4096];
    for (size_t n = MF_LAMBDA_REQUEST_ID_BYTES - 1; n <= MF_LAMBDA_REQUEST_ID_BYTES; n++) {
        const int at = snprintf(line, sizeof line, "Lambda-Runtime-Aws-Request-Id: ");
        memset(line + at, 'x', n);
        mf_lambda_next_header(&next, line, (size_t)at + n);
        assert_int_equal(strlen(next.request_id), n < MF_LAMBDA_REQUEST_ID_BYTES ? n : 0);
    }
    for (size_t n = MF_LAMBDA_TRACE_ID_BYTES - 1; n <= MF_LAMBDA_TRACE_ID_BYTES; n++) {
        const int at = snprintf(line, sizeof line, "Lambda-Runtime-Trace-Id: ");
        memset(line + at, 'x', n);
        mf_lambda_next_header(&next, line, (size_t)at + n);
        assert_int_equal(strlen(next.trace_id), n < MF_LAMBDA_TRACE_ID_BYTES ? n : 0);
    }
}

static void a_deadline_that_is_none_counts_as_absent(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "-1", "soon", "1.5", "99999999999999999999", "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[128];
        header("Lambda-Runtime-Deadline-Ms: 7");
        snprintf(line, sizeof line, "Lambda-Runtime-Deadline-Ms: %s", bad[i]);
        header(line);
        assert_int_equal(next.deadline_ms, 0);
    }
}

static void a_body_is_put_together_and_never_kept_beyond_the_limit(void **state)
{
    (void)state;
    header("Content-Length: 18446744073709551615"); /* a rumour */
    header("Content-Length: 10");
    assert_true(next.event.capacity >= 10 && next.event.capacity < 4096);
    assert_true(mf_lambda_next_body(&next, "one ", 4));
    assert_true(mf_lambda_next_body(&next, "two", 3));
    assert_memory_equal(next.event.bytes, "one two", 7);
    char *piece = calloc(1, MF_LAMBDA_EVENT_BYTES);
    assert_true(mf_lambda_next_body(&next, piece, MF_LAMBDA_EVENT_BYTES - 7));
    assert_false(next.too_large);
    assert_false(mf_lambda_next_body(&next, piece, 1));
    assert_true(next.too_large);
    free(piece);
    mf_lambda_next_start(&next);
    assert_false(next.too_large);
    assert_true(next.event.capacity >= MF_LAMBDA_EVENT_BYTES); /* kept for the next one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(names_count_in_any_case_and_blanks_around_values_do_not, fresh),
        cmocka_unit_test_setup(other_headers_and_lines_that_are_none_change_nothing, fresh),
        cmocka_unit_test_setup(a_status_line_starts_afresh, fresh),
        cmocka_unit_test_setup(an_id_that_would_change_a_url_counts_as_absent, fresh),
        cmocka_unit_test_setup(texts_that_are_too_long_count_as_absent_whole, fresh),
        cmocka_unit_test_setup(a_deadline_that_is_none_counts_as_absent, fresh),
        cmocka_unit_test_setup(a_body_is_put_together_and_never_kept_beyond_the_limit, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
