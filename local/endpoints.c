/* endpoints.c: promises in endpoints.h. */
#include "endpoints.h"

#include "endpoint_answer.h"
#include "service_reply.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { ANSWER_HEAD_BYTES = 32 << 10 };

typedef struct endpoint endpoint;

/* A connection to a container and the request on it. */
typedef struct line {
    mf_pending pending;
    endpoint *of;
    struct evhttp_connection *connection;
    mf_web_request *request; /* NULL: the client went away */
    bool busy, used_before, repeated;
    bool timed_out, too_long;
    mf_text headers; /* "Name: value\0" pairs to send again */
    mf_text body;
} line;

struct endpoint {
    mf_endpoints *all;
    const mf_endpoint_settings *settings;
    line lines[MF_ENDPOINT_CONNECTIONS];
};

struct mf_endpoints {
    struct event_base *base;
    const mf_local_settings *settings;
    endpoint *endpoints; /* [settings->n_endpoints] */
};

mf_endpoints *mf_endpoints_create(struct event_base *base, const mf_local_settings *settings)
{
    mf_endpoints *all = calloc(1, sizeof *all);
    if (all == NULL)
        return NULL;
    all->base = base;
    all->settings = settings;
    all->endpoints = calloc(settings->n_endpoints + 1, sizeof *all->endpoints);
    if (all->endpoints == NULL) {
        free(all);
        return NULL;
    }
    for (uint32_t i = 0; i < settings->n_endpoints; i++) {
        all->endpoints[i].all = all;
        all->endpoints[i].settings = &settings->endpoints[i];
    }
    return all;
}

void mf_endpoints_destroy(mf_endpoints *all)
{
    if (all == NULL)
        return;
    for (uint32_t i = 0; i < all->settings->n_endpoints; i++)
        for (size_t l = 0; l < MF_ENDPOINT_CONNECTIONS; l++) {
            line *one = &all->endpoints[i].lines[l];
            one->request = NULL;
            if (one->connection != NULL)
                evhttp_connection_free(one->connection);
            mf_text_free(&one->headers);
            mf_text_free(&one->body);
        }
    free(all->endpoints);
    free(all);
}

static void client_gone(mf_pending *pending)
{
    ((line *)pending)->request = NULL;
}

/* ------------------------------------------------------------------- answers */

static void finish(line *l, struct evhttp_request *answer)
{
    mf_web_request *request = l->request;
    mf_endpoint_answer a = {.settings = l->of->all->settings, .endpoint = l->of->settings};
    l->busy = false;
    l->used_before = answer != NULL;
    l->request = NULL;
    if (request == NULL)
        return;
    mf_web_set_user(request, NULL);
    if (answer == NULL) {
        a.outcome = l->timed_out  ? MF_ENDPOINT_TIMED_OUT
                    : l->too_long ? MF_ENDPOINT_TOO_LONG
                                  : MF_ENDPOINT_UNREACHABLE;
        mf_endpoint_reply(&a, request);
        return;
    }
    struct evbuffer *body = evhttp_request_get_input_buffer(answer);
    a.status = evhttp_request_get_response_code(answer);
    a.n_body = evbuffer_get_length(body);
    a.body = a.n_body > 0 ? (const char *)evbuffer_pullup(body, -1) : "";
    if (a.body == NULL)
        a.n_body = 0;
    struct evkeyval *header;
    for (header = evhttp_request_get_input_headers(answer)->tqh_first; header != NULL;
         header = header->next.tqe_next)
        mf_endpoint_take_header(&a, header->key, header->value);
    mf_endpoint_reply(&a, request);
    mf_text_free(&a.headers);
}

static bool send_request(line *l);

static void on_error(enum evhttp_request_error error, void *context)
{
    line *l = context;
    l->timed_out = error == EVREQ_HTTP_TIMEOUT;
    l->too_long = error == EVREQ_HTTP_DATA_TOO_LONG;
}

static void on_answer(struct evhttp_request *answer, void *context)
{
    line *l = context;
    if (answer != NULL && evhttp_request_get_response_code(answer) == 0)
        answer = NULL;
    if (answer == NULL && l->used_before && !l->repeated && !l->timed_out && !l->too_long &&
        l->request != NULL) {
        l->repeated = true;
        if (send_request(l))
            return;
    }
    finish(l, answer);
}

/* ------------------------------------------------------------------ requests */

static bool send_request(line *l)
{
    const mf_endpoint_settings *to = l->of->settings;
    char target[512], host[300], length[32];
    struct evhttp_request *ask = evhttp_request_new(on_answer, l);
    if (ask == NULL)
        return false;
    l->timed_out = l->too_long = false;
    evhttp_request_set_error_cb(ask, on_error);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(ask);
    snprintf(host, sizeof host, "%s:%u", to->at.host, (unsigned)to->at.port);
    snprintf(length, sizeof length, "%zu", l->body.n_bytes);
    evhttp_add_header(headers, "Host", host);
    evhttp_add_header(headers, "Content-Length", length);
    const char *end = l->headers.bytes + l->headers.n_bytes;
    for (const char *name = l->headers.bytes; name < end;) {
        const char *value = name + strlen(name) + 1;
        evhttp_add_header(headers, name, value);
        name = value + strlen(value) + 1;
    }
    /* Copied: the text is kept in case that it has to be sent again. */
    evbuffer_add(evhttp_request_get_output_buffer(ask), l->body.bytes, l->body.n_bytes);
    snprintf(target, sizeof target, "%s/invocations", to->at.base);
    return evhttp_make_request(l->connection, ask, EVHTTP_REQ_POST, target) == 0;
}

