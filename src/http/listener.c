/* listener.c: sockets that accept.
 *
 * (1) Every loop has a socket of its own on the port (SO_REUSEPORT). A second
 *     server of the same user could join them unseen, so a socket without that
 *     option tries the port first.
 * (2) Nobody is left in the backlog: over the limit of connections a client is
 *     accepted, told, and sent away. */
#include "http/loop.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 32 };

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

bool mf_listener_open(mf_http_loop *loops, uint32_t n_loops, const char *text, uint16_t *port,
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
        if (listen(loops[i].listen_fd, MF_BACKLOG) != 0)
            return fail_bind(errno, text, *port, err);
    return true;
}

/* -------------------------------------------------------------------- accept */

/* Ends the one that has had the most time to read why. False: there is none. */
static bool forget_one_sent_away(mf_http_loop *loop)
{
    mf_connection *connection;
    TAILQ_FOREACH(connection, &loop->waiting[MF_DEADLINE_LINGER], waiting)
    if (connection->over_limit) {
        mf_connection_destroy(connection);
        return true;
    }
    return false;
}

static void send_away(mf_http_loop *loop, int fd)
{
    mf_count(&loop->counters.refused, 1);
    mf_connection *connection = mf_connection_create(loop, fd, true);
    if (connection == NULL)
        return;
    mf_dispatch_refuse(connection, 503, "the server has %u connections already; try again later",
                       loop->settings->max_connections);
    if (loop->n_over_limit > loop->server->max_over_limit && !forget_one_sent_away(loop))
        connection->dead = true;
    mf_connection_settle(connection);
}

static void take(mf_http_loop *loop, int fd)
{
    mf_count(&loop->counters.accepted, 1);
    const uint32_t there = atomic_load_explicit(&loop->server->connections, memory_order_relaxed);
    mf_loop_want_tick(loop);
    if (there >= loop->settings->max_connections) {
        send_away(loop, fd);
        return;
    }
    mf_connection *connection = mf_connection_create(loop, fd, false);
    if (connection != NULL)
        mf_connection_settle(connection);
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

void mf_listener_accept(mf_http_loop *loop, int n)
{
    mf_loop_touch(loop);
    while (n-- > 0) {
        const int fd = accept4(loop->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(loop, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (!loop->accept_paused)
                pause_accepting(loop, errno);
            return;
        }
        /* Others are troubles of that one connection (accept(2)). */
        if (errno == EAGAIN || errno == EINVAL || errno == EBADF)
            return;
    }
}

static void when_acceptable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    mf_listener_accept(argument, ACCEPTS_PER_TURN);
}

bool mf_listener_start(mf_http_loop *loop)
{
    loop->acceptable =
        event_new(loop->base, loop->listen_fd, EV_READ | EV_PERSIST, when_acceptable, loop);
    return loop->acceptable != NULL && event_add(loop->acceptable, NULL) == 0;
}

void mf_listener_go_on(mf_http_loop *loop)
{
    if (!loop->accept_paused || loop->listen_fd < 0)
        return;
    loop->accept_paused = false;
    event_add(loop->acceptable, NULL);
}

void mf_listener_close(mf_http_loop *loop)
{
    if (loop->acceptable != NULL)
        event_free(loop->acceptable);
    loop->acceptable = NULL;
    if (loop->listen_fd >= 0)
        close(loop->listen_fd);
    loop->listen_fd = -1;
}
