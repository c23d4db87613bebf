/* Requests that wait for something from outside: mf_http_wait and mf_http_resume. */
#include "http_testing.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* All requests that wait, on the one loop of these servers. */
typedef struct waiting {
    mf_http_request *request;
    int slices; /* that it waits for */
    bool works; /* then */
    struct waiting *next;
} waiting;

static waiting *all;
static atomic_int n_waiting;
static atomic_int n_slices;

static atomic_int n_working; /* states of work that are there */

static bool work_late(mf_http_request *request, void *argument)
{
    int *left = argument;
    if (--*left > 0)
        return false;
    mf_text_literal(mf_http_response(request), "worked");
    mf_http_respond(request, 200, "text/plain");
    return true;
}

static void end_work(void *argument)
{
    free(argument);
    atomic_fetch_sub(&n_working, 1);
}

static bool slice(mf_http_request *request, void *argument)
{
    waiting *w = argument;
    atomic_fetch_add(&n_slices, 1);
    if (--w->slices > 0)
        return false;
    if (w->works) {
        int *left = malloc(sizeof *left);
        if (left == NULL)
            abort();
        *left = 3;
        atomic_fetch_add(&n_working, 1);
        mf_http_work(request, work_late, left, end_work); /* w is gone */
        return false;
    }
    const mf_http_view id = mf_http_get_segment(request);
    mf_text_append(mf_http_response(request), id.bytes, id.n_bytes);
    mf_http_respond(request, 200, "text/plain");
    return true;
}

static void forget(void *argument)
{
    waiting *w = argument;
    waiting **at = &all;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    free(w);
    atomic_fetch_sub(&n_waiting, 1);
}

static void begin(mf_http_request *request, bool works)
{
    waiting *w = malloc(sizeof *w);
    if (w == NULL)
        abort();
    *w = (waiting){request, (int)strtol(mf_http_get_segment(request).bytes, NULL, 10), works, all};
    all = w;
    atomic_fetch_add(&n_waiting, 1);
    mf_http_wait(request, slice, w, forget);
}

/* /wait/N: responds after N calls of mf_http_resume. */
static void handle_wait(mf_http_request *request, void *context)
{
    (void)context;
    begin(request, false);
}

/* /late/N: works then. */
static void handle_late_work(mf_http_request *request, void *context)
{
    (void)context;
    begin(request, true);
}

/* Calls for everybody, as something that has come would; twice is once. */
static void handle_wake(mf_http_request *request, void *context)
{
    (void)context;
    for (waiting *w = all; w != NULL; w = w->next) {
        mf_http_resume(w->request);
        mf_http_resume(w->request);
    }
    mf_http_respond(request, 200, NULL);
}

static const mf_http_route routes[] = {
    {.path = "/wait/{n}", .methods = MF_HTTP_GET, .handle = handle_wait},
    {.path = "/late/{n}", .methods = MF_HTTP_GET, .handle = handle_late_work},
    {.path = "/wake", .methods = MF_HTTP_GET, .handle = handle_wake},
    {.path = "/ping", .methods = MF_HTTP_GET, .handle = handle_ping},
};

static mf_http_server *start(const mf_http_settings *settings)
{
    mf_error err = {0};
    atomic_store(&n_slices, 0);
    mf_http_server *server =
        mf_http_server_create(settings, routes, sizeof routes / sizeof routes[0], &err);
    if (server == NULL || !mf_http_server_start(server, &err))
        fail_msg("%s", err.text);
    return server;
}

static void stop(mf_http_server *server)
{
    stop_server(server);
    assert_int_equal(atomic_load(&n_waiting), 0);
}

static void a_request_waits_until_it_is_called_for(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = start(&settings);
    client *waits = open_client(server);
    client *other = open_client(server);
    response r;
    send_text(waits, GET("/wait/3") GET("/ping"));
    assert_soon(atomic_load(&n_waiting) == 1);
    for (int i = 1; i <= 3; i++) {
        exchange(other, GET("/ping"), &r);
        assert_int_equal(atomic_load(&n_slices), i - 1);
        exchange(other, GET("/wake"), &r);
        assert_soon(atomic_load(&n_slices) == i);
    }
    assert_true(read_response(waits, &r));
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "3");
    assert_true(read_response(waits, &r)); /* what came behind it */
    assert_int_equal(r.status, 200);
    assert_int_equal(atomic_load(&n_slices), 3);
    close_client(waits);
    close_client(other);
    stop(server);
}

