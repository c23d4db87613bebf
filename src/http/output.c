/* output.c: one send() per answer, and what happens when the socket takes less.
 *
 * (1) Small bodies are copied behind their heads, large ones go out from where
 *     they are, in the same system call.
 * (2) A rest is kept by the connection and counts into buffered_bytes. Over that
 *     limit the client that has been taking its answer for longest is cut off, not
 *     the one that happens to come: the status of its answer has already left.
 * (3) Time for a client to take its answer starts anew with every WRITE_STEP_BYTES
 *     that it took, not with every byte: who drips does not hold memory for hours. */
#include "http/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    COPIED_MAX = 16 * 1024,
    KEEP_OUT_BYTES = 128 * 1024,
    WRITE_STEP_BYTES = 1 << 20,
    SLOW_MS = 1000, /* who has been writing for less is never cut off for others */
};

static bool is_over_limit(const mf_http_server *server)
{
    return atomic_load_explicit(&server->buffered_bytes, memory_order_relaxed) >
           server->settings.max_buffered_bytes;
}

bool mf_output_make_room(mf_http_loop *loop)
{
    const int64_t slow_ms = loop->now_us / 1000 + loop->duration_ms[MF_DEADLINE_WRITE] - SLOW_MS;
    mf_connection *connection;
    TAILQ_FOREACH(connection, &loop->waiting[MF_DEADLINE_WRITE], waiting)
    {
        if (!is_over_limit(loop->server) || connection->deadline_ms > slow_ms)
            break;
        if (connection->dead)
            continue;
        connection->dead = true;
        mf_output_drop(connection);
        /* It is in the hands of nobody now: an event of its own ends it. */
        event_active(&connection->writable, EV_WRITE, 0);
        mf_count(&loop->counters.timed_out, 1);
    }
    return !is_over_limit(loop->server);
}

static void count_unsent(mf_connection *connection, uint64_t more)
{
    mf_http_server *server = connection->loop->server;
    const uint64_t total =
        atomic_fetch_add_explicit(&server->buffered_bytes, more, memory_order_relaxed) + more;
    if (total > server->settings.max_buffered_bytes && !mf_output_make_room(connection->loop))
        connection->dead = true;
}

/* Keeps head[0..n_head) and body from `sent` bytes into both on. */
static void keep_rest(mf_connection *connection, const mf_text *head, mf_text *body, size_t sent)
{
    mf_text *out = &connection->out;
    const uint64_t more = head->n_bytes + body->n_bytes - sent;
    if (sent >= head->n_bytes && body->n_bytes > COPIED_MAX && out->bytes == NULL) {
        *out = *body;
        connection->out_at = sent - head->n_bytes;
        *body = MF_TEXT_EMPTY;
    } else {
        const size_t head_sent = sent < head->n_bytes ? sent : head->n_bytes;
        const size_t body_sent = sent - head_sent;
        const size_t before = out->n_bytes;
        mf_text_append(out, head->bytes + head_sent, head->n_bytes - head_sent);
        mf_text_append(out, body->bytes + body_sent, body->n_bytes - body_sent);
        if (out->failed) {
            out->n_bytes = before;
            connection->dead = true;
            return;
        }
    }
    count_unsent(connection, more);
}

/* Sends as much as the socket takes. */
static size_t send_some(mf_connection *connection, const mf_text *head, const mf_text *body)
{
    const int fd = event_get_fd(&connection->readable);
    const size_t n_all = head->n_bytes + body->n_bytes;
    size_t sent = 0;
    while (sent < n_all) {
        ssize_t n;
        if (body->n_bytes == 0) {
            n = send(fd, head->bytes + sent, n_all - sent, MSG_NOSIGNAL);
        } else {
            struct iovec parts[2];
            struct msghdr message = {.msg_iov = parts};
            if (sent < head->n_bytes)
                parts[message.msg_iovlen++] =
                    (struct iovec){head->bytes + sent, head->n_bytes - sent};
            const size_t body_sent = sent < head->n_bytes ? 0 : sent - head->n_bytes;
            parts[message.msg_iovlen++] =
                (struct iovec){body->bytes + body_sent, body->n_bytes - body_sent};
            n = sendmsg(fd, &message, MSG_NOSIGNAL);
        }
        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            connection->dead = true;
            break;
        }
    }
    mf_count(&connection->loop->counters.bytes_out, sent);
    return sent;
}

void mf_output_send(mf_connection *connection, mf_text *body)
{
    mf_http_loop *loop = connection->loop;
    if (loop->out.failed)
        connection->dead = true; /* no memory for the head of an answer */
    if (body->n_bytes <= COPIED_MAX) {
        mf_text_append(&loop->out, body->bytes, body->n_bytes);
        body->n_bytes = 0;
    }
    if (loop->gathering && body->n_bytes == 0 && loop->out.n_bytes < MF_READ_BYTES &&
        !connection->dead)
        return;
    if (!connection->dead) {
        const bool waits = mf_connection_is_unsent(connection);
        const size_t sent = waits ? 0 : send_some(connection, &loop->out, body);
        if (sent < loop->out.n_bytes + body->n_bytes && !connection->dead)
            keep_rest(connection, &loop->out, body, sent);
    }
    body->n_bytes = 0;
    mf_text_clear(&loop->out, KEEP_OUT_BYTES);
}

static void forget_unsent(mf_connection *connection, uint64_t n)
{
    atomic_fetch_sub_explicit(&connection->loop->server->buffered_bytes, n, memory_order_relaxed);
}

void mf_output_resume(mf_connection *connection)
{
    mf_text rest = connection->out;
    rest.bytes += connection->out_at;
    rest.n_bytes -= connection->out_at;
    const mf_text nothing = MF_TEXT_EMPTY;
    const size_t sent = send_some(connection, &rest, &nothing);
    connection->out_at += sent;
    connection->taken += sent;
    forget_unsent(connection, sent);
    const bool all = !mf_connection_is_unsent(connection);
    if (all) {
        mf_text_free(&connection->out);
        connection->out_at = 0;
    }
    if (all || connection->taken >= WRITE_STEP_BYTES) {
        connection->restart = true;
        connection->taken = 0;
    }
}

void mf_output_drop(mf_connection *connection)
{
    if (mf_connection_is_unsent(connection))
        forget_unsent(connection, connection->out.n_bytes - connection->out_at);
    mf_text_free(&connection->out);
    connection->out_at = 0;
}
