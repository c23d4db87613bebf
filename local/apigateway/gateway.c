/* gateway.c: a request becomes an invocation, and the function's response the client's.
 *
 * A `call` connects the two while the function works: it is the pending state of the request and
 * the context of the invocation. It ends with the response, with the API's own timeout (504; the
 * function works on and its response is discarded) or when the client disconnects. */
#include "local/apigateway/gateway.h"

#include "base/clock.h"
#include "base/log.h"
#include "local/apigateway/event.h"
#include "local/apigateway/response.h"
#include "local/service.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>

enum { HEADERS_BYTES = 10240, PAYLOAD_BYTES = 10 << 20 };

typedef struct call {
    mf_local_pending pending; /* first: a pointer to one is a pointer to the other */
    mf_local_gateway *gateway;
    const mf_local_route *route;
    mf_http_request *request; /* NULL: responseed already, by 504 */
    mf_local_invocation *invocation;
    struct event *timer;
} call;

static const char INTERNAL[] = "Internal server error";

static void free_call(call *c)
{
    if (c->timer != NULL)
        event_free(c->timer);
    free(c);
}

static void client_gone(mf_local_pending *pending)
{
    call *c = (call *)pending;
    c->invocation->done = NULL;
    free_call(c);
}

static void on_time_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    call *c = context;
    mf_local_service_refuse(c->request, 504, "InternalServerErrorException",
                            "Endpoint request timed out");
    client_gone(&c->pending);
}

/* ------------------------------------------------------------------- responses */

static void respond(mf_http_request *request, const mf_local_gateway_response *response,
                    const mf_local_invocation *invocation)
{
    const char *end = response->headers.bytes + response->headers.n_bytes;
    for (const char *name = response->headers.bytes; name < end;) {
        const char *value = name + strlen(name) + 1;
        mf_local_add_header(request, name, value);
        name = value + strlen(value) + 1;
    }
    mf_local_add_header(request, "x-amzn-RequestId", invocation->id);
    mf_local_add_header(request, "x-amz-apigw-id", "local");
    mf_local_add_header(request, "X-Amzn-Trace-Id", invocation->trace);
    mf_local_respond(request, response->status, response->body.bytes, response->body.n_bytes);
}

/* 2.0 decodes always; 1.0 when the first of what the client accepts is binary. */
static bool wants_bytes(const call *c)
{
    const mf_http_view accept = mf_http_get_header(c->request, "accept");
    return accept.bytes != NULL &&
           mf_local_gateway_is_binary(c->gateway->settings, accept.bytes, accept.n_bytes);
}

static void done(void *context, const mf_local_invocation *invocation,
                 const mf_local_response *from)
{
    call *c = context;
    mf_http_request *request = c->request;
    mf_local_gateway_response response = {.status = 502};
    mf_error err = {0};
    bool ok = !from->failed || c->route->payload == MF_LOCAL_PAYLOAD_NONE;
    if (ok) {
        ok = mf_local_gateway_response_read(&response, c->route->payload, from->payload,
                                            from->n_payload, wants_bytes(c), &err);
        if (!ok)
            mf_log_message(MF_LOG_WARNING, "malformed_response",
                           "%s %s: Execution failed due to configuration error: %s",
                           c->route->method, c->route->path, err.text);
    }
    free_call(c);
    if (ok)
        respond(request, &response, invocation);
    else
        mf_local_service_refuse(request, 502, "InternalServerErrorException", INTERNAL);
    mf_local_gateway_response_free(&response);
}

/* ------------------------------------------------------------------ requests */

static bool within_rate(mf_local_gateway *gateway)
{
    const mf_local_settings *settings = gateway->settings;
    if (settings->rate <= 0)
        return true;
    const double now = mf_clock_seconds();
    gateway->tokens += (now - gateway->tokens_at) * settings->rate;
    gateway->tokens_at = now;
    if (gateway->tokens > settings->burst)
        gateway->tokens = settings->burst;
    if (gateway->tokens < 1)
        return false;
    gateway->tokens -= 1;
    return true;
}

static mf_http_view text_view(const char *text)
{
    return (mf_http_view){text, strlen(text)};
}

