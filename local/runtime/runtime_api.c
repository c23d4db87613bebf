/* runtime_api.c: a call is decided when its head is there (decide), which also changes the state,
 * and carried out when its body is there (handle). In between the decision is the request's user
 * pointer; NULL stands for `next`, which has no body. */
#include "local/runtime/runtime_api.h"

#include "base/memory.h"
#include "local/runtime/environment.h"

#include <stdio.h>
#include <string.h>

typedef enum call { NEXT, RESPONSE, ERROR, INIT_ERROR, NO_CALL } call;

/* Decided when the head is there, sent after the body; the request's user pointer. */
typedef struct early_response {
    int status; /* 202: taken */
    const char *type, *message;
} early_response;

static const early_response accepted = {202, "", ""};
static const early_response wrong_id = {400, "InvalidRequestID", "Invalid request ID"};
static const early_response wrong_state = {403, "InvalidStateTransition",
                                           "State transition is not allowed"};
static const early_response wrong_mode = {400, "InvalidFunctionResponseMode",
                                          "Invalid function response mode"};
static const early_response too_large = {413, "RequestEntityTooLarge",
                                         "Exceeded maximum allowed payload size (6291556 bytes)."};
static const early_response no_call = {404, "NotFound", "there is no such call"};

static void respond(mf_http_request *request, const early_response *v)
{
    mf_text *body = mf_http_response(request);
    mf_local_add_header(request, "Content-Type", "application/json");
    if (v->status == 202)
        mf_text_literal(body, "{\"status\":\"OK\"}");
    else
        mf_text_format(body, "{\"errorMessage\":\"%s\",\"errorType\":\"%s\"}", v->message, v->type);
    mf_http_respond(request, v->status, NULL);
}

/* Parses "invocation/ID/response". */
static call invocation_call(mf_http_view rest, mf_http_view *id)
{
    const char *slash = memchr(rest.bytes, '/', rest.n_bytes);
    if (slash == NULL)
        return NO_CALL;
    *id = (mf_http_view){rest.bytes, (size_t)(slash - rest.bytes)};
    const mf_http_view what = {slash + 1, rest.n_bytes - id->n_bytes - 1};
    return mf_local_equals(what, "response") ? RESPONSE
           : mf_local_equals(what, "error")  ? ERROR
                                             : NO_CALL;
}

static call which(const mf_http_request *request, mf_http_view *id)
{
    const mf_http_view method = mf_http_get_method(request);
    mf_http_view path = mf_http_get_path(request);
    if (!mf_local_take_prefix(&path, "/2018-06-01/runtime/"))
        return NO_CALL;
    if (mf_local_equals(method, "GET"))
        return mf_local_equals(path, "invocation/next") ? NEXT : NO_CALL;
    if (!mf_local_equals(method, "POST"))
        return NO_CALL;
    if (mf_local_equals(path, "init/error"))
        return INIT_ERROR;
    return mf_local_take_prefix(&path, "invocation/") ? invocation_call(path, id) : NO_CALL;
}

static bool mode_is_known(const mf_http_request *request)
{
    const mf_http_view mode = mf_http_get_header(request, "lambda-runtime-function-response-mode");
    return mode.bytes == NULL || mf_local_equals(mode, "streaming") ||
           mf_local_equals(mode, "buffered");
}

/* The type as AWS's server keeps it: (Runtime|Function).[A-Z][A-Za-z]+, or what comes close. */
static const char *error_type(const mf_http_request *request, char type[128])
{
    const mf_http_view sent = mf_http_get_header(request, "lambda-runtime-function-error-type");
    static const char FUNCTION[] = "Function.", RUNTIME[] = "Runtime.";
    snprintf(type, 128, "%.*s", sent.n_bytes < 127 ? (int)sent.n_bytes : 0,
             sent.bytes != NULL ? sent.bytes : "");
    const bool of_function = strncmp(type, FUNCTION, strlen(FUNCTION)) == 0;
    const bool of_runtime = strncmp(type, RUNTIME, strlen(RUNTIME)) == 0;
    const size_t n_prefix = of_function ? strlen(FUNCTION) : of_runtime ? strlen(RUNTIME) : 0;
    const char *reason = type + n_prefix;
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (n_prefix > 0 && reason[0] >= 'A' && reason[0] <= 'Z' && reason[1] != '\0' &&
        strspn(reason, LETTERS) == strlen(reason))
        return type;
    return of_function ? "Function.Unknown" : "Runtime.Unknown";
}

