#include "testing.h"

#include "http/parse/head.h"

#include <stdlib.h>
#include <string.h>

/* Looks for the end of a head and parses it, from a block of exactly its size.
 * Returns the status to refuse with, 0 when it is fine, -1 when it is incomplete. */
static int parse_bytes(const char *bytes, size_t n_bytes, mf_head *head)
{
    char *copy = malloc(n_bytes);
    assert_non_null(copy);
    memcpy(copy, bytes, n_bytes);
    size_t scanned = 0;
    size_t n_head;
    const char *message = NULL;
    int status = -1;
    const mf_head_end end = mf_head_find_end(copy, n_bytes, &scanned, &n_head);
    if (end == MF_HEAD_BAD) {
        status = 400;
    } else if (end == MF_HEAD_COMPLETE) {
        char *exact = malloc(n_head);
        assert_non_null(exact);
        memcpy(exact, copy, n_head);
        status = mf_head_parse(exact, n_head, head, &message);
        assert_true((status == 0) == (message == NULL));
        free(exact);
    }
    free(copy);
    return status;
}

static int parse(const char *text, mf_head *head)
{
    return parse_bytes(text, strlen(text), head);
}

static void assert_span(const char *text, mf_head_span span, const char *expected)
{
    assert_int_equal(span.n_bytes, strlen(expected));
    assert_memory_equal(text + span.at, expected, span.n_bytes);
}

static void a_whole_request_is_read(void **state)
{
    (void)state;
    static const char text[] = "POST /invocations?a=1 HTTP/1.1\r\n"
                               "Host: model.aws.local:8080\r\n"
                               "content-LENGTH: \t35 \r\n"
                               "X-Empty:\r\n"
                               "Content-Encoding: GZIP\r\n"
                               "Expect: 100-Continue\r\n"
                               "\r\n";
    mf_head head;
    assert_int_equal(parse(text, &head), 0);
    assert_span(text, head.method, "POST");
    assert_span(text, head.target, "/invocations?a=1");
    assert_int_equal(head.n_fields, 5);
    assert_span(text, head.fields[0].name, "Host");
    assert_span(text, head.fields[0].value, "model.aws.local:8080");
    assert_span(text, head.fields[1].value, "35");
    assert_span(text, head.fields[2].value, "");
    assert_true(head.has_length);
    assert_int_equal(head.content_length, 35);
    assert_int_equal(head.coding, MF_CODING_GZIP);
    assert_true(head.expects_continue);
    assert_true(head.keep_alive);
    assert_false(head.chunked);
    assert_false(head.http_1_0);
}

static void every_prefix_is_incomplete_and_found_where_the_whole_is(void **state)
{
    (void)state;
    static const char text[] = "GET /ping HTTP/1.1\r\nHost: a\r\nX: \xC3\xBC\r\n\r\nGET /";
    const size_t n_head = strlen(text) - 5;
    size_t scanned = 0;
    for (size_t n = 1; n <= strlen(text); n++) {
        /* Byte by byte, in a new place each time, and at once. */
        char *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, text, n);
        size_t found = 0;
        size_t fresh = 0;
        const mf_head_end at_once = mf_head_find_end(copy, n, &fresh, &found);
        const mf_head_end stepwise = mf_head_find_end(copy, n, &scanned, &found);
        free(copy);
        assert_int_equal(at_once, n < n_head ? MF_HEAD_INCOMPLETE : MF_HEAD_COMPLETE);
        assert_int_equal(stepwise, at_once);
        if (n >= n_head)
            assert_int_equal(found, n_head);
    }
}

