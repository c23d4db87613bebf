/* endpoint.c: each endpoint has a pool of connections to its container, one request on each. The
 * container's response becomes that of SageMaker Runtime: 2xx is passed on, everything else is an
 * error in AWS's form. */
#include "local/endpoint/endpoint.h"

#include "http/parse/head.h"
#include "local/client.h"
#include "local/service.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

typedef struct endpoint endpoint;

/* A connection to a container and the request on it. */
typedef struct connection {
    mf_local_pending pending; /* first: a pointer to one is a pointer to the other */
    endpoint *of;
    mf_local_client *client;
    mf_http_request *request; /* NULL: the client went away */
} connection;

struct endpoint {
    mf_local_endpoints *all;
    const mf_local_endpoint_settings *settings;
    connection connections[MF_LOCAL_ENDPOINT_CONNECTIONS];
};

struct mf_local_endpoints {
    struct event_base *base;
    const mf_local_settings *settings;
    endpoint *endpoints; /* [settings->n_endpoints] */
};

mf_local_endpoints *mf_local_endpoints_create(struct event_base *base,
                                              const mf_local_settings *settings)
{
    mf_local_endpoints *all = calloc(1, sizeof *all);
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

void mf_local_endpoints_destroy(mf_local_endpoints *all)
{
    if (all == NULL)
        return;
    for (uint32_t i = 0; i < all->settings->n_endpoints; i++)
        for (size_t c = 0; c < MF_LOCAL_ENDPOINT_CONNECTIONS; c++)
            mf_local_client_destroy(all->endpoints[i].connections[c].client);
    free(all->endpoints);
    free(all);
}

static void client_gone(mf_local_pending *pending)
{
    ((connection *)pending)->request = NULL;
}

/* ------------------------------------------------------------------ responses */

/* The container's response inside of SageMaker's. */
static void model_error(const endpoint *of, mf_http_request *request, int status,
                        const char *original, size_t n_original)
{
    const mf_local_settings *settings = of->all->settings;
    const char *name = of->settings->name;
    const bool client = status >= 400 && status < 500;
    mf_text message = MF_TEXT_EMPTY, stream = MF_TEXT_EMPTY;
    char id[MF_LOCAL_UUID_BYTES];
    mf_text_format(&message, "Received %s error (%d) from primary with message \"",
                   client ? "client" : "server", status);
    mf_text_append(&message, original, n_original);
    mf_text_format(&message,
                   "\". See https://%s.console.aws.amazon.com/cloudwatch/home?region=%s"
                   "#logEventViewer:group=/aws/sagemaker/Endpoints/%s in account %s for more "
                   "information.",
                   settings->region, settings->region, name, settings->account);
    mf_text_format(&stream, "arn:aws:logs:%s:%s:log-group:/aws/sagemaker/Endpoints/%s",
                   settings->region, settings->account, name);
    json_t *root =
        json_pack("{s:s, s:o, s:o, s:o, s:i}", "ErrorCode",
                  client ? "CLIENT_ERROR_FROM_MODEL" : "SERVER_ERROR_FROM_MODEL", "LogStreamArn",
                  mf_local_json_text(stream.bytes, stream.n_bytes), "Message",
                  mf_local_json_text(message.bytes, message.n_bytes), "OriginalMessage",
                  mf_local_json_text(original, n_original), "OriginalStatusCode", status);
    mf_local_json_append(mf_http_response(request), root);
    mf_local_service_add_headers(request, mf_local_uuid(id));
    mf_local_add_header(request, "x-amzn-ErrorType", "ModelError");
    mf_http_respond(request, 424, NULL);
    mf_text_free(&message);
    mf_text_free(&stream);
}

static void throttled(mf_http_request *request)
{
    static const char NOTHING[] = "{\"message\":null}";
    char id[MF_LOCAL_UUID_BYTES];
    mf_local_service_add_headers(request, mf_local_uuid(id));
    mf_local_add_header(request, "x-amzn-ErrorType", "ThrottlingException");
    mf_local_respond(request, 400, NOTHING, strlen(NOTHING));
}

static void respond(const mf_local_client_response *from, mf_http_request *request)
{
    static const char *const forwarded[] = {"Content-Type", "X-Amzn-SageMaker-Custom-Attributes",
                                            "X-Amzn-SageMaker-New-Session-Id",
                                            "X-Amzn-SageMaker-Closed-Session-Id"};
    char id[MF_LOCAL_UUID_BYTES];
    mf_local_add_header(request, "x-amzn-RequestId", mf_local_uuid(id));
    mf_local_add_header(request, "x-Amzn-Invoked-Production-Variant", "AllTraffic");
    for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++) {
        const char *value = mf_local_client_header(from, forwarded[i]);
        const bool is_added =
            value != NULL && mf_http_add_header(request, forwarded[i], value, strlen(value));
        if (i == 0 && !is_added)
            mf_local_add_header(request, forwarded[i], "application/octet-stream");
    }
    mf_local_respond(request, 200, from->body, from->n_body);
}

