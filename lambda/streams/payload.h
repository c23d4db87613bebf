/* payload.h: decodes a record of the stream to its user records: one, or those that a producer
 * packed into it (kpl.h).
 *
 *     mf_stream_payload_open(&payload, &batch.records[i], &why)
 *     while (mf_stream_payload_next(&payload, &user_record)) …
 *
 * (1) Base64 is decoded, and decoded once more where a producer encoded what the stream's
 *     client then encoded again: where the decoded bytes are base64 (and line ends), whose
 *     decoded bytes begin with '{' or '[' after blanks, or as an aggregate, as base64 itself
 *     cannot. It holds for a record and
 *     for those in it.
 * (2) Records come in the order of the aggregate and count from 0; all have the sequence
 *     number of the whole.
 * (3) What can never be read (no base64, a malformed aggregate) says so; it is to be counted
 *     and passed over, not to be tried again (docs/lambda.md, 4.3.8).
 *
 * Threads: one for each payload. */
#ifndef MF_LAMBDA_STREAMS_PAYLOAD_H
#define MF_LAMBDA_STREAMS_PAYLOAD_H

#include "base/error.h"
#include "base/text.h"
#include "lambda/streams/batch.h"
#include "lambda/streams/kpl.h"

/* Views that live until the next call for this payload. */
typedef struct mf_stream_user_record {
    mf_id data;
    mf_id partition_key; /* of the aggregate's record, else of the stream's */
    mf_id explicit_hash_key;
    bool has_explicit_hash_key;
    bool is_aggregated;
    uint32_t sub_sequence_number; /* in its aggregate; else 0 */
} mf_stream_user_record;

/* Zeroed at first; keeps its memory from record to record. */
typedef struct mf_stream_payload {
    /* The reader's own. */
    mf_id data;
    mf_id partition_key;
    bool is_aggregate;
    size_t at, n;
    mf_stream_kpl kpl;
    mf_text bytes, unwrapped, inner, joined;
} mf_stream_payload;

/* False: MF_ERR_FORMAT with the reason in a sentence without the data, or MF_ERR_MEMORY.
 * record stays while the payload is used. */
bool mf_stream_payload_open(mf_stream_payload *payload, const mf_stream_record *record,
                            mf_error *why);

/* False after the last one. */
bool mf_stream_payload_next(mf_stream_payload *payload, mf_stream_user_record *user_record);

void mf_stream_payload_free(mf_stream_payload *payload);

#endif
