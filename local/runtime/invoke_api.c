/* invoke_api.c: finds the function by name, ARN and qualifier, checks the request as Lambda does,
 * and submits an invocation. The invocation is the pending state of the request; an event
 * invocation (202) has none. */
#include "local/runtime/invoke_api.h"

#include "base/base64.h"
#include "http/parse/head.h"
#include "local/service.h"

#include <jansson.h>
#include <stdio.h>

static const char PREFIX[] = "/2015-03-31/functions/";
static const char LATEST[] = "$LATEST";

static void client_gone(mf_local_pending *pending)
{
    ((mf_local_invocation *)pending)->done = NULL;
}

static void done(void *context, const mf_local_invocation *invocation,
                 const mf_local_response *response)
{
    mf_http_request *request = context;
    mf_local_service_add_headers(request, invocation->id);
    mf_local_add_header(request, "X-Amz-Executed-Version", LATEST);
    mf_local_add_header(request, "X-Amzn-Trace-Id", invocation->trace);
    if (response->failed)
        mf_local_add_header(request, "X-Amz-Function-Error", "Unhandled");
    if (mf_local_equals(mf_http_get_header(request, "x-amz-log-type"), "Tail")) {
        mf_text tail = MF_TEXT_EMPTY;
        mf_base64_encode(&tail, response->tail, response->n_tail);
        mf_local_add_header_bytes(request, "X-Amz-Log-Result", tail.bytes, tail.n_bytes);
        mf_text_free(&tail);
    }
    mf_local_respond(request, 200, response->payload, response->n_payload);
}

/* ------------------------------------------------------------------- errors */

static void refuse(mf_http_request *request, int status, const char *type, const char *message)
{
    mf_local_service_refuse_with(request, status, type,
                                 status >= 500 ? "\"Type\":\"Service\"," : "\"Type\":\"User\",",
                                 status == 404 || status >= 500 ? "Message" : "message", message);
}

/* The processes of a function are the concurrency that it has for itself. */
static void throttled(mf_http_request *request)
{
    mf_local_service_refuse_with(request, 429, "TooManyRequestsException",
                                 "\"Reason\":\"ReservedFunctionConcurrentInvocationLimitExceeded\","
                                 "\"Type\":\"User\",",
                                 "message", "Rate Exceeded.");
}

/* ---------------------------------------------------------------- which one */

static void not_found(const mf_local_invoke_api *api, mf_http_request *request, const char *name,
                      const char *qualifier)
{
    char message[512];
    snprintf(message, sizeof message, "Function not found: arn:aws:lambda:%s:%s:function:%s%s%s",
             api->settings->region, api->settings->account, name, qualifier[0] != '\0' ? ":" : "",
             qualifier);
    refuse(request, 404, "ResourceNotFoundException", message);
}

/* Cuts the prefix of the name and the qualifier that follows it. */
static const char *bare_name(char *text, const char **qualifier)
{
    static const char MARK[] = "function:";
    char *name = strstr(text, MARK);
    name = name != NULL ? name + strlen(MARK) : text;
    char *colon = strchr(name, ':');
    *qualifier = colon != NULL ? colon + 1 : "";
    if (colon != NULL)
        *colon = '\0';
    return name;
}

static mf_local_function *find(const mf_local_invoke_api *api, mf_http_request *request, char *text,
                               const char **qualifier)
{
    const char *name = bare_name(text, qualifier);
    mf_http_view query = mf_http_get_query(request);
    if (mf_local_take_prefix(&query, "Qualifier=") && query.n_bytes > 0)
        *qualifier =
            mf_local_equals(query, LATEST) || mf_head_is(query.bytes, query.n_bytes, "%24latest")
                ? LATEST
                : "?";
    if ((*qualifier)[0] == '\0' || strcmp(*qualifier, LATEST) == 0)
        for (uint32_t i = 0; i < api->settings->n_functions; i++)
            if (strcmp(mf_local_function_name(api->functions[i]), name) == 0)
                return api->functions[i];
    not_found(api, request, name, *qualifier);
    return NULL;
}

/* ------------------------------------------------------------------ request */