static void unreachable(const endpoint *of, mf_http_request *request)
{
    char message[512];
    snprintf(message, sizeof message, "The container of endpoint %s does not respond at %s:%u",
             of->settings->name, of->settings->at.host, (unsigned)of->settings->at.port);
    mf_local_service_refuse_with(request, 503, "ServiceUnavailable", "", "Message", message);
}

static void on_response(void *context, const mf_local_client_response *from)
{
    static const char LATE[] =
        "Your invocation timed out while waiting for a response from container primary. Review "
        "the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try "
        "again.";
    static const char LONG[] = "the container's response is longer than 6291456 bytes";
    connection *c = context;
    mf_http_request *request = c->request;
    c->request = NULL;
    if (request == NULL)
        return;
    switch (from->result) {
    case MF_LOCAL_CLIENT_RESPONDED:
        if (from->status >= 200 && from->status < 300)
            respond(from, request);
        else
            model_error(c->of, request, from->status, from->body, from->n_body);
        break;
    case MF_LOCAL_CLIENT_TIMED_OUT:
        model_error(c->of, request, 0, LATE, strlen(LATE));
        break;
    case MF_LOCAL_CLIENT_TOO_LONG:
        model_error(c->of, request, 0, LONG, strlen(LONG));
        break;
    case MF_LOCAL_CLIENT_UNREACHABLE:
        unreachable(c->of, request);
        break;
    }
}

/* ------------------------------------------------------------------- requests */

static void copy_request(mf_local_client *client, const mf_http_request *request)
{
    static const char PREFIX[] = "x-amzn-sagemaker-";
    mf_http_view name, value;
    mf_local_client_begin(client);
    for (size_t i = 0; mf_http_get_header_at(request, i, &name, &value); i++)
        if ((name.n_bytes > strlen(PREFIX) &&
             strncasecmp(name.bytes, PREFIX, strlen(PREFIX)) == 0) ||
            mf_head_is(name.bytes, name.n_bytes, "content-type") ||
            mf_head_is(name.bytes, name.n_bytes, "accept"))
            mf_local_client_add_header(client, name.bytes, name.n_bytes, value.bytes,
                                       value.n_bytes);
    const mf_http_view body = mf_http_get_body(request);
    mf_local_client_add_body(client, body.bytes, body.n_bytes);
}

/* NULL when all are busy, or without memory. */
static connection *free_connection(endpoint *of)
{
    for (size_t i = 0; i < MF_LOCAL_ENDPOINT_CONNECTIONS; i++) {
        connection *c = &of->connections[i];
        if (c->client == NULL)
            c->client = mf_local_client_create(of->all->base, &of->settings->at,
                                               of->all->settings->container_s,
                                               MF_LOCAL_ENDPOINT_BODY_BYTES);
        if (c->client == NULL || !mf_local_client_is_busy(c->client))
            return c->client != NULL ? c : NULL;
    }
    return NULL;
}

static void forward(endpoint *of, mf_http_request *request)
{
    char target[MF_LOCAL_TEXT_BYTES + 16];
    connection *c = free_connection(of);
    if (c == NULL) {
        throttled(request);
        return;
    }
    snprintf(target, sizeof target, "%s/invocations", of->settings->at.base);
    c->pending.gone = client_gone;
    c->of = of;
    c->request = request;
    copy_request(c->client, request);
    mf_http_set_user(request, &c->pending);
    if (mf_local_client_post(c->client, target, on_response, c))
        return;
    c->request = NULL;
    unreachable(of, request);
}

static bool attribute_too_long(const mf_http_request *request, const char *name, size_t most)
{
    return mf_http_get_header(request, name).n_bytes > most;
}

bool mf_local_endpoints_handle(mf_local_endpoints *all, mf_http_request *request)
{
    char name[128], message[256];
    if (!mf_local_service_name(mf_http_get_path(request), "/endpoints/", "/invocations", name,
                               sizeof name) ||
        !mf_local_equals(mf_http_get_method(request), "POST"))
        return false;
    snprintf(message, sizeof message, "Endpoint %.63s of account %.32s not found.", name,
             all->settings->account);
    endpoint *of = NULL;
    for (uint32_t i = 0; i < all->settings->n_endpoints; i++)
        if (strcmp(all->settings->endpoints[i].name, name) == 0)
            of = &all->endpoints[i];
    if (of != NULL && (mf_http_is_body_too_large(request) ||
                       mf_http_get_body(request).n_bytes > MF_LOCAL_ENDPOINT_BODY_BYTES)) {
        snprintf(message, sizeof message, "Request size exceeds the limit of %d bytes",
                 MF_LOCAL_ENDPOINT_BODY_BYTES);
        of = NULL;
    } else if (of != NULL &&
               (attribute_too_long(request, "x-amzn-sagemaker-custom-attributes", 1024) ||
                attribute_too_long(request, "x-amzn-sagemaker-inference-id", 64))) {
        snprintf(message, sizeof message,
                 "CustomAttributes has at most 1024 bytes, InferenceId 64");
        of = NULL;
    }
    if (of == NULL)
        mf_local_service_refuse_with(request, 400, "ValidationError", "", "Message", message);
    else
        forward(of, request);
    return true;
}
