/* answer.c: promises in answer.h. */
#include "lambda/runtime/answer.h"

#include "base/clock.h"
#include "base/log.h"
#include "lambda/runtime/report.h"

#include <stdio.h>
#include <string.h>

/* Kept between events; what a handler needed beyond is given back. */
enum { BODY_BYTES_KEPT = 2 * MF_RESPONSE_BYTES };

static void fail(mf_answer *answer, const char *type, const char *message)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_ERROR, "invocation_failed");
    mf_log_text(&line, "errorType", type);
    mf_log_text(&line, "message", message);
    mf_log_end(&line);
    answer->error_type = type;
    mf_text_clear(&answer->body, BODY_BYTES_KEPT);
    mf_report_write(&answer->body, type, message);
}

/* Looks at what must hold before a handler is asked. */
static bool refuse(mf_answer *answer, const mf_incoming *incoming, int64_t now_ms)
{
    char message[160];
    if (incoming->too_large) {
        snprintf(message, sizeof message, "the event has more than %d bytes", MF_EVENT_BYTES);
        fail(answer, MF_REPORT_EVENT_TOO_LARGE, message);
        return true;
    }
    if (incoming->deadline_ms != 0 && incoming->deadline_ms <= now_ms) {
        snprintf(message, sizeof message,
                 "the deadline passed %lld ms before the event was received",
                 (long long)(now_ms - incoming->deadline_ms));
        fail(answer, MF_REPORT_DEADLINE_PASSED, message);
        return true;
    }
    return false;
}

void mf_answer_make(mf_answer *answer, const mf_runtime_function *function,
                    const mf_incoming *incoming)
{
    memcpy(answer->request_id, incoming->request_id, sizeof answer->request_id);
    answer->error_type = NULL;
    answer->lost = false;
    mf_text_clear(&answer->body, BODY_BYTES_KEPT);
    const int64_t now_ms = mf_clock_wall_ms();
    if (refuse(answer, incoming, now_ms))
        return;
    const mf_invocation invocation = {
        .request_id = incoming->request_id,
        .function_arn = incoming->function_arn,
        .trace_id = incoming->trace_id,
        .deadline_ms = incoming->deadline_ms,
        .received_ms = now_ms,
        .event = incoming->event.n_bytes > 0 ? incoming->event.bytes : "",
        .n_event = incoming->event.n_bytes,
    };
    mf_error err = {0};
    if (!function->handle(function->context, &invocation, &answer->body, &err)) {
        if (err.code == MF_OK)
            mf_fail(&err, MF_ERR_ARGUMENT, MF_NOWHERE, "the handler failed without a reason");
        fail(answer, mf_report_type(err.code), err.text);
    } else if (answer->body.failed) {
        fail(answer, mf_report_type(MF_ERR_MEMORY), "no memory for the response");
    } else if (answer->body.n_bytes > MF_RESPONSE_BYTES) {
        char message[160];
        snprintf(message, sizeof message, "the response has %zu bytes: at most %d can be sent",
                 answer->body.n_bytes, MF_RESPONSE_BYTES);
        fail(answer, MF_REPORT_RESPONSE_TOO_LARGE, message);
    } else if (answer->body.n_bytes == 0) {
        mf_text_literal(&answer->body, "null");
    }
}

void mf_answer_free(mf_answer *answer)
{
    mf_text_free(&answer->body);
}
