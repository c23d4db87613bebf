/* http_testing.h: a real server on a free port of the loopback, with handlers made
 * for tests, and a client of plain sockets. Every wait has a deadline. */
#ifndef MF_TESTS_HTTP_TESTING_H
#define MF_TESTS_HTTP_TESTING_H

#include "testing.h"

#include "http/access_log.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

enum { PATIENCE_MS = 10000 };

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the condition holds; fails the test when it never does. */
#define assert_soon(condition)                                                                     \
    do {                                                                                           \
        const int64_t until = now_ms() + PATIENCE_MS;                                              \
        while (!(condition)) {                                                                     \
            if (now_ms() > until)                                                                  \
                fail_msg("never: %s", #condition);                                                 \
            poll(NULL, 0, 2);                                                                      \
        }                                                                                          \
    } while (0)

/* ------------------------------------------------------------------ handlers */

static atomic_int jobs_made;
static atomic_int jobs_destroyed;

static atomic_bool gate_open;

typedef struct job {
    int slices; /* left; -1: never ends; -2: ends when the gate is open */
} job;

static inline void handle_ping(mf_http_request *request, void *context)
{
    (void)context;
    mf_http_respond(request, 200, NULL);
}

static inline void handle_echo(mf_http_request *request, void *context)
{
    (void)context;
    const mf_http_view body = mf_http_get_body(request);
    mf_text_append(mf_http_response(request), body.bytes, body.n_bytes);
    mf_http_respond(request, 200, "application/octet-stream");
}

static inline void append_view(mf_text *text, mf_http_view view)
{
    if (view.bytes == NULL)
        mf_text_literal(text, "-");
    else
        mf_text_append(text, view.bytes, view.n_bytes);
    mf_text_literal(text, "|");
}

/* What the request says: segment, X-Test, parameters. */
static inline void handle_inside(mf_http_request *request, void *context)
{
    (void)context;
    mf_text *body = mf_http_response(request);
    append_view(body, mf_http_get_segment(request));
    append_view(body, mf_http_get_header(request, "x-TEST"));
    mf_http_view name;
    mf_http_view value;
    for (size_t i = 0; mf_http_get_parameter_at(request, i, &name, &value); i++) {
        append_view(body, name);
        append_view(body, value);
    }
    const mf_http_view test = mf_http_get_header(request, "X-Test");
    if (test.bytes != NULL)
        mf_http_set_header(request, "X-Echo", test.bytes, test.n_bytes);
    mf_http_set_header(request, "X-Bad", "a\r\nX-Injected: 1", 16);
    mf_http_set_header(request, "X-Blank", " a", 2);
    mf_http_respond(request, 200, "text/plain");
}

static inline void handle_nothing(mf_http_request *request, void *context)
{
    (void)request;
    (void)context;
}

static inline void handle_big(mf_http_request *request, void *context)
{
    (void)context;
    mf_text *body = mf_http_response(request);
    const size_t n = 8u << 20;
    if (mf_text_reserve(body, n)) {
        for (size_t i = 0; i < n; i++)
            body->bytes[i] = (char)('a' + i % 23);
        body->n_bytes = n;
    }
    mf_http_respond(request, 200, "application/octet-stream");
}

static inline void handle_no_content(mf_http_request *request, void *context)
{
    (void)context;
    mf_text_literal(mf_http_response(request), "dropped");
    mf_http_respond(request, 204, NULL);
}

static inline bool run_slice(mf_http_request *request, void *state)
{
    job *j = state;
    poll(NULL, 0, 1);
    if (j->slices == -2 && atomic_load(&gate_open))
        j->slices = 1;
    if (j->slices < 0 || --j->slices > 0)
        return false;
    const mf_http_view body = mf_http_get_body(request);
    mf_text_append(mf_http_response(request), body.bytes, body.n_bytes);
    mf_http_respond(request, 200, "text/plain");
    return true;
}

static inline void destroy_job(void *state)
{
    free(state);
    atomic_fetch_add(&jobs_destroyed, 1);
}

/* Works for as many slices as the body says. */
static inline void handle_work(mf_http_request *request, void *context)
{
    (void)context;
    job *j = malloc(sizeof *j);
    if (j == NULL)
        abort();
    j->slices = (int)strtol(mf_http_get_body(request).bytes, NULL, 10);
    atomic_fetch_add(&jobs_made, 1);
    mf_http_work(request, run_slice, j, destroy_job);
}

enum { ROUTE_PING, ROUTE_ECHO, ROUTE_INSIDE, ROUTE_WORK, N_ROUTES = 8 };

static const mf_http_route test_routes[N_ROUTES] = {
    {.path = "/ping",
     .methods = MF_HTTP_GET | MF_HTTP_HEAD | MF_HTTP_POST,
     .handle = handle_ping,
     .quiet = true},
    {.path = "/echo", .methods = MF_HTTP_POST | MF_HTTP_HEAD, .handle = handle_echo},
    {.path = "/inside/{id}", .methods = MF_HTTP_GET, .handle = handle_inside},
    {.path = "/work", .methods = MF_HTTP_POST, .handle = handle_work},
    {.path = "/nothing", .methods = MF_HTTP_GET, .handle = handle_nothing},
    {.path = "/big", .methods = MF_HTTP_GET, .handle = handle_big},
    {.path = "/empty", .methods = MF_HTTP_GET, .handle = handle_no_content},
    {.path = "/never/{id}", .methods = MF_HTTP_DELETE, .handle = handle_nothing},
};

/* -------------------------------------------------------------------- server */

static inline mf_http_settings test_settings(void)
{
    mf_http_settings settings = mf_http_settings_default();
    settings.address = "127.0.0.1";
    settings.n_threads = 1;
    settings.max_head_bytes = 4096;
    settings.max_body_bytes = 1u << 20;
    settings.max_connections = 50;
    settings.server = "test";
    return settings;
}

static inline mf_http_server *start_server(const mf_http_settings *settings)
{
    mf_error err = {0};
    atomic_store(&jobs_made, 0);
    atomic_store(&jobs_destroyed, 0);
    atomic_store(&gate_open, false);
    mf_http_server *server = mf_http_server_create(settings, test_routes, N_ROUTES, &err);
    if (server == NULL || !mf_http_server_start(server, &err))
        fail_msg("%s", err.text);
    return server;
}

/* Drains and destroys; nothing may be left behind. */
static inline void stop_server(mf_http_server *server)
{
    mf_http_stats stats;
    assert_int_equal(mf_http_server_drain(server, PATIENCE_MS), 0);
    mf_http_server_stats(server, &stats);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.working, 0);
    assert_int_equal(stats.buffered_bytes, 0);
    assert_int_equal(atomic_load(&jobs_made), atomic_load(&jobs_destroyed));
    mf_http_server_destroy(server);
}

