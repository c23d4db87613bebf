/* How the server begins and ends, and what it writes down in between. */
#include "http_testing.h"

#include "base/log.h"
#include "base/memory.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#define WORK(slices) "POST /work HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n" slices

/* --------------------------------------------------------------------- drain */

/* Sends the rest of a body once an idle connection has ended: while it drains. */
static void *send_rest(void *argument)
{
    const int *fds = argument;
    struct pollfd wait = {.fd = fds[0], .events = POLLIN};
    poll(&wait, 1, PATIENCE_MS);
    send(fds[1], "c", 1, MSG_NOSIGNAL);
    return NULL;
}

static void drain_finishes_what_was_taken_and_closes_the_idle(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = start_server(&settings);
    client *idle = open_client(server);
    client *working = open_client(server);
    client *sending = open_client(server);
    response r;
    exchange(idle, GET_PING, &r);
    send_text(working, WORK("99") GET_PING);
    send_text(sending, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
    assert_soon(stats_of(server).working == 1 && stats_of(server).buffered_bytes > 2);
    int fds[2] = {idle->fd, sending->fd};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_rest, fds), 0);
    assert_int_equal(mf_http_server_drain(server, PATIENCE_MS), 0);
    pthread_join(thread, NULL);
    assert_true(is_closed(idle));
    assert_true(read_response(working, &r));
    assert_int_equal(r.status, 200);
    assert_string_equal(header_of(&r, "Connection"), "close");
    assert_true(is_closed(working));
    assert_true(read_response(sending, &r));
    assert_string_equal(r.body, "abc");
    assert_string_equal(header_of(&r, "Connection"), "close");
    close_client(idle);
    close_client(working);
    close_client(sending);
    mf_http_server_destroy(server);
}

/* Three seconds: when the server has given up whom it gives up. */
/* When the first job was given up. */
static void *open_gate_later(void *argument)
{
    for (int n = 0; n < PATIENCE_MS / 2 && atomic_load(&jobs_destroyed) == 0; n++)
        poll(NULL, 0, 2);
    atomic_store(&gate_open, true);
    return argument;
}

static void drain_cuts_what_does_not_end(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.n_threads = 3;
    mf_http_server *server = start_server(&settings);
    client *clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = open_client(server);
        send_text(clients[i], i < 3 ? WORK("-1") : "GET /pi");
    }
    assert_soon(stats_of(server).working == 3 && stats_of(server).bytes_in > 3 * 45);
    assert_int_equal(mf_http_server_drain(server, 100), 4);
    assert_int_equal(atomic_load(&jobs_destroyed), 3);
    for (int i = 0; i < 4; i++)
        close_client(clients[i]);
    mf_http_server_destroy(server);
}

static void drain_gives_up_work_whose_client_has_finished_sending(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = start_server(&settings);
    client *finished = open_client(server);
    client *there = open_client(server);
    send_text(finished, WORK("-1"));
    send_text(there, WORK("-2"));
    assert_soon(stats_of(server).working == 2);
    shutdown(finished->fd, SHUT_WR);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, open_gate_later, NULL), 0);
    assert_int_equal(mf_http_server_drain(server, PATIENCE_MS), 0);
    assert_true(atomic_load(&gate_open)); /* the other one's work was waited for */
    pthread_join(thread, NULL);
    response r;
    assert_true(read_final(finished, &r));
    assert_json_error(&r, 503, "service_unavailable");
    assert_true(is_closed(finished));
    assert_true(read_response(there, &r));
    assert_int_equal(r.status, 200);
    assert_int_equal(atomic_load(&jobs_destroyed), 2);
    close_client(finished);
    close_client(there);
    mf_http_server_destroy(server);
}

static void a_request_in_the_backlog_gets_its_response_before_the_end(void **state)
{
    (void)state;
    mf_error err = {0};
    const mf_http_settings settings = test_settings();
    mf_http_server *server = mf_http_server_create(&settings, test_routes, N_ROUTES, &err);
    assert_non_null(server);
    client *c = open_client(server); /* no loop runs yet */
    send_text(c, GET_PING);
    assert_true(mf_http_server_start(server, &err));
    assert_int_equal(mf_http_server_drain(server, PATIENCE_MS), 0);
    response r;
    assert_true(read_response(c, &r));
    assert_int_equal(r.status, 200);
    close_client(c);
    mf_http_server_destroy(server);
}

/* ------------------------------------------------------- loops and beginnings */

static atomic_uint visited;

static void visit(uint32_t loop, void *argument)
{
    (void)argument;
    atomic_fetch_or(&visited, 1u << loop);
}

static void each_loop_runs_on_every_loop(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.n_threads = 4;
    mf_http_server *server = start_server(&settings);
    for (int i = 0; i < 100; i++) {
        atomic_store(&visited, 0);
        mf_http_server_each_loop(server, visit, NULL);
        assert_int_equal(atomic_load(&visited), 15);
    }
    assert_serves(server);
    stop_server(server);
}

