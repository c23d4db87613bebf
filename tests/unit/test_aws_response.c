#include "testing.h"

#include "lambda/aws/response.h"

typedef struct taken {
    char bytes[4096];
    size_t n_bytes;
    uint64_t n_announced;
    int n_begun;
    bool refuses;
    bool refuses_to_begin;
} taken;

static bool take_begin(void *context, uint64_t n_bytes, mf_error *err)
{
    taken *into = context;
    into->n_begun++;
    into->n_bytes = 0;
    into->n_announced = n_bytes;
    return !into->refuses_to_begin || mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "not today");
}

static bool take_bytes(void *context, const char *bytes, size_t n, mf_error *err)
{
    taken *into = context;
    if (into->refuses)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "no more");
    assert_true(into->n_bytes + n <= sizeof into->bytes);
    memcpy(into->bytes + into->n_bytes, bytes, n);
    into->n_bytes += n;
    return true;
}

/* Feeds header lines (each in a block of its own size) until one is refused. */
static bool feed(mf_aws_response *response, const char *head)
{
    while (*head != '\0') {
        const size_t n = strcspn(head, "\n") + 1;
        char *line = malloc(n);
        memcpy(line, head, n);
        const bool more = mf_aws_response_take_header(response, line, n);
        free(line);
        if (!more)
            return false;
        head += n;
    }
    return true;
}

static bool feed_body(mf_aws_response *response, const char *body)
{
    return mf_aws_response_take_body(response, body, strlen(body));
}

static void a_body_is_kept_and_headers_are_found_in_any_case(void **state)
{
    (void)state;
    mf_aws_response response = {.status = 0};
    mf_aws_response_start(&response, NULL, 100);
    assert_true(feed(&response,
                     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag:  \"a b\" \r\nX-Empty:\r\n"
                     "x-twice: first\r\nX-TWICE: second\r\n\r\n"));
    assert_true(feed_body(&response, "abc"));
    assert_true(feed_body(&response, "de"));
    assert_int_equal(response.status, 200);
    assert_int_equal(response.body.n_bytes, 5);
    assert_memory_equal(response.body.bytes, "abcde", 5);
    assert_string_equal(mf_aws_response_header(&response, "etag"), "\"a b\"");
    assert_string_equal(mf_aws_response_header(&response, "X-EMPTY"), "");
    assert_string_equal(mf_aws_response_header(&response, "X-Twice"), "first");
    assert_string_equal(mf_aws_response_header(&response, "x-other"), "");
    mf_aws_response_start(&response, NULL, 100);
    assert_int_equal(response.body.n_bytes, 0);
    assert_string_equal(mf_aws_response_header(&response, "etag"), "");
    mf_aws_response_free(&response);
}

static void interim_responses_and_trailers_leave_nothing_behind(void **state)
{
    (void)state;
    mf_aws_response response = {.status = 0};
    mf_aws_response_start(&response, NULL, 100);
    assert_true(feed(&response, "HTTP/1.1 100 Continue\r\nX-A: interim\r\n\r\n"
                                "HTTP/1.1 404 Not Found\r\nX-B: b\r\n\r\n"));
    assert_int_equal(response.status, 404);
    assert_string_equal(mf_aws_response_header(&response, "x-a"), "");
    assert_true(feed_body(&response, "body"));
    assert_true(feed(&response, "X-B: trailer\r\nX-C: trailer\r\n\r\n"));
    assert_string_equal(mf_aws_response_header(&response, "x-b"), "b");
    assert_string_equal(mf_aws_response_header(&response, "x-c"), "");
    mf_aws_response_free(&response);
}

