/* connection.c: one connection, in the order of a request's life: accept, read, head, body,
 * handler, response, output, what follows, close. Then what the loop calls: its turn and its
 * deadlines.
 *
 *                 ┌──────── response, keep-alive ────────┐
 *                 ▼                                      │
 *     accept ─▶ HEAD ─▶ BODY ─▶ HANDLER ─────────────────┤
 *                 ▲       │        │                     │
 *                 └─ SKIP ◀ refused, small body          ▼
 *                         └─ refused ──────────────▶ CLOSING ─▶ LINGERING ─▶ DEAD
 *
 * (1) Every event ends in settle, which decides from the state what to wait for and for how
 *     long. During an event only settle frees a connection; other functions make it DEAD.
 * (2) A connection that can be resumed without its socket (is_runnable) is in the loop's list
 *     `runnable`. In each turn it gets a share of requests, then the others have their turn.
 * (3) Each deadline has a constant duration, so a list in the order of beginning is a list in
 *     the order of their ends. Setting or removing a deadline moves a few pointers; a check costs
 *     one step per expired deadline. There is no timer per request.
 * (4) Small bodies of responses are copied after their heads. Large ones are sent from where they
 *     are, in the same system call. What the socket does not take is kept by the connection and
 *     counts into buffered_bytes. Over that limit the client that has been reading its response
 *     for longest is cut off, because its status has already left; a new client is not.
 * (5) The time for a client to read its response starts again with every WRITE_STEP_BYTES that it
 *     took, not with every byte: a client that reads slowly does not hold memory for hours. */
#include "http/connection.h"

#include "base/clock.h"
#include "base/memory.h"
#include "http/request.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    HANDLED_US = 1000, /* of handling and unpacking in a round; the rest comes later */
    REQUESTS_PER_TURN = 16,
    EMPTY_LINES_MAX = 2,  /* before a request (RFC 9112, 2.2) */
    SKIP_MAX = 64 * 1024, /* of the body of a refused request */
    COPIED_MAX = 16 * 1024,
    KEEP_OUT_BYTES = 128 * 1024,
    WRITE_STEP_BYTES = 1 << 20,
    SLOW_MS = 1000,         /* a client that has been reading for less is not cut off for others */
    DRAIN_LINGER_MS = 1000, /* as MF_LINGER_MS, while the server stops */
    DRAIN_HALF_CLOSED_MS = 2000, /* into a drain; then half-closed connections lose their work */
};

static const uint64_t LINGER_BYTES = 256u << 20;

typedef enum connection_state {
    HEAD,      /* waits for a request, or has a part of its head */
    BODY,      /* has a request and waits for the rest of its body */
    SKIP,      /* drops the small body of a refused request */
    HANDLER,   /* a handler has the request */
    CLOSING,   /* the last response is being sent */
    LINGERING, /* it was sent; reads on so that the client can read it */
    DEAD,      /* settle destroys it */
} connection_state;

/* What follows the response that is being made. */
typedef enum after_response {
    KEEP_ALIVE,
    CLOSE,
    LINGER,    /* closes, and the client may still be sending */
    TURN_AWAY, /* lingers; there were too many connections when it came */
} after_response;

typedef struct mf_connection connection;

struct mf_connection {
    struct event readable;
    struct event writable;
    mf_http_loop *loop;
    mf_http_request *request;            /* in BODY and HANDLER */
    TAILQ_ENTRY(mf_connection) waiting;  /* in one of the loop's deadline lists */
    TAILQ_ENTRY(mf_connection) runnable; /* tqe_prev is NULL outside the list */
    int64_t deadline_ms;

    char *in; /* [in_bytes] read and not used yet; NULL when there are none */
    uint32_t in_bytes;
    uint32_t scanned; /* of in: see mf_head_find_end */
    mf_text out;      /* what the socket did not take, from out_at on */
    size_t out_at;
    size_t taken;  /* of out, since its deadline started */
    uint64_t skip; /* SKIP: bytes of a body still to drop. LINGERING: bytes dropped */

    uint8_t state;    /* connection_state */
    uint8_t after;    /* after_response */
    uint8_t deadline; /* mf_deadline */
    uint8_t empty_lines;
    bool half_closed; /* the client will send no more */
};

/* What a connection has read and not used. */
typedef struct input {
    const char *bytes;
    size_t n;
    size_t at;
} input;

static void read_input(connection *c);
static void resume(connection *c);
static void use_input(connection *c, size_t n_new);
static void keep(connection *c, const char *rest, size_t n);
static size_t dispatch(connection *c, const char *bytes, size_t n_bytes);
static bool skip_body(connection *c, input *in);
static bool take_head(connection *c, input *in);
static void begin_request(connection *c, const char *bytes, size_t n_bytes, const input *in);
static bool find_route(connection *c);
static after_response after_unread_body(connection *c);
static void begin_body(connection *c, const input *in);
static bool take_body(connection *c, input *in);
static mf_body_state feed_body(connection *c, input *in);
static bool count_request(mf_http_request *request);
static void when_whole(connection *c, const input *in);
static void respond(mf_http_request *request, int status, const char *content_type);
static void finish_request(connection *c);
__attribute__((format(printf, 4, 5))) static void refuse(connection *c, after_response at_least,
                                                         int status, const char *format, ...);
static void flush_output(connection *c);
static void resume_output(connection *c);
static void drop_output(connection *c);
static bool free_buffers(mf_http_loop *loop);
static void settle(connection *c);
static void close_connection(connection *c);
static void remove_deadline(connection *c);

static bool is_unsent(const connection *c)
{
    return c->out.n_bytes > c->out_at;
}

