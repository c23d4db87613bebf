/* payload.h: decodes a record of the stream to user records: to one, or to those that a producer
 * packed into it (kpl.h).
 *
 *     mf_stream_payload_open(&payload, &batch.records[i], &why)
 *     while (mf_stream_payload_next(&payload, &user_record)) …
 *
 * (1) Base64 is decoded, and decoded once more when a producer encoded the data before the stream's
 *     client encoded them again: when the decoded bytes are base64 (with line ends) whose own
 *     decoded bytes begin with '{' or '[' after blanks, or as an aggregate. The same holds for the
 *     records in an aggregate.
 * (2) A record that is gzip as a whole, also an aggregate, is unpacked, to MF_STREAM_UNPACKED_BYTES at
 *     most. A byte order mark before the data is left out.
 * (3) Records come in the order of the aggregate and count from 0; all have the sequence
 *     number of the whole.
 * (4) What can never be read (not base64, damaged gzip, an aggregate that is malformed or damaged) is
 *     an error, which is to be counted and passed over, not retried (docs/lambda.md, 4.3.8).
 *
 * Threads: one for each payload. */
#ifndef MF_LAMBDA_STREAMS_PAYLOAD_H
#define MF_LAMBDA_STREAMS_PAYLOAD_H

#include "base/error.h"
#include "base/text.h"
#include "lambda/streams/batch.h"
#include "lambda/streams/kpl.h"

enum { MF_STREAM_UNPACKED_BYTES = 16 << 20 };

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
    /* Internal. */
    mf_id data;
    mf_id partition_key;
    bool is_aggregate;
    size_t at, n;
    mf_stream_kpl kpl;
    mf_text bytes, unwrapped, inner, joined, unpacked;
} mf_stream_payload;

/* False: MF_ERR_FORMAT with the reason in a sentence without the data, or MF_ERR_MEMORY.
 * record stays while the payload is used. */
MF_MUST_CHECK bool mf_stream_payload_open(mf_stream_payload *payload,
                                          const mf_stream_record *record, mf_error *why);

/* False after the last one. */
bool mf_stream_payload_next(mf_stream_payload *payload, mf_stream_user_record *user_record);

void mf_stream_payload_free(mf_stream_payload *payload);

#endif