static void what_two_readers_could_read_differently_is_refused(void **state)
{
    (void)state;
#define GET         "GET / HTTP/1.1\r\nHost: a\r\n"
#define HOST(value) "GET / HTTP/1.1\r\nHost: " value "\r\n\r\n"
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        /* lengths */
        {GET "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
        {GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
        {GET "Content-Length: 5, 5\r\n\r\n", 400},
        {GET "Content-Length: +5\r\n\r\n", 400},
        {GET "Content-Length: -5\r\n\r\n", 400},
        {GET "Content-Length: 0x5\r\n\r\n", 400},
        {GET "Content-Length: 5 5\r\n\r\n", 400},
        {GET "Content-Length:\r\n\r\n", 400},
        {GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
        /* transfer codings */
        {GET "Transfer-Encoding: gzip\r\n\r\n", 501},
        {GET "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {GET "Transfer-Encoding: chunked, chunked\r\n\r\n", 501},
        {GET "Transfer-Encoding: xchunked\r\n\r\n", 501},
        {GET "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
        {GET "Transfer-Encoding:\r\n\r\n", 501},
        {GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {GET "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        /* names and lines */
        {GET "Transfer-Encoding : chunked\r\n\r\n", 400},
        {GET " Transfer-Encoding: chunked\r\n\r\n", 400},
        {GET "X: a\r\n folded\r\n\r\n", 400},
        {GET "X: a\r\n\tfolded\r\n\r\n", 400},
        {GET ": a\r\n\r\n", 400},
        {GET "X\r\n\r\n", 400},
        {GET "X(: a\r\n\r\n", 400},
        {GET "X\xC3\xBC: a\r\n\r\n", 400},
        {GET "X: a\rb\r\n\r\n", 400},
        {GET "X: a\nY: b\r\n\r\n", 400},
        {GET "X: a\x7F\r\n\r\n", 400},
        {GET "X: a\x01\r\n\r\n", 400},
        {GET "X: a\n\n", 400},
        {"GET / HTTP/1.1\n\n", 400},
        /* request lines */
        {"GET / HTTP/1.1 \r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\n\r\n", 400},
        {"GET /  HTTP/1.1\r\n\r\n", 400},
        {"GET\t/ HTTP/1.1\r\n\r\n", 400},
        {"GET /a b HTTP/1.1\r\n\r\n", 400},
        {"GET /#a HTTP/1.1\r\n\r\n", 400},
        {"GET /\xC3\xBC HTTP/1.1\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"GET\r\n\r\n", 400},
        {"GET / http/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.10\r\n\r\n", 400},
        {"GET / HTTP/11\r\n\r\n", 400},
        {"G(T / HTTP/1.1\r\n\r\n", 400},
        {"GET ping HTTP/1.1\r\n\r\n", 400},
        {"GET * HTTP/1.1\r\n\r\n", 400},
        {"GET https:/a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET https:// HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET https://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        /* hosts (RFC 9112, 3.2) */
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.2\r\n\r\n", 400},
        {"GET http://a/ HTTP/1.1\r\n\r\n", 400},
        {GET "Host: a\r\n\r\n", 400},
        {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {HOST("a b"), 400},
        {HOST("a, b"), 400},
        {HOST("a/b"), 400},
        {HOST("a@b"), 400},
        {HOST("a%zz"), 400},
        {HOST("a%2"), 400},
        {HOST("%"), 400},
        {HOST("a%2:80"), 400},
        {HOST("a:8x"), 400},
        {HOST("a:80:80"), 400},
        {HOST("::1"), 400},
        {HOST("[::1"), 400},
        {HOST("[::1]a"), 400},
        {HOST("["), 400},
        {HOST("\xC3\xBC"), 400},
        {"CONNECT a:80 HTTP/1.1\r\n\r\n", 400},
        {"\x16\x03\x01", 400},
        {" GET / HTTP/1.1\r\n\r\n", 400},
        /* versions and expectations */
        {"GET / HTTP/2.0\r\n\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\n", 505},
        {"GET / HTTP/0.9\r\n\r\n", 505},
        {GET "Expect: a-miracle\r\n\r\n", 417},
        {GET "Expect: 100-continue\r\nExpect: a-miracle\r\n\r\n", 417},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_head head;
        const int status = parse(cases[i].text, &head);
        if (status != cases[i].status)
            fail_msg("case %zu gave %d, not %d:\n%s", i, status, cases[i].status, cases[i].text);
    }
    static const char zero[] = GET "X: a\0b\r\n\r\n";
    mf_head head;
    assert_int_equal(parse_bytes(zero, sizeof zero - 1, &head), 400);
}

static void what_the_platform_and_its_tools_send_is_taken(void **state)
{
    (void)state;
    static const char *const cases[] = {
        GET "\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        HOST(""),
        HOST("model.aws.local:8080"),
        HOST("169.254.255.131:8080"),
        HOST("a_b.example.:"),
        HOST("%C3%BC!$&'()*+;=~"),
        HOST("[::1]"),
        HOST("[fe80::1%25eth0]:8080"),
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://169.254.255.131:8080/ping HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET HTTP://a/ping HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET https://[::1]:8080?a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET Https://a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a|b\"<>^`{} HTTP/1.1\r\nHost: a\r\n\r\n",
        "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n",
        GET "X: a\tb c\r\n\r\n",
        GET "X: \xFF\r\n\r\n",
        GET "Transfer-Encoding: Chunked\r\n\r\n",
        GET "Content-Length: 000000000000000000000000000005\r\n\r\n",
        GET "Content-Length: 99999999999999999999999\r\n\r\n",
        GET "Connection: Keep-Alive, Upgrade\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_head head;
        if (parse(cases[i], &head) != 0)
            fail_msg("refused: %s", cases[i]);
    }
    mf_head head;
    parse(GET "Content-Length: 99999999999999999999999\r\n\r\n", &head);
    assert_true(head.content_length == UINT64_MAX);
    parse(GET "Content-Length: 18446744073709551615\r\n\r\n", &head);
    assert_true(head.content_length == UINT64_MAX);
}

static void connection_and_version_say_whether_it_stays_open(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {GET "\r\n", true},
        {GET "Connection: close\r\n\r\n", false},
        {GET "Connection: keep-alive, CLOSE\r\n\r\n", false},
        {GET "Connection: close\r\nConnection: keep-alive\r\n\r\n", false},
        {GET "Connection: closed\r\n\r\n", true},
        {GET "Connection: ,, ,close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_head head;
        assert_int_equal(parse(cases[i].text, &head), 0);
        if (head.keep_alive != cases[i].keep_alive)
            fail_msg("wrong: %s", cases[i].text);
    }
}

static void content_codings_are_known_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mf_head_coding coding;
    } cases[] = {
        {GET "\r\n", MF_CODING_NONE},
        {GET "Content-Encoding: identity\r\n\r\n", MF_CODING_NONE},
        {GET "Content-Encoding: \r\n\r\n", MF_CODING_NONE},
        {GET "Content-Encoding: x-gzip\r\n\r\n", MF_CODING_GZIP},
        {GET "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n", MF_CODING_UNKNOWN},
        {GET "Content-Encoding: gzip, gzip\r\n\r\n", MF_CODING_UNKNOWN},
        {GET "Content-Encoding: br\r\n\r\n", MF_CODING_UNKNOWN},
        {GET "Content-Encoding: br\r\nContent-Encoding: gzip\r\n\r\n", MF_CODING_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_head head;
        assert_int_equal(parse(cases[i].text, &head), 0);
        if (head.coding != cases[i].coding)
            fail_msg("wrong: %s", cases[i].text);
    }
}

static void a_hundred_headers_are_the_most(void **state)
{
    (void)state;
    for (int n = MF_HEAD_FIELDS_MAX; n <= MF_HEAD_FIELDS_MAX + 1; n++) {
        char text[2000] = GET;
        for (int i = 1; i < n; i++) /* after Host */
            strcat(text, "X: 1\r\n");
        strcat(text, "\r\n");
        mf_head head;
        assert_int_equal(parse(text, &head), n <= MF_HEAD_FIELDS_MAX ? 0 : 431);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_request_is_read),
        cmocka_unit_test(every_prefix_is_incomplete_and_found_where_the_whole_is),
        cmocka_unit_test(what_two_readers_could_read_differently_is_refused),
        cmocka_unit_test(what_the_platform_and_its_tools_send_is_taken),
        cmocka_unit_test(connection_and_version_say_whether_it_stays_open),
        cmocka_unit_test(content_codings_are_known_or_not),
        cmocka_unit_test(a_hundred_headers_are_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