/* Input is left that was not looked at, in the connection or in its request's unpacker. */
static bool is_runnable(const connection *c)
{
    if (c->state == HEAD)
        return c->in_bytes > c->scanned && !(c->in_bytes == 1 && c->in[0] == '\r');
    return c->state == BODY && (c->in_bytes > 0 || c->request->body.again);
}

/* -------------------------------------------------------------------- accept */

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    read_input(argument);
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
    connection *c = argument;
    (void)fd;
    (void)what;
    mf_loop_touch(c->loop);
    if (c->state != DEAD)
        resume_output(c);
    if (is_unsent(c) || c->state == DEAD)
        settle(c);
    else
        resume(c);
}

/* NULL (and fd closed) without memory. */
static connection *open_connection(mf_http_loop *loop, int fd, after_response after)
{
    connection *c = mf_allocate(1, sizeof *c, "a connection", NULL);
    if (c == NULL) {
        close(fd);
        return NULL;
    }
    event_assign(&c->readable, loop->base, fd, EV_READ | EV_PERSIST, on_readable, c);
    event_assign(&c->writable, loop->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
    c->loop = loop;
    c->deadline = MF_DEADLINE_NONE;
    c->after = (uint8_t)after;
    atomic_fetch_add_explicit(&loop->server->connections, 1, memory_order_relaxed);
    loop->n_connections++;
    loop->n_turned_away += after == TURN_AWAY;
    return c;
}

/* Closes the turned-away connection that has had the most time to read why. False: none. */
static bool close_turned_away(mf_http_loop *loop)
{
    connection *c;
    TAILQ_FOREACH(c, &loop->waiting[MF_DEADLINE_LINGER], waiting)
    if (c->after == TURN_AWAY) {
        close_connection(c);
        return true;
    }
    return false;
}

void mf_connection_accept(mf_http_loop *loop, int fd)
{
    const uint32_t there = atomic_load_explicit(&loop->server->connections, memory_order_relaxed);
    const bool over = there >= loop->settings->max_connections;
    mf_count(&loop->counters.accepted, 1);
    mf_count(&loop->counters.refused, over);
    mf_loop_want_tick(loop);
    connection *c = open_connection(loop, fd, over ? TURN_AWAY : KEEP_ALIVE);
    if (c == NULL)
        return;
    if (over) {
        refuse(c, TURN_AWAY, 503, "the server has %u connections already; try again later",
               loop->settings->max_connections);
        if (loop->n_turned_away > loop->server->max_turned_away && !close_turned_away(loop))
            c->state = DEAD;
    }
    settle(c);
}

/* ---------------------------------------------------------------------- read */

/* The client sends no more: half-closed or gone. Where the response takes long an interim one (RFC
 * 9110, 15.2) finds out: the system of a client that has gone resets the connection. */
static void end_input(connection *c)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    c->half_closed = true;
    if (c->state == HANDLER && !c->request->head.http_1_0 && !is_unsent(c) &&
        send(event_get_fd(&c->readable), interim, sizeof interim - 1, MSG_NOSIGNAL) < 0)
        c->state = DEAD;
}

static void read_input(connection *c)
{
    mf_http_loop *loop = c->loop;
    mf_loop_touch(loop);
    assert(c->in_bytes <= loop->n_kept);
    const ssize_t n =
        recv(event_get_fd(&c->readable), loop->scratch + c->in_bytes, MF_READ_BYTES, 0);
    if (n > 0) {
        mf_count(&loop->counters.bytes_in, (uint64_t)n);
        use_input(c, (size_t)n);
        return;
    }
    if (n == 0)
        end_input(c);
    else if (errno != EAGAIN && errno != EINTR)
        c->state = DEAD;
    settle(c);
}

static void resume(connection *c)
{
    if (c->in_bytes == 0 && !is_runnable(c))
        settle(c);
    else
        use_input(c, 0);
}

/* Dispatches what was kept, and n_new bytes after it in scratch. */
static void use_input(connection *c, size_t n_new)
{
    char *scratch = c->loop->scratch;
    const size_t n = c->in_bytes + n_new;
    if (c->in_bytes > 0)
        memcpy(scratch, c->in, c->in_bytes);
    const size_t used = dispatch(c, scratch, n);
    keep(c, scratch + used, n - used);
    settle(c);
}

/* Keeps the last n bytes of what is in scratch. */
static void keep(connection *c, const char *rest, size_t n)
{
    if (n == 0) {
        free(c->in);
        c->in = NULL;
    } else if (n != c->in_bytes) {
        char *in = realloc(c->in, n);
        if (in == NULL) {
            c->state = DEAD;
            return;
        }
        c->in = in;
    }
    c->in_bytes = (uint32_t)n;
    if (n > 0)
        memcpy(c->in, rest, n);
}

/* Uses bytes as far as they make requests, or until a fair share of work is done; returns how
 * many. Each step returns true when there may be more to do with the same input. */
static size_t dispatch(connection *c, const char *bytes, size_t n_bytes)
{
    input in = {bytes, n_bytes, 0};
    int share = REQUESTS_PER_TURN;
    bool more = true;
    while (more && !is_unsent(c)) {
        switch (c->state) {
        case HEAD:
            more = share-- > 0 && take_head(c, &in);
            break;
        case BODY:
            more = take_body(c, &in);
            break;
        case SKIP:
            more = skip_body(c, &in);
            break;
        case LINGERING:
            c->skip += in.n - in.at;
            in.at = in.n;
            more = false;
            break;
        default: /* a handler has the request, or the connection ends */
            more = false;
            break;
        }
    }
    c->loop->corked = false;
    if (c->loop->out.n_bytes > 0)
        flush_output(c);
    return in.at;
}

static bool skip_body(connection *c, input *in)
{
    const size_t there = in->n - in->at;
    const size_t n = c->skip < there ? (size_t)c->skip : there;
    in->at += n;
    c->skip -= n;
    if (c->skip > 0)
        return false;
    c->state = HEAD;
    return true;
}

