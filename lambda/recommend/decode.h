/* decode.h: the first stage: the records of an event to requests.
 *
 *     {"user_id":123,"top_n":20,"request_id":"7d0c…","timestamp":"2026-01-31T09:30:00Z"}
 *
 *     user_id     a text or an integer (123 is "123"), required
 *     request_id  a text of at most 255 bytes, required: the result carries it
 *     top_n       a whole number from 1 on; may be absent
 *     timestamp   a text of at most 64 bytes, handed on as it is; may be absent
 *
 * A record with any other field of a request to /invocations (inference.h: item_id, ratings, where, …) is one
 * for an instance: its members without request_id and timestamp. Without a field that says what is wanted
 * (top_n, item_id, …) it is a list of the usual length.
 *
 *     {"user_id":2,"item_id":2959,"request_id":"7d0c…"}     {"user_id":2,"item_id":2959}
 *     {"user":2,"where":{"year":1999},"request_id":"7d0c…"} {"user":2,"where":{"year":1999},"top_n":20}
 *
 * (1) Members that are no field of a request are ignored, whatever they are, and so are other names of the
 *     user beside user_id. Whether an instance is valid is for the model to say.
 * (2) The reason why a record is not a request is a sentence that quotes nothing of the record,
 *     because it goes into the log.
 *
 * Threads: any, one request or batch each. */
#ifndef MF_LAMBDA_RECOMMEND_DECODE_H
#define MF_LAMBDA_RECOMMEND_DECODE_H

#include "lambda/recommend/batch.h"

enum { MF_RECOMMEND_TIMESTAMP_BYTES = 64 };

/* Reads bytes[0 .. n). The views are of *kept, to which at most n bytes are appended; it has
 * capacity for them and does not move. The instance is a view of *instances, to which it is appended; it moves
 * when that grows. False: MF_ERR_PARSE with the reason, or MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_request_read(mf_recommend_request *request,
                                             const mf_recommend_limits *limits,
                                             mf_stream_json *json, const char *bytes, size_t n,
                                             mf_text *kept, mf_text *instances, mf_error *why);

/* The stage: fills items in, pending or rejected, and n_records and oldest_ms of the outcome.
 * settings, invocation and outcome are set. False: MF_ERR_PARSE, the event is not one of a stream, or
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_decode(mf_recommend_batch *batch, mf_error *err);

void mf_recommend_batch_free(mf_recommend_batch *batch);

#endif
