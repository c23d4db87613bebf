/* web_connection.c: what clients send, from bytes to whole requests. */
#include "local/web_state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PIECE = 16 << 10,        /* room for a read */
    LARGE_PIECE = 256 << 10, /* of a body that is known to be longer */
    KEPT = 64 << 10,         /* memory that a connection without a request may hold */
};

void mf_local_web_free(mf_local_web_request *r)
{
    mf_local_web_server *server = r->server;
    if (r->previous != NULL)
        r->previous->next = r->next;
    else
        server->first = r->next;
    if (r->next != NULL)
        r->next->previous = r->previous;
    server->n_connections--;
    event_free(r->readable);
    event_free(r->writable);
    close(r->fd);
    mf_text_free(&r->in);
    mf_text_free(&r->body);
    mf_text_free(&r->out);
    free(r);
}

void mf_local_web_tell_gone(mf_local_web_request *r)
{
    if (r->user != NULL && r->server->handler.gone != NULL)
        r->server->handler.gone(r->server->handler.context, r);
    r->user = NULL;
}

/* ------------------------------------------------------------------- stages */

static bool skip_line_ends(mf_local_web_request *r)
{
    size_t n = 0;
    while (n + 1 < r->in.n_bytes && r->in.bytes[n] == '\r' && r->in.bytes[n + 1] == '\n')
        n += 2;
    if (n > 0) {
        memmove(r->in.bytes, r->in.bytes + n, r->in.n_bytes - n);
        r->in.n_bytes -= n;
    }
    return r->in.n_bytes > 0 && !(r->in.n_bytes == 1 && r->in.bytes[0] == '\r');
}

static bool start_body(mf_local_web_request *r)
{
    const char *why = NULL;
    const int status = mf_head_parse(r->in.bytes, r->n_head, &r->head, &why);
    if (status != 0) {
        mf_local_web_refuse(r, status, why);
        return true;
    }
    r->is_head_method = mf_local_web_equals(mf_local_web_method(r), "HEAD");
    r->close = !r->head.keep_alive;
    r->overflowed = !r->head.chunked && r->head.content_length > r->server->limits.max_body_bytes;
    r->stage = MF_LOCAL_WEB_BODY;
    if (r->server->handler.begin != NULL)
        r->server->handler.begin(r->server->handler.context, r);
    if (r->head.expects_continue && r->in.n_bytes == r->n_head) {
        mf_text_literal(&r->out, "HTTP/1.1 100 Continue\r\n\r\n");
        mf_local_web_flush(r);
    }
    return true;
}

/* True when there is more to do, as with every step. */
static bool read_head(mf_local_web_request *r)
{
    static const char TOO_LONG[] = "the request line and headers are too long";
    if (r->in.n_bytes == 0 || !skip_line_ends(r))
        return false;
    const mf_head_end end = mf_head_find_end(r->in.bytes, r->in.n_bytes, &r->scanned, &r->n_head);
    const size_t n = end == MF_HEAD_COMPLETE ? r->n_head : r->in.n_bytes;
    if (end == MF_HEAD_BAD)
        mf_local_web_refuse(r, 400, "this is not HTTP");
    else if (n > r->server->limits.max_head_bytes)
        mf_local_web_refuse(r, 431, TOO_LONG);
    else if (end == MF_HEAD_INCOMPLETE)
        return false;
    else
        return start_body(r);
    return true;
}

static void handle(mf_local_web_request *r)
{
    r->stage = MF_LOCAL_WEB_HANDLED;
    r->server->handler.handle(r->server->handler.context, r);
}

static bool read_counted(mf_local_web_request *r)
{
    const uint64_t there = r->in.n_bytes - r->n_head;
    if (!r->overflowed) {
        r->n_body = there < r->head.content_length ? there : r->head.content_length;
    } else {
        const uint64_t missing = r->head.content_length - r->n_body;
        const size_t taken = (size_t)(there < missing ? there : missing);
        r->n_body += taken;
        memmove(r->in.bytes + r->n_head, r->in.bytes + r->n_head + taken, (size_t)there - taken);
        r->in.n_bytes -= taken;
    }
    if (r->n_body < r->head.content_length)
        return false;
    handle(r);
    return true;
}

static void keep_chunk(mf_local_web_request *r, const char *bytes, size_t n)
{
    r->n_body += n;
    if (r->n_body > r->server->limits.max_body_bytes) {
        r->overflowed = true;
        mf_text_clear(&r->body, 0);
    } else {
        mf_text_append(&r->body, bytes, n);
    }
}

