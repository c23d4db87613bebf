/* Requests that stay pending: hooks of their route, suspension, no deadline, and a server on
 * an event loop of the caller's. */
#include "http_testing.h"

#include <event2/event.h>
#include <netinet/in.h>

/* What the hooks of the routes below saw; one loop writes it. */
static mf_http_request *suspended;
static atomic_int n_heads;
static atomic_int n_handled;
static atomic_int n_disconnected;
static atomic_int n_wrong_users; /* calls whose user pointer is not that of on_head */
static char user;

static void on_head(mf_http_request *request, void *context)
{
    (void)context;
    mf_http_set_user(request, &user);
    atomic_fetch_add(&n_heads, 1);
}

static void on_disconnect(mf_http_request *request, void *context)
{
    (void)context;
    atomic_fetch_add(&n_wrong_users, mf_http_get_user(request) != &user);
    if (request == suspended)
        suspended = NULL;
    atomic_fetch_add(&n_disconnected, 1);
}

static void echo(mf_http_request *request, void *context)
{
    atomic_fetch_add(&n_wrong_users, mf_http_get_user(request) != &user);
    atomic_fetch_add(&n_handled, 1);
    handle_echo(request, context);
}

static void suspend(mf_http_request *request, void *context)
{
    (void)context;
    suspended = request;
    mf_http_suspend(request);
    atomic_fetch_add(&n_handled, 1);
}

/* Responds to the suspended request and then to its own. A second response changes nothing. */
static void release(mf_http_request *request, void *context)
{
    (void)context;
    if (suspended != NULL) {
        mf_text_literal(mf_http_response(suspended), "late");
        mf_http_respond(suspended, 200, "text/plain");
        mf_http_refuse(suspended, 500, "once is enough");
        suspended = NULL;
    }
    mf_text_literal(mf_http_response(request), "done");
    mf_http_respond(request, 200, "text/plain");
}

static void suspend_for_ever(mf_http_request *request, void *context)
{
    (void)context;
    mf_http_suspend(request);
}

static void respond_at_once(mf_http_request *request, void *context)
{
    mf_http_suspend(request);
    handle_echo(request, context);
}

static void append_sent(mf_http_request *request)
{
    mf_text *out = mf_http_response(request);
    mf_http_view name;
    mf_http_view value;
    char peer[MF_HTTP_PEER_BYTES];
    mf_http_get_peer(request, peer);
    append_view(out, mf_http_get_method(request));
    append_view(out, mf_http_get_path(request));
    append_view(out, mf_http_get_query(request));
    mf_text_format(out, "%zu|%s|", mf_http_get_head_bytes(request), peer);
    for (size_t i = 0; mf_http_get_header_at(request, i, &name, &value); i++) {
        append_view(out, name);
        append_view(out, value);
    }
}

/* Says what came, as it was sent. */
static void tell(mf_http_request *request, void *context)
{
    (void)context;
    append_sent(request);
    if (mf_http_is_body_too_large(request))
        mf_text_literal(mf_http_response(request), "too large|");
    append_view(mf_http_response(request), mf_http_get_body(request));
    mf_http_respond(request, 200, NULL);
}

static const mf_http_route routes[] = {
    {.path = "/echo",
     .methods = MF_HTTP_POST,
     .handle = echo,
     .on_head = on_head,
     .on_disconnect = on_disconnect},
    {.path = "/next",
     .methods = MF_HTTP_GET,
     .handle = suspend,
     .on_head = on_head,
     .on_disconnect = on_disconnect,
     .no_deadline = true,
     .fin_disconnects = true},
    {.path = "/half",
     .methods = MF_HTTP_GET,
     .handle = suspend,
     .on_head = on_head,
     .on_disconnect = on_disconnect},
    {.path = "/never", .methods = MF_HTTP_GET, .handle = suspend_for_ever},
    {.path = "/release", .methods = MF_HTTP_GET, .handle = release},
    {.path = "/at-once", .methods = MF_HTTP_POST, .handle = respond_at_once},
    {.path = "/ping", .methods = MF_HTTP_GET, .handle = handle_ping},
    {.path = "*",
     .methods = MF_HTTP_GET | MF_HTTP_POST | MF_HTTP_OTHER,
     .handle = tell,
     .raw_body = true},
};

