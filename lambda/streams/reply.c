/* reply.c: promises in reply.h. */
#include "lambda/streams/reply.h"

#include "lambda/streams/sequence.h"

void mf_stream_reply_fail(mf_stream_reply *reply, const mf_stream_record *record)
{
    if (reply->lowest_failed.n_bytes == 0 ||
        mf_sequence_compare(record->sequence_number, reply->lowest_failed) < 0)
        reply->lowest_failed = record->sequence_number;
}

void mf_stream_reply_write(const mf_stream_reply *reply, mf_text *response)
{
    mf_text_literal(response, "{\"batchItemFailures\":[");
    if (reply->lowest_failed.n_bytes > 0) {
        mf_text_literal(response, "{\"itemIdentifier\":\"");
        mf_text_append(response, reply->lowest_failed.bytes, reply->lowest_failed.n_bytes);
        mf_text_literal(response, "\"}");
    }
    mf_text_literal(response, "]");
    if (reply->state != NULL) {
        mf_text_literal(response, ",\"state\":");
        mf_text_append(response, reply->state->bytes, reply->state->n_bytes);
    }
    mf_text_literal(response, "}");
}