static bool read_chunks(mf_local_web_request *r)
{
    const char *at = r->in.bytes + r->n_head;
    size_t n = r->in.n_bytes - r->n_head;
    mf_chunks_state state;
    for (;;) {
        size_t used, n_data;
        state = mf_chunks_next(&r->chunks, at, n, &used, &n_data);
        at += used;
        n -= used;
        if (state != MF_CHUNKS_DATA)
            break;
        const size_t taken = n_data < n ? n_data : n;
        keep_chunk(r, at, taken);
        mf_chunks_take(&r->chunks, taken);
        at += taken;
        n -= taken;
    }
    memmove(r->in.bytes + r->n_head, at, n);
    r->in.n_bytes = r->n_head + n;
    if (state == MF_CHUNKS_MORE)
        return false;
    if (state == MF_CHUNKS_BAD) {
        mf_local_web_tell_gone(r);
        mf_local_web_refuse(r, 400, "the body's chunks cannot be read");
    } else if (r->body.failed) {
        r->broken = true;
    } else {
        handle(r);
    }
    return true;
}

static bool step(mf_local_web_request *r)
{
    switch (r->stage) {
    case MF_LOCAL_WEB_HEAD:
        return read_head(r);
    case MF_LOCAL_WEB_BODY:
        return r->head.chunked ? read_chunks(r) : read_counted(r);
    case MF_LOCAL_WEB_HANDLED:
    case MF_LOCAL_WEB_OVER:
        return false;
    }
    return false;
}

/* May free it. */
static void advance(mf_local_web_request *r)
{
    r->inside = true;
    /* Who does not read the answers gets no more of them. */
    while (!r->broken && r->out.n_bytes == 0 && step(r))
        ;
    r->inside = false;
    if (r->stage == MF_LOCAL_WEB_HEAD && r->in.n_bytes == 0 && r->in.room > KEPT)
        mf_text_free(&r->in);
    if (r->broken || (r->stage == MF_LOCAL_WEB_OVER && r->out.n_bytes == 0)) {
        mf_local_web_tell_gone(r);
        mf_local_web_free(r);
    }
}

/* ------------------------------------------------------------------- events */

static void pause_reading(mf_local_web_request *r)
{
    r->paused = true;
    event_del(r->readable);
}

/* While an answer is awaited nothing is taken, but an end is noticed. */
static void watch(mf_local_web_request *r)
{
    char byte;
    const ssize_t n = recv(r->fd, &byte, 1, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0 || (n == 0 && r->server->handler.ends_at_fin)) {
        mf_local_web_tell_gone(r);
        mf_local_web_free(r);
        return;
    }
    r->close = r->close || n == 0;
    pause_reading(r);
}

static size_t room_wanted(const mf_local_web_request *r)
{
    if (r->stage != MF_LOCAL_WEB_BODY || r->head.chunked || r->overflowed)
        return PIECE;
    const uint64_t missing = r->head.content_length - r->n_body;
    return missing < PIECE ? PIECE : missing < LARGE_PIECE ? (size_t)missing : LARGE_PIECE;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    mf_local_web_request *r = context;
    if (r->stage == MF_LOCAL_WEB_HANDLED && !r->broken) {
        watch(r);
        return;
    }
    if (!r->broken && (r->stage == MF_LOCAL_WEB_OVER || r->out.n_bytes > 0)) {
        pause_reading(r);
    } else if (!r->broken) {
        const size_t room = room_wanted(r);
        ssize_t n = -1;
        if (mf_text_reserve(&r->in, room)) {
            /* What was reserved before is ours to use as well. */
            n = recv(fd, r->in.bytes + r->in.n_bytes, r->in.room - r->in.n_bytes, 0);
            if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                advance(r);
                return;
            }
        }
        if (n > 0)
            r->in.n_bytes += (size_t)n;
        else
            r->broken = true;
    }
    advance(r);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    mf_local_web_request *r = context;
    mf_local_web_flush(r);
    if (r->paused && r->stage == MF_LOCAL_WEB_HEAD && event_add(r->readable, NULL) == 0)
        r->paused = false;
    advance(r);
}

mf_local_web_request *mf_local_web_connect(mf_local_web_server *server, int fd, const char *peer)
{
    mf_local_web_request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->server = server;
    r->fd = fd;
    r->chunks = MF_CHUNKS_START;
    memcpy(r->peer, peer, strlen(peer) + 1);
    r->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, r);
    r->writable = event_new(server->base, fd, EV_WRITE, on_writable, r);
    if (r->readable == NULL || r->writable == NULL || event_add(r->readable, NULL) != 0) {
        if (r->readable != NULL)
            event_free(r->readable);
        if (r->writable != NULL)
            event_free(r->writable);
        free(r);
        return NULL;
    }
    r->next = server->first;
    if (r->next != NULL)
        r->next->previous = r;
    server->first = r;
    server->n_connections++;
    return r;
}