static bool is_json(mf_http_view body)
{
    json_t *value = json_loadb(body.bytes, body.n_bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_decref(value);
    return value != NULL;
}

/* The event and the client's context; false when it has been refused. */
static bool fill(mf_local_invocation *invocation, mf_http_request *request)
{
    const mf_http_view body = mf_http_get_body(request);
    const mf_http_view context = mf_http_get_header(request, "x-amz-client-context");
    if (body.n_bytes > 0 && !is_json(body)) {
        refuse(request, 400, "InvalidRequestContentException",
               "Could not parse request body into json");
        return false;
    }
    if (context.bytes != NULL &&
        (!mf_base64_decode(&invocation->client_context, context.bytes, context.n_bytes) ||
         !is_json((mf_http_view){invocation->client_context.bytes,
                                 invocation->client_context.n_bytes}))) {
        refuse(request, 400, "InvalidRequestContentException",
               "Client context must be a valid Base64-encoded JSON object.");
        return false;
    }
    if (body.n_bytes == 0)
        mf_text_literal(&invocation->event, "{}");
    else
        mf_text_append(&invocation->event, body.bytes, body.n_bytes);
    return !invocation->event.failed;
}

static void invoke_now(mf_local_function *function, mf_local_invocation *invocation,
                       mf_http_request *request)
{
    invocation->pending.gone = client_gone;
    invocation->done = done;
    invocation->context = request;
    mf_http_set_user(request, &invocation->pending);
    if (mf_local_function_submit(function, invocation))
        return;
    mf_local_invocation_destroy(invocation);
    throttled(request);
}

static void invoke_later(mf_local_function *function, mf_local_invocation *invocation,
                         mf_http_request *request)
{
    char id[MF_LOCAL_UUID_BYTES];
    memcpy(id, invocation->id, sizeof id);
    if (!mf_local_function_submit(function, invocation)) {
        mf_local_invocation_destroy(invocation);
        throttled(request);
        return;
    }
    mf_local_service_add_headers(request, id);
    mf_local_respond(request, 202, "", 0);
}

static void run(const mf_local_invoke_api *api, mf_http_request *request, char *text)
{
    const char *qualifier;
    mf_local_function *function = find(api, request, text, &qualifier);
    if (function == NULL)
        return;
    const mf_http_view type = mf_http_get_header(request, "x-amz-invocation-type");
    const bool later = mf_local_equals(type, "Event");
    const bool dry = mf_local_equals(type, "DryRun");
    if (type.bytes != NULL && !later && !dry && !mf_local_equals(type, "RequestResponse")) {
        refuse(request, 400, "InvalidParameterValueException",
               "X-Amz-Invocation-Type is none of RequestResponse, Event, DryRun");
        return;
    }
    const size_t most = later ? MF_LOCAL_INVOCATION_ASYNC_BYTES : MF_LOCAL_INVOCATION_EVENT_BYTES;
    if (mf_http_is_body_too_large(request) || mf_http_get_body(request).n_bytes > most) {
        char message[128];
        snprintf(message, sizeof message,
                 "Request must be smaller than %zu bytes for the InvokeFunction operation", most);
        refuse(request, 413, "RequestTooLargeException", message);
        return;
    }
    if (dry) {
        mf_local_respond(request, 204, "", 0);
        return;
    }
    const mf_http_view trace = mf_http_get_header(request, "x-amzn-trace-id");
    mf_local_invocation *invocation = mf_local_invocation_create(trace.bytes, trace.n_bytes);
    if (invocation == NULL) {
        refuse(request, 500, "ServiceException", "no memory");
        return;
    }
    snprintf(invocation->arn, sizeof invocation->arn, "%s%s%s", mf_local_function_arn(function),
             qualifier[0] != '\0' ? ":" : "", qualifier);
    if (!fill(invocation, request))
        mf_local_invocation_destroy(invocation);
    else if (later)
        invoke_later(function, invocation, request);
    else
        invoke_now(function, invocation, request);
}

bool mf_local_invoke_api_handle(const mf_local_invoke_api *api, mf_http_request *request)
{
    char text[256];
    const mf_http_view path = mf_http_get_path(request);
    mf_http_view rest = path;
    if (!mf_local_take_prefix(&rest, PREFIX))
        return false;
    if (mf_local_service_name(path, PREFIX, "/invocations", text, sizeof text) &&
        mf_local_equals(mf_http_get_method(request), "POST"))
        run(api, request, text);
    else
        refuse(request, 404, "UnknownOperationException",
               "local-cloud knows of Lambda's operations only Invoke");
    return true;
}
