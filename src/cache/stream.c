/* stream.c: resolve, connect to one address after the other, wrap in a bufferevent.
 * (1) Either fd is open and being connected, or buffer owns the socket, never both.
 * (2) n_opened changes with every open and close: a callback that finds another number stops.
 * (3) libevent reads 4 KB at a time, one round of the loop for each. After the first of them the rest
 *     is read at once, unless TLS has to decrypt it. An end or an error is left to libevent. */
#include "cache/stream.h"

#include "base/error.h"
#include "cache/resolver.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How far the attempts of one open got, over all addresses. */
typedef enum progress {
    REACHED_NOTHING, /* no address, or none that this machine has a route to */
    REACHED_HOST,    /* the host refused, or did not respond */
    REACHED_SERVER,  /* TCP was connected */
} progress;

enum { BLOCK_BYTES = 64 * 1024, WRITE_BYTES = 256 * 1024 };

struct mf_stream {
    struct event_base *base;
    mf_tls *tls;
    mf_stream_events events;
    void *argument;
    mf_resolver *resolver;
    mf_addresses addresses;
    size_t next;      /* of addresses */
    progress reached; /* by the addresses before `next` */
    char why[160];    /* the reason of the one that got furthest, of equals the last */
    int fd;           /* connecting; -1 when not */
    struct event *connected;
    struct bufferevent *buffer; /* from TCP's connection on */
    uint32_t n_opened;          /* tells one connection from the next */
    bool is_ready;
    char block[BLOCK_BYTES]; /* that is read at once */
};

static void try_next(mf_stream *stream);

static void lose(mf_stream *stream, bool closed, const char *why)
{
    mf_stream_close(stream);
    stream->events.lost(stream->argument, closed, why);
}

/* One address has failed. Its reason is kept unless another address got further: "the
 * certificate is not trusted" from 127.0.0.1 explains more than that ::1 cannot be assigned. */
static void keep_reason(mf_stream *stream, progress reached, const char *why)
{
    if (reached < stream->reached)
        return;
    stream->reached = reached;
    snprintf(stream->why, sizeof stream->why, "%s", why);
}

static void keep_errno(mf_stream *stream, int errnum)
{
    const bool has_no_route = errnum == EADDRNOTAVAIL || errnum == EAFNOSUPPORT ||
                              errnum == ENETUNREACH || errnum == ENETDOWN;
    keep_reason(stream, has_no_route ? REACHED_NOTHING : REACHED_HOST, strerrordesc_np(errnum));
}

/* ----------------------------------------------------------------------- bytes */

static void when_bytes(struct bufferevent *buffer, void *argument)
{
    mf_stream *stream = argument;
    const uint32_t mine = stream->n_opened;
    struct evbuffer *input = bufferevent_get_input(buffer);
    size_t n;
    while ((n = evbuffer_get_contiguous_space(input)) > 0) {
        stream->events.bytes(stream->argument, (const char *)evbuffer_pullup(input, (ssize_t)n), n);
        if (stream->n_opened != mine) /* the caller has closed: the input is gone */
            return;
        evbuffer_drain(input, n);
    }
    const ssize_t n_more = stream->tls == NULL ? recv(bufferevent_getfd(buffer), stream->block,
                                                      sizeof stream->block, MSG_DONTWAIT)
                                               : 0;
    if (n_more > 0) /* (3) */
        stream->events.bytes(stream->argument, stream->block, (size_t)n_more);
}

static void when_changed(struct bufferevent *buffer, short what, void *argument)
{
    mf_stream *stream = argument;
    const int errnum = EVUTIL_SOCKET_ERROR();
    char why[160];
    if (what & BEV_EVENT_CONNECTED) {
        stream->is_ready = true;
        stream->events.ready(stream->argument);
        return;
    }
    if (stream->tls != NULL && mf_tls_explain(buffer, why, sizeof why))
        ;
    else if (what & BEV_EVENT_EOF || errnum == 0)
        snprintf(why, sizeof why, "it closed the connection");
    else
        snprintf(why, sizeof why, "%s", strerrordesc_np(errnum));
    if (stream->is_ready) {
        lose(stream, true, why);
        return;
    }
    keep_reason(stream, REACHED_SERVER, why);
    try_next(stream);
}

/* --------------------------------------------------------------------- opening */

