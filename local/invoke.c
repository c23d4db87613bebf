/* invoke.c: promises in invoke.h. */
#include "invoke.h"

#include "output.h"

#include <stdlib.h>

mf_invoke *mf_invoke_create(const char *trace, size_t n_trace)
{
    mf_invoke *invoke = calloc(1, sizeof *invoke);
    if (invoke == NULL)
        return NULL;
    mf_uuid_make(invoke->id);
    if (trace != NULL && n_trace > 0 && n_trace < sizeof invoke->trace)
        memcpy(invoke->trace, trace, n_trace);
    else
        mf_trace_make(invoke->trace);
    return invoke;
}

void mf_invoke_destroy(mf_invoke *invoke)
{
    if (invoke == NULL)
        return;
    mf_text_free(&invoke->event);
    mf_text_free(&invoke->client_context);
    free(invoke);
}

void mf_invoke_finish(mf_invoke *invoke, const mf_outcome *outcome)
{
    if (invoke->done != NULL)
        invoke->done(invoke->context, invoke, outcome);
    mf_invoke_destroy(invoke);
}

void mf_outcome_set_tail(mf_outcome *outcome, const mf_text *tail)
{
    const size_t n = tail->n_bytes < MF_OUTPUT_TAIL_BYTES ? tail->n_bytes : MF_OUTPUT_TAIL_BYTES;
    outcome->tail = n > 0 ? tail->bytes + tail->n_bytes - n : "";
    outcome->n_tail = n;
}

void mf_invoke_fail(mf_invoke *invoke, const char *type, const char *message, const mf_text *tail)
{
    mf_text line = MF_TEXT_EMPTY, payload = MF_TEXT_EMPTY;
    mf_text_format(&line, "RequestId: %s Error: %s", invoke->id, message);
    mf_text_literal(&payload, "{\"errorType\":");
    mf_text_json(&payload, type, strlen(type));
    mf_text_literal(&payload, ",\"errorMessage\":");
    mf_text_json(&payload, line.bytes, line.n_bytes);
    mf_text_literal(&payload, "}");
    mf_outcome outcome = {.failed = true, .payload = payload.bytes, .n_payload = payload.n_bytes};
    mf_outcome_set_tail(&outcome, tail);
    mf_invoke_finish(invoke, &outcome);
    mf_text_free(&line);
    mf_text_free(&payload);
}