/* The event into the invocation. False when the request has been refused. */
static bool write_event(const mf_local_gateway *gateway, const mf_local_route *route,
                        const mf_local_path_parameters *parameters, mf_http_request *request,
                        mf_local_invocation *invocation)
{
    char port[8], peer[MF_HTTP_PEER_BYTES];
    mf_http_view name, value;
    mf_http_get_peer(request, peer);
    mf_local_gateway_request r = {
        .settings = gateway->settings,
        .route = route,
        .parameters = parameters,
        .request_id = invocation->id,
        .trace = invocation->trace,
        .peer = peer,
        .port = gateway->port,
        .wall_ms = mf_clock_wall_ms(),
        .method = mf_http_get_method(request),
        .sent_path = mf_http_get_path(request),
        .path = mf_local_gateway_path(mf_http_get_path(request), gateway->settings->stage),
        .query = mf_http_get_query(request),
        .body = mf_http_get_body(request),
    };
    /* Before mf_http_get_header joins values of one name. */
    for (size_t i = 0; mf_http_get_header_at(request, i, &name, &value); i++)
        if (name.n_bytes > 0)
            mf_local_gateway_add_header(&r, name, value);
    r.content_type = mf_http_get_header(request, "content-type");
    r.user_agent = mf_http_get_header(request, "user-agent");
    snprintf(port, sizeof port, "%u", (unsigned)gateway->port);
    if (mf_http_get_header(request, "x-amzn-trace-id").bytes == NULL)
        mf_local_gateway_add_header(&r, text_view("X-Amzn-Trace-Id"), text_view(invocation->trace));
    mf_local_gateway_add_header(&r, text_view("X-Forwarded-For"), text_view(r.peer));
    mf_local_gateway_add_header(&r, text_view("X-Forwarded-Port"), text_view(port));
    mf_local_gateway_add_header(&r, text_view("X-Forwarded-Proto"), text_view("http"));
    if (!mf_local_gateway_event_write(&invocation->event, &r)) {
        mf_local_service_refuse(request, 400, "BadRequestException", "Bad Request");
        return false;
    }
    if (invocation->event.failed) {
        mf_local_service_refuse(request, 500, "InternalServerErrorException", INTERNAL);
        return false;
    }
    if (invocation->event.n_bytes > MF_LOCAL_INVOCATION_EVENT_BYTES) {
        mf_local_service_refuse(request, 413, "RequestTooLargeException", "Request Too Long");
        return false;
    }
    return true;
}

/* A body that is to be the event must be JSON, or Lambda refuses it. */
static bool is_fit(const mf_local_route *route, const mf_local_invocation *invocation,
                   mf_http_request *request)
{
    if (route->payload != MF_LOCAL_PAYLOAD_NONE)
        return true;
    json_t *value = json_loadb(invocation->event.bytes, invocation->event.n_bytes,
                               JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_decref(value);
    if (value == NULL)
        mf_local_service_refuse(request, 400, "BadRequestException",
                                "Could not parse request body into json");
    return value != NULL;
}

static void submit(mf_local_gateway *gateway, const mf_local_route *route, mf_http_request *request,
                   mf_local_invocation *invocation)
{
    mf_local_function *function = gateway->functions[route->function];
    call *c = calloc(1, sizeof *c);
    struct event *timer = c != NULL ? evtimer_new(gateway->base, on_time_over, c) : NULL;
    if (timer != NULL) {
        *c = (call){{client_gone}, gateway, route, request, invocation, timer};
        mf_local_start_timer(timer, gateway->settings->gateway_s);
        invocation->done = done;
        invocation->context = c;
        memcpy(invocation->arn, mf_local_function_arn(function),
               strlen(mf_local_function_arn(function)) + 1);
        mf_http_set_user(request, &c->pending);
        if (mf_local_function_submit(function, invocation))
            return;
    }
    mf_local_invocation_destroy(invocation);
    if (c != NULL)
        free_call(c);
    mf_local_service_refuse(request, 500, "InternalServerErrorException", INTERNAL);
}

void mf_local_gateway_handle(mf_local_gateway *gateway, mf_http_request *request)
{
    mf_local_path_parameters parameters;
    const mf_http_view path =
        mf_local_gateway_path(mf_http_get_path(request), gateway->settings->stage);
    const mf_local_route *route =
        mf_local_gateway_find(gateway->settings, mf_http_get_method(request), path, &parameters);
    if (route == NULL) {
        mf_local_service_refuse(request, 403, "MissingAuthenticationTokenException",
                                "Missing Authentication Token");
        return;
    }
    if (!within_rate(gateway)) {
        mf_local_service_refuse(request, 429, "TooManyRequestsException", "Too Many Requests");
        return;
    }
    if (mf_http_get_head_bytes(request) > HEADERS_BYTES) {
        mf_local_service_refuse(request, 431, "RequestHeaderFieldsTooLarge",
                                "Request Header Fields Too Large");
        return;
    }
    if (mf_http_is_body_too_large(request) || mf_http_get_body(request).n_bytes > PAYLOAD_BYTES) {
        mf_local_service_refuse(request, 413, "RequestTooLargeException", "Request Too Long");
        return;
    }
    const mf_http_view trace = mf_http_get_header(request, "x-amzn-trace-id");
    mf_local_invocation *invocation = mf_local_invocation_create(trace.bytes, trace.n_bytes);
    if (invocation == NULL)
        mf_local_service_refuse(request, 500, "InternalServerErrorException", INTERNAL);
    else if (!write_event(gateway, route, &parameters, request, invocation) ||
             !is_fit(route, invocation, request))
        mf_local_invocation_destroy(invocation);
    else
        submit(gateway, route, request, invocation);
}
