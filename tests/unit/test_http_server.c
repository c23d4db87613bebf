/* What the server makes of requests: a real one, driven by plain sockets. */
#include "http_testing.h"

#include <zlib.h>

#define ECHO(headers, body) "POST /echo HTTP/1.1\r\nHost: h\r\n" headers "\r\n" body

static mf_http_server *server;

static int start(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    server = start_server(&settings);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    stop_server(server);
    return 0;
}

static void a_thousand_requests_share_one_connection(void **state)
{
    (void)state;
    client *c = open_client(server);
    response r;
    for (int i = 0; i < 1000; i++) {
        char text[200];
        snprintf(text, sizeof text, ECHO("Content-Length: 4\r\n", "%04d"), i);
        exchange(c, text, &r);
        assert_int_equal(r.status, 200);
        assert_int_equal(atoi(r.body), i);
        assert_null(header_of(&r, "Connection"));
        assert_string_equal(header_of(&r, "Server"), "test");
        assert_int_equal(strlen(header_of(&r, "Date")), 29);
        assert_int_equal(strlen(header_of(&r, "X-Request-Id")), 16);
    }
    assert_int_equal(stats_of(server).accepted, 1);
    close_client(c);
}

static void pipelined_requests_get_responses_in_order(void **state)
{
    (void)state;
    enum { N = 300 };
    client *c = open_client(server);
    char *all = malloc(N * 100);
    assert_non_null(all);
    size_t n = 0;
    for (int i = 0; i < N; i++) /* every third one is long work */
        n += (size_t)snprintf(all + n, 100,
                              "POST /%s HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n1 %04d",
                              i % 3 == 0 ? "work" : "echo", i);
    send_bytes(c, all, n);
    free(all);
    for (int i = 0; i < N; i++) {
        response r;
        assert_true(read_response(c, &r));
        assert_int_equal(r.status, 200);
        assert_int_equal(atoi(r.body + 2), i);
    }
    close_client(c);
}

static void a_request_may_come_in_any_two_pieces(void **state)
{
    (void)state;
    static const char text[] = "\r\n" ECHO("Transfer-Encoding: chunked\r\n",
                                           "3;x\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n") GET_PING;
    client *c = open_client(server);
    response r;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        send_bytes(c, text, cut);
        if (cut % 7 == 0) /* now and then be sure that the first piece was read alone */
            assert_soon(stats_of(server).bytes_in == (sizeof text - 1) * cut + cut);
        send_bytes(c, text + cut, sizeof text - 1 - cut);
        assert_true(read_response(c, &r));
        assert_int_equal(r.status, 200);
        assert_string_equal(r.body, "abcde");
        assert_true(read_response(c, &r));
        assert_int_equal(r.status, 200);
        assert_int_equal(r.n_body, 0);
    }
    for (size_t i = 0; i < sizeof text - 1; i++)
        send_bytes(c, text + i, 1);
    assert_true(read_response(c, &r));
    assert_string_equal(r.body, "abcde");
    assert_true(read_response(c, &r));
    assert_int_equal(r.status, 200);
    close_client(c);
}