/* TCP is there. */
static void take_connection(mf_stream *stream)
{
    const int fd = stream->fd;
    stream->buffer = stream->tls != NULL
                         ? mf_tls_wrap(stream->tls, stream->base, fd)
                         : bufferevent_socket_new(stream->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (stream->buffer == NULL) {
        lose(stream, false, "no memory for a connection");
        return;
    }
    stream->fd = -1; /* the bufferevent's */
    bufferevent_set_max_single_write(stream->buffer, WRITE_BYTES);
    bufferevent_setcb(stream->buffer, when_bytes, NULL, when_changed, stream);
    bufferevent_enable(stream->buffer, EV_READ | EV_WRITE);
    if (stream->tls == NULL)
        when_changed(stream->buffer, BEV_EVENT_CONNECTED, stream);
}

static void drop_socket(mf_stream *stream)
{
    if (stream->connected != NULL)
        event_free(stream->connected);
    stream->connected = NULL;
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

static void when_connected(evutil_socket_t fd, short what, void *argument)
{
    mf_stream *stream = argument;
    int failed = 0;
    socklen_t n = sizeof failed;
    (void)what;
    event_free(stream->connected);
    stream->connected = NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &n) != 0)
        failed = errno;
    if (failed == 0) {
        take_connection(stream);
        return;
    }
    keep_errno(stream, failed);
    try_next(stream);
}

/* False, with a reason in errno. */
static bool start_connecting(mf_stream *stream, const struct sockaddr *address, socklen_t n_bytes)
{
    const int on = 1;
    stream->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->fd < 0)
        return false;
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(stream->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (connect(stream->fd, address, n_bytes) != 0 && errno != EINPROGRESS)
        return false;
    stream->connected = event_new(stream->base, stream->fd, EV_WRITE, when_connected, stream);
    errno = ENOMEM;
    return stream->connected != NULL && event_add(stream->connected, NULL) == 0;
}

/* The next address; after the last one the stream is lost. */
static void try_next(mf_stream *stream)
{
    if (stream->buffer != NULL)
        bufferevent_free(stream->buffer);
    stream->buffer = NULL;
    while (stream->next < stream->addresses.n) {
        const size_t i = stream->next++;
        drop_socket(stream);
        if (start_connecting(stream, (const struct sockaddr *)&stream->addresses.address[i],
                             stream->addresses.n_bytes[i]))
            return;
        keep_errno(stream, errno);
    }
    char why[sizeof stream->why]; /* the caller may open again, which writes to stream->why */
    memcpy(why, stream->why, sizeof why);
    lose(stream, false, why);
}

static void when_resolved(void *argument, const mf_addresses *addresses)
{
    mf_stream *stream = argument;
    stream->addresses = *addresses;
    stream->next = 0;
    stream->reached = REACHED_NOTHING;
    keep_reason(stream, REACHED_NOTHING, addresses->why);
    try_next(stream);
}

void mf_stream_open(mf_stream *stream)
{
    stream->n_opened++;
    if (!mf_resolver_start(stream->resolver))
        lose(stream, false, "no thread to look up its name with");
}

void mf_stream_close(mf_stream *stream)
{
    stream->n_opened++;
    stream->is_ready = false;
    mf_resolver_stop(stream->resolver);
    if (stream->buffer != NULL)
        bufferevent_free(stream->buffer);
    stream->buffer = NULL;
    drop_socket(stream);
}

/* -------------------------------------------------------------------- lifetime */

mf_stream *mf_stream_create(struct event_base *base, mf_tls *tls, const char *host, uint16_t port,
                            const mf_stream_events *events, void *argument)
{
    mf_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return NULL;
    *stream =
        (mf_stream){.base = base, .tls = tls, .events = *events, .argument = argument, .fd = -1};
    stream->resolver = mf_resolver_create(base, host, port, when_resolved, stream);
    if (stream->resolver != NULL)
        return stream;
    free(stream);
    return NULL;
}

bool mf_stream_send(mf_stream *stream, const char *bytes, size_t n_bytes)
{
    return stream->buffer != NULL && bufferevent_write(stream->buffer, bytes, n_bytes) == 0;
}

size_t mf_stream_unsent(const mf_stream *stream)
{
    return stream->buffer != NULL ? evbuffer_get_length(bufferevent_get_output(stream->buffer)) : 0;
}

const char *mf_stream_step(const mf_stream *stream)
{
    if (stream->is_ready)
        return NULL;
    if (stream->buffer != NULL)
        return "the TLS handshake does not end; does this port speak TLS?";
    return stream->fd >= 0 ? "TCP does not connect" : "its name is not resolved";
}

void mf_stream_destroy(mf_stream *stream)
{
    if (stream == NULL)
        return;
    mf_stream_close(stream);
    mf_resolver_destroy(stream->resolver);
    free(stream);
}
