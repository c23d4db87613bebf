/* request.c: a pool of requests, so that a busy loop allocates nothing; and the head of a
 * response, of which the lines that do not change within a second are made once. */
#include "http/request.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    POOL_MAX = 64,          /* requests that a loop keeps for later */
    KEEP_HEAD_BYTES = 8192, /* and how much memory each may keep */
    KEEP_BODY_BYTES = 65536,
    KEEP_RESPONSE_BYTES = 65536,
    KEEP_HEADERS_BYTES = 4096,
    HEADER_VALUE_MAX = 1024,
    HEADERS_MAX = 16384, /* of one response */
    ADDED_MAX = 65536,   /* with those of mf_http_add_header */
};

/* ---------------------------------------------------------------- the pool */

static void free_request(mf_http_request *request)
{
    mf_body_end(&request->body, 0);
    mf_text_free(&request->response);
    mf_text_free(&request->headers);
    free(request->bytes);
    mf_free(request);
}

mf_http_request *mf_request_acquire(mf_http_loop *loop, struct mf_connection *connection)
{
    mf_http_request *request = STAILQ_FIRST(&loop->free_requests);
    if (request != NULL) {
        STAILQ_REMOVE_HEAD(&loop->free_requests, free);
        loop->n_free_requests--;
    } else {
        request = mf_allocate(1, sizeof *request, "a request", NULL);
        if (request == NULL)
            return NULL;
    }
    request->connection = connection;
    request->loop = loop;
    request->n_head = 0;
    request->method = MF_HTTP_OTHER;
    request->route = loop->server->routes.n_routes;
    request->allowed = 0;
    request->segment = request->path = request->query = (mf_http_view){NULL, 0};
    request->user = NULL;
    /* As if a head without fields had been read, for refusals before there is one. */
    memset(&request->head, 0, offsetof(mf_head, fields));
    request->n_joined = 0;
    request->n_parameters = 0;
    request->whole_us = loop->now_us;
    memset(request->log_counts, 0, sizeof request->log_counts);
    request->counted = 0;
    request->state = MF_REQUEST_UNCLAIMED;
    request->queue = NULL;
    request->slice = NULL;
    request->destroy = NULL;
    return request;
}

const mf_http_route *mf_request_route(const mf_http_request *request)
{
    const mf_routes *routes = &request->loop->server->routes;
    return request->route < routes->n_routes ? &routes->routes[request->route] : NULL;
}

void mf_request_abort(mf_http_request *request)
{
    if (!mf_request_is_pending(request))
        return;
    const mf_http_route *route = mf_request_route(request);
    request->state = MF_REQUEST_UNCLAIMED;
    if (route->on_disconnect != NULL)
        route->on_disconnect(request, request->loop->settings->context);
}

void mf_request_uncount(mf_http_request *request)
{
    if (request->counted == 0)
        return; /* the usual case: buffered_bytes, which all loops share, is not written */
    atomic_fetch_sub_explicit(&request->loop->server->buffered_bytes, request->counted,
                              memory_order_relaxed);
    request->counted = 0;
}

void mf_request_release(mf_http_request *request)
{
    mf_http_loop *loop = request->loop;
    mf_request_uncount(request);
    if (loop->n_free_requests >= POOL_MAX) {
        free_request(request);
        return;
    }
    mf_body_end(&request->body, KEEP_BODY_BYTES);
    mf_text_clear(&request->response, KEEP_RESPONSE_BYTES);
    mf_text_clear(&request->headers, KEEP_HEADERS_BYTES);
    if (request->capacity > KEEP_HEAD_BYTES) {
        free(request->bytes);
        request->bytes = NULL;
        request->capacity = 0;
    }
    STAILQ_INSERT_HEAD(&loop->free_requests, request, free);
    loop->n_free_requests++;
}

void mf_request_pool_free(mf_http_loop *loop)
{
    mf_http_request *request;
    while ((request = STAILQ_FIRST(&loop->free_requests)) != NULL) {
        STAILQ_REMOVE_HEAD(&loop->free_requests, free);
        free_request(request);
    }
    loop->n_free_requests = 0;
}

bool mf_request_keep_head(mf_http_request *request, const char *bytes, size_t n_bytes)
{
    /* Twice: the values that come several times, joined, are shorter than the lines
     * they came in. */
    if (request->capacity < 2 * n_bytes) {
        char *more = realloc(request->bytes, 2 * n_bytes);
        if (more == NULL)
            return false;
        request->bytes = more;
        request->capacity = 2 * n_bytes;
    }
    memcpy(request->bytes, bytes, n_bytes);
    request->n_head = n_bytes;
    return true;
}