static atomic_size_t stack_bytes;

static void measure_stack(uint32_t loop, void *argument)
{
    (void)loop;
    (void)argument;
    pthread_attr_t attributes;
    size_t n = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    pthread_attr_getstacksize(&attributes, &n);
    pthread_attr_destroy(&attributes);
    atomic_store(&stack_bytes, n);
}

static void the_stack_of_a_loop_does_not_depend_on_the_system(void **state)
{
    (void)state;
    struct rlimit before;
    getrlimit(RLIMIT_STACK, &before);
    const rlim_t limits[] = {256 << 10, 8 << 20};
    for (int i = 0; i < 2; i++) {
        struct rlimit limit = before;
        limit.rlim_cur = limits[i];
        setrlimit(RLIMIT_STACK, &limit);
        const mf_http_settings settings = test_settings();
        mf_http_server *server = start_server(&settings);
        mf_http_server_each_loop(server, measure_stack, NULL);
        assert_in_range(atomic_load(&stack_bytes), 1 << 20, 2 << 20);
        stop_server(server);
    }
    setrlimit(RLIMIT_STACK, &before);
}

static void a_port_that_is_taken_is_named(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    mf_http_server *server = start_server(&settings);
    settings.port = mf_http_server_port(server);
    mf_error err = {0};
    char text[100];
    snprintf(text, sizeof text, "port %u is taken by another process", settings.port);
    assert_null(mf_http_server_create(&settings, test_routes, N_ROUTES, &err));
    assert_error(&err, MF_ERR_IO, text);
    stop_server(server);
    /* And free again, although connections to it have just ended. */
    server = start_server(&settings);
    assert_serves(server);
    stop_server(server);
    settings.address = "192.0.2.1";
    mf_error_clear(&err);
    assert_null(mf_http_server_create(&settings, test_routes, N_ROUTES, &err));
    assert_error(&err, MF_ERR_IO, "192.0.2.1");
}

static void settings_are_checked(void **state)
{
    (void)state;
    mf_http_settings bad[8];
    for (int i = 0; i < 8; i++)
        bad[i] = test_settings();
    bad[0].n_threads = 0;
    bad[1].n_threads = 257;
    bad[2].max_connections = 0;
    bad[3].max_head_bytes = 10;
    bad[4].head_ms = 0;
    bad[5].address = "localhost";
    bad[6].server = "a\r\nb";
    bad[7].address = NULL;
    for (int i = 0; i < 8; i++) {
        mf_error err = {0};
        assert_null(mf_http_server_create(&bad[i], test_routes, N_ROUTES, &err));
        assert_int_equal(err.code, MF_ERR_ARGUMENT);
    }
}

static void create_without_memory_fails_cleanly(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = NULL;
    for (size_t n = 1; server == NULL; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        server = mf_http_server_create(&settings, test_routes, N_ROUTES, &err);
        mf_memory_fail_nth(0);
        assert_true((server == NULL) == (err.code == MF_ERR_MEMORY));
        assert_true(n < 100);
    }
    mf_http_server_destroy(server);
}

/* ----------------------------------------------------------- what is written */