static inline mf_http_stats stats_of(const mf_http_server *server)
{
    mf_http_stats stats;
    mf_http_server_stats(server, &stats);
    return stats;
}

/* -------------------------------------------------------------------- client */

typedef struct client {
    int fd;
    size_t n; /* bytes read and not used */
    char bytes[64 * 1024];
} client;

typedef struct response {
    int status;
    size_t n_body;
    char head[4096];
    char body[64 * 1024]; /* the beginning of it, zero-terminated */
} response;

static inline int connect_to_port(uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        fail_msg("cannot connect: %s", strerror(errno));
    return fd;
}

static inline int connect_to(const mf_http_server *server)
{
    return connect_to_port(mf_http_server_port(server));
}

static inline client *open_client_at(uint16_t port)
{
    client *c = malloc(sizeof *c);
    assert_non_null(c);
    c->fd = connect_to_port(port);
    c->n = 0;
    return c;
}

static inline client *open_client(const mf_http_server *server)
{
    return open_client_at(mf_http_server_port(server));
}

static inline void close_client(client *c)
{
    close(c->fd);
    free(c);
}

/* Closes with a reset, as when a process with unread bytes dies. */
static inline void reset_client(client *c)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close_client(c);
}

/* The server may have closed already: what cannot be sent is no error here. */
static inline void send_bytes(client *c, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        const ssize_t sent = send(c->fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += sent;
        n -= (size_t)sent;
    }
}