bool mf_request_count(mf_http_request *request)
{
    mf_http_server *server = request->loop->server;
    const uint64_t now = request->body.text.n_bytes + request->response.n_bytes;
    const uint64_t more = now - request->counted; /* wraps when it became less */
    if (more == 0)
        return true;
    request->counted = now;
    const uint64_t total =
        atomic_fetch_add_explicit(&server->buffered_bytes, more, memory_order_relaxed) + more;
    return total <= server->settings.max_buffered_bytes;
}

/* -------------------------------------------------------------- the getters */

static bool is_name(const mf_http_request *request, const mf_head_field *field, const char *name,
                    size_t n_name)
{
    return field->name.n_bytes == n_name &&
           strncasecmp(request->bytes + field->name.at, name, n_name) == 0;
}

/* Writes the value of field `first` and of all later ones of its name after the
 * head, and makes it the value of the first; the others lose their names. */
static void join(mf_http_request *request, uint32_t first, const char *name, size_t n_name)
{
    mf_head_field *field = &request->head.fields[first];
    char *const start = request->bytes + request->n_head + request->n_joined;
    char *to = mempcpy(start, request->bytes + field->value.at, field->value.n_bytes);
    for (uint32_t i = first + 1; i < request->head.n_fields; i++) {
        mf_head_field *other = &request->head.fields[i];
        if (!is_name(request, other, name, n_name))
            continue;
        to = mempcpy(to, ", ", 2);
        to = mempcpy(to, request->bytes + other->value.at, other->value.n_bytes);
        other->name.n_bytes = 0;
    }
    field->value.at = (uint32_t)(start - request->bytes);
    field->value.n_bytes = (uint32_t)(to - start);
    request->n_joined += field->value.n_bytes;
}

mf_http_view mf_http_get_header(const mf_http_request *request, const char *name)
{
    const mf_head *head = &request->head;
    const size_t n_name = strlen(name);
    const mf_head_field *found = NULL;
    for (uint32_t i = 0; i < head->n_fields; i++) {
        const mf_head_field *field = &head->fields[i];
        if (!is_name(request, field, name, n_name))
            continue;
        if (found != NULL) {
            /* A getter: that it keeps what it joined does not show. */
            join(mf_without_const(request), (uint32_t)(found - head->fields), name, n_name);
            break;
        }
        found = field;
    }
    if (found == NULL)
        return (mf_http_view){NULL, 0};
    return (mf_http_view){request->bytes + found->value.at, found->value.n_bytes};
}

static mf_http_view view_of(const mf_http_request *request, mf_head_span span)
{
    return (mf_http_view){request->bytes + span.at, span.n_bytes};
}

bool mf_http_get_header_at(const mf_http_request *request, size_t i, mf_http_view *name,
                           mf_http_view *value)
{
    const mf_head *head = &request->head;
    if (i >= head->n_fields)
        return false;
    *name = view_of(request, head->fields[i].name);
    *value = view_of(request, head->fields[i].value);
    return true;
}

mf_http_view mf_http_get_method(const mf_http_request *request)
{
    return view_of(request, request->head.method);
}

mf_http_view mf_http_get_path(const mf_http_request *request)
{
    return request->path;
}

mf_http_view mf_http_get_query(const mf_http_request *request)
{
    return request->query;
}

size_t mf_http_get_head_bytes(const mf_http_request *request)
{
    return request->n_head;
}

bool mf_http_is_body_too_large(const mf_http_request *request)
{
    return request->body.dropped;
}

void mf_http_set_user(mf_http_request *request, void *user)
{
    request->user = user;
}

void *mf_http_get_user(const mf_http_request *request)
{
    return request->user;
}

mf_http_view mf_http_get_segment(const mf_http_request *request)
{
    return request->segment;
}

bool mf_http_get_parameter_at(const mf_http_request *request, size_t i, mf_http_view *name,
                              mf_http_view *value)
{
    if (i >= (size_t)request->n_parameters)
        return false;
    *name = request->parameters[i].name;
    *value = request->parameters[i].value;
    return true;
}

