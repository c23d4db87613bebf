/* presence.c: one byte a second over TCP, and what its absence means.
 *
 * In order: what both sides share, the first host's thread, the others' wait. Sockets do not block;
 * poll waits for them. */
#include "presence.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BEAT = 'b',
    DONE = 'd',
    FAILED = 'f',
    BEAT_MS = 1000,
    LOST_MS = 15000,
    LEAVE_MS = 2000,
    LATE_MS = 10000, /* after open: a host that starts later than the first one */
    TRY_AGAIN_MS = 250,
    CONNECTIONS_MAX = MF_HOSTS_MAX,
    HELLO_BYTES = MF_HOST_NAME_BYTES + 32,
};

static const char PROTOCOL[] = "recommender-presence-1 ";

/* --- the first host --------------------------------------------------------------- */

typedef struct connection {
    int fd;
    char hello[HELLO_BYTES];
    size_t n_hello;
    bool known; /* the hello is complete and names a host of the job */
} connection;

struct mf_presence {
    const mf_hosts *hosts;
    pthread_t thread;
    int listener;
    int wake[2]; /* a pipe: its byte is the last one to send */
    char last;   /* that byte, once it is there */
    double late; /* until when hosts that have not come yet are waited for */
    size_t n_missing;
    bool seen[MF_HOSTS_MAX];
    size_t n; /* connections */
    connection connections[CONNECTIONS_MAX];
    struct pollfd polled[CONNECTIONS_MAX + 2];
};

static bool send_byte(int fd, char byte)
{
    return send(fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 || errno == EAGAIN;
}

/* False: no host of this job but the first has this name. */
static bool note_host(mf_presence *p, const char *name)
{
    for (size_t i = 1; i < p->hosts->n; i++) {
        if (strcmp(p->hosts->name[i], name) != 0)
            continue;
        p->n_missing -= p->seen[i] ? 0 : 1;
        p->seen[i] = true;
        mf_log_message(MF_LOG_INFO, "host_waits", "%s waits until training has ended", name);
        return true;
    }
    return false;
}

/* Takes what has come of the hello. False: the connection ended, or is not one of this job. */
static bool take_hello(mf_presence *p, connection *c)
{
    char rest[256];
    char *to = c->known ? rest : c->hello + c->n_hello;
    const ssize_t got =
        recv(c->fd, to, c->known ? sizeof rest : HELLO_BYTES - 1 - c->n_hello, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return false;
    if (c->known)
        return true;
    c->n_hello += (size_t)got;
    c->hello[c->n_hello] = '\0';
    char *end = strchr(c->hello, '\n');
    if (end == NULL)
        return c->n_hello < HELLO_BYTES - 1;
    *end = '\0';
    const size_t n = sizeof PROTOCOL - 1;
    c->known = strncmp(c->hello, PROTOCOL, n) == 0 && note_host(p, c->hello + n);
    return c->known && (p->last == 0 || send_byte(c->fd, p->last));
}

static void drop(mf_presence *p, size_t i)
{
    close(p->connections[i].fd);
    p->connections[i] = p->connections[--p->n];
}

static void accept_one(mf_presence *p)
{
    const int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (p->n == CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    p->connections[p->n++] = (connection){.fd = fd};
}

/* Waits for anything to read, up to `ms`. */
static void look(mf_presence *p, double ms)
{
    const size_t n = p->n;
    p->polled[0] = (struct pollfd){.fd = p->last == 0 ? p->wake[0] : -1, .events = POLLIN};
    p->polled[1] = (struct pollfd){.fd = p->listener, .events = POLLIN};
    for (size_t i = 0; i < n; i++)
        p->polled[i + 2] = (struct pollfd){.fd = p->connections[i].fd, .events = POLLIN};
    if (poll(p->polled, n + 2, (int)ms + 1) <= 0)
        return;
    for (size_t i = n; i-- > 0;)
        if (p->polled[i + 2].revents != 0 && !take_hello(p, &p->connections[i]))
            drop(p, i);
    if (p->polled[1].revents != 0)
        accept_one(p);
    if (p->polled[0].revents != 0 && read(p->wake[0], &p->last, 1) != 1)
        p->last = FAILED;
}

static void send_all(mf_presence *p, char byte)
{
    for (size_t i = p->n; i-- > 0;)
        if (!send_byte(p->connections[i].fd, byte))
            drop(p, i);
}

static void *serve(void *argument)
{
    mf_presence *p = argument;
    double beat = 0;
    while (p->last == 0) {
        const double now = mf_clock_seconds();
        if (now >= beat) {
            send_all(p, BEAT);
            beat = now + BEAT_MS / 1000.0;
        }
        look(p, (beat - now) * 1000);
    }
    send_all(p, p->last);
    const double leave = mf_clock_seconds() + LEAVE_MS / 1000.0;
    for (;;) {
        const double now = mf_clock_seconds();
        const double until = p->n_missing > 0 && p->late > leave ? p->late : leave;
        if (now >= until || (p->n == 0 && (p->n_missing == 0 || now >= p->late)))
            break;
        look(p, (until - now) * 1000);
    }
    while (p->n > 0)
        drop(p, 0);
    return NULL;
}

static void release(mf_presence *p)
{
    const int fds[] = {p->listener, p->wake[0], p->wake[1]};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    mf_free(p);
}

/* A listener on all addresses, IPv6 and IPv4 where there is IPv6. */
static int listen_on(uint16_t port)
{
    const struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT};
    const struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_ANY)}};
    const int on = 1;
    const int off = 0;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool is_six = fd >= 0;
    if (!is_six)
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!is_six || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
        bind(fd, is_six ? (const struct sockaddr *)&six : (const struct sockaddr *)&four,
             is_six ? sizeof six : sizeof four) == 0 &&
        listen(fd, CONNECTIONS_MAX) == 0)
        return fd;
    const int why = errno;
    close(fd);
    errno = why;
    return -1;
}

