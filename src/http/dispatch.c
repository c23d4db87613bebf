/* dispatch.c: from the bytes of a connection to a handler or a refusal.
 *
 * (1) A refusal says what was wrong. Where the end of the request is known and
 *     near, its body is thrown away and the connection goes on; else it closes.
 * (2) After bytes that could be read in two ways nothing more is read as a request.
 * (3) A connection gets a share of requests, then others have their turn. */
#include "http/loop.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    REQUESTS_PER_TURN = 16,
    EMPTY_LINES_MAX = 2, /* before a request (RFC 9112, 2.2) */
    SKIP_MAX = 64 * 1024,
};

/* What a connection has read and not used. */
typedef struct input {
    const char *bytes;
    size_t n;
    size_t at;
    bool again; /* the body has more to unpack, even without bytes */
} input;

void mf_dispatch_refuse(mf_connection *connection, int status, const char *format, ...)
{
    char message[MF_ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (connection->request == NULL)
        connection->request = mf_request_acquire(connection);
    if (connection->request == NULL) {
        connection->dead = true;
        return;
    }
    connection->close = true;
    connection->must_linger = true;
    mf_request_abort(connection->request);
    mf_http_refuse(connection->request, status, "%s", message);
    mf_connection_finish_request(connection);
}

void mf_dispatch_refuse_rest(mf_connection *connection)
{
    connection->loop->gathering = false;
    if (connection->state == MF_CONNECTION_HEAD) {
        mf_dispatch_refuse(connection, 400, "the request ended in the middle of its head");
        return;
    }
    const mf_body *body = &connection->request->body;
    if (body->chunked)
        mf_dispatch_refuse(connection, 400, "the body ended before its last chunk");
    else
        mf_dispatch_refuse(connection, 400, "the body ended %llu bytes before its Content-Length",
                           (unsigned long long)body->left);
}

/* Refuses a request whose head was fine. */
__attribute__((format(printf, 3, 4))) static void refuse_body(mf_connection *connection, int status,
                                                              const char *format, ...)
{
    const mf_head *head = &connection->request->table->head;
    const uint64_t unread = head->chunked ? UINT64_MAX : head->content_length;
    char message[MF_ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    /* A client that asked whether to send may now send its body or not: where the
     * next request begins is unknown. */
    if (unread > SKIP_MAX || (unread > 0 && (head->expects_continue || connection->close))) {
        connection->close = true;
        connection->must_linger = true;
    }
    mf_request_abort(connection->request);
    mf_http_refuse(connection->request, status, "%s", message);
    mf_connection_finish_request(connection);
    if (connection->state == MF_CONNECTION_HEAD && unread > 0) {
        connection->state = MF_CONNECTION_SKIP;
        connection->skip = unread;
    }
}

static int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void mf_dispatch_handle(mf_http_request *request)
{
    mf_connection *connection = request->connection;
    mf_http_loop *loop = request->loop;
    const int64_t from_us = clock_us();
    loop->server->routes.routes[request->route].handle(request, loop->settings->context);
    loop->handled_us += clock_us() - from_us;
    if (!request->answered && request->waits) {
        mf_request_count(request);
        return;
    }
    if (!request->answered) {
        mf_request_abort(request);
        mf_http_refuse(request, 500, "the server has a bug: nothing answered this request");
    }
    mf_work_cancel(request);
    mf_connection_finish_request(connection);
}

static void call_handler(mf_connection *connection, const input *in)
{
    mf_http_request *request = connection->request;
    mf_http_loop *loop = connection->loop;
    connection->state = MF_CONNECTION_WORKING;
    request->whole_us = loop->now_us;
    loop->gathering = in->at < in->n;
    mf_loop_want_turn(loop);
    if (loop->handled_us >= MF_HANDLED_US && !loop->server->routes.routes[request->route].quiet) {
        mf_work_defer(request);
        return;
    }
    mf_dispatch_handle(request);
}

static void begin_body(mf_connection *connection, const input *in)
{
    mf_http_loop *loop = connection->loop;
    const mf_http_settings *settings = loop->settings;
    mf_http_request *request = connection->request;
    const mf_head *head = &request->table->head;
    const bool raw = mf_request_route(request)->raw_body;
    if (head->coding == MF_CODING_UNKNOWN && !raw) {
        refuse_body(connection, 415, "the only Content-Encoding known here is gzip");
        return;
    }
    switch (raw ? mf_body_begin_raw(&request->body, head, settings->max_body_bytes)
                : mf_body_begin(&request->body, head, settings->max_body_bytes)) {
    case MF_BODY_DONE:
        call_handler(connection, in);
        return;
    case MF_BODY_MORE:
        connection->state = MF_CONNECTION_BODY;
        break;
    case MF_BODY_TOO_LARGE:
        refuse_body(connection, 413, "the body must be %llu bytes at most",
                    (unsigned long long)settings->max_body_bytes);
        return;
    default:
        refuse_body(connection, 503, "there is no memory for the body; try again later");
        return;
    }
    if (head->expects_continue && in->at == in->n) {
        mf_text nothing = MF_TEXT_EMPTY;
        loop->gathering = false;
        mf_text_literal(&loop->out, "HTTP/1.1 100 Continue\r\n\r\n");
        mf_output_send(connection, &nothing);
    }
}

/* Finds the route and takes the target apart. False when that ended in a refusal. */
static bool find_route(mf_connection *connection)
{
    mf_http_request *request = connection->request;
    mf_request_table *table = request->table;
    const mf_routes *routes = &connection->loop->server->routes;
    mf_uri uri;
    mf_uri_split(request->bytes + table->head.target.at, table->head.target.n_bytes, &uri);
    const mf_route_match match = mf_routes_match(routes, uri.path, uri.path_bytes, request->method);
    request->route = match.index;
    request->allowed = match.allowed;
    if (match.index == routes->n_routes) {
        refuse_body(connection, 404, "there is nothing at this path");
        return false;
    }
    if (!match.found) {
        char allow[MF_ROUTES_ALLOW_BYTES];
        refuse_body(connection, 405, "this path takes %s", mf_routes_allow(match.allowed, allow));
        return false;
    }
    if (match.is_any) {
        request->path = (mf_http_view){uri.path, uri.path_bytes};
        request->query = (mf_http_view){uri.query, uri.query_bytes};
        return true;
    }
    if (match.segment != NULL) {
        request->segment.bytes = match.segment;
        if (!mf_uri_decode(match.segment, match.segment_bytes, false, &request->segment.n_bytes)) {
            refuse_body(connection, 400,
                        "the path has a %% without two hexadecimal digits, or %%00");
            return false;
        }
    }
    table->n_parameters = mf_uri_parameters(uri.query, uri.query_bytes, table->parameters);
    if (table->n_parameters < 0) {
        table->n_parameters = 0;
        refuse_body(connection, 400,
                    "the query string must be name=value pairs, percent-encoded without %%00, and "
                    "%d of them at most",
                    MF_URI_PARAMETERS_MAX);
        return false;
    }
    return true;
}

static void begin_request(mf_connection *connection, const char *bytes, size_t n_bytes,
                          const input *in)
{
    mf_http_request *request = mf_request_acquire(connection);
    connection->request = request;
    if (request == NULL || !mf_request_keep_head(request, bytes, n_bytes)) {
        connection->dead = true;
        return;
    }
    mf_head *head = &request->table->head;
    const char *message;
    connection->loop->gathering = false;
    const int status = mf_head_parse(bytes, n_bytes, head, &message);
    /* Known even when the rest is refused: HEAD gets no body with a refusal either. */
    request->method = mf_routes_method(request->bytes + head->method.at, head->method.n_bytes);
    if (status != 0) {
        head->n_fields = 0;
        mf_dispatch_refuse(connection, status, "%s", message);
        return;
    }
    connection->close = !head->keep_alive;
    if (!find_route(connection))
        return;
    const mf_http_route *route = mf_request_route(request);
    request->pending = true;
    if (route->on_head != NULL)
        route->on_head(request, connection->loop->settings->context);
    begin_body(connection, in);
}

/* These return true when there may be more to do with the same input. */

static bool take_head(mf_connection *connection, input *in)
{
    const size_t limit = connection->loop->settings->max_head_bytes;
    while (in->n - in->at >= 2 && memcmp(in->bytes + in->at, "\r\n", 2) == 0) {
        in->at += 2;
        if (++connection->empty_lines > EMPTY_LINES_MAX) {
            mf_dispatch_refuse(connection, 400, "there are empty lines before the request");
            return true;
        }
    }
    const char *bytes = in->bytes + in->at;
    const size_t n = in->n - in->at;
    if (n == 0 || (n == 1 && bytes[0] == '\r'))
        return false;
    size_t n_head;
    size_t scanned = connection->scanned;
    const mf_head_end end = mf_head_find_end(bytes, n, &scanned, &n_head);
    connection->scanned = (uint32_t)scanned;
    if (end == MF_HEAD_BAD) {
        mf_dispatch_refuse(
            connection, 400,
            "this is not an HTTP/1.1 request: it begins with a method, and its lines "
            "end in CR LF");
    } else if ((end == MF_HEAD_COMPLETE ? n_head : n) > limit) {
        if (memchr(bytes, '\n', limit) == NULL)
            mf_dispatch_refuse(connection, 414, "the request line must be %zu bytes at most",
                               limit);
        else
            mf_dispatch_refuse(connection, 431,
                               "request line and headers must be %zu bytes at most", limit);
    } else if (end == MF_HEAD_COMPLETE) {
        in->at += n_head;
        connection->scanned = 0;
        begin_request(connection, bytes, n_head, in);
    } else {
        return false;
    }
    return true;
}

/* Unpacking is work like a handler's, and shares its time. */
static mf_body_state feed_body(mf_connection *connection, input *in)
{
    mf_http_loop *loop = connection->loop;
    mf_body *body = &connection->request->body;
    const bool packed = body->unpack != NULL;
    const int64_t from_us = packed ? clock_us() : 0;
    size_t used;
    const mf_body_state state = mf_body_feed(body, in->bytes + in->at, in->n - in->at, &used);
    in->at += used;
    if (packed) {
        loop->handled_us += clock_us() - from_us;
        mf_loop_want_turn(loop);
    }
    return state;
}

static bool take_body(mf_connection *connection, input *in)
{
    mf_http_request *request = connection->request;
    if (in->at == in->n && !in->again)
        return false;
    if (request->body.unpack != NULL && connection->loop->handled_us >= MF_HANDLED_US) {
        connection->ready = true; /* later */
        return false;
    }
    in->again = false;
    const mf_body_state state = feed_body(connection, in);
    connection->loop->gathering = false;
    switch (state) {
    case MF_BODY_MORE:
    case MF_BODY_AGAIN:
        if (!mf_request_count(request)) {
            mf_dispatch_refuse(connection, 503,
                               "the server holds too many requests already; try again later");
            return true;
        }
        connection->ready = state == MF_BODY_AGAIN;
        return false;
    case MF_BODY_DONE:
        call_handler(connection, in);
        return true;
    case MF_BODY_BAD_CHUNKS:
        mf_dispatch_refuse(connection, 400, "the body is not in valid chunks");
        return true;
    case MF_BODY_BAD_GZIP:
        mf_dispatch_refuse(connection, 400, "the body is not valid gzip");
        return true;
    case MF_BODY_TOO_LARGE:
        mf_dispatch_refuse(connection, 413, "the body must be %llu bytes at most%s",
                           (unsigned long long)request->body.limit,
                           request->body.unpack != NULL ? ", unpacked" : "");
        return true;
    default:
        mf_dispatch_refuse(connection, 503, "there is no memory for the body; try again later");
        return true;
    }
}

static bool skip_body(mf_connection *connection, input *in)
{
    const size_t there = in->n - in->at;
    const size_t n = connection->skip < there ? (size_t)connection->skip : there;
    in->at += n;
    connection->skip -= n;
    if (connection->skip > 0)
        return false;
    connection->state = MF_CONNECTION_HEAD;
    return true;
}

static bool discard(mf_connection *connection, input *in)
{
    connection->skip += in->n - in->at;
    in->at = in->n;
    return false;
}

void mf_dispatch(mf_connection *connection, const char *bytes, size_t n_bytes, size_t *used)
{
    input in = {bytes, n_bytes, 0, connection->ready};
    int share = REQUESTS_PER_TURN;
    bool go_on = !mf_connection_is_unsent(connection);
    if (go_on)
        connection->ready = false;
    while (go_on && !connection->dead && !mf_connection_is_unsent(connection)) {
        switch (connection->state) {
        case MF_CONNECTION_HEAD:
            connection->ready = in.at < in.n && share == 0;
            go_on = share-- > 0 && take_head(connection, &in);
            break;
        case MF_CONNECTION_BODY:
            go_on = take_body(connection, &in);
            break;
        case MF_CONNECTION_SKIP:
            go_on = skip_body(connection, &in);
            break;
        case MF_CONNECTION_LINGER:
            go_on = discard(connection, &in);
            break;
        default: /* a handler is at work, or the connection closes */
            go_on = false;
            break;
        }
    }
    connection->loop->gathering = false;
    if (connection->loop->out.n_bytes > 0) {
        mf_text nothing = MF_TEXT_EMPTY;
        mf_output_send(connection, &nothing);
    }
    *used = in.at;
}