static void keep_request(line *l, const mf_web_request *request)
{
    static const char OURS[] = "x-amzn-sagemaker-";
    mf_web_view name, value;
    mf_text_clear(&l->headers, 4096);
    mf_text_clear(&l->body, 64 << 10);
    for (size_t i = 0; mf_web_header_at(request, i, &name, &value); i++) {
        const bool ours =
            name.n_bytes > strlen(OURS) && strncasecmp(name.bytes, OURS, strlen(OURS)) == 0;
        const bool plain =
            (name.n_bytes == 12 && strncasecmp(name.bytes, "Content-Type", 12) == 0) ||
            (name.n_bytes == 6 && strncasecmp(name.bytes, "Accept", 6) == 0);
        if (!ours && !plain)
            continue;
        mf_text_append(&l->headers, name.bytes, name.n_bytes);
        mf_text_append(&l->headers, "", 1);
        mf_text_append(&l->headers, value.bytes, value.n_bytes);
        mf_text_append(&l->headers, "", 1);
    }
    const mf_web_view body = mf_web_body(request);
    mf_text_append(&l->body, body.bytes, body.n_bytes);
}

static struct evhttp_connection *connect_to(const endpoint *of)
{
    const mf_local_settings *settings = of->all->settings;
    struct evhttp_connection *connection = evhttp_connection_base_new(
        of->all->base, NULL, of->settings->at.host, of->settings->at.port);
    const struct timeval wait = {settings->container_ms / 1000,
                                 (long)(settings->container_ms % 1000) * 1000};
    if (connection == NULL)
        return NULL;
    evhttp_connection_set_timeout_tv(connection, &wait);
    evhttp_connection_set_max_headers_size(connection, ANSWER_HEAD_BYTES);
    evhttp_connection_set_max_body_size(connection, MF_ENDPOINT_BODY_BYTES);
    return connection;
}

static line *free_line(endpoint *of)
{
    for (size_t i = 0; i < MF_ENDPOINT_CONNECTIONS; i++) {
        line *l = &of->lines[i];
        if (l->busy)
            continue;
        if (l->connection == NULL)
            l->connection = connect_to(of);
        return l->connection != NULL ? l : NULL;
    }
    return NULL;
}

static void hand_on(endpoint *of, mf_web_request *request)
{
    line *l = free_line(of);
    if (l == NULL) {
        const mf_endpoint_answer a = {.settings = of->all->settings,
                                      .endpoint = of->settings,
                                      .outcome = MF_ENDPOINT_THROTTLED};
        mf_endpoint_reply(&a, request);
        return;
    }
    keep_request(l, request);
    l->pending.gone = client_gone;
    l->of = of;
    l->request = request;
    l->busy = true;
    l->repeated = false;
    mf_web_set_user(request, &l->pending);
    if (l->headers.failed || l->body.failed || !send_request(l)) {
        l->used_before = false;
        finish(l, NULL);
    }
}

static bool attribute_too_long(const mf_web_request *request, const char *name, size_t most)
{
    return mf_web_header(request, name).n_bytes > most;
}

bool mf_endpoints_handle(mf_endpoints *all, mf_web_request *request)
{
    char name[128], message[256];
    if (!mf_service_name(mf_web_path(request), "/endpoints/", "/invocations", name, sizeof name) ||
        !mf_web_equals(mf_web_method(request), "POST"))
        return false;
    snprintf(message, sizeof message, "Endpoint %.63s of account %.32s not found.", name,
             all->settings->account);
    endpoint *of = NULL;
    for (uint32_t i = 0; i < all->settings->n_endpoints; i++)
        if (strcmp(all->settings->endpoints[i].name, name) == 0)
            of = &all->endpoints[i];
    if (of != NULL &&
        (mf_web_overflowed(request) || mf_web_body(request).n_bytes > MF_ENDPOINT_BODY_BYTES)) {
        snprintf(message, sizeof message, "Request size exceeds the limit of %d bytes",
                 MF_ENDPOINT_BODY_BYTES);
        of = NULL;
    } else if (of != NULL &&
               (attribute_too_long(request, "x-amzn-sagemaker-custom-attributes", 1024) ||
                attribute_too_long(request, "x-amzn-sagemaker-inference-id", 64))) {
        snprintf(message, sizeof message,
                 "CustomAttributes has at most 1024 bytes, InferenceId 64");
        of = NULL;
    }
    if (of == NULL)
        mf_service_refuse_with(request, 400, "ValidationError", "", "Message", message);
    else
        hand_on(of, request);
    return true;
}