/* However few may be at work. */
static void as_many_wait_as_there_are_connections(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.max_working = 1;
    mf_http_server *server = start(&settings);
    client *clients[40];
    response r;
    for (int i = 0; i < 40; i++) {
        clients[i] = open_client(server);
        send_text(clients[i], GET("/wait/1"));
    }
    assert_soon(atomic_load(&n_waiting) == 40);
    assert_int_equal(stats_of(server).working, 0);
    client *other = open_client(server);
    exchange(other, GET("/wake"), &r);
    for (int i = 0; i < 40; i++) {
        assert_true(read_response(clients[i], &r));
        assert_int_equal(r.status, 200);
        close_client(clients[i]);
    }
    close_client(other);
    stop(server);
}

static void what_has_come_may_be_much_work(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.max_working = 1;
    mf_http_server *server = start(&settings);
    client *waits = open_client(server);
    client *other = open_client(server);
    response r;
    send_text(waits, GET("/late/1") GET("/ping"));
    assert_soon(atomic_load(&n_waiting) == 1);
    exchange(other, GET("/wake"), &r);
    assert_true(read_response(waits, &r));
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "worked");
    assert_true(read_response(waits, &r)); /* what came behind it */
    assert_int_equal(r.status, 200);
    assert_int_equal(atomic_load(&n_waiting) + atomic_load(&n_working), 0);
    close_client(waits);
    close_client(other);
    stop(server);
}

/* As from a handler. */
static void work_after_a_wait_is_limited_too(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.max_working = 0;
    mf_http_server *server = start(&settings);
    client *waits = open_client(server);
    client *other = open_client(server);
    response r;
    send_text(waits, GET("/late/1"));
    assert_soon(atomic_load(&n_waiting) == 1);
    exchange(other, GET("/wake"), &r);
    assert_true(read_response(waits, &r));
    assert_json_error(&r, 503, "service_unavailable");
    assert_soon(atomic_load(&n_waiting) == 0);
    assert_int_equal(atomic_load(&n_working), 0);
    close_client(waits);
    close_client(other);
    stop(server);
}

static void a_client_that_goes_calls_it_off(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = start(&settings);
    for (int i = 0; i < 20; i++) {
        client *c = open_client(server);
        send_text(c, GET("/wait/1"));
        assert_soon(atomic_load(&n_waiting) == 1);
        reset_client(c);
        assert_soon(atomic_load(&n_waiting) == 0);
    }
    assert_int_equal(atomic_load(&n_slices), 0);
    stop(server);
}

static void what_does_not_come_in_time_is_503_and_the_connection_lives(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.response_ms = 150;
    mf_http_server *server = start(&settings);
    client *c = open_client(server);
    response r;
    exchange(c, GET("/wait/1") GET("/ping"), &r);
    assert_json_error(&r, 503, "service_unavailable");
    assert_soon(atomic_load(&n_waiting) == 0);
    assert_true(read_response(c, &r));
    assert_int_equal(r.status, 200);
    close_client(c);
    stop(server);
}

static void a_drain_cuts_off_who_waits_for_ever(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = start(&settings);
    client *c = open_client(server);
    send_text(c, GET("/wait/1"));
    assert_soon(atomic_load(&n_waiting) == 1);
    assert_int_equal(mf_http_server_drain(server, 100), 1);
    assert_int_equal(atomic_load(&n_waiting), 0);
    assert_non_null(mf_http_server_base(server, 0));
    close_client(c);
    mf_http_server_destroy(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_waits_until_it_is_called_for),
        cmocka_unit_test(as_many_wait_as_there_are_connections),
        cmocka_unit_test(what_has_come_may_be_much_work),
        cmocka_unit_test(work_after_a_wait_is_limited_too),
        cmocka_unit_test(a_client_that_goes_calls_it_off),
        cmocka_unit_test(what_does_not_come_in_time_is_503_and_the_connection_lives),
        cmocka_unit_test(a_drain_cuts_off_who_waits_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
