/* response.c: checks before and after the handler, and makes the body of …/response or …/error. */
#include "lambda/runtime/response.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

const char *mf_lambda_error_type(mf_error_code code)
{
    switch (code) {
    case MF_ERR_PARSE:
        return "Function.InvalidEvent";
    case MF_ERR_UNKNOWN:
        return "Function.NotFound";
    case MF_ERR_NOT_ACCEPTABLE:
        return "Function.NotAcceptable";
    case MF_ERR_LIMIT:
        return "Function.LimitExceeded";
    case MF_ERR_CONFIG:
        return "Function.ConfigurationError";
    case MF_ERR_FORMAT:
        return "Function.InvalidData";
    case MF_ERR_IO:
        return "Function.DownstreamError";
    case MF_ERR_MEMORY:
        return "Function.OutOfMemory";
    case MF_ERR_STOPPED:
        return "Function.Stopped";
    case MF_OK:
    case MF_ERR_ARGUMENT:
    case MF_ERR_DIVERGED:
        break;
    }
    return "Function.InternalError";
}

void mf_lambda_error_write(mf_text *text, const char *type, const char *message)
{
    mf_text_clear(text, text->capacity);
    mf_text_literal(text, "{\"errorMessage\":");
    mf_text_json(text, message, strlen(message));
    mf_text_literal(text, ",\"errorType\":");
    mf_text_json(text, type, strlen(type));
    mf_text_literal(text, ",\"stackTrace\":[]}");
}

/* Kept between events; a handler's larger buffer is freed. */
enum { BODY_BYTES_KEPT = 2 * MF_LAMBDA_RESPONSE_BYTES };

static void fail(mf_lambda_response *response, const char *type, const char *message)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_ERROR, "invocation_failed");
    mf_log_text(&line, "errorType", type);
    mf_log_text(&line, "message", message);
    mf_log_end(&line);
    response->error_type = type;
    mf_text_clear(&response->body, BODY_BYTES_KEPT);
    mf_lambda_error_write(&response->body, type, message);
}

/* The checks before the handler is called. */
static bool reject(mf_lambda_response *response, const mf_lambda_next *next, int64_t now_ms)
{
    char message[160];
    if (next->too_large) {
        snprintf(message, sizeof message, "the event has more than %d bytes",
                 MF_LAMBDA_EVENT_BYTES);
        fail(response, MF_LAMBDA_ERROR_EVENT_TOO_LARGE, message);
        return true;
    }
    if (next->deadline_ms != 0 && next->deadline_ms <= now_ms) {
        snprintf(message, sizeof message,
                 "the deadline passed %lld ms before the event was received",
                 (long long)(now_ms - next->deadline_ms));
        fail(response, MF_LAMBDA_ERROR_DEADLINE_PASSED, message);
        return true;
    }
    return false;
}

void mf_lambda_response_make(mf_lambda_response *response, const mf_lambda_function *function,
                             const mf_lambda_next *next)
{
    memcpy(response->request_id, next->request_id, sizeof response->request_id);
    response->error_type = NULL;
    response->lost = false;
    mf_text_clear(&response->body, BODY_BYTES_KEPT);
    const int64_t now_ms = mf_clock_wall_ms();
    if (reject(response, next, now_ms))
        return;
    const mf_lambda_invocation invocation = {
        .request_id = next->request_id,
        .function_arn = next->function_arn,
        .trace_id = next->trace_id,
        .deadline_ms = next->deadline_ms,
        .received_ms = now_ms,
        .event = next->event,
        .n_event = next->n_event,
    };
    mf_error err = {0};
    const bool is_ping = mf_lambda_event_is_ping(next->event, next->n_event);
    if (!is_ping && !function->handle(function->context, &invocation, &response->body, &err)) {
        if (err.code == MF_OK)
            mf_fail(&err, MF_ERR_ARGUMENT, MF_NOWHERE, "the handler failed without a reason");
        fail(response, mf_lambda_error_type(err.code), err.text);
    } else if (response->body.failed) {
        fail(response, mf_lambda_error_type(MF_ERR_MEMORY), "no memory for the response");
    } else if (response->body.n_bytes > MF_LAMBDA_RESPONSE_BYTES) {
        char message[160];
        snprintf(message, sizeof message, "the response has %zu bytes: at most %d can be sent",
                 response->body.n_bytes, MF_LAMBDA_RESPONSE_BYTES);
        fail(response, MF_LAMBDA_ERROR_RESPONSE_TOO_LARGE, message);
    } else if (response->body.n_bytes == 0) {
        mf_text_literal(&response->body, "null");
    }
}

void mf_lambda_response_free(mf_lambda_response *response)
{
    mf_text_free(&response->body);
}
