/* client.c: one evhttp connection. evhttp frees a request when it ends, so headers and body are
 * kept in texts of our own for the second attempt, which an event of its own sends: within evhttp's
 * callback the connection cannot be opened again. */
#include "local/client.h"

#include "base/text.h"
#include "local/service.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEAD_BYTES = 32 << 10 };

struct mf_local_client {
    const mf_local_address *to;
    struct evhttp_connection *connection;
    struct event *sender; /* sends outside of evhttp's callback, which cannot reconnect */
    bool is_busy, was_used, is_repeated;
    mf_local_client_result result;
    enum evhttp_cmd_type method;
    mf_text target;  /* zero-terminated; kept for the second attempt, as are headers and body */
    mf_text headers; /* "Name\0value\0" pairs */
    mf_text body;
    mf_local_client_done *done;
    void *context;
};

static void finish(mf_local_client *c, const mf_local_client_response *response)
{
    c->is_busy = false;
    c->done(c->context, response);
}

static void on_error(enum evhttp_request_error error, void *context)
{
    mf_local_client *c = context;
    c->result = error == EVREQ_HTTP_TIMEOUT         ? MF_LOCAL_CLIENT_TIMED_OUT
                : error == EVREQ_HTTP_DATA_TOO_LONG ? MF_LOCAL_CLIENT_TOO_LONG
                                                    : MF_LOCAL_CLIENT_UNREACHABLE;
}

static void on_response(struct evhttp_request *request, void *context)
{
    mf_local_client *c = context;
    mf_local_client_response response = {.result = c->result, .body = ""};
    if (request != NULL)
        response.status = evhttp_request_get_response_code(request);
    if (response.status == 0 && c->was_used && !c->is_repeated &&
        c->result == MF_LOCAL_CLIENT_UNREACHABLE) {
        c->is_repeated = true;
        event_active(c->sender, 0, 0);
        return;
    }
    c->was_used = response.status != 0;
    if (response.status != 0) {
        struct evbuffer *body = evhttp_request_get_input_buffer(request);
        const size_t n = evbuffer_get_length(body);
        const char *bytes = n > 0 ? (const char *)evbuffer_pullup(body, -1) : NULL;
        response.result = MF_LOCAL_CLIENT_RESPONDED;
        response.body = bytes != NULL ? bytes : "";
        response.n_body = bytes != NULL ? n : 0;
        response.headers = evhttp_request_get_input_headers(request);
    }
    finish(c, &response);
}

static bool send_request(mf_local_client *c)
{
    char host[sizeof c->to->host + 8], length[32];
    struct evhttp_request *request = evhttp_request_new(on_response, c);
    if (request == NULL)
        return false;
    c->result = MF_LOCAL_CLIENT_UNREACHABLE;
    evhttp_request_set_error_cb(request, on_error);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    snprintf(host, sizeof host, "%s:%u", c->to->host, (unsigned)c->to->port);
    snprintf(length, sizeof length, "%zu", c->body.n_bytes);
    evhttp_add_header(headers, "Host", host);
    if (c->method == EVHTTP_REQ_POST)
        evhttp_add_header(headers, "Content-Length", length);
    const char *end = c->headers.bytes + c->headers.n_bytes;
    for (const char *name = c->headers.bytes; name < end;) {
        const char *value = name + strlen(name) + 1;
        evhttp_add_header(headers, name, value);
        name = value + strlen(value) + 1;
    }
    evbuffer_add(evhttp_request_get_output_buffer(request), c->body.bytes, c->body.n_bytes);
    return evhttp_make_request(c->connection, request, c->method, c->target.bytes) == 0;
}

static void on_send(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    static const mf_local_client_response none = {.result = MF_LOCAL_CLIENT_UNREACHABLE,
                                                  .body = ""};
    mf_local_client *c = context;
    if (!send_request(c))
        finish(c, &none);
}

mf_local_client *mf_local_client_create(struct event_base *base, const mf_local_address *to,
                                        double timeout_s, size_t max_body_bytes)
{
    const struct timeval timeout = mf_local_timeval(timeout_s);
    mf_local_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->to = to;
    c->connection = evhttp_connection_base_new(base, NULL, to->host, to->port);
    c->sender = event_new(base, -1, 0, on_send, c);
    if (c->connection == NULL || c->sender == NULL) {
        mf_local_client_destroy(c);
        return NULL;
    }
    evhttp_connection_set_timeout_tv(c->connection, &timeout);
    evhttp_connection_set_max_headers_size(c->connection, HEAD_BYTES);
    evhttp_connection_set_max_body_size(c->connection, (ev_ssize_t)max_body_bytes);
    return c;
}

/* evhttp calls back for the request of a connection that is freed. */
static void ignore(void *context, const mf_local_client_response *response)
{
    (void)context;
    (void)response;
}

void mf_local_client_destroy(mf_local_client *c)
{
    if (c == NULL)
        return;
    c->done = ignore;
    c->was_used = false;
    if (c->connection != NULL)
        evhttp_connection_free(c->connection);
    if (c->sender != NULL)
        event_free(c->sender);
    mf_text_free(&c->target);
    mf_text_free(&c->headers);
    mf_text_free(&c->body);
    free(c);
}

bool mf_local_client_is_busy(const mf_local_client *c)
{
    return c->is_busy;
}

void mf_local_client_begin(mf_local_client *c)
{
    mf_text_clear(&c->headers, 4096);
    mf_text_clear(&c->body, 64 << 10);
}

void mf_local_client_add_header(mf_local_client *c, const char *name, size_t n_name,
                                const char *value, size_t n_value)
{
    mf_text_append(&c->headers, name, n_name);
    mf_text_append(&c->headers, "", 1);
    mf_text_append(&c->headers, value, n_value);
    mf_text_append(&c->headers, "", 1);
}

void mf_local_client_add_body(mf_local_client *c, const char *bytes, size_t n_bytes)
{
    mf_text_append(&c->body, bytes, n_bytes);
}

static bool start(mf_local_client *c, enum evhttp_cmd_type method, const char *target,
                  mf_local_client_done *done, void *context)
{
    mf_text_clear(&c->target, 4096);
    mf_text_append(&c->target, target, strlen(target) + 1);
    if (c->target.failed || c->headers.failed || c->body.failed)
        return false;
    c->method = method;
    c->done = done;
    c->context = context;
    c->is_busy = true;
    c->is_repeated = false;
    event_active(c->sender, 0, 0);
    return true;
}

bool mf_local_client_post(mf_local_client *c, const char *target, mf_local_client_done *done,
                          void *context)
{
    return start(c, EVHTTP_REQ_POST, target, done, context);
}

bool mf_local_client_get(mf_local_client *c, const char *target, mf_local_client_done *done,
                         void *context)
{
    return start(c, EVHTTP_REQ_GET, target, done, context);
}

const char *mf_local_client_header(const mf_local_client_response *response, const char *name)
{
    return evhttp_find_header(response->headers, name);
}