static void a_sink_gets_the_object_and_nothing_else(void **state)
{
    (void)state;
    mf_aws_response response = {.status = 0};
    taken into = {.n_bytes = 0};
    const mf_aws_sink sink = {take_begin, take_bytes, &into};
    mf_aws_response_start(&response, &sink, 100);
    assert_true(feed(&response, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
    assert_int_equal(into.n_begun, 1);
    assert_int_equal(into.n_announced, 5);
    assert_true(feed_body(&response, "abcde"));
    assert_int_equal(into.n_bytes, 5);
    assert_int_equal(response.n_received, 5);
    assert_int_equal(response.body.n_bytes, 0);

    mf_aws_response_start(&response, &sink, 100);
    assert_true(feed(&response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"));
    assert_true(into.n_announced == UINT64_MAX);

    into.n_begun = 0;
    mf_aws_response_start(&response, &sink, 100);
    assert_true(feed(&response, "HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\n"));
    assert_true(feed_body(&response, "error"));
    assert_int_equal(into.n_begun, 0);
    assert_int_equal(response.body.n_bytes, 5);
    mf_aws_response_free(&response);
}

static void a_success_needs_a_marked_end(void **state)
{
    (void)state;
    mf_aws_response response = {.status = 0};
    taken into = {.n_bytes = 0};
    const mf_aws_sink sink = {take_begin, take_bytes, &into};
    const char *const heads[] = {"", "Content-Length: x\r\n", "Content-Length: -1\r\n",
                                 "Transfer-Encoding: identity\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char head[128];
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%s\r\n", heads[i]);
        mf_aws_response_start(&response, i % 2 == 0 ? &sink : NULL, 100);
        assert_false(feed(&response, head));
        assert_int_equal(response.transfer, MF_AWS_TRANSFER_BROKEN);
        assert_error(&response.why, MF_ERR_IO, "Content-Length");
    }
    assert_int_equal(into.n_begun, 0);
    mf_aws_response_start(&response, NULL, 100);
    assert_true(feed(&response, "HTTP/1.1 204 Nothing\r\n\r\n"));
    mf_aws_response_start(&response, NULL, 100);
    assert_true(feed(&response, "HTTP/1.1 500 Oh\r\n\r\n"));
    mf_aws_response_free(&response);
}

static void a_sink_that_refuses_is_quoted(void **state)
{
    (void)state;
    mf_aws_response response = {.status = 0};
    taken into = {.refuses = true};
    const mf_aws_sink sink = {take_begin, take_bytes, &into};
    mf_aws_response_start(&response, &sink, 100);
    assert_true(feed(&response, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
    assert_false(feed_body(&response, "abcde"));
    assert_int_equal(response.transfer, MF_AWS_TRANSFER_SINK_FAILED);
    assert_error(&response.why, MF_ERR_PARSE, "no more");

    into.refuses_to_begin = true;
    mf_aws_response_start(&response, &sink, 100);
    assert_false(feed(&response, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
    assert_int_equal(response.transfer, MF_AWS_TRANSFER_SINK_FAILED);
    assert_error(&response.why, MF_ERR_LIMIT, "not today");
    mf_aws_response_free(&response);
}

static void more_than_the_limit_ends_the_reading(void **state)
{
    (void)state;
    mf_aws_response response = {.status = 0};
    mf_aws_response_start(&response, NULL, 4);
    assert_false(feed(&response, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
    assert_int_equal(response.transfer, MF_AWS_TRANSFER_TOO_LARGE);
    assert_error(&response.why, MF_ERR_LIMIT, "4 bytes");

    mf_aws_response_start(&response, NULL, 4);
    assert_true(feed(&response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_true(feed_body(&response, "abcd"));
    assert_int_equal(response.transfer, MF_AWS_TRANSFER_COMPLETE);
    assert_false(feed_body(&response, "e"));
    assert_int_equal(response.transfer, MF_AWS_TRANSFER_TOO_LARGE);
    mf_aws_response_free(&response);
}

static void of_an_error_the_beginning_is_enough(void **state)
{
    (void)state;
    static char piece[40000];
    mf_aws_response response = {.status = 0};
    memset(piece, 'x', sizeof piece);
    mf_aws_response_start(&response, NULL, 4);
    assert_true(feed(&response, "HTTP/1.1 500 Oh\r\nContent-Length: 1000000\r\n\r\n"));
    assert_true(mf_aws_response_take_body(&response, piece, sizeof piece));
    assert_false(mf_aws_response_take_body(&response, piece, sizeof piece));
    assert_true(response.has_enough);
    assert_int_equal(response.transfer, MF_AWS_TRANSFER_COMPLETE);
    assert_int_equal(response.body.n_bytes, MF_AWS_ERROR_BODY_BYTES);
    mf_aws_response_free(&response);
}

static void headers_without_end_and_nonsense_are_passed_over(void **state)
{
    (void)state;
    mf_aws_response response = {.status = 0};
    mf_aws_response_start(&response, NULL, 4);
    assert_true(feed(&response, "not a status line\r\n"));
    assert_int_equal(response.status, 0);
    assert_true(feed(&response, "HTTP/1.1 20\r\n\r\n"));
    assert_int_equal(response.status, 0);
    assert_true(feed(&response, "HTTP/1.1\r\n\r\n"));
    assert_true(feed(&response, "HTTP/1.1 2000 OK\r\nno colon\r\n: no name\r\n"));
    static const char with_nul[] = "x-a: a\0b\r\n";
    assert_true(mf_aws_response_take_header(&response, with_nul, sizeof with_nul - 1));
    for (int i = 0; i < 2000; i++)
        assert_true(feed(&response, "X-Many: 0123456789abcdef0123456789abcdef\r\n"));
    assert_true(feed(&response, "X-Late: as long as those before it, or it would fit\r\n\r\n"));
    assert_true(response.headers.n_bytes <= MF_AWS_HEADERS_BYTES);
    assert_string_equal(mf_aws_response_header(&response, "x-late"), "");
    assert_string_equal(mf_aws_response_header(&response, "x-a"), "");
    mf_aws_response_free(&response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_kept_and_headers_are_found_in_any_case),
        cmocka_unit_test(interim_responses_and_trailers_leave_nothing_behind),
        cmocka_unit_test(a_sink_gets_the_object_and_nothing_else),
        cmocka_unit_test(a_success_needs_a_marked_end),
        cmocka_unit_test(a_sink_that_refuses_is_quoted),
        cmocka_unit_test(more_than_the_limit_ends_the_reading),
        cmocka_unit_test(of_an_error_the_beginning_is_enough),
        cmocka_unit_test(headers_without_end_and_nonsense_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
