/* What the server does when there is too much or when it is too slow: limits,
 * deadlines, long work. */
#include "http_testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Sanitizers keep freed memory and add to what is used. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define WORK(slices) "POST /work HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n" slices

/* ----------------------------------------------------------------- deadlines */

static void slow_requests_get_408_however_they_drip(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.head_ms = 200;
    settings.body_ms = 300;
    mf_http_server *server = start_server(&settings);
    static const char *const texts[] = {
        "GET /ping HTTP/1.1\r\nHost: h\r\nX: "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: "
        "1000\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\n1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    const size_t starts[] = {1, 53, 59};
    for (int i = 0; i < 3; i++) {
        client *c = open_client(server);
        const int64_t start = now_ms();
        send_bytes(c, texts[i], starts[i]);
        /* A byte every now and then does not help. */
        struct pollfd wait = {.fd = c->fd, .events = POLLIN};
        size_t at = starts[i];
        for (; at < strlen(texts[i]) && poll(&wait, 1, 50) == 0; at++)
            send_bytes(c, texts[i] + at, 1);
        assert_true(at < strlen(texts[i])); /* the response came while bytes were coming */
        response r;
        assert_true(read_response(c, &r));
        assert_json_error(&r, 408, "request_timeout");
        assert_true(now_ms() - start >= (i == 0 ? 200 : 300));
        assert_true(is_closed(c));
        close_client(c);
    }
    assert_int_equal(stats_of(server).timed_out, 3);
    stop_server(server);
}

static void idle_connections_are_closed_without_a_word(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.idle_ms = 150;
    mf_http_server *server = start_server(&settings);
    client *c = open_client(server);
    response r;
    exchange(c, GET_PING, &r);
    assert_true(is_closed(c));
    close_client(c);
    c = open_client(server);
    assert_true(is_closed(c));
    close_client(c);
    assert_int_equal(stats_of(server).timed_out, 0);
    stop_server(server);
}

/* How many bytes come until the end, whatever that is. */
static size_t read_all(client *c)
{
    size_t n_all = 0;
    ssize_t n;
    while ((n = recv(c->fd, c->bytes, sizeof c->bytes, 0)) > 0)
        n_all += (size_t)n;
    return n_all;
}

static void a_client_that_reads_nothing_is_cut_off(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.write_ms = 200;
    mf_http_server *server = start_server(&settings);
    client *c = open_client(server);
    send_text(c, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    /* The rest of the response waits for 200 ms, which a busy machine may not let us see; that
     * there was one shows in what has come. */
    assert_soon(stats_of(server).timed_out == 1);
    assert_soon(stats_of(server).connections == 0);
    assert_int_equal(stats_of(server).buffered_bytes, 0);
    assert_true(stats_of(server).bytes_out > 0);
    const size_t n_came = read_all(c);
    assert_true(n_came > 0 && n_came < 8u << 20);
    close_client(c);
    stop_server(server);
}

/* Reads with a small window, so that what is unsent stays with the server. */
static client *open_narrow_client(const mf_http_server *server)
{
    client *c = open_client(server);
    const int n = 4096;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof n);
    return c;
}

/* Reads up to n_bytes every pause_ms, sooner when it is late, until the end or until somebody
 * was cut off; how many came. */
static size_t read_slowly(const mf_http_server *server, client *c, size_t n_bytes, int pause_ms)
{
    size_t n_all = 0;
    ssize_t n;
    int64_t due = now_ms();
    while (stats_of(server).timed_out == 0 && (n = recv(c->fd, c->bytes, n_bytes, 0)) > 0) {
        n_all += (size_t)n;
        due += pause_ms;
        const int64_t left = due - now_ms();
        if (left > 0)
            poll(NULL, 0, (int)left);
    }
    return n_all;
}

static void a_client_that_reads_by_drops_is_cut_off_and_a_steady_one_is_not(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    /* A MiB in that time is required; three of them a second are read, and a third of one. */
    settings.write_ms = 2000;
    mf_http_server *server = start_server(&settings);
    client *c = open_client(server);
    const int64_t start = now_ms();
    send_text(c, "GET /big HTTP/1.0\r\n\r\n");
    assert_true(read_slowly(server, c, 40960, 12) > 8u << 20);
    assert_true(now_ms() - start > settings.write_ms);
    assert_int_equal(stats_of(server).timed_out, 0);
    close_client(c);
    c = open_narrow_client(server);
    send_text(c, "GET /big HTTP/1.0\r\n\r\n");
    assert_true(read_slowly(server, c, 4096, 12) < 4u << 20);
    assert_int_equal(stats_of(server).timed_out, 1);
    close_client(c);
    stop_server(server);
}

static void over_the_limit_the_slowest_reader_is_cut_off_and_not_the_newcomer(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.max_buffered_bytes = 8u << 20;
    mf_http_server *server = start_server(&settings);
    client *slow[3];
    response r;
    for (int i = 0; i < 3; i++) {
        /* Of a second big response the rest would exceed the limit. */
        slow[i] = open_narrow_client(server);
        send_text(slow[i], "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_soon(stats_of(server).routes[5].responses[2] == (uint64_t)i + 1);
        assert_soon(stats_of(server).buffered_bytes > 4u << 20);
        assert_soon(stats_of(server).connections == 1);
        assert_int_equal(stats_of(server).timed_out, i);
        poll(NULL, 0, 1200);
    }
    /* Nor is a body refused for their sake. */
    char *body = calloc(1, 1u << 20);
    assert_non_null(body);
    client *c[8];
    for (int i = 0; i < 8; i++) {
        c[i] = open_client(server);
        send_text(c[i], "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 900001\r\n\r\n");
        send_bytes(c[i], body, 900000);
    }
    assert_soon(stats_of(server).buffered_bytes == 8u * 900000);
    for (int i = 0; i < 8; i++) {
        send_text(c[i], "x");
        assert_true(read_response(c[i], &r));
        assert_int_equal(r.status, 200);
        close_client(c[i]);
    }
    free(body);
    assert_int_equal(stats_of(server).timed_out, 3);
    for (int i = 0; i < 3; i++)
        close_client(slow[i]);
    stop_server(server);
}

static void work_that_takes_too_long_gets_503_and_the_connection_lives(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.response_ms = 150;
    mf_http_server *server = start_server(&settings);
    client *c = open_client(server);
    response r;
    exchange(c, WORK("-1") GET_PING, &r);
    assert_json_error(&r, 503, "service_unavailable");
    assert_non_null(strstr(r.body, "150 ms"));
    assert_soon(atomic_load(&jobs_destroyed) == 1);
    assert_true(read_response(c, &r));
    assert_int_equal(r.status, 200);
    close_client(c);
    stop_server(server);
}

/* ---------------------------------------------------------------------- work */

static void work_goes_on_between_other_requests_and_takes_turns(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = start_server(&settings);
    client *first = open_client(server);
    client *second = open_client(server);
    send_text(first, WORK("-2")); /* until the gate opens */
    assert_soon(stats_of(server).working == 1);
    send_text(second, WORK("09"));
    for (int i = 0; i < 5; i++)
        assert_serves(server);
    /* The second one ends although the first, which came before it, has much to do. */
    response r;
    assert_true(read_response(second, &r));
    assert_soon(stats_of(server).working == 1);
    atomic_store(&gate_open, true);
    assert_true(read_response(first, &r));
    assert_string_equal(r.body, "-2");
    close_client(first);
    close_client(second);
    stop_server(server);
}

static void a_client_that_goes_takes_its_work_along(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = start_server(&settings);
    for (int i = 1; i <= 20; i++) {
        client *c = open_client(server);
        send_text(c, WORK("-1"));
        assert_soon(stats_of(server).working == 1);
        reset_client(c);
        assert_soon(atomic_load(&jobs_destroyed) == i);
        assert_soon(stats_of(server).connections == 0);
    }
    stop_server(server);
}

static void more_work_than_allowed_is_503_at_once(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.max_working = 2;
    mf_http_server *server = start_server(&settings);
    client *busy[2];
    for (int i = 0; i < 2; i++) {
        busy[i] = open_client(server);
        send_text(busy[i], WORK("-1"));
        assert_soon(stats_of(server).working == (uint32_t)i + 1);
    }
    client *c = open_client(server);
    response r;
    exchange(c, WORK("01"), &r);
    assert_json_error(&r, 503, "service_unavailable");
    assert_soon(atomic_load(&jobs_destroyed) == 1);
    reset_client(busy[0]);
    assert_soon(stats_of(server).working == 1);
    reset_client(busy[1]);
    exchange(c, WORK("01"), &r);
    assert_int_equal(r.status, 200);
    close_client(c);
    stop_server(server);
}

static void what_is_read_ahead_is_bounded(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = start_server(&settings);
    client *c = open_client(server);
    send_text(c, WORK("-1"));
    assert_soon(stats_of(server).working == 1);
    const uint64_t before = stats_of(server).bytes_in;
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    char *block = calloc(1, 1u << 20);
    assert_non_null(block);
    for (int i = 0; i < 20; i++) {
        if (send(c->fd, block, 1u << 20, MSG_NOSIGNAL) < 0)
            poll(NULL, 0, 5);
    }
    free(block);
    assert_true(stats_of(server).bytes_in - before <= 256 * 1024);
    assert_serves(server);
    reset_client(c);
    assert_int_equal(mf_http_server_drain(server, 0), 1);
    assert_soon(atomic_load(&jobs_destroyed) == 1);
    mf_http_server_destroy(server);
}

/* -------------------------------------------------------------------- limits */

static void connections_over_the_limit_are_told_so(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.max_connections = 3;
    mf_http_server *server = start_server(&settings);
    client *inside[3];
    response r;
    for (int i = 0; i < 3; i++) {
        inside[i] = open_client(server);
        exchange(inside[i], GET_PING, &r);
    }
    for (int i = 0; i < 100; i++) {
        client *c = open_client(server);
        assert_true(read_response(c, &r)); /* without a request */
        assert_json_error(&r, 503, "service_unavailable");
        assert_string_equal(header_of(&r, "Connection"), "close");
        assert_true(is_closed(c));
        close_client(c);
    }
    assert_int_equal(stats_of(server).refused, 100);
    exchange(inside[1], GET_PING, &r);
    assert_int_equal(r.status, 200);
    for (int i = 0; i < 3; i++)
        close_client(inside[i]);
    assert_soon(stats_of(server).connections == 0);
    assert_serves(server);
    stop_server(server);
}

static void bodies_over_the_limit_of_all_get_503(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    settings.max_buffered_bytes = 300000;
    mf_http_server *server = start_server(&settings);
    char *body = calloc(1, 250000);
    assert_non_null(body);
    client *first = open_client(server);
    send_text(first, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 250001\r\n\r\n");
    send_bytes(first, body, 250000);
    assert_soon(stats_of(server).buffered_bytes == 250000);
    client *second = open_client(server);
    send_text(second, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 250001\r\n\r\n");
    send_bytes(second, body, 250000);
    response r;
    assert_true(read_response(second, &r));
    assert_json_error(&r, 503, "service_unavailable");
    close_client(second);
    send_text(first, "x");
    assert_true(read_response(first, &r));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.n_body, 250001);
    close_client(first);
    free(body);
    stop_server(server);
}

static void without_file_descriptors_it_waits_and_goes_on(void **state)
{
    (void)state;
    const mf_http_settings settings = test_settings();
    mf_http_server *server = start_server(&settings);
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    client *c = open_client(server);
    client *waiting = open_client(server);
    assert_soon(stats_of(server).connections == 2);
    close_client(waiting);
    assert_soon(stats_of(server).connections == 1);
    /* A socket for the client, and none for the server. */
    waiting = malloc(sizeof *waiting);
    assert_non_null(waiting);
    waiting->n = 0;
    waiting->fd = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit low = before;
    low.rlim_cur = (rlim_t)waiting->fd + 1;
    setrlimit(RLIMIT_NOFILE, &low);
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(mf_http_server_port(server)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(waiting->fd, (const struct sockaddr *)&to, sizeof to), 0);
    send_text(waiting, GET_PING);
    response r;
    exchange(c, GET_PING, &r); /* the others are served */
    assert_int_equal(stats_of(server).connections, 1);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_true(read_response(waiting, &r));
    assert_int_equal(r.status, 200);
    close_client(waiting);
    close_client(c);
    stop_server(server);
}

/* In a process of its own, whose limit cannot be raised again. */
static pid_t serve_with_few_files(rlim_t n_files, uint16_t *port, int *end)
{
    int ports[2];
    int ends[2];
    assert_int_equal(pipe(ports) | pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        const struct rlimit few = {n_files, n_files};
        mf_error err = {0};
        mf_http_settings settings = test_settings();
        settings.max_connections = 1000;
        setrlimit(RLIMIT_NOFILE, &few);
        mf_http_server *server = mf_http_server_create(&settings, test_routes, N_ROUTES, &err);
        *port = server != NULL ? mf_http_server_port(server) : 0;
        if (write(ports[1], port, sizeof *port) < 0 || server == NULL)
            _exit(err.code == MF_ERR_IO && strstr(err.text, "1 threads need 22") != NULL ? 2 : 3);
        if (!mf_http_server_start(server, &err))
            _exit(4);
        char c;
        const ssize_t n = read(ends[0], &c, 1);
        mf_http_server_drain(server, 1000);
        mf_http_server_destroy(server);
        _exit(n == 0 ? 0 : 5);
    }
    close(ends[0]);
    close(ports[1]);
    assert_int_equal(read(ports[0], port, sizeof *port), sizeof *port);
    close(ports[0]);
    *end = ends[1];
    return child;
}

static int exit_code(pid_t child)
{
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void connections_that_open_files_do_not_suffice_for_are_told_so(void **state)
{
    (void)state;
    enum { FILES = 64, TAKEN = FILES - 32 - 6, ALL = 150 };
    int end;
    uint16_t port;
    const pid_t child = serve_with_few_files(FILES, &port, &end);
    client *clients[ALL];
    response r;
    for (int i = 0; i < ALL; i++) {
        clients[i] = open_client_at(port);
        exchange(clients[i], GET_PING, &r); /* and not silence */
        assert_int_equal(r.status, i < TAKEN ? 200 : 503);
    }
    exchange(clients[0], GET_PING, &r);
    assert_int_equal(r.status, 200);
    for (int i = 0; i < ALL; i++)
        close_client(clients[i]);
    close(end);
    assert_int_equal(exit_code(child), 0);
}

static void too_few_open_files_are_an_error_at_once(void **state)
{
    (void)state;
    int end;
    uint16_t port;
    const pid_t child = serve_with_few_files(21, &port, &end);
    assert_int_equal(port, 0);
    assert_int_equal(exit_code(child), 2);
    close(end);
}

static size_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        fail_msg("no /proc/self/statm");
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void idle_connections_cost_little(void **state)
{
    (void)state;
    enum { N = 2000 };
    mf_http_settings settings = test_settings();
    settings.max_connections = 10000;
    settings.head_ms = 60000;
    mf_http_server *server = start_server(&settings);
    int *fds = malloc(N * sizeof *fds);
    assert_non_null(fds);
    assert_serves(server);
    const size_t before = resident_bytes();
    for (int i = 0; i < N; i++) {
        fds[i] = connect_to(server);
        send(fds[i], GET_PING, strlen(GET_PING), MSG_NOSIGNAL);
    }
    assert_soon(stats_of(server).routes[ROUTE_PING].responses[2] == N + 1);
    const size_t after = resident_bytes();
    print_message("%d idle connections: %zu bytes each\n", N, (after - before) / N);
    assert_true(SANITIZED || after < before + N * 2000u);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    free(fds);
    stop_server(server);
}

static void many_requests_leave_nothing_behind(void **state)
{
    (void)state;
    mf_http_settings settings = test_settings();
    mf_http_server *server = start_server(&settings);
    enum { BATCH = 100, ROUNDS = 300 };
    char batch[BATCH * sizeof GET_PING];
    size_t n = 0;
    for (int i = 0; i < BATCH; i++)
        n = (size_t)(stpcpy(batch + n, GET_PING) - batch);
    size_t warm = 0;
    for (int round = 0; round < ROUNDS; round++) {
        client *c = open_client(server);
        response r;
        send_bytes(c, batch, n);
        for (int i = 0; i < BATCH; i++)
            assert_true(read_response(c, &r));
        close_client(c);
        if (round == ROUNDS / 2)
            warm = resident_bytes();
    }
    assert_true(SANITIZED || resident_bytes() <= warm + (256u << 10));
    assert_soon(stats_of(server).connections == 0);
    stop_server(server);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_requests_get_408_however_they_drip),
        cmocka_unit_test(idle_connections_are_closed_without_a_word),
        cmocka_unit_test(a_client_that_reads_nothing_is_cut_off),
        cmocka_unit_test(a_client_that_reads_by_drops_is_cut_off_and_a_steady_one_is_not),
        cmocka_unit_test(over_the_limit_the_slowest_reader_is_cut_off_and_not_the_newcomer),
        cmocka_unit_test(work_that_takes_too_long_gets_503_and_the_connection_lives),
        cmocka_unit_test(work_goes_on_between_other_requests_and_takes_turns),
        cmocka_unit_test(a_client_that_goes_takes_its_work_along),
        cmocka_unit_test(more_work_than_allowed_is_503_at_once),
        cmocka_unit_test(what_is_read_ahead_is_bounded),
        cmocka_unit_test(connections_over_the_limit_are_told_so),
        cmocka_unit_test(bodies_over_the_limit_of_all_get_503),
        cmocka_unit_test(without_file_descriptors_it_waits_and_goes_on),
        cmocka_unit_test(connections_that_open_files_do_not_suffice_for_are_told_so),
        cmocka_unit_test(too_few_open_files_are_an_error_at_once),
        cmocka_unit_test(idle_connections_cost_little),
        cmocka_unit_test(many_requests_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