/* ---------------------------------------------------------------------- head */

static bool take_head(connection *c, input *in)
{
    const size_t limit = c->loop->settings->max_head_bytes;
    while (in->n - in->at >= 2 && memcmp(in->bytes + in->at, "\r\n", 2) == 0) {
        in->at += 2;
        if (++c->empty_lines > EMPTY_LINES_MAX) {
            refuse(c, LINGER, 400, "there are empty lines before the request");
            return true;
        }
    }
    const char *bytes = in->bytes + in->at;
    const size_t n = in->n - in->at;
    if (n == 0 || (n == 1 && bytes[0] == '\r'))
        return false;
    size_t n_head;
    size_t scanned = c->scanned;
    const mf_head_end end = mf_head_find_end(bytes, n, &scanned, &n_head);
    c->scanned = (uint32_t)scanned;
    if (end == MF_HEAD_BAD) {
        refuse(c, LINGER, 400,
               "this is not an HTTP/1.1 request: it begins with a method, and its lines "
               "end in CR LF");
    } else if ((end == MF_HEAD_COMPLETE ? n_head : n) > limit) {
        if (memchr(bytes, '\n', limit) == NULL)
            refuse(c, LINGER, 414, "the request line must be %zu bytes at most", limit);
        else
            refuse(c, LINGER, 431, "request line and headers must be %zu bytes at most", limit);
    } else if (end == MF_HEAD_COMPLETE) {
        in->at += n_head;
        c->scanned = 0;
        begin_request(c, bytes, n_head, in);
    } else {
        return false;
    }
    return true;
}

/* Acquires a request for a whole head, finds its route and begins its body. */
static void begin_request(connection *c, const char *bytes, size_t n_bytes, const input *in)
{
    mf_http_request *request = mf_request_acquire(c->loop, c);
    c->request = request;
    if (request == NULL || !mf_request_keep_head(request, bytes, n_bytes)) {
        c->state = DEAD;
        return;
    }
    mf_head *head = &request->head;
    const char *message;
    c->loop->corked = false;
    const int status = mf_head_parse(bytes, n_bytes, head, &message);
    /* Known even when the rest is refused: HEAD gets no body with a refusal either. */
    request->method = mf_routes_method(request->bytes + head->method.at, head->method.n_bytes);
    if (status != 0) {
        head->n_fields = 0;
        refuse(c, LINGER, status, "%s", message);
        return;
    }
    c->after = head->keep_alive ? KEEP_ALIVE : CLOSE;
    if (!find_route(c))
        return;
    const mf_http_route *route = mf_request_route(request);
    request->state = MF_REQUEST_READING;
    if (route->on_head != NULL)
        route->on_head(request, c->loop->settings->context);
    begin_body(c, in);
}

/* Decodes what has a '%'. False after a refusal. */
static bool decode_path(connection *c, char *path, size_t n_bytes, size_t *n_decoded)
{
    *n_decoded = n_bytes;
    if (memchr(path, '%', n_bytes) == NULL || mf_uri_decode(path, n_bytes, false, n_decoded))
        return true;
    refuse(c, after_unread_body(c), 400,
           "the path has a %% without two hexadecimal digits, or %%00");
    return false;
}

/* Finds the route and decodes the target. False after a refusal. */
static bool find_route(connection *c)
{
    mf_http_request *request = c->request;
    const mf_routes *routes = &c->loop->server->routes;
    mf_uri uri;
    mf_uri_split(request->bytes + request->head.target.at, request->head.target.n_bytes, &uri);
    const mf_route_match match = mf_routes_match(routes, uri.path, uri.path_bytes, request->method);
    request->route = match.index;
    request->allowed = match.allowed;
    if (match.index == routes->n_routes) {
        if (decode_path(c, uri.path, uri.path_bytes, &uri.path_bytes))
            refuse(c, after_unread_body(c), 404, "there is nothing at this path");
        return false;
    }
    if (!match.found) {
        char allow[MF_ROUTES_ALLOW_BYTES];
        refuse(c, after_unread_body(c), 405, "this path takes %s",
               mf_routes_allow(match.allowed, allow));
        return false;
    }
    if (match.is_any) {
        request->path = (mf_http_view){uri.path, uri.path_bytes};
        request->query = (mf_http_view){uri.query, uri.query_bytes};
        return true;
    }
    request->segment.bytes = match.segment;
    if (match.segment != NULL &&
        !decode_path(c, match.segment, match.segment_bytes, &request->segment.n_bytes))
        return false;
    request->n_parameters = mf_uri_parameters(uri.query, uri.query_bytes, request->parameters);
    if (request->n_parameters < 0) {
        request->n_parameters = 0;
        refuse(c, after_unread_body(c), 400,
               "the query string must be name=value pairs, percent-encoded without %%00, and "
               "%d of them at most",
               MF_URI_PARAMETERS_MAX);
        return false;
    }
    return true;
}

/* What at least follows the refusal of a request whose body was not read: a small body is skipped,
 * and the connection stays open. */
static after_response after_unread_body(connection *c)
{
    const mf_head *head = &c->request->head;
    const uint64_t unread = head->chunked ? UINT64_MAX : head->content_length;
    /* A client that sent Expect: 100-continue may now send its body or not: the start of the next
     * request is unknown. */
    if (unread > SKIP_MAX || (unread > 0 && (head->expects_continue || c->after != KEEP_ALIVE)))
        return LINGER;
    c->skip = unread;
    return KEEP_ALIVE;
}

/* ---------------------------------------------------------------------- body */

