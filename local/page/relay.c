/* relay.c: each of a few connections has one request under way; more are refused with 503. */
#include "local/page/relay.h"

#include "base/base64.h"
#include "base/clock.h"
#include "local/client.h"
#include "local/eventsource/kinesis.h"
#include "local/service.h"

#include <jansson.h>
#include <stdlib.h>

enum { CALLS = 8, LIST_BYTES = 4 << 20 };

typedef struct call {
    mf_local_pending pending; /* first: a pointer to one is a pointer to the other */
    mf_local_client *client;  /* NULL until it is needed */
    mf_http_request *request; /* NULL: the client went away */
} call;

struct mf_local_relay {
    struct event_base *base;
    const mf_local_settings *settings;
    call puts[CALLS];
    call gets[CALLS];
};

mf_local_relay *mf_local_relay_create(struct event_base *base, const mf_local_settings *settings)
{
    mf_local_relay *relay = calloc(1, sizeof *relay);
    if (relay != NULL)
        *relay = (mf_local_relay){.base = base, .settings = settings};
    return relay;
}

void mf_local_relay_destroy(mf_local_relay *relay)
{
    if (relay == NULL)
        return;
    for (size_t i = 0; i < CALLS; i++) {
        mf_local_client_destroy(relay->puts[i].client);
        mf_local_client_destroy(relay->gets[i].client);
    }
    free(relay);
}

static void client_gone(mf_local_pending *pending)
{
    ((call *)pending)->request = NULL;
}

static void on_response(void *context, const mf_local_client_response *from)
{
    call *c = context;
    mf_http_request *request = c->request;
    c->request = NULL;
    if (request == NULL)
        return;
    if (from->result != MF_LOCAL_CLIENT_RESPONDED) {
        mf_local_service_refuse(request, 502, "BadGateway",
                                "the program behind the page does not respond");
        return;
    }
    mf_local_add_header(request, "Content-Type", "application/json");
    mf_local_add_header(request, "Cache-Control", "no-store");
    mf_local_respond(request, from->status, from->body, from->n_body);
}

/* A call that is free, with its client. NULL when the request has been refused. */
static call *take(mf_local_relay *relay, call calls[CALLS], mf_http_request *request)
{
    const mf_local_settings *settings = relay->settings;
    for (size_t i = 0; i < CALLS; i++) {
        call *c = &calls[i];
        if (c->client == NULL)
            c->client = calls == relay->puts
                            ? mf_local_kinesis_connect(relay->base, settings)
                            : mf_local_client_create(relay->base, &settings->endpoints[0].at,
                                                     settings->container_s, LIST_BYTES);
        if (c->client == NULL || mf_local_client_is_busy(c->client))
            continue;
        c->pending.gone = client_gone;
        c->request = request;
        mf_http_set_user(request, &c->pending);
        return c;
    }
    mf_local_service_refuse(request, 503, "ServiceUnavailable", "too many requests at once");
    return NULL;
}

static void refuse_unsent(call *c)
{
    mf_http_request *request = c->request;
    c->request = NULL;
    mf_http_set_user(request, NULL);
    mf_local_service_refuse(request, 500, "InternalFailure", "no memory for a request");
}

/* ------------------------------------------------------------------------ put */

static bool is_id(const json_t *value)
{
    return (json_is_string(value) && json_string_length(value) > 0) || json_is_integer(value);
}

/* The event with the time of its arrival, or NULL. */
static json_t *read_event(mf_http_view body)
{
    json_t *event = json_loadb(body.bytes, body.n_bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *rating = json_object_get(event, "rating");
    const bool ok = is_id(json_object_get(event, "userId")) &&
                    is_id(json_object_get(event, "movieId")) &&
                    (rating == NULL || json_is_number(rating)) &&
                    json_object_size(event) == (rating != NULL ? 3u : 2u);
    if (ok &&
        json_object_set_new(event, "timestamp", json_real((double)mf_clock_wall_ms() / 1000)) == 0)
        return event;
    json_decref(event);
    return NULL;
}

static void append_partition_key(mf_text *out, const json_t *user)
{
    if (json_is_string(user))
        mf_text_json(out, json_string_value(user), json_string_length(user));
    else
        mf_text_format(out, "\"%lld\"", (long long)json_integer_value(user));
}

void mf_local_relay_put(mf_local_relay *relay, mf_http_request *request)
{
    json_t *event = read_event(mf_http_get_body(request));
    if (event == NULL) {
        mf_local_service_refuse(
            request, 400, "BadRequest",
            "expected {\"userId\":…,\"movieId\":…,\"rating\":…}, the ids texts or whole numbers");
        return;
    }
    mf_text data = MF_TEXT_EMPTY, body = MF_TEXT_EMPTY;
    mf_text_literal(&body, "{\"StreamName\":");
    mf_text_json(&body, relay->settings->page_stream, strlen(relay->settings->page_stream));
    mf_text_literal(&body, ",\"PartitionKey\":");
    append_partition_key(&body, json_object_get(event, "userId"));
    mf_local_json_append(&data, event);
    mf_text_literal(&body, ",\"Data\":\"");
    mf_base64_encode(&body, data.bytes, data.n_bytes);
    mf_text_literal(&body, "\"}");
    body.failed = body.failed || data.failed;
    mf_text_free(&data);
    call *c = take(relay, relay->puts, request);
    if (c == NULL)
        mf_text_free(&body);
    else if (!mf_local_kinesis_call(c->client, relay->settings, "PutRecord", &body, on_response, c))
        refuse_unsent(c);
}

/* ------------------------------------------------------------------------ get */

void mf_local_relay_get(mf_local_relay *relay, mf_http_request *request, const char *target)
{
    call *c = take(relay, relay->gets, request);
    if (c == NULL)
        return;
    mf_local_client_begin(c->client);
    if (!mf_local_client_get(c->client, target, on_response, c))
        refuse_unsent(c);
}
