/* threads.c: the server as a whole: settings, sockets that accept, threads, and their end.
 *
 * (1) Every loop has a socket of its own on the port (SO_REUSEPORT). A second server of the same
 *     user could join them unseen, so a socket without that option tries the port first.
 * (2) No client is left in the backlog: over the limit of connections it is accepted, told, and
 *     sent away. */
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "http/connection.h"
#include "http/loop.h"
#include "http/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS_MAX = 256,
    HEAD_MIN = 256,
    HEAD_MAX = 1 << 20,
    BACKLOG = 4096,
    ACCEPTS_PER_TURN = 32,
};

/* ------------------------------------------------------------------ settings */

static uint32_t n_cpus(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    const int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (uint32_t)n;
}

mf_http_settings mf_http_settings_default(void)
{
    return (mf_http_settings){
        .address = "0.0.0.0",
        .n_threads = n_cpus(),
        .max_connections = 10000,
        .max_head_bytes = 32 * 1024,
        .max_body_bytes = 25u << 20,
        .max_buffered_bytes = 512u << 20,
        .max_working = 128,
        .head_ms = 10000,
        .body_ms = 60000,
        .idle_ms = 75000,
        .response_ms = 60000,
        .write_ms = 30000,
    };
}

static bool check_settings(const mf_http_settings *s, mf_error *err)
{
    const struct {
        const char *name;
        uint64_t value;
        uint64_t low;
        uint64_t high;
    } ranges[] = {
        {"n_threads", s->n_threads, 1, THREADS_MAX},
        {"max_connections", s->max_connections, 1, UINT32_MAX / 2},
        {"max_head_bytes", s->max_head_bytes, HEAD_MIN, HEAD_MAX},
        {"max_body_bytes", s->max_body_bytes, 0, UINT64_MAX / 4},
        {"max_buffered_bytes", s->max_buffered_bytes, 1, UINT64_MAX / 4},
        {"max_working", s->max_working, 0, UINT32_MAX / 2},
        {"head_ms", s->head_ms, 1, UINT32_MAX},
        {"body_ms", s->body_ms, 1, UINT32_MAX},
        {"idle_ms", s->idle_ms, 1, UINT32_MAX},
        {"response_ms", s->response_ms, 1, UINT32_MAX},
        {"write_ms", s->write_ms, 1, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                           "%s must be from %llu to %llu, not %llu", ranges[i].name,
                           (unsigned long long)ranges[i].low, (unsigned long long)ranges[i].high,
                           (unsigned long long)ranges[i].value);
    if (s->base != NULL && s->n_threads != 1)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "n_threads must be 1 on a loop of the caller's, not %u", s->n_threads);
    if (s->address == NULL)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "address must not be NULL");
    for (const char *c = s->server; c != NULL && *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7E)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "server must be visible ASCII");
    return true;
}

/* Raises the limit of open files as far as it must and can be, and lowers what needs
 * more: a client that cannot be accepted would get no response, not even 503. */
static bool fit_open_files(mf_http_server *server, mf_error *err)
{
    /* Of a loop: listening socket, epoll, eventfd; as many are spare. */
    enum { LEAST = 16, RESERVE = 32, PER_LOOP = 6, TURNED_AWAY = 64, TURNED_AWAY_SCARCE = 2 };
    mf_http_settings *settings = &server->settings;
    const rlim_t loops = (rlim_t)settings->n_threads * PER_LOOP;
    const rlim_t least = LEAST + loops;
    const rlim_t reserve = RESERVE + loops;
    const rlim_t wanted =
        settings->max_connections + reserve + (rlim_t)settings->n_threads * TURNED_AWAY;
    server->max_turned_away = TURNED_AWAY;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return true;
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max > wanted ? wanted : limit.rlim_max;
    if (limit.rlim_cur > before && setrlimit(RLIMIT_NOFILE, &limit) != 0)
        limit.rlim_cur = before;
    const rlim_t there = limit.rlim_cur;
    if (there >= wanted)
        return true;
    if (there < least)
        return mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                       "the limit of open files is %llu; %u threads need %llu at least",
                       (unsigned long long)there, settings->n_threads, (unsigned long long)least);
    server->max_turned_away = TURNED_AWAY_SCARCE;
    const rlim_t possible = there > reserve ? there - reserve : 1;
    if (settings->max_connections <= possible)
        return true;
    mf_log_message(MF_LOG_WARNING, "open_files",
                   "the limit of open files is %llu: %llu connections are taken at once, not %u",
                   (unsigned long long)there, (unsigned long long)possible,
                   settings->max_connections);
    settings->max_connections = (uint32_t)possible;
    return true;
}

