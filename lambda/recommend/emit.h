/* emit.h: the last stage: puts recommendations and dead letters on streams.
 *
 * The record of a result:
 *
 *     {"request_id":"7d0c…","user_id":123,"recommendations":[318,858],"count":2,
 *      "model_version":"1da2c000e3b8bdcc","from_cache":true,"latency_ms":1.8,
 *      "timestamp":"2026-01-31T09:30:00Z"}
 *
 * and of one with an instance (decode.h), which has the user and the item as the request has them:
 *
 *     {"request_id":"7d0c…","user_id":2,"item_id":2959,"predicted_rating":4.42,"model_version":…}
 *
 * known_user (false) is there for an unknown user only; timestamp is the request's. latency_ms is the
 * time from the arrival of the event to the list. A result may come twice: consumers recognize
 * duplicates by request_id (docs/lambda.md, 4.6).
 *
 * A dead letter is that of streams/dead_letter.h.
 *
 * (1) Results have the user as partition key, without one their request_id, and the order of their requests (aws/kinesis.h).
 *     Consecutive calls put those of one part of the batch.
 * (2) A result longer than a record of a stream is a dead letter.
 * (3) A request is remembered when its result is on the stream, not before.
 * (4) A dead letter that cannot be put for now has to come again. One that can never be put (for
 *     example, there is no such stream) is lost and counted; otherwise it would block its shard.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RECOMMEND_EMIT_H
#define MF_LAMBDA_RECOMMEND_EMIT_H

#include "lambda/recommend/lookup.h"
#include "lambda/streams/dead_letter.h"

/* Zeroed but for the first part; keeps its memory. */
typedef struct mf_recommend_emitter {
    /* Puts records on a stream, as mf_aws_kinesis_put_records does. */
    bool (*put)(void *context, const mf_aws_kinesis_put *put, mf_aws_kinesis_tally *tally,
                mf_aws_failure *failure);
    /* Logs a dead letter; may be NULL. */
    void (*log)(void *context, const mf_stream_dead_letter *letter);
    void *context;

    mf_text out;                    /* data of the records, one after the other */
    mf_aws_kinesis_record *records; /* [n] */
    size_t *items;                  /* [n] the item of each record */
    size_t n, records_capacity, items_capacity;
} mf_recommend_emitter;

/* Writes the results of the items [first, usable_end) that are pending. False: MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_write_results(mf_recommend_emitter *emitter,
                                              mf_recommend_batch *batch,
                                              const mf_recommend_lookups *lookups, mf_error *err);

/* Puts what was written and remembers it in *remembered. A failure is the outcome's. */
void mf_recommend_put_results(mf_recommend_emitter *emitter, mf_recommend_batch *batch,
                              mf_recommend_remembered *remembered);

/* Logs the rejected items [first, usable_end), and puts them when there is a stream for them and
 * this is no test run. False: MF_ERR_MEMORY; any other failure is the outcome's. */
MF_MUST_CHECK bool mf_recommend_emit_dead_letters(mf_recommend_emitter *emitter,
                                                  mf_recommend_batch *batch, mf_error *err);

/* Of a test run: appends {"predictions":[…],"rejected":[…],"batchItemFailures":[]} with what was
 * written. */
void mf_recommend_return_results(const mf_recommend_emitter *emitter,
                                 const mf_recommend_batch *batch, mf_text *response);

void mf_recommend_emitter_free(mf_recommend_emitter *emitter);

#endif