mf_http_view mf_http_get_body(const mf_http_request *request)
{
    const mf_text *text = &request->body.text;
    return (mf_http_view){text->n_bytes > 0 ? text->bytes : "", text->n_bytes};
}

uint32_t mf_http_get_loop(const mf_http_request *request)
{
    return request->loop->index;
}

mf_text *mf_http_response(mf_http_request *request)
{
    return &request->response;
}

/* ------------------------------------------------- headers of the response */

static bool is_visible(char c)
{
    return c > 0x20 && c < 0x7F;
}

static void append_header(mf_text *headers, const char *name, const char *value, size_t n_bytes)
{
    mf_text_append(headers, name, strlen(name));
    mf_text_literal(headers, ": ");
    mf_text_append(headers, value, n_bytes);
    mf_text_literal(headers, "\r\n");
}

void mf_http_set_header(mf_http_request *request, const char *name, const char *value,
                        size_t n_bytes)
{
    const size_t n_line = strlen(name) + n_bytes + 4;
    if (n_bytes == 0 || n_bytes > HEADER_VALUE_MAX || value[0] == ' ' ||
        value[n_bytes - 1] == ' ' || request->headers.n_bytes + n_line > HEADERS_MAX)
        return;
    for (size_t i = 0; i < n_bytes; i++)
        if (!is_visible(value[i]) && value[i] != ' ')
            return;
    if (mf_text_reserve(&request->headers, n_line))
        append_header(&request->headers, name, value, n_bytes);
}

void mf_http_log_count(mf_http_request *request, const char *name, uint64_t value)
{
    for (int i = 0; i < MF_ACCESS_COUNTS; i++)
        if (request->log_counts[i].name == NULL) {
            request->log_counts[i] = (mf_access_count){name, value};
            return;
        }
}

bool mf_http_add_header(mf_http_request *request, const char *name, const char *value,
                        size_t n_bytes)
{
    const size_t n_name = strlen(name);
    if (n_bytes > ADDED_MAX || n_name > ADDED_MAX ||
        request->headers.n_bytes + n_name + n_bytes + 4 > ADDED_MAX ||
        !mf_head_is_field(name, n_name, value, n_bytes))
        return false;
    append_header(&request->headers, name, value, n_bytes);
    return true;
}

/* ---------------------------------------------------------- the response head */

/* A view of a header that is 1 … max - 1 visible ASCII characters, among them blanks
 * if those are allowed; else empty. */
static mf_http_view visible_header(const mf_http_request *request, const char *name, size_t max,
                                   bool blanks)
{
    const mf_http_view view = mf_http_get_header(request, name);
    if (view.n_bytes == 0 || view.n_bytes >= max)
        return (mf_http_view){NULL, 0};
    for (size_t i = 0; i < view.n_bytes; i++)
        if (!is_visible(view.bytes[i]) && !(blanks && view.bytes[i] == ' '))
            return (mf_http_view){NULL, 0};
    return view;
}

/* SplitMix64's last step: a bijection, so that no two numbers of a loop collide. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void make_request_id(const mf_http_request *request, char id[MF_ACCESS_REQUEST_ID_BYTES])
{
    static const char *const names[] = {"X-Amzn-RequestId", "X-Request-Id"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const mf_http_view view =
            visible_header(request, names[i], MF_ACCESS_REQUEST_ID_BYTES, false);
        if (view.bytes != NULL) {
            memcpy(id, view.bytes, view.n_bytes);
            id[view.n_bytes] = '\0';
            return;
        }
    }
    static const char hex[] = "0123456789abcdef";
    enum { DIGITS = 16 };
    mf_http_loop *loop = request->loop;
    uint64_t number = mix(loop->id_seed + loop->n_ids++ * 0x9E3779B97F4A7C15u);
    for (int i = 0; i < DIGITS; i++, number >>= 4)
        id[i] = hex[number & 15];
    id[DIGITS] = '\0';
}

/* Server and Date, made anew when the second changes. */
static void append_fixed(mf_http_loop *loop)
{
    const int64_t second = (loop->now_us / 1000 + loop->wall_offset_ms) / 1000;
    if (second != loop->fixed_second) {
        char date[64];
        struct tm utc;
        const time_t now = (time_t)second;
        gmtime_r(&now, &utc);
        const size_t n = strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
        mf_text_clear(&loop->fixed, SIZE_MAX);
        if (loop->settings->server != NULL)
            mf_text_format(&loop->fixed, "Server: %s\r\n", loop->settings->server);
        mf_text_append(&loop->fixed, date, n);
        loop->fixed_second = second;
    }
    mf_text_append(&loop->out, loop->fixed.bytes, loop->fixed.n_bytes);
}

