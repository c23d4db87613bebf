/* test_lambda_runtime_next.c: the response to `next` as an event (lambda/runtime/invocation.h). */
#include "testing.h"

#include "lambda/aws/response.h"
#include "lambda/runtime/invocation.h"

static mf_aws_response response;
static mf_lambda_next next;

static void start(void)
{
    mf_aws_response_start(&response, NULL, MF_LAMBDA_EVENT_BYTES);
    assert_true(mf_aws_response_take_header(&response, "HTTP/1.1 200 OK\r\n", 17));
}

static void header(const char *line)
{
    assert_true(mf_aws_response_take_header(&response, line, strlen(line)));
}

/* Reads the response whose only header besides Content-Length is this one. */
static void read_header(const char *line)
{
    start();
    header(line);
    header("Content-Length: 2");
    header("\r\n");
    assert_true(mf_aws_response_take_body(&response, "{}", 2));
    mf_lambda_next_read(&next, &response);
}

static int done(void **state)
{
    (void)state;
    mf_aws_response_free(&response);
    return 0;
}

static void names_match_in_any_case_and_blanks_around_values_are_dropped(void **state)
{
    (void)state;
    start();
    header("LAMBDA-RUNTIME-aws-request-id:  8476a536-e9f4-11e8-9739-2dfe598c3fcd \t\r\n");
    header("lambda-runtime-deadline-ms:1542409706888\r\n");
    header("Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-2:1:function:f:live");
    header("Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e8;Parent=6;Sampled=1\r\n");
    header("Lambda-Runtime-Aws-Request-Id-2: c");
    header("no colon");
    header("Content-Length: 7");
    header("\r\n");
    assert_true(mf_aws_response_take_body(&response, "{\"a\":", 5));
    assert_true(mf_aws_response_take_body(&response, "1}", 2));
    mf_lambda_next_read(&next, &response);
    assert_string_equal(next.request_id, "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
    assert_int_equal(next.deadline_ms, 1542409706888);
    assert_string_equal(next.function_arn, "arn:aws:lambda:us-east-2:1:function:f:live");
    assert_string_equal(next.trace_id, "Root=1-5bef4de7-ad49b0e8;Parent=6;Sampled=1");
    assert_int_equal(next.n_event, 7);
    assert_memory_equal(next.event, "{\"a\":1}", 7);
    assert_false(next.too_large);
}

static void what_is_not_there_is_absent(void **state)
{
    (void)state;
    mf_aws_response_start(&response, NULL, MF_LAMBDA_EVENT_BYTES);
    mf_lambda_next_read(&next, &response);
    assert_string_equal(next.request_id, "");
    assert_string_equal(next.trace_id, "");
    assert_string_equal(next.function_arn, "");
    assert_int_equal(next.deadline_ms, 0);
    assert_string_equal(next.event, "");
    assert_int_equal(next.n_event, 0);
}

static void an_id_that_would_change_a_url_counts_as_absent(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a/b", "..", "a b", "a%2f", "a?b", "a#b", "é", "a\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "Lambda-Runtime-Aws-Request-Id: %s", bad[i]);
        read_header("Lambda-Runtime-Aws-Request-Id: Good_1-x");
        assert_string_equal(next.request_id, "Good_1-x");
        read_header(line);
        assert_string_equal(next.request_id, "");
    }
}

static void texts_that_are_too_long_count_as_absent(void **state)
{
    (void)state;
    static char line[4096];
    for (size_t n = MF_LAMBDA_REQUEST_ID_BYTES - 1; n <= MF_LAMBDA_REQUEST_ID_BYTES; n++) {
        const int at = snprintf(line, sizeof line, "Lambda-Runtime-Aws-Request-Id: ");
        memset(line + at, 'x', n);
        line[(size_t)at + n] = '\0';
        read_header(line);
        assert_int_equal(strlen(next.request_id), n < MF_LAMBDA_REQUEST_ID_BYTES ? n : 0);
    }
    for (size_t n = MF_LAMBDA_TRACE_ID_BYTES - 1; n <= MF_LAMBDA_TRACE_ID_BYTES; n++) {
        const int at = snprintf(line, sizeof line, "Lambda-Runtime-Trace-Id: ");
        memset(line + at, 'x', n);
        line[(size_t)at + n] = '\0';
        read_header(line);
        assert_int_equal(strlen(next.trace_id), n < MF_LAMBDA_TRACE_ID_BYTES ? n : 0);
    }
}

static void a_deadline_that_is_not_a_time_counts_as_absent(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "-1", "soon", "1.5", "99999999999999999999", "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[128];
        read_header("Lambda-Runtime-Deadline-Ms: 7");
        assert_int_equal(next.deadline_ms, 7);
        snprintf(line, sizeof line, "Lambda-Runtime-Deadline-Ms: %s", bad[i]);
        read_header(line);
        assert_int_equal(next.deadline_ms, 0);
    }
}

static void an_event_beyond_the_limit_is_too_large(void **state)
{
    (void)state;
    char *piece = calloc(1, MF_LAMBDA_EVENT_BYTES);
    assert_non_null(piece);
    start();
    header("Transfer-Encoding: chunked");
    header("\r\n");
    assert_true(mf_aws_response_take_body(&response, piece, MF_LAMBDA_EVENT_BYTES));
    assert_false(mf_aws_response_take_body(&response, piece, 1));
    mf_lambda_next_read(&next, &response);
    assert_true(next.too_large);
    free(piece);
    start();
    assert_true(response.body.capacity >= MF_LAMBDA_EVENT_BYTES); /* kept for the next one */
    header("Content-Length: 18446744073709551614");
    assert_false(mf_aws_response_take_header(&response, "\r\n", 2));
    mf_lambda_next_read(&next, &response);
    assert_true(next.too_large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_in_any_case_and_blanks_around_values_are_dropped),
        cmocka_unit_test(what_is_not_there_is_absent),
        cmocka_unit_test(an_id_that_would_change_a_url_counts_as_absent),
        cmocka_unit_test(texts_that_are_too_long_count_as_absent),
        cmocka_unit_test(a_deadline_that_is_not_a_time_counts_as_absent),
        cmocka_unit_test(an_event_beyond_the_limit_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