enum { N_TEST_ROUTES = sizeof routes / sizeof routes[0] };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static void forget(void)
{
    suspended = NULL;
    atomic_store(&n_heads, 0);
    atomic_store(&n_handled, 0);
    atomic_store(&n_disconnected, 0);
    atomic_store(&n_wrong_users, 0);
}

static mf_http_server *start(const mf_http_settings *settings)
{
    mf_error err = {0};
    forget();
    mf_http_server *server = mf_http_server_create(settings, routes, N_TEST_ROUTES, &err);
    if (server == NULL || !mf_http_server_start(server, &err))
        fail_msg("%s", err.text);
    return server;
}

static mf_http_server *start_default(void)
{
    const mf_http_settings settings = test_settings();
    return start(&settings);
}

static void stop(mf_http_server *server)
{
    stop_server(server);
    assert_int_equal(atomic_load(&n_wrong_users), 0);
}

/* ------------------------------------------------------------------ the hooks */

static void the_head_is_seen_before_the_body(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    client *c = open_client(server);
    response r;
    send_text(c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
    assert_soon(atomic_load(&n_heads) == 1);
    assert_int_equal(atomic_load(&n_handled), 0);
    exchange(c, "body", &r);
    assert_string_equal(r.body, "body");
    assert_int_equal(atomic_load(&n_handled), 1);
    /* Also when all comes at once, and chunked. */
    exchange(
        c,
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        &r);
    assert_string_equal(r.body, "ab");
    assert_int_equal(atomic_load(&n_heads), 2);
    assert_int_equal(atomic_load(&n_disconnected), 0);
    close_client(c);
    stop(server);
}

static void a_client_that_goes_before_its_body_has_disconnected(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    for (int i = 1; i <= 10; i++) {
        client *c = open_client(server);
        send_text(c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
        assert_soon(atomic_load(&n_heads) == i);
        if (i % 2 == 0)
            reset_client(c);
        else
            close_client(c);
        assert_soon(atomic_load(&n_disconnected) == i);
    }
    assert_int_equal(atomic_load(&n_handled), 0);
    stop(server);
}

/* Bodies that the server refuses itself. */
static void a_body_that_is_refused_disconnects(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Encoding: br\r\n\r\nx",
    };
    mf_http_server *server = start_default();
    for (int i = 0; i < 3; i++) {
        client *c = open_client(server);
        response r;
        exchange(c, bad[i], &r);
        assert_in_range(r.status, 400, 415);
        assert_int_equal(atomic_load(&n_disconnected), i + 1);
        close_client(c);
    }
    assert_int_equal(atomic_load(&n_heads), 3);
    assert_int_equal(atomic_load(&n_handled), 0);
    stop(server);
}

static void a_body_that_is_late_disconnects(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.body_ms = 50;
    mf_http_server *server = start(&settings);
    client *c = open_client(server);
    response r;
    exchange(c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n", &r);
    assert_int_equal(r.status, 408);
    assert_int_equal(atomic_load(&n_disconnected), 1);
    close_client(c);
    stop(server);
}

/* ---------------------------------------------------------------- suspension */

static void a_suspended_request_gets_its_response_from_elsewhere(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    client *waits = open_client(server);
    client *other = open_client(server);
    response r;
    send_text(waits, GET("/half") GET("/ping"));
    assert_soon(atomic_load(&n_handled) == 1);
    /* Pipelined: while the first of them is handled, responses are corked. */
    send_text(other, GET("/ping") GET("/release") GET("/ping"));
    static const char *const bodies[] = {"", "done", ""};
    for (int i = 0; i < 3; i++) {
        assert_true(read_response(other, &r));
        assert_int_equal(r.status, 200);
        assert_string_equal(r.body, bodies[i]);
    }
    assert_true(read_response(waits, &r));
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "late");
    assert_true(read_response(waits, &r));
    assert_string_equal(r.body, "");
    assert_int_equal(atomic_load(&n_disconnected), 0);
    close_client(waits);
    close_client(other);
    stop(server);
}

static void a_suspended_request_may_get_its_response_at_once(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    client *c = open_client(server);
    response r;
    for (int i = 0; i < 3; i++) {
        exchange(c, "POST /at-once HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", &r);
        assert_int_equal(r.status, 200);
        assert_string_equal(r.body, "hi");
    }
    close_client(c);
    stop(server);
}

static void a_client_that_goes_while_suspended_has_disconnected(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    for (int i = 1; i <= 10; i++) {
        client *c = open_client(server);
        send_text(c, i % 2 == 0 ? GET("/half") : GET("/next"));
        assert_soon(atomic_load(&n_handled) == i);
        if (i % 2 == 0)
            reset_client(c);
        else
            close_client(c); /* a FIN is enough for /next */
        assert_soon(atomic_load(&n_disconnected) == i);
    }
    assert_serves(server);
    stop(server);
}

static void a_half_closed_client_gets_its_response_all_the_same(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    client *waits = open_client(server);
    client *other = open_client(server);
    response r;
    send_text(waits, GET("/half"));
    assert_soon(atomic_load(&n_handled) == 1);
    shutdown(waits->fd, SHUT_WR);
    exchange(other, GET("/release"), &r);
    assert_true(read_final(waits, &r));
    assert_string_equal(r.body, "late");
    assert_int_equal(atomic_load(&n_disconnected), 0);
    close_client(waits);
    close_client(other);
    stop(server);
}

static void a_client_that_has_gone_without_a_reset_is_found_out(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    client *waits = open_client(server);
    send_text(waits, GET("/half"));
    assert_soon(atomic_load(&n_handled) == 1);
    close_client(waits); /* a FIN, as of a half-closed client */
    assert_soon(atomic_load(&n_disconnected) == 1);
    stop(server);
}

static void a_half_closed_client_of_http_1_0_gets_no_interim_response(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    client *waits = open_client(server);
    client *other = open_client(server);
    response r;
    send_text(waits, "GET /half HTTP/1.0\r\n\r\n");
    assert_soon(atomic_load(&n_handled) == 1);
    shutdown(waits->fd, SHUT_WR);
    exchange(other, GET("/ping"), &r); /* the same loop's: the FIN has been read */
    exchange(other, GET("/release"), &r);
    assert_true(read_response(waits, &r));
    assert_string_equal(r.body, "late");
    close_client(waits);
    close_client(other);
    stop(server);
}

static void only_a_route_without_a_deadline_outlives_response_ms(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.response_ms = 50;
    mf_http_server *server = start(&settings);
    client *next = open_client(server);
    client *other = open_client(server);
    response r;
    send_text(next, GET("/next"));
    assert_soon(atomic_load(&n_handled) == 1);
    exchange(other, GET("/never"), &r); /* it began later */
    assert_json_error(&r, 503, "service_unavailable");
    assert_int_equal(atomic_load(&n_disconnected), 0);
    exchange(other, GET("/release"), &r);
    assert_string_equal(r.body, "done");
    assert_true(read_response(next, &r));
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "late");
    close_client(next);
    close_client(other);
    stop(server);
}