/* ------------------------------------------------------------------ listening */

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} address;

static bool read_address(const char *text, uint16_t port, address *to, socklen_t *n, mf_error *err)
{
    memset(to, 0, sizeof *to);
    if (inet_pton(AF_INET, text, &to->v4.sin_addr) == 1) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(port);
        *n = sizeof to->v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &to->v6.sin6_addr) == 1) {
        to->v6.sin6_family = AF_INET6;
        to->v6.sin6_port = htons(port);
        *n = sizeof to->v6;
        return true;
    }
    return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "\"%.64s\" is not a numeric IP address", text);
}

static bool fail_bind(int errnum, const char *text, uint16_t port, mf_error *err)
{
    if (errnum == EADDRINUSE)
        return mf_fail(err, MF_ERR_IO, MF_NOWHERE, "port %u is taken by another process", port);
    return mf_fail_errno(err, errnum, MF_NOWHERE, "cannot listen on %s port %u", text, port);
}

/* A socket bound to the address; -1 and errno. */
static int bind_socket(const address *to, socklen_t n, bool shared)
{
    const int on = 1;
    const int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* Accepted sockets inherit this one. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if ((shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        bind(fd, &to->any, n) != 0) {
        const int errnum = errno;
        close(fd);
        errno = errnum;
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    address bound;
    socklen_t n = sizeof bound;
    memset(&bound, 0, sizeof bound);
    getsockname(fd, &bound.any, &n);
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

/* One listening socket per loop on the same port; *port 0 becomes the one that the kernel chose.
 * Clients that connect wait in the backlog. */
static bool listen_on(mf_http_loop *loops, uint32_t n_loops, const char *text, uint16_t *port,
                      mf_error *err)
{
    address to;
    socklen_t n = 0;
    if (!read_address(text, *port, &to, &n, err))
        return false;
    if (*port != 0) {
        const int probe = bind_socket(&to, n, false);
        if (probe < 0)
            return fail_bind(errno, text, *port, err);
        close(probe);
    }
    for (uint32_t i = 0; i < n_loops; i++) {
        const int fd = bind_socket(&to, n, true);
        if (fd < 0)
            return fail_bind(errno, text, *port, err);
        loops[i].listen_fd = fd;
        if (*port == 0) {
            *port = port_of(fd);
            read_address(text, *port, &to, &n, err);
        }
    }
    for (uint32_t i = 0; i < n_loops; i++)
        if (listen(loops[i].listen_fd, BACKLOG) != 0)
            return fail_bind(errno, text, *port, err);
    return true;
}

static void pause_accepting(mf_http_loop *loop, int errnum)
{
    if (!loop->accept_warned)
        mf_log_message(MF_LOG_WARNING, "accept_paused",
                       "cannot accept connections for want of resources: %s",
                       strerrordesc_np(errnum));
    loop->accept_warned = true;
    loop->accept_paused = true;
    event_del(loop->acceptable);
    mf_loop_want_tick(loop);
}

/* Accepts what has come, at most n of it. */
static void accept_some(mf_http_loop *loop, int n)
{
    mf_loop_touch(loop);
    while (n-- > 0) {
        const int fd = accept4(loop->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            mf_connection_accept(loop, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (!loop->accept_paused)
                pause_accepting(loop, errno);
            return;
        }
        /* All other errors concern that one connection (accept(2)). */
        if (errno == EAGAIN || errno == EINVAL || errno == EBADF)
            return;
    }
}

static void on_acceptable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    accept_some(argument, ACCEPTS_PER_TURN);
}

static bool start_accepting(mf_http_loop *loop, mf_error *err)
{
    loop->acceptable =
        event_new(loop->base, loop->listen_fd, EV_READ | EV_PERSIST, on_acceptable, loop);
    if (loop->acceptable == NULL || event_add(loop->acceptable, NULL) != 0)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "there is no memory for an event loop");
    return true;
}

static void resume_accepting(mf_http_loop *loop)
{
    if (!loop->accept_paused || loop->listen_fd < 0)
        return;
    loop->accept_paused = false;
    event_add(loop->acceptable, NULL);
}

static void stop_accepting(mf_http_loop *loop)
{
    if (loop->acceptable != NULL)
        event_free(loop->acceptable);
    loop->acceptable = NULL;
    if (loop->listen_fd >= 0)
        close(loop->listen_fd);
    loop->listen_fd = -1;
}

/* ------------------------------------------------------------ create, destroy */

static void on_turn(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    mf_loop_touch(argument);
    mf_connections_turn(argument);
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    mf_http_loop *loop = argument;
    (void)fd;
    (void)what;
    mf_loop_touch(loop);
    resume_accepting(loop);
    mf_connections_check_deadlines(loop);
    if (loop->n_connections > 0)
        mf_loop_want_tick(loop);
    else
        loop->accept_warned = false;
}

mf_http_server *mf_http_server_create(const mf_http_settings *settings, const mf_http_route *routes,
                                      size_t n_routes, mf_error *err)
{
    if (!check_settings(settings, err))
        return NULL;
    mf_http_server *server = mf_allocate(1, sizeof *server, "a server", err);
    if (server == NULL)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&server->lock, NULL);
    server->settings = *settings;
    server->port = settings->port;
    bool ok = mf_routes_prepare(&server->routes, routes, n_routes, err);
    if (ok) {
        server->loops = mf_allocate(settings->n_threads, sizeof *server->loops, "loops", err);
        ok = server->loops != NULL;
    }
    if (ok) {
        server->n_loops = settings->n_threads;
        for (uint32_t i = 0; i < server->n_loops; i++) {
            server->loops[i].listen_fd = -1;
            server->loops[i].wake_fd = -1;
            pthread_mutex_init(&server->loops[i].mailbox_lock, NULL);
        }
        ok = fit_open_files(server, err) &&
             listen_on(server->loops, server->n_loops, settings->address, &server->port, err);
    }
    for (uint32_t i = 0; ok && i < server->n_loops; i++)
        ok = mf_loop_open(&server->loops[i], server, i, on_turn, on_tick, err) &&
             start_accepting(&server->loops[i], err);
    if (!ok) {
        mf_http_server_destroy(server);
        return NULL;
    }
    return server;
}

uint16_t mf_http_server_port(const mf_http_server *server)
{
    return server->port;
}

struct event_base *mf_http_server_base(const mf_http_server *server, uint32_t loop)
{
    return server->loops[loop].base;
}

bool mf_http_server_start(mf_http_server *server, mf_error *err)
{
    /* Signals are for the main thread, which waits for them. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    for (uint32_t i = 0; i < server->n_loops && failed == 0; i++) {
        failed = mf_thread_start(&server->loops[i].thread, mf_loop_run, &server->loops[i]);
        server->n_running += failed == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0)
        return true;
    mf_http_server_drain(server, 0);
    return mf_fail_errno(err, failed, MF_NOWHERE, "cannot start a thread of the server");
}

/* ---------------------------------------------------------------- each loop */

typedef struct visit {
    mf_http_call call;
    void (*fn)(uint32_t loop, void *argument);
    void *argument;
} visit;

static void run_visit(mf_http_loop *loop, void *argument)
{
    const visit *v = argument;
    mf_http_server *server = loop->server;
    v->fn(loop->index, v->argument);
    pthread_mutex_lock(&server->lock);
    server->n_visited++;
    pthread_cond_signal(&server->done);
    pthread_mutex_unlock(&server->lock);
}

void mf_http_server_each_loop(mf_http_server *server, void (*fn)(uint32_t loop, void *argument),
                              void *argument)
{
    visit visits[THREADS_MAX];
    server->n_visited = 0;
    for (uint32_t i = 0; i < server->n_running; i++) {
        visits[i] = (visit){
            .call = {.run = run_visit, .argument = &visits[i]}, .fn = fn, .argument = argument};
        mf_loop_post(&server->loops[i], &visits[i].call);
    }
    pthread_mutex_lock(&server->lock);
    while (server->n_visited < server->n_running)
        pthread_cond_wait(&server->done, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

/* --------------------------------------------------------------------- drain */

/* Stops accepting and lets the last requests finish. */
static void drain_loop(mf_http_loop *loop, void *unused)
{
    (void)unused;
    if (loop->draining)
        return;
    accept_some(loop, BACKLOG); /* the kernel has completed their handshakes */
    stop_accepting(loop);
    loop->draining = true;
    loop->drain_us = loop->now_us;
    mf_connections_drain(loop);
    if (loop->n_connections == 0)
        mf_loop_end(loop);
}

static void cut_loop(mf_http_loop *loop, void *unused)
{
    (void)unused;
    loop->n_cut += mf_connections_drop(loop, true);
    loop->draining = true;
    mf_loop_end(loop);
}

static struct timespec after_ms(uint32_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* False when the time was over first. */
static bool wait_for_loops(mf_http_server *server, uint32_t deadline_ms)
{
    const struct timespec until = after_ms(deadline_ms);
    int result = 0;
    pthread_mutex_lock(&server->lock);
    while (server->n_ended < server->n_running && result == 0)
        result = pthread_cond_timedwait(&server->done, &server->lock, &until);
    const bool all = server->n_ended == server->n_running;
    pthread_mutex_unlock(&server->lock);
    return all;
}

uint32_t mf_http_server_drain(mf_http_server *server, uint32_t deadline_ms)
{
    mf_http_call drain[THREADS_MAX];
    mf_http_call cut[THREADS_MAX];
    for (uint32_t i = 0; i < server->n_running; i++) {
        drain[i] = (mf_http_call){.run = drain_loop};
        mf_loop_post(&server->loops[i], &drain[i]);
    }
    if (!wait_for_loops(server, deadline_ms))
        for (uint32_t i = 0; i < server->n_running; i++) {
            cut[i] = (mf_http_call){.run = cut_loop};
            mf_loop_post(&server->loops[i], &cut[i]);
        }
    uint32_t n_cut = 0;
    for (uint32_t i = 0; i < server->n_running; i++) {
        pthread_join(server->loops[i].thread, NULL);
        n_cut += server->loops[i].n_cut;
        STAILQ_INIT(&server->loops[i].mailbox);
    }
    server->n_running = 0;
    return n_cut;
}

void mf_http_server_drop_connections(mf_http_server *server)
{
    for (uint32_t i = 0; i < server->n_loops; i++)
        mf_connections_drop(&server->loops[i], false);
}

static void close_loop(mf_http_loop *loop)
{
    stop_accepting(loop);
    if (loop->server != NULL) { /* it was opened */
        if (loop->base != NULL)
            mf_connections_drop(loop, true);
        mf_request_pool_free(loop);
        mf_loop_close(loop);
    }
    pthread_mutex_destroy(&loop->mailbox_lock);
}

void mf_http_server_destroy(mf_http_server *server)
{
    if (server == NULL)
        return;
    if (server->n_running > 0)
        mf_http_server_drain(server, 0);
    for (uint32_t i = 0; server->loops != NULL && i < server->n_loops; i++)
        close_loop(&server->loops[i]);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->done);
    mf_free(server->loops);
    mf_free(server);
}