static void append_head(const mf_http_request *request, int status, const char *content_type,
                        bool closes, const char *id)
{
    mf_text *out = &request->loop->out;
    const bool bare = request->loop->settings->bare_responses;
    const char *reason = mf_status_reason(status);
    mf_text_literal(out, "HTTP/1.1 ");
    mf_text_count(out, (uint64_t)status);
    mf_text_literal(out, " ");
    mf_text_append(out, reason, strlen(reason));
    mf_text_literal(out, "\r\n");
    if (!bare)
        append_fixed(request->loop);
    if (content_type != NULL)
        append_header(out, "Content-Type", content_type, strlen(content_type));
    if (status != 204 && status != 304) {
        mf_text_literal(out, "Content-Length: ");
        mf_text_count(out, request->response.n_bytes);
        mf_text_literal(out, "\r\n");
    }
    if (closes)
        mf_text_literal(out, "Connection: close\r\n");
    else if (request->head.http_1_0)
        mf_text_literal(out, "Connection: keep-alive\r\n");
    if (!bare)
        append_header(out, "X-Request-Id", id, strlen(id));
    mf_text_append(out, request->headers.bytes, request->headers.n_bytes);
    mf_text_literal(out, "\r\n");
}

/* Counts the response and puts it into the access log. */
static void record(const mf_http_request *request, int status, const char *id)
{
    mf_http_loop *loop = request->loop;
    const mf_http_route *route = mf_request_route(request);
    const int64_t now_us = mf_clock_us();
    const uint64_t microseconds = (uint64_t)(now_us - request->whole_us);
    mf_loop_count_response(loop, request->route, status, microseconds);
    if (loop->settings->access_log == NULL || (route != NULL && route->quiet && status < 400))
        return;
    mf_access access;
    access.method = mf_routes_method_name(request->method);
    access.route = route != NULL ? route->path : "";
    access.status = (uint16_t)status;
    access.bytes_in = request->body.text.n_bytes;
    access.bytes_out = request->response.n_bytes;
    access.microseconds = microseconds;
    access.when_ms = now_us / 1000 + loop->wall_offset_ms;
    memcpy(access.counts, request->log_counts, sizeof access.counts);
    memcpy(access.request_id, id, strlen(id) + 1);
    /* SageMaker's pattern for it is \p{ASCII}{1,64}. */
    const mf_http_view inference = visible_header(request, "X-Amzn-SageMaker-Inference-Id",
                                                  MF_ACCESS_INFERENCE_ID_BYTES, true);
    if (inference.bytes != NULL)
        memcpy(access.inference_id, inference.bytes, inference.n_bytes);
    access.inference_id[inference.n_bytes] = '\0';
    mf_access_log_put(loop->settings->access_log, loop->index, &access);
}

void mf_request_write_head(const mf_http_request *request, int status, const char *content_type,
                           bool closes)
{
    char id[MF_ACCESS_REQUEST_ID_BYTES];
    make_request_id(request, id);
    append_head(request, status, content_type, closes, id);
    /* Before it is sent: a client that has its response finds it counted. */
    record(request, status, id);
}

void mf_request_write_error(mf_http_request *request, int status, const char *message)
{
    mf_text *response = &request->response;
    mf_text_clear(response, SIZE_MAX);
    if (request->loop->settings->write_error != NULL) {
        request->loop->settings->write_error(response, status, message);
    } else {
        const char *code = mf_status_code(status);
        mf_text_literal(response, "{\"error\":{\"code\":\"");
        mf_text_append(response, code, strlen(code));
        mf_text_literal(response, "\",\"message\":");
        mf_text_json(response, message, strlen(message));
        mf_text_literal(response, "}}");
    }
    if (response->failed) /* no memory even for this: the status alone is sent */
        mf_text_clear(response, 0);
    if (request->headers.failed)
        mf_text_clear(&request->headers, 0);
    request->headers.failed = false;
    if (status == 405 && request->allowed != 0) {
        char allow[MF_ROUTES_ALLOW_BYTES];
        mf_routes_allow(request->allowed, allow);
        mf_http_set_header(request, "Allow", allow, strlen(allow));
        request->headers.failed = false;
    }
}