static void begin_body(connection *c, const input *in)
{
    const mf_http_settings *settings = c->loop->settings;
    mf_http_request *request = c->request;
    const mf_head *head = &request->head;
    const bool raw = mf_request_route(request)->raw_body;
    if (head->coding == MF_CODING_UNKNOWN && !raw) {
        refuse(c, after_unread_body(c), 415, "the only Content-Encoding known here is gzip");
        return;
    }
    switch (mf_body_begin(&request->body, head, settings->max_body_bytes, raw)) {
    case MF_BODY_DONE:
        when_whole(c, in);
        break;
    case MF_BODY_MORE:
        c->state = BODY;
        if (head->expects_continue && in->at == in->n) {
            mf_text_literal(&c->loop->out, "HTTP/1.1 100 Continue\r\n\r\n");
            flush_output(c);
        }
        break;
    case MF_BODY_TOO_LARGE:
        refuse(c, after_unread_body(c), 413, "the body must be %llu bytes at most",
               (unsigned long long)settings->max_body_bytes);
        break;
    default:
        refuse(c, after_unread_body(c), 503, "there is no memory for the body; try again later");
        break;
    }
}

static bool take_body(connection *c, input *in)
{
    mf_http_request *request = c->request;
    mf_body *body = &request->body;
    if (in->at == in->n && !body->again)
        return false;
    if (body->unpack != NULL && c->loop->handled_us >= HANDLED_US)
        return false; /* later */
    const mf_body_state state = feed_body(c, in);
    c->loop->corked = false;
    switch (state) {
    case MF_BODY_MORE:
    case MF_BODY_AGAIN:
        if (count_request(request))
            return false;
        refuse(c, LINGER, 503, "the server holds too many requests already; try again later");
        break;
    case MF_BODY_DONE:
        when_whole(c, in);
        break;
    case MF_BODY_BAD_CHUNKS:
        refuse(c, LINGER, 400, "the body is not in valid chunks");
        break;
    case MF_BODY_BAD_GZIP:
        refuse(c, LINGER, 400, "the body is not valid gzip");
        break;
    case MF_BODY_TOO_LARGE:
        refuse(c, LINGER, 413, "the body must be %llu bytes at most%s",
               (unsigned long long)body->limit, body->unpack != NULL ? ", unpacked" : "");
        break;
    default:
        refuse(c, LINGER, 503, "there is no memory for the body; try again later");
        break;
    }
    return true;
}

/* Unpacking is work like a handler's, and shares its time. */
static mf_body_state feed_body(connection *c, input *in)
{
    mf_http_loop *loop = c->loop;
    mf_body *body = &c->request->body;
    const bool packed = body->unpack != NULL;
    const int64_t from_us = packed ? mf_clock_us() : 0;
    size_t used;
    const mf_body_state state = mf_body_feed(body, in->bytes + in->at, in->n - in->at, &used);
    in->at += used;
    if (packed) {
        loop->handled_us += mf_clock_us() - from_us;
        mf_loop_want_turn(loop);
    }
    return state;
}

static bool count_request(mf_http_request *request)
{
    return mf_request_count(request) || free_buffers(request->loop);
}

/* Refuses a request that has begun and of which nothing more will come. */
static void refuse_rest(connection *c)
{
    c->loop->corked = false;
    if (c->state == HEAD)
        refuse(c, LINGER, 400, "the request ended in the middle of its head");
    else if (c->request->body.chunked)
        refuse(c, LINGER, 400, "the body ended before its last chunk");
    else
        refuse(c, LINGER, 400, "the body ended %llu bytes before its Content-Length",
               (unsigned long long)c->request->body.left);
}

/* ------------------------------------------------------------------- handler */

static const char NO_RESPONSE[] = "the server has a bug: this request got no response";

static void enqueue(mf_http_request *request, struct mf_request_queue *queue)
{
    request->queue = queue;
    TAILQ_INSERT_TAIL(queue, request, link);
    mf_loop_want_turn(request->loop);
}

static void dequeue(mf_http_request *request)
{
    if (request->queue != NULL)
        TAILQ_REMOVE(request->queue, request, link);
    request->queue = NULL;
}

/* Calls the handler of a whole request, and finishes it if the handler responded. */
static void handle(mf_http_request *request)
{
    connection *c = request->connection;
    mf_http_loop *loop = request->loop;
    const int64_t from_us = mf_clock_us();
    request->state = MF_REQUEST_IN_HANDLER;
    mf_request_route(request)->handle(request, loop->settings->context);
    loop->handled_us += mf_clock_us() - from_us;
    if (request->state == MF_REQUEST_RESPONDED)
        finish_request(c);
    else if (request->state == MF_REQUEST_IN_HANDLER)
        refuse(c, KEEP_ALIVE, 500, "%s", NO_RESPONSE);
    else
        count_request(request);
}

static void when_whole(connection *c, const input *in)
{
    mf_http_request *request = c->request;
    mf_http_loop *loop = c->loop;
    c->state = HANDLER;
    request->whole_us = loop->now_us;
    loop->corked = in->at < in->n;
    mf_loop_want_turn(loop);
    if (loop->handled_us >= HANDLED_US && !mf_request_route(request)->quiet) {
        request->state = MF_REQUEST_DEFERRED;
        enqueue(request, &loop->deferred);
        count_request(request);
        return;
    }
    handle(request);
}

static void take_over(mf_http_request *request, mf_request_state state, mf_http_slice *slice,
                      void *slice_state, void (*destroy)(void *state))
{
    request->state = state;
    request->slice = slice;
    request->slice_state = slice_state;
    request->destroy = destroy;
}