mf_presence *mf_presence_open(const mf_hosts *hosts, uint16_t port, double wait_seconds,
                              mf_error *err)
{
    mf_presence *p = mf_allocate(1, sizeof *p, "connections of other hosts", err);
    if (p == NULL)
        return NULL;
    p->hosts = hosts;
    p->n_missing = hosts->n - 1;
    p->late = mf_clock_seconds() + fmin(wait_seconds, LATE_MS / 1000.0);
    p->wake[0] = p->wake[1] = -1;
    p->listener = listen_on(port);
    if (p->listener < 0 || pipe2(p->wake, O_CLOEXEC) != 0 ||
        (errno = mf_thread_start(&p->thread, serve, p)) != 0) {
        mf_fail(err, MF_ERR_IO, MF_NOWHERE, "port %u (hosts_port): %s", (unsigned)port,
                strerror(errno));
        release(p);
        return NULL;
    }
    return p;
}

void mf_presence_close(mf_presence *p, bool done)
{
    if (p == NULL)
        return;
    const char last = done ? DONE : FAILED;
    if (write(p->wake[1], &last, 1) != 1)
        mf_log_message(MF_LOG_WARNING, "hosts", "the other hosts could not be told: %s",
                       strerror(errno));
    close(p->wake[1]); /* the thread ends in any case: its read fails */
    p->wake[1] = -1;
    pthread_join(p->thread, NULL);
    release(p);
}

/* --- the others ------------------------------------------------------------------- */

/* Waits for the socket. 1: ready, 0: not within ms. */
static int wait_for(int fd, short events, int ms)
{
    struct pollfd one = {.fd = fd, .events = events};
    return poll(&one, 1, ms) > 0;
}

/* A connection to one address within TRY_AGAIN_MS × 4, or -1. */
static int connect_to(const struct addrinfo *address)
{
    int why = 0;
    socklen_t n_why = sizeof why;
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
        (errno == EINPROGRESS && wait_for(fd, POLLOUT, 4 * TRY_AGAIN_MS) == 1 &&
         getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n_why) == 0 && why == 0))
        return fd;
    close(fd);
    return -1;
}

/* A connection to the first host that has taken the hello, or -1. */
static int reach(const mf_hosts *hosts, uint16_t port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[8];
    char hello[HELLO_BYTES];
    int fd = -1;
    snprintf(service, sizeof service, "%u", (unsigned)port);
    if (getaddrinfo(hosts->name[0], service, &hints, &found) != 0)
        return -1;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_to(a);
    freeaddrinfo(found);
    const int n = snprintf(hello, sizeof hello, "%s%s\n", PROTOCOL, hosts->name[hosts->rank]);
    if (fd >= 0 && send(fd, hello, (size_t)n, MSG_NOSIGNAL) != n) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Reads until the last byte. */
static bool follow(int fd, const char *first, mf_presence_end *end, mf_error *err)
{
    for (double heard = mf_clock_seconds();;) {
        char bytes[64];
        const ssize_t got =
            wait_for(fd, POLLIN, BEAT_MS) ? recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) : -1;
        if (!mf_stop_check(err))
            return false;
        const double silent = mf_clock_seconds() - heard;
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                           "%s, which trains, is lost: its connection ended", first);
        if (got > 0) {
            heard = mf_clock_seconds();
            if (bytes[got - 1] != BEAT) {
                *end = bytes[got - 1] == DONE ? MF_PRESENCE_DONE : MF_PRESENCE_FAILED;
                return true;
            }
        } else if (silent * 1000 > LOST_MS) {
            return mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                           "%s, which trains, is lost: nothing came from it for %.0f s", first,
                           silent);
        }
    }
}

bool mf_presence_wait(const mf_hosts *hosts, uint16_t port, double wait_seconds,
                      mf_presence_end *end, mf_error *err)
{
    const double until = mf_clock_seconds() + wait_seconds;
    int fd = -1;
    while ((fd = reach(hosts, port)) < 0) {
        if (!mf_stop_check(err))
            return false;
        if (mf_clock_seconds() >= until) {
            *end = MF_PRESENCE_ABSENT;
            return true;
        }
        mf_clock_sleep_ms(TRY_AGAIN_MS);
    }
    const bool ok = follow(fd, hosts->name[0], end, err);
    close(fd);
    return ok;
}