static inline void send_text(client *c, const char *text)
{
    send_bytes(c, text, strlen(text));
}

/* Reads more. False at the end of the stream or after a reset. */
static inline bool read_more(client *c)
{
    struct pollfd wait = {.fd = c->fd, .events = POLLIN};
    if (poll(&wait, 1, PATIENCE_MS) <= 0)
        fail_msg("the server sent nothing for %d ms", PATIENCE_MS);
    const ssize_t n = recv(c->fd, c->bytes + c->n, sizeof c->bytes - c->n, 0);
    if (n <= 0)
        return false;
    c->n += (size_t)n;
    return true;
}

static inline void use(client *c, size_t n)
{
    c->n -= n;
    memmove(c->bytes, c->bytes + n, c->n);
}

/* The value of a header, up to the line's end; NULL without it. */
static inline const char *header_of(const response *r, const char *name)
{
    static char value[1200];
    char line[100];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strcasestr(r->head, line);
    if (at == NULL)
        return NULL;
    at += strlen(line);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

/* Reads one response. has_body: false after HEAD. False: the connection ended first. */
static inline bool read_response_of(client *c, response *r, bool has_body)
{
    memset(r, 0, sizeof *r);
    char *end;
    while ((end = memmem(c->bytes, c->n, "\r\n\r\n", 4)) == NULL)
        if (!read_more(c))
            return false;
    const size_t n_head = (size_t)(end - c->bytes) + 4;
    assert_true(n_head < sizeof r->head);
    memcpy(r->head, c->bytes, n_head);
    use(c, n_head);
    if (strncmp(r->head, "HTTP/1.1 ", 9) != 0)
        fail_msg("not a response: %s", r->head);
    r->status = atoi(r->head + 9);
    if (r->status == 100)
        return true;
    const char *length = header_of(r, "Content-Length");
    assert_true((length != NULL) == (r->status != 204));
    size_t left = length != NULL && has_body ? strtoul(length, NULL, 10) : 0;
    r->n_body = left;
    size_t kept = 0;
    while (left > 0) {
        if (c->n == 0 && !read_more(c))
            return false;
        const size_t n = c->n < left ? c->n : left;
        const size_t capacity = sizeof r->body - 1 - kept;
        memcpy(r->body + kept, c->bytes, n < capacity ? n : capacity);
        kept += n < capacity ? n : capacity;
        use(c, n);
        left -= n;
    }
    return true;
}

static inline bool read_response(client *c, response *r)
{
    return read_response_of(c, r, true);
}

/* The same without interim responses, which a half-closed client may get. */
static inline bool read_final(client *c, response *r)
{
    while (read_response(c, r))
        if (r->status != 100)
            return true;
    return false;
}

static inline bool is_closed(client *c)
{
    return c->n == 0 && !read_more(c);
}

/* Sends and reads one response, which must be there. */
static inline void exchange(client *c, const char *text, response *r)
{
    send_text(c, text);
    if (!read_response(c, r))
        fail_msg("no response to %.60s", text);
}

static inline void assert_json_error(const response *r, int status, const char *code)
{
    char start[100];
    snprintf(start, sizeof start, "{\"error\":{\"code\":\"%s\",\"message\":\"", code);
    if (r->status != status || strncmp(r->body, start, strlen(start)) != 0 ||
        strcmp(r->body + strlen(r->body) - 3, "\"}}") != 0)
        fail_msg("expected %d %s, got %s%s", status, code, r->head, r->body);
    assert_string_equal(header_of(r, "Content-Type"), "application/json");
    assert_true(r->n_body < 2048);
}

#define GET_PING "GET /ping HTTP/1.1\r\nHost: h\r\n\r\n"

/* The server is well: it serves another client. */
static inline void assert_serves(const mf_http_server *server)
{
    client *c = open_client(server);
    response r;
    exchange(c, GET_PING, &r);
    assert_int_equal(r.status, 200);
    close_client(c);
}

#endif
