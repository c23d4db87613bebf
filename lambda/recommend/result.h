/* result.h: what goes out on the streams: answers, and records that are no request.
 *
 *     {"request_id":"7d0c…","user_id":123,"recommendations":[318,858],"count":2,
 *      "model_version":"1da2c000e3b8bdcc","from_cache":true,"latency_ms":1.8,
 *      "timestamp":"2026-01-31T09:30:00Z"}
 *
 * known_user (false) is there when the model does not know the user, timestamp when the
 * request had one, and is the request's. latency_ms is from the event's arrival to the answer.
 * Who reads the stream goes by request_id: an answer may come twice (docs/lambda.md, 4.6).
 *
 *     {"reason":"request_id is missing","sequence_number":"4959…","event_id":"shardId-…",
 *      "partition_key":"7","data":"eyJ1c2VyX2lkIjo3fQ=="}
 *
 * sub_sequence_number is there when the record was part of an aggregate; data is base64, cut
 * to MF_DEAD_LETTER_BYTES with "truncated":true.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_RECOMMEND_RESULT_H
#define MF_LAMBDA_RECOMMEND_RESULT_H

#include "lambda/recommend/request.h"
#include "lambda/recommend/wish.h"
#include "lambda/streams/batch.h"

enum { MF_DEAD_LETTER_BYTES = 900000 /* of base64; a record of Kinesis has 1 MiB */ };

/* Appends the answer to a request whose wish is granted. */
void mf_result_write(mf_text *out, const mf_recommend_request *request, const mf_wishes *wishes,
                     const mf_wish *wish, double latency_ms);

/* What is no request, and why. */
typedef struct mf_dead_letter {
    const mf_stream_record *record;
    bool is_aggregated;
    uint32_t sub_sequence_number;
    mf_id data; /* of a record in an aggregate; else the record's own, as base64, is taken */
    mf_id reason;
} mf_dead_letter;

void mf_dead_letter_write(mf_text *out, const mf_dead_letter *letter);

#endif