static void stats_add_up_and_the_log_has_a_line_for_each(void **state)
{
    (void)state;
    enum { N = 2000 };
    char *folder = testing_folder();
    char *path = testing_path(folder, "access.log");
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    mf_error err = {0};
    mf_http_settings settings = test_settings();
    settings.n_threads = 2;
    settings.access_log = mf_access_log_open(fd, 2, 200, &err);
    assert_non_null(settings.access_log);
    mf_http_server *server = start_server(&settings);
    response r;
    for (int i = 0; i < N / 100; i++) {
        client *c = open_client(server);
        for (int j = 0; j < 100; j++)
            exchange(c,
                     "POST /echo?secret=1 HTTP/1.1\r\nHost: h\r\nX-Amzn-SageMaker-Inference-Id: "
                     "inf \"1\" \r\n"
                     "X-Request-Id: a\"b\\c\r\nContent-Length: 6\r\n\r\nsecret",
                     &r);
        exchange(c, GET_PING, &r);
        exchange(c, "GET /secret HTTP/1.1\r\nHost: h\r\n\r\n", &r);
        exchange(c, "GET /inside/secret HTTP/1.1\r\nHost: h\r\nX-Test: secret\r\n\r\n", &r);
        exchange(c, "DELETE /ping HTTP/1.1\r\nHost: h\r\n\r\n", &r);
        close_client(c);
    }
    /* A response is counted before it is sent. */
    assert_soon(stats_of(server).routes[ROUTE_PING].responses[4] == N / 100);
    const mf_http_stats stats = stats_of(server);
    assert_int_equal(stats.routes[ROUTE_ECHO].responses[2], N);
    assert_int_equal(stats.routes[ROUTE_PING].responses[2], N / 100);
    assert_int_equal(stats.routes[ROUTE_PING].responses[4], N / 100);
    assert_int_equal(stats.routes[ROUTE_INSIDE].responses[2], N / 100);
    assert_int_equal(stats.routes[N_ROUTES].responses[4], N / 100);
    assert_int_equal(stats.accepted, N / 100);
    uint64_t in_buckets = 0;
    for (int b = 0; b < MF_HTTP_BUCKETS; b++)
        in_buckets += stats.routes[ROUTE_ECHO].buckets[b];
    assert_int_equal(in_buckets, N);
    stop_server(server);
    mf_access_log_close(settings.access_log);
    close(fd);

    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[2000];
    int n_echo = 0;
    int n_all = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *json = json_loads(line, 0, NULL);
        if (json == NULL)
            fail_msg("not JSON: %s", line);
        assert_null(strstr(line, "secret"));
        assert_string_equal(json_string_value(json_object_get(json, "event")), "request");
        assert_int_equal(strlen(json_string_value(json_object_get(json, "ts"))), 24);
        n_all++;
        if (strcmp(json_string_value(json_object_get(json, "route")), "/echo") == 0) {
            n_echo++;
            assert_string_equal(json_string_value(json_object_get(json, "request_id")), "a\"b\\c");
            assert_string_equal(json_string_value(json_object_get(json, "inference_id")),
                                "inf \"1\"");
            assert_string_equal(json_string_value(json_object_get(json, "method")), "POST");
            assert_int_equal(json_integer_value(json_object_get(json, "status")), 200);
            assert_int_equal(json_integer_value(json_object_get(json, "bytes_in")), 6);
            assert_int_equal(json_integer_value(json_object_get(json, "bytes_out")), 6);
        }
        json_decref(json);
    }
    fclose(file);
    assert_int_equal(n_echo, N);
    assert_int_equal(n_all, N + 3 * (N / 100)); /* no successful ping */
    free(path);
    testing_folder_remove(folder);
}

static void check_log_without_a_reader(int flags)
{
    int ends[2];
    assert_int_equal(pipe2(ends, flags | O_CLOEXEC), 0);
    mf_error err = {0};
    mf_http_access_log *log = mf_access_log_open(ends[1], 1, 400, &err);
    assert_non_null(log);
    const mf_access quiet = {.method = "GET", .route = "/a", .status = 200};
    mf_access access = {.method = "GET", .route = "/a", .status = 400};
    strcpy(access.request_id, "1");
    for (int i = 0; i < 20000; i++) {
        mf_access_log_put(log, 0, &quiet);
        mf_access_log_put(log, 0, &access);
    }
    mf_access_log_close(log); /* waiting for a reader would never end */
    char bytes[4096];
    const ssize_t n = read(ends[0], bytes, sizeof bytes);
    assert_true(n > 0);
    assert_null(memmem(bytes, (size_t)n, "\"status\":200", 12));
    close(ends[0]);
    close(ends[1]);
}

static void a_log_without_a_reader_drops_records_and_ends(void **state)
{
    (void)state;
    check_log_without_a_reader(O_NONBLOCK);
    check_log_without_a_reader(0); /* as standard error usually is */
}

static void a_stalled_standard_error_delays_no_thread(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const mf_log_style style = {
        .fd = ends[1], .format = MF_LOG_JSON, .time_key = "ts", .level_names = {"", "info"}};
    mf_log_set_style(&style);
    /* Over a MiB into a pipe of 64 KiB: waiting for a reader would never end. */
    for (int i = 0; i < 20000; i++)
        mf_log_message(MF_LOG_INFO, "much", "%d", i);
    /* What is read makes space for the next line. */
    static char bytes[1 << 17];
    assert_true(read(ends[0], bytes, sizeof bytes) > 10000);
    mf_log_message(MF_LOG_INFO, "next", "here");
    mf_log_set_style(NULL);
    const ssize_t n = read(ends[0], bytes, sizeof bytes);
    assert_true(n > 0);
    assert_non_null(memmem(bytes, (size_t)n, "\"event\":\"next\"", 14));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drain_finishes_what_was_taken_and_closes_the_idle),
        cmocka_unit_test(drain_cuts_what_does_not_end),
        cmocka_unit_test(drain_gives_up_work_whose_client_has_finished_sending),
        cmocka_unit_test(a_request_in_the_backlog_gets_its_response_before_the_end),
        cmocka_unit_test(each_loop_runs_on_every_loop),
        cmocka_unit_test(the_stack_of_a_loop_does_not_depend_on_the_system),
        cmocka_unit_test(a_port_that_is_taken_is_named),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(create_without_memory_fails_cleanly),
        cmocka_unit_test(stats_add_up_and_the_log_has_a_line_for_each),
        cmocka_unit_test(a_log_without_a_reader_drops_records_and_ends),
        cmocka_unit_test(a_stalled_standard_error_delays_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