void mf_http_work(mf_http_request *request, mf_http_slice *slice, void *state,
                  void (*destroy)(void *state))
{
    mf_http_loop *loop = request->loop;
    const uint64_t n_working = loop->counters.working;
    const bool is_waiting = request->state == MF_REQUEST_WAITING;
    if ((request->state != MF_REQUEST_IN_HANDLER && !is_waiting) ||
        n_working >= loop->settings->max_working) {
        mf_http_refuse(request, 503, "the server works on %llu requests already; try again later",
                       (unsigned long long)n_working);
        destroy(state);
        return;
    }
    if (is_waiting)
        request->destroy(request->slice_state);
    take_over(request, MF_REQUEST_WORKING, slice, state, destroy);
    enqueue(request, &loop->work);
    mf_count(&loop->counters.working, 1);
}

void mf_http_wait(mf_http_request *request, mf_http_slice *slice, void *state,
                  void (*destroy)(void *state))
{
    if (request->state == MF_REQUEST_IN_HANDLER)
        take_over(request, MF_REQUEST_WAITING, slice, state, destroy);
    else
        destroy(state);
}

void mf_http_resume(mf_http_request *request)
{
    if (request->state == MF_REQUEST_WAITING && request->queue == NULL)
        enqueue(request, &request->loop->woken);
}

void mf_http_suspend(mf_http_request *request)
{
    if (request->state == MF_REQUEST_IN_HANDLER)
        request->state = MF_REQUEST_SUSPENDED;
}

/* Runs one slice of a request, or sends the response of one that was suspended. False: the
 * request is not done. */
static bool run_slice(mf_http_request *request)
{
    connection *c = request->connection;
    bool done = true;
    mf_loop_touch(request->loop);
    request->loop->corked = false;
    if (request->state == MF_REQUEST_READY)
        respond(request, request->ready_status, request->ready_type);
    else
        done = request->slice(request, request->slice_state);
    if (request->state == MF_REQUEST_RESPONDED)
        finish_request(c);
    else if (done)
        refuse(c, KEEP_ALIVE, 500, "%s", NO_RESPONSE);
    else if (count_request(request))
        return false;
    else
        refuse(c, KEEP_ALIVE, 503, "the server holds too many responses already; try again later");
    resume(c);
    return true;
}

/* Takes the request out of its queue and destroys the state of its slices. */
static void cancel(mf_http_request *request)
{
    mf_http_loop *loop = request->loop;
    void (*const destroy)(void *) = request->destroy;
    request->destroy = NULL;
    if (request->queue == &loop->work)
        mf_count(&loop->counters.working, UINT64_MAX); /* one less */
    dequeue(request);
    if (destroy != NULL)
        destroy(request->slice_state);
}

void mf_http_get_peer(const mf_http_request *request, char peer[MF_HTTP_PEER_BYTES])
{
    struct sockaddr_storage name;
    struct sockaddr *address = (struct sockaddr *)&name;
    socklen_t n = sizeof name;
    if (getpeername(event_get_fd(&request->connection->readable), address, &n) != 0 ||
        getnameinfo(address, n, peer, MF_HTTP_PEER_BYTES, NULL, 0, NI_NUMERICHOST) != 0)
        peer[0] = '\0';
}

/* ------------------------------------------------------------------ response */

static void send_output(connection *c, mf_text *body);

/* Sends the response that the request holds. */
static void respond(mf_http_request *request, int status, const char *content_type)
{
    connection *c = request->connection;
    if (c->loop->draining && c->after == KEEP_ALIVE)
        c->after = LINGER;
    mf_request_write_head(request, status, content_type, c->after != KEEP_ALIVE);
    if (request->method == MF_HTTP_HEAD || status == 204 || status == 304)
        request->response.n_bytes = 0;
    request->state = MF_REQUEST_RESPONDED;
    mf_request_uncount(request);
    send_output(c, &request->response);
}

void mf_http_respond(mf_http_request *request, int status, const char *content_type)
{
    if (mf_request_has_response(request))
        return;
    if (request->response.failed || request->headers.failed) {
        mf_http_refuse(request, 503, "there is no memory for the response; try again later");
    } else if (request->state == MF_REQUEST_SUSPENDED) {
        /* In the loop's turn: the caller may be the handler of another connection, whose responses
         * are in loop->out. */
        request->state = MF_REQUEST_READY;
        request->ready_status = status;
        request->ready_type = content_type;
        enqueue(request, &request->loop->woken);
    } else {
        respond(request, status, content_type);
    }
}

__attribute__((format(printf, 3, 0))) static void refuse_with(mf_http_request *request, int status,
                                                              const char *format, va_list arguments)
{
    char raw[MF_ERROR_TEXT_BYTES];
    char message[MF_ERROR_TEXT_BYTES];
    vsnprintf(raw, sizeof raw, format, arguments);
    mf_request_write_error(request, status,
                           mf_printable(message, sizeof message, raw, strlen(raw)));
    mf_http_respond(request, status, "application/json");
}

void mf_http_refuse(mf_http_request *request, int status, const char *format, ...)
{
    if (mf_request_has_response(request))
        return;
    va_list arguments;
    va_start(arguments, format);
    refuse_with(request, status, format, arguments);
    va_end(arguments);
}

/* The server itself responds, whatever the handler does, and finishes the request. at_least: what
 * follows, unless more was decided before. There may be no request yet. */
static void refuse(connection *c, after_response at_least, int status, const char *format, ...)
{
    if (c->request == NULL)
        c->request = mf_request_acquire(c->loop, c);
    if (c->request == NULL) {
        c->state = DEAD;
        return;
    }
    if (c->after < at_least)
        c->after = (uint8_t)at_least;
    va_list arguments;
    va_start(arguments, format);
    mf_request_abort(c->request);
    refuse_with(c->request, status, format, arguments);
    va_end(arguments);
    finish_request(c);
}

