/* reply.h: what a stream's mapping is answered (docs/lambda.md, 4.3 and 4.4.2).
 *
 *     {"batchItemFailures":[{"itemIdentifier":"4959…"}],"state":{…}}
 *
 * (1) Of the records that failed the lowest is named and no other: from it on all come again.
 * (2) For a record inside of an aggregate that is the number of the aggregate.
 * (3) state is there in a window, always, and only there.
 *
 * Threads: a value. */
#ifndef MF_LAMBDA_STREAMS_REPLY_H
#define MF_LAMBDA_STREAMS_REPLY_H

#include "base/text.h"
#include "lambda/streams/batch.h"

/* Zeroed: everything went well, no window. */
typedef struct mf_stream_reply {
    mf_id lowest_failed;  /* sequence number; empty: none */
    const mf_text *state; /* a JSON object; NULL: there is no window */
} mf_stream_reply;

/* The record, or one in it, failed and is to come again. */
void mf_stream_reply_fail(mf_stream_reply *reply, const mf_stream_record *record);

void mf_stream_reply_write(const mf_stream_reply *reply, mf_text *response);

#endif
