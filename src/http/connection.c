/* connection.c: one connection: when it is read, what it waits for, how it ends.
 *
 * (1) An idle connection owns no buffer: sockets are read into the loop's scratch,
 *     and only the incomplete rest is kept.
 * (2) While an answer is unsent nothing is read; while a handler works at most
 *     MF_PIPELINE_BYTES and one read are. So a client cannot make us hold more than
 *     that for it.
 * (3) The end of what the client sends (FIN) may be a half-closed connection: a
 *     request that is whole is answered still, and one that is not is refused with
 *     what is missing. A reset ends everything at once; only of a client that has sent
 *     too much ahead (2) it is noticed when we write.
 * (4) A connection that we end while the client may be sending is shut down on our
 *     side and read on for a while, because closing it would reset it and the
 *     client would lose the answer that says why (RFC 9112, 9.6). */
#include "http/loop.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint64_t LINGER_BYTES = 256u << 20;

static void when_readable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    mf_connection_read(argument);
}

static void when_writable(evutil_socket_t fd, short what, void *argument)
{
    mf_connection *connection = argument;
    (void)fd;
    (void)what;
    mf_loop_touch(connection->loop);
    if (!connection->dead)
        mf_output_resume(connection);
    if (mf_connection_is_unsent(connection) || connection->dead)
        mf_connection_settle(connection);
    else
        mf_connection_resume(connection);
}

mf_connection *mf_connection_create(mf_http_loop *loop, int fd, bool over_limit)
{
    mf_connection *connection = mf_allocate(1, sizeof *connection, "a connection", NULL);
    if (connection == NULL) {
        close(fd);
        return NULL;
    }
    event_assign(&connection->readable, loop->base, fd, EV_READ | EV_PERSIST, when_readable,
                 connection);
    event_assign(&connection->writable, loop->base, fd, EV_WRITE | EV_PERSIST, when_writable,
                 connection);
    connection->loop = loop;
    connection->deadline = MF_DEADLINE_NONE;
    connection->over_limit = over_limit;
    atomic_fetch_add_explicit(&loop->server->connections, 1, memory_order_relaxed);
    loop->n_connections++;
    loop->n_over_limit += over_limit;
    return connection;
}

void mf_connection_destroy(mf_connection *connection)
{
    mf_http_loop *loop = connection->loop;
    const int fd = event_get_fd(&connection->readable);
    if (connection->reading)
        event_del(&connection->readable);
    if (connection->writing)
        event_del(&connection->writable);
    mf_deadline_remove(connection);
    if (connection->queued)
        TAILQ_REMOVE(&loop->ready, connection, ready_link);
    if (connection->request != NULL) {
        mf_request_abort(connection->request);
        mf_work_cancel(connection->request);
        mf_request_release(connection->request);
    }
    mf_output_drop(connection);
    close(fd);
    loop->n_over_limit -= connection->over_limit;
    free(connection->in);
    mf_free(connection);
    atomic_fetch_sub_explicit(&loop->server->connections, 1, memory_order_relaxed);
    loop->n_connections--;
    mf_loop_check_drained(loop);
}

void mf_connection_finish_request(mf_connection *connection)
{
    mf_request_release(connection->request);
    connection->request = NULL;
    connection->scanned = 0;
    connection->empty_lines = 0;
    connection->restart = true;
    connection->state = connection->close ? MF_CONNECTION_CLOSING : MF_CONNECTION_HEAD;
}

/* Keeps the last n bytes of what is in scratch. */
static void keep(mf_connection *connection, const char *rest, size_t n)
{
    if (n != connection->in_bytes) {
        char *in = n > 0 ? realloc(connection->in, n) : NULL;
        if (n == 0)
            free(connection->in);
        else if (in == NULL)
            connection->dead = true;
        if (n > 0 && in == NULL)
            return;
        connection->in = in;
        connection->in_bytes = (uint32_t)n;
    }
    if (n > 0)
        memcpy(connection->in, rest, n);
}

/* Hands what was kept, and n_new bytes behind it in scratch, to dispatch. */
static void go_on(mf_connection *connection, size_t n_new)
{
    const char *scratch = connection->loop->scratch;
    const size_t n = connection->in_bytes + n_new;
    size_t used;
    mf_dispatch(connection, scratch, n, &used);
    keep(connection, scratch + used, n - used);
    mf_connection_settle(connection);
}

static void load(mf_connection *connection)
{
    if (connection->in_bytes > 0)
        memcpy(connection->loop->scratch, connection->in, connection->in_bytes);
}