/* Releases a request that has its response. */
static void finish_request(connection *c)
{
    cancel(c->request);
    mf_request_release(c->request);
    c->request = NULL;
    c->scanned = 0;
    c->empty_lines = 0;
    remove_deadline(c);
    if (c->state != DEAD)
        c->state = c->after != KEEP_ALIVE ? CLOSING : c->skip > 0 ? SKIP : HEAD;
}

/* -------------------------------------------------------------------- output */

static bool is_holding_more(const mf_http_server *server, uint64_t limit)
{
    return atomic_load_explicit(&server->buffered_bytes, memory_order_relaxed) > limit;
}

static bool is_over_limit(const mf_http_server *server)
{
    return is_holding_more(server, server->settings.max_buffered_bytes);
}

static void uncount_unsent(connection *c, uint64_t n)
{
    atomic_fetch_sub_explicit(&c->loop->server->buffered_bytes, n, memory_order_relaxed);
}

static void drop_output(connection *c)
{
    if (is_unsent(c))
        uncount_unsent(c, c->out.n_bytes - c->out_at);
    mf_text_free(&c->out);
    c->out_at = 0;
}

/* Cuts off those of the loop's clients that have been reading their responses for longest,
 * until buffered_bytes is within its limit; true then. */
static bool free_buffers(mf_http_loop *loop)
{
    const int64_t slow_ms = loop->now_us / 1000 + loop->duration_ms[MF_DEADLINE_WRITE] - SLOW_MS;
    connection *c;
    TAILQ_FOREACH(c, &loop->waiting[MF_DEADLINE_WRITE], waiting)
    {
        if (!is_over_limit(loop->server) || c->deadline_ms > slow_ms)
            break;
        if (c->state == DEAD)
            continue;
        c->state = DEAD;
        drop_output(c);
        event_active(&c->writable, EV_WRITE, 0); /* this event destroys it */
        mf_count(&loop->counters.timed_out, 1);
    }
    return !is_over_limit(loop->server);
}

/* Keeps head[0..n_head) and body without the first `sent` bytes of both. */
static void keep_rest(connection *c, const mf_text *head, mf_text *body, size_t sent)
{
    mf_http_server *server = c->loop->server;
    mf_text *out = &c->out;
    const uint64_t more = head->n_bytes + body->n_bytes - sent;
    if (sent >= head->n_bytes && body->n_bytes > COPIED_MAX && out->bytes == NULL) {
        *out = *body;
        c->out_at = sent - head->n_bytes;
        *body = MF_TEXT_EMPTY;
    } else {
        const size_t head_sent = sent < head->n_bytes ? sent : head->n_bytes;
        const size_t body_sent = sent - head_sent;
        const size_t before = out->n_bytes;
        mf_text_append(out, head->bytes + head_sent, head->n_bytes - head_sent);
        mf_text_append(out, body->bytes + body_sent, body->n_bytes - body_sent);
        if (out->failed) {
            out->n_bytes = before;
            c->state = DEAD;
            return;
        }
    }
    atomic_fetch_add_explicit(&server->buffered_bytes, more, memory_order_relaxed);
    if (is_over_limit(server) && !free_buffers(c->loop))
        c->state = DEAD;
}

/* Sends as much of head and body as the socket takes; returns how many bytes. */
static size_t send_some(connection *c, const mf_text *head, const mf_text *body)
{
    const size_t n_all = head->n_bytes + body->n_bytes;
    size_t sent = 0;
    while (sent < n_all) {
        const size_t head_sent = sent < head->n_bytes ? sent : head->n_bytes;
        struct iovec parts[2] = {
            {head->bytes + head_sent, head->n_bytes - head_sent},
            {body->bytes + (sent - head_sent), body->n_bytes - (sent - head_sent)},
        };
        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = body->n_bytes > 0 ? 2 : 1};
        const ssize_t n = sendmsg(event_get_fd(&c->readable), &message, MSG_NOSIGNAL);
        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            c->state = DEAD;
            break;
        }
    }
    mf_count(&c->loop->counters.bytes_out, sent);
    return sent;
}

/* Sends loop->out and then body, both empty afterwards. What the socket does not take is kept
 * by the connection; body's memory goes with it if it is large. */
static void send_output(connection *c, mf_text *body)
{
    mf_http_loop *loop = c->loop;
    if (loop->out.failed)
        c->state = DEAD; /* no memory for the head of a response */
    if (body->n_bytes <= COPIED_MAX) {
        mf_text_append(&loop->out, body->bytes, body->n_bytes);
        body->n_bytes = 0;
    }
    if (loop->corked && body->n_bytes == 0 && loop->out.n_bytes < MF_READ_BYTES && c->state != DEAD)
        return;
    if (c->state != DEAD) {
        const size_t sent = is_unsent(c) ? 0 : send_some(c, &loop->out, body);
        if (sent < loop->out.n_bytes + body->n_bytes && c->state != DEAD)
            keep_rest(c, &loop->out, body, sent);
    }
    body->n_bytes = 0;
    mf_text_clear(&loop->out, KEEP_OUT_BYTES);
}

static void flush_output(connection *c)
{
    mf_text nothing = MF_TEXT_EMPTY;
    c->loop->corked = false;
    send_output(c, &nothing);
}

/* Sends more of the rest after the socket has become writable. */
static void resume_output(connection *c)
{
    const mf_text nothing = MF_TEXT_EMPTY;
    const mf_text rest = {.bytes = c->out.bytes + c->out_at, .n_bytes = c->out.n_bytes - c->out_at};
    const size_t sent = send_some(c, &rest, &nothing);
    c->out_at += sent;
    c->taken += sent;
    uncount_unsent(c, sent);
    const bool all = !is_unsent(c);
    if (all)
        drop_output(c);
    if (all || c->taken >= WRITE_STEP_BYTES) {
        remove_deadline(c);
        c->taken = 0;
    }
}

/* -------------------------------------------------------------- what follows */

