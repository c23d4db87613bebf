/* runtime_api.c: promises in runtime_api.h. */
#include "runtime_api.h"

#include "base/memory.h"

#include "sandbox.h"

#include <stdio.h>
#include <string.h>

static const char BASE[] = "/2018-06-01/runtime/";

typedef enum call { NEXT, RESPONSE, ERROR, INIT_ERROR, NO_CALL } call;

/* Decided with the head, said with the body; the request's user pointer. */
typedef struct verdict {
    int status; /* 202: taken */
    const char *type, *message;
} verdict;

static const verdict taken = {202, "", ""};
static const verdict wrong_id = {400, "InvalidRequestID", "Invalid request ID"};
static const verdict wrong_state = {403, "InvalidStateTransition",
                                    "State transition is not allowed"};
static const verdict wrong_mode = {400, "InvalidFunctionResponseMode",
                                   "Invalid function response mode"};
static const verdict too_large = {413, "RequestEntityTooLarge",
                                  "Exceeded maximum allowed payload size (6291556 bytes)."};
static const verdict no_call = {404, "NotFound", "there is no such call"};

static void reply_verdict(mf_web_request *request, const verdict *v)
{
    mf_text headers = MF_TEXT_EMPTY, body = MF_TEXT_EMPTY;
    mf_text_literal(&headers, "Content-Type: application/json\r\n");
    if (v->status == 202)
        mf_text_literal(&body, "{\"status\":\"OK\"}");
    else
        mf_text_format(&body, "{\"errorMessage\":\"%s\",\"errorType\":\"%s\"}", v->message,
                       v->type);
    mf_web_set_user(request, NULL);
    mf_web_reply(request, v->status, &headers, body.bytes, body.n_bytes);
    mf_text_free(&headers);
    mf_text_free(&body);
}

/* Takes "invocation/ID/response" apart. */
static call invocation_call(mf_web_view rest, mf_web_view *id)
{
    const char *slash = memchr(rest.bytes, '/', rest.n_bytes);
    if (slash == NULL)
        return NO_CALL;
    *id = (mf_web_view){rest.bytes, (size_t)(slash - rest.bytes)};
    const mf_web_view what = {slash + 1, rest.n_bytes - id->n_bytes - 1};
    return mf_web_equals(what, "response") ? RESPONSE
           : mf_web_equals(what, "error")  ? ERROR
                                           : NO_CALL;
}

static call which(const mf_web_request *request, mf_web_view *id)
{
    static const char INVOCATION[] = "invocation/";
    mf_web_view path = mf_web_path(request);
    if (path.n_bytes < strlen(BASE) || memcmp(path.bytes, BASE, strlen(BASE)) != 0)
        return NO_CALL;
    path.bytes += strlen(BASE);
    path.n_bytes -= strlen(BASE);
    if (mf_web_equals(mf_web_method(request), "GET"))
        return mf_web_equals(path, "invocation/next") ? NEXT : NO_CALL;
    if (!mf_web_equals(mf_web_method(request), "POST"))
        return NO_CALL;
    if (mf_web_equals(path, "init/error"))
        return INIT_ERROR;
    if (path.n_bytes < strlen(INVOCATION) ||
        memcmp(path.bytes, INVOCATION, strlen(INVOCATION)) != 0)
        return NO_CALL;
    path.bytes += strlen(INVOCATION);
    path.n_bytes -= strlen(INVOCATION);
    return invocation_call(path, id);
}

static bool mode_is_known(const mf_web_request *request)
{
    const mf_web_view mode = mf_web_header(request, "lambda-runtime-function-response-mode");
    return mode.bytes == NULL || mf_web_equals(mode, "streaming") ||
           mf_web_equals(mode, "buffered");
}

/* The type as AWS's server keeps it: (Runtime|Function).[A-Z][A-Za-z]+, or what comes close. */
static const char *error_type(const mf_web_request *request, char type[128])
{
    const mf_web_view sent = mf_web_header(request, "lambda-runtime-function-error-type");
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

static const verdict *judge(mf_sandbox *s, const mf_web_request *request)
{
    mf_web_view id = {NULL, 0};
    switch (which(request, &id)) {
    case NEXT: /* it has no body to wait for: see handle */
        return NULL;
    case NO_CALL:
        return &no_call;
    case INIT_ERROR:
        if (s->doomed || s->state != MF_SANDBOX_STARTED)
            return &wrong_state;
        s->state = MF_SANDBOX_INIT_ERROR;
        return &taken;
    case RESPONSE:
    case ERROR:
        if (s->last_id[0] == '\0' || !mf_web_equals(id, s->last_id))
            return &wrong_id;
        if (s->doomed || s->state != MF_SANDBOX_RUNNING)
            return &wrong_state;
        s->state = MF_SANDBOX_BEGUN;
        return mode_is_known(request) ? &taken : &wrong_mode;
    }
    return &no_call;
}

static void begin(void *context, mf_web_request *request)
{
    mf_web_set_user(request, mf_without_const(judge(context, request)));
}

static void handle_next(mf_sandbox *s, mf_web_request *request)
{
    if (s->doomed || s->state == MF_SANDBOX_OFF || s->state == MF_SANDBOX_BEGUN ||
        s->state == MF_SANDBOX_INIT_ERROR)
        reply_verdict(request, &wrong_state);
    else
        mf_sandbox_next(s, request);
}

static void handle(void *context, mf_web_request *request)
{
    mf_sandbox *s = context;
    const verdict *v = mf_web_user(request);
    if (v == NULL) {
        handle_next(s, request);
        return;
    }
    mf_web_view id;
    const mf_web_view body = mf_web_body(request);
    const call made = which(request, &id);
    if (s->doomed || s->state == MF_SANDBOX_OFF) {
        /* It ran out of time while the body was on its way. */
        v = v == &taken ? &wrong_state : v;
    } else if (v == &wrong_mode) {
        mf_sandbox_fail(s, "Runtime.InvalidResponseModeHeader", v->message, false);
    } else if (v == &taken && made == INIT_ERROR) {
        mf_sandbox_init_failed(s, body.bytes, body.n_bytes);
    } else if (v == &taken && mf_web_overflowed(request)) {
        v = &too_large;
        mf_sandbox_fail(s, "Function.ResponseSizeTooLarge",
                        "Response payload size exceeded maximum allowed payload size (6291556 "
                        "bytes).",
                        false);
    } else if (v == &taken) {
        char type[128];
        mf_sandbox_answer(s, made == ERROR ? error_type(request, type) : NULL, body.bytes,
                          body.n_bytes);
    }
    reply_verdict(request, v);
}

static void gone(void *context, mf_web_request *request)
{
    mf_sandbox *s = context;
    if (request == s->waiting)
        s->waiting = NULL; /* READY all the same: it may call again */
    else if ((mf_web_user(request) == &taken || mf_web_user(request) == &wrong_mode) &&
             s->state == MF_SANDBOX_BEGUN && !s->doomed)
        mf_sandbox_fail(s, "Runtime.TruncatedResponse", "Response truncated", true);
}

mf_web_handler mf_runtime_api_handler(struct mf_sandbox *sandbox)
{
    return (mf_web_handler){
        .begin = begin, .handle = handle, .gone = gone, .context = sandbox, .ends_at_fin = true};
}