static void a_deadline_disconnects(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.response_ms = 50;
    mf_http_server *server = start(&settings);
    client *c = open_client(server);
    response r;
    exchange(c, GET("/half"), &r);
    assert_json_error(&r, 503, "service_unavailable");
    assert_int_equal(atomic_load(&n_disconnected), 1);
    close_client(c);
    stop(server);
}

static void a_drain_ends_long_polling_with_503(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    client *c = open_client(server);
    response r;
    send_text(c, GET("/next"));
    assert_soon(atomic_load(&n_handled) == 1);
    stop(server); /* nothing is cut off */
    assert_true(read_response(c, &r));
    assert_json_error(&r, 503, "service_unavailable");
    assert_true(is_closed(c));
    assert_int_equal(atomic_load(&n_disconnected), 1);
    close_client(c);
}

static void a_cut_disconnects(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    client *c = open_client(server);
    send_text(c, GET("/half"));
    assert_soon(atomic_load(&n_handled) == 1);
    assert_int_equal(mf_http_server_drain(server, 0), 1);
    assert_int_equal(atomic_load(&n_disconnected), 1);
    mf_http_server_destroy(server);
    close_client(c);
}

/* ---------------------------------------------------- what a gateway must see */

static void the_route_of_every_path_sees_the_request_as_it_was_sent(void **state)
{
    (void)state;
    mf_http_server *server = start_default();
    client *c = open_client(server);
    response r;
    exchange(c, "PATCH /a%2fb%zz?x=%00+&y HTTP/1.1\r\nHost: h\r\nA:  1 \r\na: 2\r\n\r\n", &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "PATCH|/a%2fb%zz|x=%00+&y|60|127.0.0.1|Host|h|A|1|a|2||");
    exchange(c, "GET /other HTTP/1.1\r\nHost: h\r\n\r\n", &r);
    assert_string_equal(r.body, "GET|/other|-|32|127.0.0.1|Host|h||");
    exchange(c, "POST /release HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
             &r); /* not its method */
    assert_int_equal(r.status, 200);
    close_client(c);
    stop(server);
}

