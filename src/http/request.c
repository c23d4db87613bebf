/* request.c: the functions of server.h that look at a request, and the pool that
 * requests come from.
 *
 * (1) Views stay where they are until the request is answered: the head is copied
 *     once, and every header is joined behind that copy, which has room for it. */
#include "http/loop.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
    POOL_MAX = 64,          /* requests that a loop keeps for later */
    KEEP_HEAD_BYTES = 8192, /* and how much memory each may keep */
    KEEP_BODY_BYTES = 65536,
    KEEP_ANSWER_BYTES = 65536,
    KEEP_HEADERS_BYTES = 4096,
};

/* ---------------------------------------------------------------- the pool */

static void free_request(mf_http_request *request)
{
    mf_body_end(&request->body, 0);
    mf_text_free(&request->answer);
    mf_text_free(&request->headers);
    free(request->bytes);
    mf_free(request->table);
    mf_free(request);
}

static mf_http_request *new_request(void)
{
    mf_http_request *request = mf_allocate(1, sizeof *request, "a request", NULL);
    if (request == NULL)
        return NULL;
    request->table = mf_allocate(1, sizeof *request->table, "a request", NULL);
    if (request->table == NULL) {
        mf_free(request);
        return NULL;
    }
    return request;
}

mf_http_request *mf_request_acquire(mf_connection *connection)
{
    mf_http_loop *loop = connection->loop;
    mf_http_request *request = STAILQ_FIRST(&loop->free_requests);
    if (request != NULL) {
        STAILQ_REMOVE_HEAD(&loop->free_requests, free);
        loop->n_free_requests--;
    } else {
        request = new_request();
        if (request == NULL)
            return NULL;
    }
    request->connection = connection;
    request->loop = loop;
    request->n_head = 0;
    request->method = MF_HTTP_OTHER;
    request->route = loop->server->routes.n_routes;
    request->allowed = 0;
    request->segment = (mf_http_view){NULL, 0};
    request->path = request->query = (mf_http_view){NULL, 0};
    request->user = NULL;
    /* As if a head without fields had been read, for refusals before there is one. */
    memset(&request->table->head, 0, offsetof(mf_head, fields));
    request->table->n_joined = 0;
    request->table->n_parameters = 0;
    request->whole_us = loop->now_us;
    request->counted = 0;
    request->answered = false;
    request->pending = false;
    request->suspended = false;
    request->later_status = 0;
    request->deferred = false;
    request->waits = false;
    request->queue = NULL;
    request->slice = NULL;
    request->state = NULL;
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
    const mf_http_route *route = mf_request_route(request);
    const bool pending = request->pending;
    request->pending = false;
    if (pending && route->on_disconnect != NULL)
        route->on_disconnect(request, request->loop->settings->context);
}

void mf_request_uncount(mf_http_request *request)
{
    if (request->counted == 0)
        return; /* nearly always: no need to touch what all loops share */
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
    mf_text_clear(&request->answer, KEEP_ANSWER_BYTES);
    mf_text_clear(&request->headers, KEEP_HEADERS_BYTES);
    if (request->room > KEEP_HEAD_BYTES) {
        free(request->bytes);
        request->bytes = NULL;
        request->room = 0;
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
    if (request->room < 2 * n_bytes) {
        char *more = realloc(request->bytes, 2 * n_bytes);
        if (more == NULL)
            return false;
        request->bytes = more;
        request->room = 2 * n_bytes;
    }
    memcpy(request->bytes, bytes, n_bytes);
    request->n_head = n_bytes;
    return true;
}

bool mf_request_count(mf_http_request *request)
{
    mf_http_server *server = request->loop->server;
    const uint64_t now = request->body.text.n_bytes + request->answer.n_bytes;
    const uint64_t more = now - request->counted; /* wraps when it became less */
    if (more == 0)
        return true;
    request->counted = now;
    const uint64_t total =
        atomic_fetch_add_explicit(&server->buffered_bytes, more, memory_order_relaxed) + more;
    return total <= server->settings.max_buffered_bytes || mf_output_make_room(request->loop);
}

/* -------------------------------------------------------------- the getters */

static bool is_name(const mf_http_request *request, const mf_head_field *field, const char *name,
                    size_t n_name)
{
    return field->name.n_bytes == n_name &&
           strncasecmp(request->bytes + field->name.at, name, n_name) == 0;
}

/* Writes the value of field `first` and of all later ones of its name behind the
 * head, and makes it the value of the first; the others lose their names. */
static void join(const mf_http_request *request, uint32_t first, const char *name, size_t n_name)
{
    mf_request_table *table = request->table;
    mf_head_field *field = &table->head.fields[first];
    char *const start = request->bytes + request->n_head + table->n_joined;
    char *to = mempcpy(start, request->bytes + field->value.at, field->value.n_bytes);
    for (uint32_t i = first + 1; i < table->head.n_fields; i++) {
        mf_head_field *other = &table->head.fields[i];
        if (!is_name(request, other, name, n_name))
            continue;
        to = mempcpy(to, ", ", 2);
        to = mempcpy(to, request->bytes + other->value.at, other->value.n_bytes);
        other->name.n_bytes = 0;
    }
    field->value.at = (uint32_t)(start - request->bytes);
    field->value.n_bytes = (uint32_t)(to - start);
    table->n_joined += field->value.n_bytes;
}

mf_http_view mf_http_get_header(const mf_http_request *request, const char *name)
{
    const mf_head *head = &request->table->head;
    const size_t n_name = strlen(name);
    const mf_head_field *found = NULL;
    for (uint32_t i = 0; i < head->n_fields; i++) {
        const mf_head_field *field = &head->fields[i];
        if (!is_name(request, field, name, n_name))
            continue;
        if (found != NULL) {
            join(request, (uint32_t)(found - head->fields), name, n_name);
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
    const mf_head *head = &request->table->head;
    if (i >= head->n_fields)
        return false;
    *name = view_of(request, head->fields[i].name);
    *value = view_of(request, head->fields[i].value);
    return true;
}

mf_http_view mf_http_get_method(const mf_http_request *request)
{
    return view_of(request, request->table->head.method);
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

void mf_http_get_peer(const mf_http_request *request, char peer[MF_HTTP_PEER_BYTES])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name;
    socklen_t n = sizeof name;
    memset(&name, 0, sizeof name);
    peer[0] = '\0';
    if (getpeername(event_get_fd(&request->connection->readable), &name.any, &n) != 0)
        return;
    if (name.any.sa_family == AF_INET)
        inet_ntop(AF_INET, &name.v4.sin_addr, peer, MF_HTTP_PEER_BYTES);
    else if (name.any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &name.v6.sin6_addr, peer, MF_HTTP_PEER_BYTES);
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
    const mf_request_table *table = request->table;
    if (i >= (size_t)table->n_parameters)
        return false;
    *name = table->parameters[i].name;
    *value = table->parameters[i].value;
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