static const early_response *decide(mf_local_environment *s, const mf_http_request *request)
{
    mf_http_view id = {NULL, 0};
    switch (which(request, &id)) {
    case NEXT: /* it has no body to wait for: see handle */
        return NULL;
    case NO_CALL:
        return &no_call;
    case INIT_ERROR:
        if (s->killed || s->state != MF_LOCAL_ENVIRONMENT_STARTED)
            return &wrong_state;
        s->state = MF_LOCAL_ENVIRONMENT_INIT_ERROR;
        return &accepted;
    case RESPONSE:
    case ERROR:
        if (s->last_id[0] == '\0' || !mf_local_equals(id, s->last_id))
            return &wrong_id;
        if (s->killed || s->state != MF_LOCAL_ENVIRONMENT_RUNNING)
            return &wrong_state;
        s->state = MF_LOCAL_ENVIRONMENT_BEGUN;
        return mode_is_known(request) ? &accepted : &wrong_mode;
    }
    return &no_call;
}

static void on_head(mf_http_request *request, void *context)
{
    mf_http_set_user(request, mf_without_const(decide(context, request)));
}

static void handle_next(mf_local_environment *s, mf_http_request *request)
{
    if (s->killed || s->state == MF_LOCAL_ENVIRONMENT_OFF ||
        s->state == MF_LOCAL_ENVIRONMENT_BEGUN || s->state == MF_LOCAL_ENVIRONMENT_INIT_ERROR) {
        respond(request, &wrong_state);
        return;
    }
    mf_local_environment_next(s, request);
    if (s->waiting == request)
        mf_http_suspend(request);
}

static void handle(mf_http_request *request, void *context)
{
    mf_local_environment *s = context;
    const early_response *v = mf_http_get_user(request);
    if (v == NULL) {
        handle_next(s, request);
        return;
    }
    mf_http_view id;
    const mf_http_view body = mf_http_get_body(request);
    const call made = which(request, &id);
    if (s->killed || s->state == MF_LOCAL_ENVIRONMENT_OFF) {
        /* It ran out of time while the body was on its way. */
        v = v == &accepted ? &wrong_state : v;
    } else if (v == &wrong_mode) {
        mf_local_environment_fail(s, "Runtime.InvalidResponseModeHeader", v->message, false);
    } else if (v == &accepted && made == INIT_ERROR) {
        mf_local_environment_init_failed(s, body.bytes, body.n_bytes);
    } else if (v == &accepted && mf_http_is_body_too_large(request)) {
        v = &too_large;
        mf_local_environment_fail(
            s, "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 "
            "bytes).",
            false);
    } else if (v == &accepted) {
        char type[128];
        mf_local_environment_respond(s, made == ERROR ? error_type(request, type) : NULL,
                                     body.bytes, body.n_bytes);
    }
    respond(request, v);
}

static void on_disconnect(mf_http_request *request, void *context)
{
    mf_local_environment *s = context;
    if (request == s->waiting)
        s->waiting = NULL; /* READY all the same: it may call again */
    else if ((mf_http_get_user(request) == &accepted || mf_http_get_user(request) == &wrong_mode) &&
             s->state == MF_LOCAL_ENVIRONMENT_BEGUN && !s->killed)
        mf_local_environment_fail(s, "Runtime.TruncatedResponse", "Response truncated", true);
}

const mf_http_route mf_local_runtime_api_route = {
    .path = "*",
    .methods = MF_LOCAL_ALL_METHODS,
    .handle = handle,
    .on_head = on_head,
    .on_disconnect = on_disconnect,
    .no_deadline = true,
    .fin_disconnects = true,
    .raw_body = true,
};