static void a_raw_body_is_neither_unpacked_nor_refused(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.max_body_bytes = 4;
    mf_http_server *server = start(&settings);
    client *c = open_client(server);
    response r;
    static const struct {
        const char *sent;
        const char *end;
    } cases[] = {
        {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nabcd",
         "|abcd|"},
        {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab",
         "|ab|"},
        {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde", "|too large||"},
        {"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
         "chunked\r\n\r\n4\r\nabcd\r\n1\r\ne\r\n3\r\nfgh\r\n"
         "0\r\n\r\n",
         "|too large||"},
        {"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
         "|too large||"},
        {"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
         "|abc|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        exchange(c, cases[i].sent, &r); /* the connection stays in step */
        assert_int_equal(r.status, 200);
        assert_string_equal(r.body + strlen(r.body) - strlen(cases[i].end), cases[i].end);
    }
    close_client(c);
    stop(server);
}

/* ------------------------------------------------------ on the caller's loop */

static struct event_base *base;

static void forward(mf_http_request *request, void *context)
{
    (void)context;
    static const struct {
        const char *name;
        const char *value;
        bool good;
    } headers[] = {
        {"X-Umlaut", "\xc3\xa4\t", true}, {"X-Empty", "", true},     {"X Blank", "a", false},
        {"X-Line", "a\r\nb: c", false},   {"X-Zero", "\x01", false}, {"", "a", false},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (mf_http_add_header(request, headers[i].name, headers[i].value,
                               strlen(headers[i].value)) != headers[i].good)
            fail_msg("header %zu", i);
    mf_http_respond(request, 502, NULL);
}

static void write_message(mf_text *body, int status, const char *message)
{
    (void)status;
    mf_text_literal(body, "{\"message\":");
    mf_text_json(body, message, strlen(message));
    mf_text_literal(body, "}");
}

static const mf_http_route base_routes[] = {
    {.path = "/next",
     .methods = MF_HTTP_GET,
     .handle = suspend,
     .on_head = on_head,
     .on_disconnect = on_disconnect,
     .no_deadline = true},
    {.path = "/forward", .methods = MF_HTTP_GET, .handle = forward},
};

/* Runs the loop until there is something to read; -1 when there never is. */
static size_t read_on_base(int fd, char *bytes, size_t capacity)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    for (;;) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        const ssize_t n = recv(fd, bytes, capacity - 1, MSG_DONTWAIT);
        if (n >= 0) {
            bytes[n] = '\0';
            return (size_t)n;
        }
        if (now_ms() > until)
            fail_msg("the server sent nothing for %d ms", PATIENCE_MS);
    }
}

#define run_until(condition)                                                                       \
    do {                                                                                           \
        const int64_t until = now_ms() + PATIENCE_MS;                                              \
        while (!(condition) && now_ms() < until)                                                   \
            event_base_loop(base, EVLOOP_NONBLOCK);                                                \
        assert_true(condition);                                                                    \
    } while (0)

static mf_http_server *create_on_base(void)
{
    mf_error err = {0};
    mf_http_settings settings = test_settings();
    forget();
    base = event_base_new();
    assert_non_null(base);
    settings.base = base;
    settings.bare_responses = true;
    settings.write_error = write_message;
    settings.response_ms = 1;
    mf_http_server *server = mf_http_server_create(&settings, base_routes, 2, &err);
    if (server == NULL)
        fail_msg("%s", err.text);
    assert_ptr_equal(mf_http_server_base(server, 0), base);
    return server;
}

static void a_server_lives_on_the_loop_of_its_caller(void **state)
{
    (void)state;
    char bytes[1000];
    mf_http_server *server = create_on_base();
    client *c = open_client(server);
    send_text(c, GET("/forward"));
    read_on_base(c->fd, bytes, sizeof bytes);
    assert_string_equal(bytes, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n"
                               "X-Umlaut: \xc3\xa4\t\r\nX-Empty: \r\n\r\n");
    send_text(c, GET("/nothing-here"));
    read_on_base(c->fd, bytes, sizeof bytes);
    assert_string_equal(
        bytes, "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
               "Content-Length: 43\r\n\r\n{\"message\":\"there is nothing at this path\"}");
    send_text(c, GET("/next"));
    run_until(suspended != NULL);
    mf_text_literal(mf_http_response(suspended), "event");
    mf_http_respond(suspended, 200, NULL);
    read_on_base(c->fd, bytes, sizeof bytes);
    assert_string_equal(bytes, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevent");
    assert_int_equal(atomic_load(&n_disconnected), 0);
    mf_http_server_destroy(server);
    assert_int_equal(read_on_base(c->fd, bytes, sizeof bytes), 0);
    event_base_free(base);
    close_client(c);
}

static void dropped_connections_are_told_nothing_and_new_ones_are_taken(void **state)
{
    (void)state;
    char bytes[1000];
    mf_http_server *server = create_on_base();
    client *c = open_client(server);
    send_text(c, GET("/next"));
    run_until(suspended != NULL);
    mf_http_server_drop_connections(server);
    assert_int_equal(atomic_load(&n_disconnected), 0);
    assert_int_equal(stats_of(server).connections, 0);
    suspended = NULL;
    assert_int_equal(read_on_base(c->fd, bytes, sizeof bytes), 0);
    close_client(c);
    c = open_client(server);
    send_text(c, GET("/next"));
    run_until(suspended != NULL);
    mf_http_server_destroy(server); /* says so */
    assert_int_equal(atomic_load(&n_disconnected), 1);
    event_base_free(base);
    close_client(c);
}

static void a_loop_of_the_callers_is_one_loop(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_http_settings settings = test_settings();
    base = event_base_new();
    settings.base = base;
    settings.n_threads = 2;
    assert_null(mf_http_server_create(&settings, base_routes, 2, &err));
    assert_int_equal(err.code, MF_ERR_ARGUMENT);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_is_seen_before_the_body),
        cmocka_unit_test(a_client_that_goes_before_its_body_has_disconnected),
        cmocka_unit_test(a_body_that_is_refused_disconnects),
        cmocka_unit_test(a_body_that_is_late_disconnects),
        cmocka_unit_test(a_suspended_request_gets_its_response_from_elsewhere),
        cmocka_unit_test(a_suspended_request_may_get_its_response_at_once),
        cmocka_unit_test(a_client_that_goes_while_suspended_has_disconnected),
        cmocka_unit_test(a_half_closed_client_gets_its_response_all_the_same),
        cmocka_unit_test(a_client_that_has_gone_without_a_reset_is_found_out),
        cmocka_unit_test(a_half_closed_client_of_http_1_0_gets_no_interim_response),
        cmocka_unit_test(only_a_route_without_a_deadline_outlives_response_ms),
        cmocka_unit_test(a_deadline_disconnects),
        cmocka_unit_test(a_drain_ends_long_polling_with_503),
        cmocka_unit_test(a_cut_disconnects),
        cmocka_unit_test(the_route_of_every_path_sees_the_request_as_it_was_sent),
        cmocka_unit_test(a_raw_body_is_neither_unpacked_nor_refused),
        cmocka_unit_test(a_server_lives_on_the_loop_of_its_caller),
        cmocka_unit_test(dropped_connections_are_told_nothing_and_new_ones_are_taken),
        cmocka_unit_test(a_loop_of_the_callers_is_one_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