static void begin_linger(connection *c)
{
    if (c->half_closed || (c->after == CLOSE && c->in_bytes == 0)) {
        c->state = DEAD;
        return;
    }
    shutdown(event_get_fd(&c->readable), SHUT_WR);
    c->state = LINGERING;
    c->skip = 0;
    keep(c, NULL, 0);
}

static bool is_over(const connection *c)
{
    if (c->state == DEAD)
        return true;
    if (c->half_closed && c->state == HANDLER)
        return mf_request_is_pending(c->request) && mf_request_route(c->request)->fin_disconnects;
    if (c->half_closed && !is_unsent(c) && !is_runnable(c))
        return true;
    if (c->state == LINGERING && c->skip > LINGER_BYTES)
        return true;
    return c->loop->draining && c->state == HEAD && c->in_bytes == 0 && !is_unsent(c);
}

/* Inside a request that has begun, and nothing more will come. */
static bool is_cut_short(const connection *c)
{
    if (!c->half_closed || is_unsent(c) || is_runnable(c))
        return false;
    if (c->state == HEAD) /* half of an empty line is no request */
        return c->in_bytes > 1 || (c->in_bytes == 1 && c->in[0] != '\r');
    return c->state == BODY;
}

static mf_deadline next_deadline(const connection *c)
{
    if (is_unsent(c))
        return MF_DEADLINE_WRITE;
    switch (c->state) {
    case HEAD:
        return c->in_bytes > 0 ? MF_DEADLINE_HEAD : MF_DEADLINE_IDLE;
    case HANDLER:
        return mf_request_route(c->request)->no_deadline ? MF_DEADLINE_UNLIMITED
                                                         : MF_DEADLINE_RESPONSE;
    case LINGERING:
        return MF_DEADLINE_LINGER;
    default:
        return MF_DEADLINE_BODY;
    }
}

static void remove_deadline(connection *c)
{
    if (c->deadline == MF_DEADLINE_NONE)
        return;
    TAILQ_REMOVE(&c->loop->waiting[c->deadline], c, waiting);
    c->deadline = MF_DEADLINE_NONE;
}

static void set_deadline(connection *c, mf_deadline deadline)
{
    mf_http_loop *loop = c->loop;
    remove_deadline(c);
    c->deadline = (uint8_t)deadline;
    c->deadline_ms = deadline == MF_DEADLINE_UNLIMITED
                         ? INT64_MAX
                         : loop->now_us / 1000 + loop->duration_ms[deadline];
    TAILQ_INSERT_TAIL(&loop->waiting[deadline], c, waiting);
}

static void watch(struct event *event, short what, bool wanted)
{
    if ((event_pending(event, what, NULL) != 0) == wanted)
        return;
    if (wanted)
        event_add(event, NULL);
    else
        event_del(event);
}

/* Decides from the state what to wait for, for how long, or that it is over; frees the
 * connection then. */
static void settle(connection *c)
{
    mf_http_loop *loop = c->loop;
    if (is_cut_short(c))
        refuse_rest(c);
    if (c->state == CLOSING && !is_unsent(c))
        begin_linger(c);
    if (is_over(c)) {
        close_connection(c);
        return;
    }
    const bool unsent = is_unsent(c);
    const mf_deadline deadline = next_deadline(c);
    if (deadline != c->deadline)
        set_deadline(c, deadline);
    const bool runnable = is_runnable(c);
    if (runnable && !unsent && c->runnable.tqe_prev == NULL) {
        TAILQ_INSERT_TAIL(&loop->runnable, c, runnable);
        mf_loop_want_turn(loop);
    }
    const bool full = c->state == HANDLER && c->in_bytes >= MF_PIPELINE_BYTES;
    watch(&c->readable, EV_READ, !unsent && !runnable && !c->half_closed && !full);
    watch(&c->writable, EV_WRITE, unsent);
}

/* --------------------------------------------------------------------- close */

/* Frees the connection and its request at once. */
static void close_connection(connection *c)
{
    mf_http_loop *loop = c->loop;
    const int fd = event_get_fd(&c->readable);
    event_del(&c->readable);
    event_del(&c->writable);
    remove_deadline(c);
    if (c->runnable.tqe_prev != NULL)
        TAILQ_REMOVE(&loop->runnable, c, runnable);
    if (c->request != NULL) {
        mf_request_abort(c->request);
        cancel(c->request);
        mf_request_release(c->request);
    }
    drop_output(c);
    close(fd);
    loop->n_turned_away -= c->after == TURN_AWAY;
    free(c->in);
    mf_free(c);
    atomic_fetch_sub_explicit(&loop->server->connections, 1, memory_order_relaxed);
    loop->n_connections--;
    if (loop->draining && loop->n_connections == 0)
        mf_loop_end(loop);
}

/* ------------------------------------------------------------------ the turn */

static void run_deferred(mf_http_loop *loop)
{
    mf_http_request *request;
    while (loop->handled_us < HANDLED_US && (request = TAILQ_FIRST(&loop->deferred)) != NULL) {
        connection *c = request->connection;
        dequeue(request);
        loop->corked = false;
        handle(request);
        resume(c);
    }
}

static void run_woken(mf_http_loop *loop)
{
    mf_http_request *request;
    mf_loop_touch(loop);
    const int64_t until_us = loop->now_us + HANDLED_US;
    while (loop->now_us < until_us && (request = TAILQ_FIRST(&loop->woken)) != NULL) {
        dequeue(request);
        run_slice(request);
        mf_loop_touch(loop);
    }
}

static void run_connections(mf_http_loop *loop)
{
    const connection *last = TAILQ_LAST(&loop->runnable, mf_connection_list);
    bool more = last != NULL;
    while (more && loop->handled_us < HANDLED_US) {
        connection *c = TAILQ_FIRST(&loop->runnable);
        more = c != last;
        TAILQ_REMOVE(&loop->runnable, c, runnable);
        c->runnable.tqe_prev = NULL;
        resume(c);
    }
}