static void head_gets_the_length_without_the_body(void **state)
{
    (void)state;
    client *c = open_client(server);
    response r;
    send_text(c, "HEAD /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcHEAD /nowhere "
                 "HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(read_response_of(c, &r, false));
    assert_int_equal(r.status, 200);
    assert_string_equal(header_of(&r, "Content-Length"), "3");
    assert_true(read_response_of(c, &r, false));
    assert_int_equal(r.status, 404);
    exchange(c, "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n", &r);
    assert_int_equal(r.status, 204);
    exchange(c, GET_PING, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(header_of(&r, "Content-Length"), "0");
    /* Refused while its headers are read: nothing follows the head before the end. */
    send_text(c, "HEAD /echo HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n");
    assert_true(read_response_of(c, &r, false));
    assert_int_equal(r.status, 417);
    assert_true(is_closed(c));
    close_client(c);
}

static void a_handler_sees_path_query_and_headers(void **state)
{
    (void)state;
    client *c = open_client(server);
    response r;
    exchange(c,
             "GET /inside/a%2Fb%20c?n=1+2&x=%C3%BC&n=3 HTTP/1.1\r\nHost: h\r\nX-Test: one\r\n"
             "x-test: two \r\nX-TEST: three\r\n\r\n",
             &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "a/b c|one, two, three|n|1 2|x|ü|n|3|");
    assert_string_equal(header_of(&r, "X-Echo"), "one, two, three");
    assert_null(header_of(&r, "X-Bad"));
    assert_null(header_of(&r, "X-Injected"));
    assert_null(header_of(&r, "X-Blank"));
    exchange(c,
             "GET /inside/a HTTP/1.1\r\nHost: h\r\nX-Request-Id: abc-1\r\nX-Test: \xC3\xBC\r\n\r\n",
             &r);
    assert_string_equal(r.body, "a|ü|");
    assert_null(header_of(&r, "X-Echo"));
    assert_string_equal(header_of(&r, "X-Request-Id"), "abc-1");
    exchange(c,
             "GET /inside/a HTTP/1.1\r\nHost: h\r\nX-Request-Id: abc-1\r\nX-Amzn-RequestId: "
             "amzn\r\n\r\n",
             &r);
    assert_string_equal(header_of(&r, "X-Request-Id"), "amzn");
    exchange(c, "GET /inside/a HTTP/1.1\r\nHost: h\r\nX-Request-Id: not usable\r\n\r\n", &r);
    assert_int_equal(strlen(header_of(&r, "X-Request-Id")), 16);
    char longest[1200] = "GET /inside/a HTTP/1.1\r\nHost: h\r\nX-Test: ";
    memset(longest + strlen(longest), 'v', 1025);
    strcat(longest, "\r\n\r\n");
    exchange(c, longest, &r);
    assert_null(header_of(&r, "X-Echo"));
    close_client(c);
}

static void eight_kilobytes_of_unknown_headers_are_ignored(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.max_head_bytes = mf_http_settings_default().max_head_bytes;
    mf_http_server *roomy = start_server(&settings);
    client *c = open_client(roomy);
    char text[10000] = "GET /ping HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < 80; i++) {
        char line[130];
        snprintf(line, sizeof line, "X-Amzn-%d: %0100d\r\n", i, i);
        strcat(text, line);
    }
    strcat(text, "\r\n");
    response r;
    exchange(c, text, &r);
    assert_int_equal(r.status, 200);
    close_client(c);
    stop_server(roomy);
}

/* A refusal, and what becomes of the connection. */
typedef struct refusal {
    const char *text;
    int status;
    const char *code;
    bool stays_open;
} refusal;

#define LINES10(x) x x x x x x x x x x

static const refusal refusals[] = {
    {"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 404, "not_found", true},
    {"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 404, "not_found", true},
    {"POST /nowhere HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 404, "not_found",
     false},
    {"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n", 404, "not_found", false},
    {"POST /nowhere HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", 404,
     "not_found", false},
    {"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method_not_allowed", true},
    {"BREW /echo HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method_not_allowed", true},
    {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 404, "not_found", true},
    {"GET /inside/%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request", true},
    {"GET /inside/%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request", true},
    {"GET /inside/a?n=%z HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request", true},
    {"GET /ping%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request", true},
    {"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request", true},
    {"GET /ping// HTTP/1.1\r\nHost: h\r\n\r\n", 404, "not_found", true},
    {"GET /inside/ HTTP/1.1\r\nHost: h\r\n\r\n", 404, "not_found", true},
    {"GET /ping HTTP/1.1\r\n\r\n", 400, "bad_request", false},
    {"GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n", 500, "internal_error", true},
    {ECHO("Content-Length: 1048577\r\n", ""), 413, "content_too_large", false},
    {ECHO("Content-Length: 1048577\r\nExpect: 100-continue\r\n", ""), 413, "content_too_large",
     false},
    {ECHO("Content-Length: 99999999999999999999999999\r\n", ""), 413, "content_too_large", false},
    {ECHO("Content-Encoding: br\r\nContent-Length: 3\r\n", "abc"), 415, "unsupported_media_type",
     true},
    {ECHO("Expect: tea\r\nContent-Length: 3\r\n", "abc"), 417, "expectation_failed", false},
    {ECHO("Transfer-Encoding: gzip, chunked\r\n", ""), 501, "not_implemented", false},
    {"GET / HTTP/2.0\r\n\r\n", 505, "http_version_not_supported", false},
    {ECHO("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400, "bad_request", false},
    {ECHO("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), 400, "bad_request", false},
    {ECHO("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, "bad_request",
     false},
    {ECHO("Content-Length : 3\r\n", "abc"), 400, "bad_request", false},
    {ECHO("X: a\r\n b\r\n", ""), 400, "bad_request", false},
    {"GET /ping HTTP/1.1\n\n", 400, "bad_request", false},
    {"\x16\x03\x01\x02", 400, "bad_request", false},
    {"\r\n\r\n\r\n" GET_PING, 400, "bad_request", false},
    {ECHO("Transfer-Encoding: chunked\r\n", "x\r\n"), 400, "bad_request", false},
    {ECHO("Content-Encoding: gzip\r\nContent-Length: 3\r\n", "abc"), 400, "bad_request", false},
    {"GET /ping HTTP/1.1\r\nHost: h\r\n" LINES10(LINES10("X: 1\r\n")) "X: 1\r\n\r\n", 431,
     "header_fields_too_large", false},
};

static void refusals_are_json_and_leave_the_connection_in_a_known_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        client *c = open_client(server);
        response r;
        exchange(c, refusals[i].text, &r);
        assert_json_error(&r, refusals[i].status, refusals[i].code);
        const char *connection = header_of(&r, "Connection");
        if ((connection == NULL) != refusals[i].stays_open)
            fail_msg("case %zu: %s", i, r.head);
        if (refusals[i].stays_open) {
            exchange(c, GET_PING, &r);
            assert_int_equal(r.status, 200);
        } else {
            assert_string_equal(connection, "close");
            send_text(c, GET_PING); /* must not be taken as a request */
            assert_true(is_closed(c));
        }
        close_client(c);
    }
    assert_serves(server);
}

static void wrong_methods_hear_the_right_ones(void **state)
{
    (void)state;
    client *c = open_client(server);
    response r;
    exchange(c, "DELETE /ping HTTP/1.1\r\nHost: h\r\n\r\n", &r);
    assert_json_error(&r, 405, "method_not_allowed");
    assert_string_equal(header_of(&r, "Allow"), "GET, HEAD, POST");
    close_client(c);
}

static void heads_over_the_limit_are_431_or_414(void **state)
{
    (void)state;
    char text[6000];
    response r;
    for (int whole = 0; whole < 2; whole++) {
        client *c = open_client(server);
        memset(text, 'x', sizeof text);
        memcpy(text, "GET /ping HTTP/1.1\r\nHost: h\r\nX: ", 32);
        memcpy(text + sizeof text - 5, whole ? "\r\n\r\n" : "xxxx", 5);
        send_bytes(c, text, sizeof text - 1);
        assert_true(read_response(c, &r));
        assert_json_error(&r, 431, "header_fields_too_large");
        assert_true(is_closed(c));
        close_client(c);
        c = open_client(server);
        memcpy(text, "GET /pingpingpingpingpingpingpin", 32);
        send_bytes(c, text, sizeof text - 1);
        assert_true(read_response(c, &r));
        assert_json_error(&r, 414, "uri_too_long");
        close_client(c);
    }
}

static void a_client_that_sends_on_still_reads_why_it_was_refused(void **state)
{
    (void)state;
    const size_t n = 26u << 20;
    char *body = calloc(1, n);
    assert_non_null(body);
    client *c = open_client(server);
    send_text(c, ECHO("Content-Length: 27262976\r\n", ""));
    send_bytes(c, body, n);
    response r;
    assert_true(read_response(c, &r));
    assert_json_error(&r, 413, "content_too_large");
    assert_non_null(strstr(r.body, "1048576 bytes"));
    close_client(c);
    free(body);
}

static void chunks_over_the_limit_are_413(void **state)
{
    (void)state;
    client *c = open_client(server);
    char *chunk = calloc(1, 65536);
    assert_non_null(chunk);
    send_text(c, ECHO("Transfer-Encoding: chunked\r\n", ""));
    for (int i = 0; i < 17; i++) {
        send_text(c, "10000\r\n");
        send_bytes(c, chunk, 65536);
        send_text(c, "\r\n");
    }
    response r;
    assert_true(read_response(c, &r));
    assert_json_error(&r, 413, "content_too_large");
    close_client(c);
    free(chunk);
}

static void expect_gets_its_continue(void **state)
{
    (void)state;
    client *c = open_client(server);
    response r;
    for (int i = 0; i < 3; i++) {
        exchange(c, ECHO("Expect: 100-continue\r\nContent-Length: 3\r\n", ""), &r);
        assert_int_equal(r.status, 100);
        exchange(c, "abc", &r);
        assert_int_equal(r.status, 200);
        assert_string_equal(r.body, "abc");
        /* The body is there already: nothing to continue. */
        exchange(c, ECHO("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"), &r);
        assert_int_equal(r.status, 200);
        exchange(c, ECHO("Expect: 100-continue\r\nContent-Length: 0\r\n", ""), &r);
        assert_int_equal(r.status, 200);
    }
    close_client(c);
}

static void http_1_0_closes_unless_keep_alive_is_sent(void **state)
{
    (void)state;
    client *c = open_client(server);
    response r;
    exchange(c, "GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(header_of(&r, "Connection"), "keep-alive");
    exchange(c, "GET http://any.host/ping HTTP/1.0\r\n\r\n", &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(header_of(&r, "Connection"), "close");
    assert_true(is_closed(c));
    close_client(c);
    c = open_client(server);
    exchange(c, "GET /ping HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET_PING, &r);
    assert_int_equal(r.status, 200);
    assert_true(is_closed(c));
    close_client(c);
}

/* gzip of n bytes 'a'; the caller frees it. */
static char *pack(size_t n, size_t *n_packed)
{
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'a', n);
    z_stream stream = {0};
    deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
    const size_t capacity = deflateBound(&stream, n);
    char *packed = malloc(capacity);
    assert_non_null(packed);
    stream.next_in = (Bytef *)text;
    stream.avail_in = (uInt)n;
    stream.next_out = (Bytef *)packed;
    stream.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *n_packed = capacity - stream.avail_out;
    deflateEnd(&stream);
    free(text);
    return packed;
}

static void many_gzip_bodies_at_once_take_turns_and_arrive_whole(void **state)
{
    (void)state;
    enum { N = 30 };
    size_t n_packed;
    char *packed = pack(1u << 20, &n_packed);
    client *clients[N];
    char head[200];
    snprintf(head, sizeof head, ECHO("Content-Encoding: gzip\r\nContent-Length: %zu\r\n", ""),
             n_packed);
    for (int i = 0; i < N; i++) {
        clients[i] = open_client(server);
        send_text(clients[i], head);
        send_bytes(clients[i], packed, n_packed - 1);
    }
    for (int i = 0; i < N; i++) {
        send_bytes(clients[i], packed + n_packed - 1, 1);
        send_text(clients[i], GET_PING);
    }
    free(packed);
    assert_serves(server);
    for (int i = 0; i < N; i++) {
        response r;
        assert_true(read_response(clients[i], &r));
        assert_int_equal(r.status, 200);
        assert_int_equal(r.n_body, 1u << 20);
        assert_true(read_response(clients[i], &r));
        assert_int_equal(r.n_body, 0);
        close_client(clients[i]);
    }
}

static void gzip_bodies_are_unpacked_up_to_the_limit(void **state)
{
    (void)state;
    client *c = open_client(server);
    for (size_t n = (1u << 20) - 1; n <= (1u << 20) + 1; n++) {
        size_t n_packed;
        char *packed = pack(n, &n_packed);
        char head[200];
        snprintf(head, sizeof head, ECHO("Content-Encoding: gzip\r\nContent-Length: %zu\r\n", ""),
                 n_packed);
        response r;
        send_text(c, head);
        send_bytes(c, packed, n_packed);
        free(packed);
        assert_true(read_response(c, &r));
        if (n > 1u << 20) {
            assert_json_error(&r, 413, "content_too_large");
            assert_true(is_closed(c));
        } else {
            assert_int_equal(r.status, 200);
            assert_int_equal(r.n_body, n);
            assert_int_equal(strspn(r.body, "a"), sizeof r.body - 1);
        }
    }
    close_client(c);
}

static void a_client_that_reads_slowly_gets_all_of_it_and_delays_no_other(void **state)
{
    (void)state;
    client *c = open_client(server);
    for (int i = 0; i < 3; i++)
        send_text(c, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_soon(stats_of(server).buffered_bytes > 0);
    assert_serves(server);
    for (int i = 0; i < 3; i++) {
        response r;
        assert_true(read_response(c, &r));
        assert_int_equal(r.status, 200);
        assert_int_equal(r.n_body, 8u << 20);
        assert_memory_equal(r.body, "abcdefghijklmnopqrstuvwabc", 26);
    }
    assert_soon(stats_of(server).buffered_bytes == 0);
    close_client(c);
}

static void a_half_closed_connection_gets_its_response_and_a_half_request_is_refused(void **state)
{
    (void)state;
    client *c = open_client(server);
    response r;
    send_text(c, "POST /work HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n20" GET_PING);
    shutdown(c->fd, SHUT_WR);
    assert_true(read_final(c, &r));
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "20");
    assert_true(read_response(c, &r));
    assert_int_equal(r.status, 200);
    assert_true(is_closed(c));
    close_client(c);
    static const char *const halves[] = {"GET /pi", ECHO("Content-Length: 3\r\n", "ab"),
                                         ECHO("Transfer-Encoding: chunked\r\n", "3\r\nab")};
    for (size_t i = 0; i < 3; i++) {
        c = open_client(server);
        send_text(c, halves[i]);
        shutdown(c->fd, SHUT_WR);
        assert_true(read_response(c, &r));
        assert_json_error(&r, 400, "bad_request");
        assert_true(is_closed(c));
        close_client(c);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_thousand_requests_share_one_connection),
        TEST(pipelined_requests_get_responses_in_order),
        TEST(a_request_may_come_in_any_two_pieces),
        TEST(head_gets_the_length_without_the_body),
        TEST(a_handler_sees_path_query_and_headers),
        TEST(eight_kilobytes_of_unknown_headers_are_ignored),
        TEST(refusals_are_json_and_leave_the_connection_in_a_known_state),
        TEST(wrong_methods_hear_the_right_ones),
        TEST(heads_over_the_limit_are_431_or_414),
        TEST(a_client_that_sends_on_still_reads_why_it_was_refused),
        TEST(chunks_over_the_limit_are_413),
        TEST(expect_gets_its_continue),
        TEST(http_1_0_closes_unless_keep_alive_is_sent),
        TEST(many_gzip_bodies_at_once_take_turns_and_arrive_whole),
        TEST(gzip_bodies_are_unpacked_up_to_the_limit),
        TEST(a_client_that_reads_slowly_gets_all_of_it_and_delays_no_other),
        TEST(a_half_closed_connection_gets_its_response_and_a_half_request_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
