/* invocation.c: an invocation finishes by exactly one call of done, which may be NULL, and is
 * destroyed then. Errors of the platform have the form of errors of a function. */
#include "local/runtime/invocation.h"

#include "local/runtime/output.h"

#include <jansson.h>
#include <stdlib.h>

mf_local_invocation *mf_local_invocation_create(const char *trace, size_t n_trace)
{
    mf_local_invocation *invocation = calloc(1, sizeof *invocation);
    if (invocation == NULL)
        return NULL;
    mf_local_uuid(invocation->id);
    if (trace != NULL && n_trace > 0 && n_trace < sizeof invocation->trace)
        memcpy(invocation->trace, trace, n_trace);
    else
        mf_local_trace(invocation->trace);
    return invocation;
}

void mf_local_invocation_destroy(mf_local_invocation *invocation)
{
    if (invocation == NULL)
        return;
    mf_text_free(&invocation->event);
    mf_text_free(&invocation->client_context);
    free(invocation);
}

void mf_local_invocation_finish(mf_local_invocation *invocation, bool failed, const char *payload,
                                size_t n_payload, const mf_text *tail)
{
    const size_t n_tail =
        tail->n_bytes < MF_LOCAL_OUTPUT_TAIL_BYTES ? tail->n_bytes : MF_LOCAL_OUTPUT_TAIL_BYTES;
    const mf_local_response response = {
        .failed = failed,
        .payload = payload,
        .n_payload = n_payload,
        .tail = n_tail > 0 ? tail->bytes + tail->n_bytes - n_tail : "",
        .n_tail = n_tail,
    };
    if (invocation->done != NULL)
        invocation->done(invocation->context, invocation, &response);
    mf_local_invocation_destroy(invocation);
}

void mf_local_invocation_fail(mf_local_invocation *invocation, const char *type,
                              const char *message, const mf_text *tail)
{
    mf_text line = MF_TEXT_EMPTY, payload = MF_TEXT_EMPTY;
    mf_text_format(&line, "RequestId: %s Error: %s", invocation->id, message);
    mf_local_json_append(&payload, json_pack("{s:s, s:o}", "errorType", type, "errorMessage",
                                             mf_local_json_text(line.bytes, line.n_bytes)));
    mf_local_invocation_finish(invocation, true, payload.bytes, payload.n_bytes, tail);
    mf_text_free(&line);
    mf_text_free(&payload);
}