void mf_connection_read(mf_connection *connection)
{
    mf_http_loop *loop = connection->loop;
    mf_loop_touch(loop);
    assert(connection->in_bytes <= loop->n_kept);
    const ssize_t n = recv(event_get_fd(&connection->readable),
                           loop->scratch + connection->in_bytes, MF_READ_BYTES, 0);
    if (n > 0) {
        mf_count(&loop->counters.bytes_in, (uint64_t)n);
        load(connection);
        go_on(connection, (size_t)n);
        return;
    }
    if (n == 0)
        connection->finished = true;
    else if (errno != EAGAIN && errno != EINTR)
        connection->dead = true;
    mf_connection_settle(connection);
}

void mf_connection_resume(mf_connection *connection)
{
    if (connection->in_bytes == 0 && !connection->ready) {
        mf_connection_settle(connection);
        return;
    }
    load(connection);
    go_on(connection, 0);
}

/* ---------------------------------------------------- what it waits for next */

static void begin_linger(mf_connection *connection)
{
    if (connection->finished || (!connection->must_linger && connection->in_bytes == 0)) {
        connection->dead = true;
        return;
    }
    shutdown(event_get_fd(&connection->readable), SHUT_WR);
    connection->state = MF_CONNECTION_LINGER;
    connection->skip = 0;
    keep(connection, NULL, 0);
}

/* The end of what it sends means for this route that nobody is left to read the response. */
static bool has_disconnected(const mf_connection *connection)
{
    const mf_http_request *request = connection->request;
    return connection->finished && connection->state == MF_CONNECTION_WORKING && request->pending &&
           mf_request_route(request)->fin_disconnects;
}

static bool is_over(const mf_connection *connection, bool unsent)
{
    if (connection->dead || has_disconnected(connection))
        return true;
    if (connection->finished && !unsent && !connection->ready &&
        connection->state != MF_CONNECTION_WORKING)
        return true;
    if (connection->state == MF_CONNECTION_LINGER && connection->skip > LINGER_BYTES)
        return true;
    return connection->loop->draining && mf_connection_is_idle(connection);
}

/* Inside a request that has begun, and nothing more will come. */
static bool is_cut_short(const mf_connection *connection, bool unsent)
{
    if (!connection->finished || connection->dead || unsent || connection->ready)
        return false;
    if (connection->state == MF_CONNECTION_HEAD) /* half of an empty line is no request */
        return connection->in_bytes > 1 || (connection->in_bytes == 1 && connection->in[0] != '\r');
    return connection->state == MF_CONNECTION_BODY;
}

static mf_deadline next_deadline(const mf_connection *connection, bool unsent)
{
    if (unsent)
        return MF_DEADLINE_WRITE;
    switch (connection->state) {
    case MF_CONNECTION_HEAD:
        return connection->in_bytes > 0 || connection->ready ? MF_DEADLINE_HEAD : MF_DEADLINE_IDLE;
    case MF_CONNECTION_WORKING:
        return mf_request_route(connection->request)->no_deadline ? MF_DEADLINE_UNLIMITED
                                                                  : MF_DEADLINE_ANSWER;
    case MF_CONNECTION_LINGER:
        return MF_DEADLINE_LINGER;
    default:
        return MF_DEADLINE_BODY;
    }
}

static void watch(struct event *event, bool *watched, bool wanted)
{
    if (*watched == wanted)
        return;
    *watched = wanted;
    if (wanted)
        event_add(event, NULL);
    else
        event_del(event);
}

void mf_connection_settle(mf_connection *connection)
{
    bool unsent = mf_connection_is_unsent(connection);
    if (is_cut_short(connection, unsent)) {
        mf_dispatch_refuse_rest(connection);
        unsent = mf_connection_is_unsent(connection);
    }
    if (!connection->dead && !unsent && connection->state == MF_CONNECTION_CLOSING)
        begin_linger(connection);
    if (is_over(connection, unsent)) {
        mf_connection_destroy(connection);
        return;
    }
    const mf_deadline deadline = next_deadline(connection, unsent);
    if (deadline != connection->deadline || connection->restart)
        mf_deadline_set(connection, deadline);
    connection->restart = false;
    if (connection->ready && !unsent && !connection->queued) {
        TAILQ_INSERT_TAIL(&connection->loop->ready, connection, ready_link);
        connection->queued = true;
        mf_loop_want_turn(connection->loop);
    }
    const bool full =
        connection->state == MF_CONNECTION_WORKING && connection->in_bytes >= MF_PIPELINE_BYTES;
    watch(&connection->readable, &connection->reading,
          !unsent && !connection->ready && !connection->finished && !full);
    watch(&connection->writable, &connection->writing, unsent);
}