/* One slice of the request whose turn it is. */
static void run_work(mf_http_loop *loop)
{
    mf_http_request *request = TAILQ_FIRST(&loop->work);
    if (request == NULL || run_slice(request))
        return;
    TAILQ_REMOVE(&loop->work, request, link);
    TAILQ_INSERT_TAIL(&loop->work, request, link);
}

void mf_connections_turn(mf_http_loop *loop)
{
    loop->handled_us = 0;
    run_deferred(loop);
    loop->handled_us = 0; /* for each anew, or the later ones could starve */
    run_woken(loop);
    loop->handled_us = 0;
    run_connections(loop);
    run_work(loop);
    loop->handled_us = 0;
    if (!TAILQ_EMPTY(&loop->deferred) || !TAILQ_EMPTY(&loop->woken) ||
        !TAILQ_EMPTY(&loop->runnable) || !TAILQ_EMPTY(&loop->work))
        mf_loop_want_turn(loop);
}

/* ---------------------------------------------------------- expired deadlines */

/* Ends the work of a handler that has not responded. */
static void end_work(connection *c, const char *why)
{
    mf_http_request *request = c->request;
    if (request->state == MF_REQUEST_READY) {
        respond(request, request->ready_status, request->ready_type);
        finish_request(c);
    } else {
        refuse(c, KEEP_ALIVE, 503, "%s", why);
    }
    resume(c);
}

static void expire(connection *c)
{
    mf_http_loop *loop = c->loop;
    const mf_http_settings *settings = loop->settings;
    char why[80];
    switch (c->deadline) {
    case MF_DEADLINE_HEAD:
        refuse(c, LINGER, 408, "the head of the request did not come within %u ms",
               settings->head_ms);
        break;
    case MF_DEADLINE_BODY:
        if (c->state == SKIP)
            c->state = DEAD; /* it has its response */
        else
            refuse(c, LINGER, 408, "the body did not come within %u ms", settings->body_ms);
        break;
    case MF_DEADLINE_RESPONSE:
        snprintf(why, sizeof why, "the response was not ready within %u ms", settings->response_ms);
        end_work(c, why);
        return;
    case MF_DEADLINE_WRITE:
        c->state = DEAD;
        break;
    default: /* idle and lingering connections are no timeouts */
        c->state = DEAD;
        settle(c);
        return;
    }
    mf_count(&loop->counters.timed_out, 1);
    settle(c);
}

/* Ends the work for half-closed clients that have gone. */
static void drop_gone(mf_http_loop *loop, mf_deadline which)
{
    connection *c = TAILQ_FIRST(&loop->waiting[which]);
    while (c != NULL) {
        connection *next = TAILQ_NEXT(c, waiting);
        struct pollfd reset = {.fd = event_get_fd(&c->readable)}; /* POLLERR, POLLHUP */
        if (c->half_closed && poll(&reset, 1, 0) > 0)
            close_connection(c);
        c = next;
    }
}

/* While the server stops. */
static void end_all_work(mf_http_loop *loop, mf_deadline which, bool only_half_closed)
{
    connection *c = TAILQ_FIRST(&loop->waiting[which]);
    while (c != NULL) {
        connection *next = TAILQ_NEXT(c, waiting);
        if (c->half_closed || !only_half_closed)
            end_work(c, "the server stops; send the request again");
        c = next;
    }
}

void mf_connections_check_deadlines(mf_http_loop *loop)
{
    drop_gone(loop, MF_DEADLINE_RESPONSE);
    drop_gone(loop, MF_DEADLINE_UNLIMITED);
    if (loop->draining)
        end_all_work(loop, MF_DEADLINE_UNLIMITED, false);
    /* The client of a half-closed connection may have gone. */
    if (loop->draining && loop->now_us >= loop->drain_us + DRAIN_HALF_CLOSED_MS * INT64_C(1000))
        end_all_work(loop, MF_DEADLINE_RESPONSE, true);
    for (int i = 0; i < MF_DEADLINES; i++) {
        int64_t now_ms = loop->now_us / 1000;
        if (i == MF_DEADLINE_LINGER && loop->draining)
            now_ms += MF_LINGER_MS - DRAIN_LINGER_MS;
        /* A loop cannot cut off the slow clients of another one, but its own, earlier. */
        if (i == MF_DEADLINE_WRITE &&
            is_holding_more(loop->server, loop->settings->max_buffered_bytes / 2))
            now_ms += loop->duration_ms[i] - loop->duration_ms[i] / 4;
        connection *c;
        while ((c = TAILQ_FIRST(&loop->waiting[i])) != NULL && c->deadline_ms <= now_ms)
            expire(c);
    }
}

void mf_connections_drain(mf_http_loop *loop)
{
    struct mf_connection_list *idle = &loop->waiting[MF_DEADLINE_IDLE];
    const connection *last = TAILQ_LAST(idle, mf_connection_list);
    bool more = last != NULL;
    while (more) {
        connection *c = TAILQ_FIRST(idle);
        more = c != last;
        read_input(c);
    }
}

uint32_t mf_connections_drop(mf_http_loop *loop, bool tells)
{
    uint32_t n = 0;
    for (int i = 0; i < MF_DEADLINES; i++) {
        connection *c;
        while ((c = TAILQ_FIRST(&loop->waiting[i])) != NULL) {
            n += i != MF_DEADLINE_IDLE && i != MF_DEADLINE_LINGER;
            if (!tells && c->request != NULL)
                c->request->state = MF_REQUEST_UNCLAIMED;
            close_connection(c);
        }
    }
    return n;
}
