/* decode.h: the first stage: the records of an event to requests.
 *
 *     {"user_id":123,"top_n":20,"request_id":"7d0c…","timestamp":"2026-01-31T09:30:00Z"}
 *
 *     user_id     a text or an integer (123 is "123"), required
 *     request_id  a text of at most 255 bytes, required: the result carries it
 *     top_n       a whole number from 1 on; may be absent
 *     timestamp   a text of at most 64 bytes, handed on as it is; may be absent
 *
 * (1) Unknown members are ignored, whatever they are.
 * (2) The reason why a record is not a request is a sentence that quotes nothing of the record,
 *     because it goes into the log.
 *
 * Threads: any, one request or batch each. */
#ifndef MF_LAMBDA_RECOMMEND_DECODE_H
#define MF_LAMBDA_RECOMMEND_DECODE_H

#include "lambda/recommend/batch.h"

enum { MF_RECOMMEND_TIMESTAMP_BYTES = 64 };

/* Reads bytes[0 .. n). The views are of *kept, to which at most n bytes are appended; it has
 * capacity for them and does not move. False: MF_ERR_PARSE with the reason, or MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_request_read(mf_recommend_request *request,
                                             const mf_recommend_limits *limits,
                                             mf_stream_json *json, const char *bytes, size_t n,
                                             mf_text *kept, mf_error *why);

/* The stage: fills items in, pending or rejected, and n_records and oldest_ms of the outcome.
 * settings, invocation and outcome are set. False: MF_ERR_PARSE, the event is not one of a stream, or
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_decode(mf_recommend_batch *batch, mf_error *err);

void mf_recommend_batch_free(mf_recommend_batch *batch);

#endif
