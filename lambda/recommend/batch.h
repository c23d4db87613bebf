/* batch.h: the requests of one event on their way through the stages of the function.
 *
 *     event ─▶ decode ─▶ look up ─▶ score ─▶ emit ─▶ response
 *
 *     decode.h   records to requests; a record that is no request is rejected
 *     lookup.h   requests to distinct lookups of (user, top_n) or of an instance; repeated requests need none
 *     score.h    lookups to recommendations, from the cache or from a scorer (scorer.h)
 *     emit.h     recommendations and dead letters to streams
 *
 * Each stage reads the items that the one before it left, and changes their state.
 *
 * Threads: one for each batch. */
#ifndef MF_LAMBDA_RECOMMEND_BATCH_H
#define MF_LAMBDA_RECOMMEND_BATCH_H

#include "lambda/aws/kinesis.h"
#include "lambda/recommend/recommend_settings.h"
#include "lambda/runtime/invocation.h"
#include "lambda/streams/payload.h"

typedef struct mf_recommend_request {
    mf_id user; /* n_bytes 0: none, of a request with an instance */
    mf_id request_id;
    mf_id timestamp;  /* n_bytes 0: there is none */
    mf_id instance;   /* n_bytes 0: the best top_n for user; else the JSON that the model gets */
    bool has_entries; /* its list is one of objects (with, explain), not of ids */
    bool has_ratings; /* the instance has ratings of its own */
    uint32_t top_n;   /* of an instance: how many ids its result is as long as, about */
} mf_recommend_request;

/* A hash of 128 bits of a request (remembered.h). */
typedef struct mf_recommend_key {
    uint64_t low, high;
} mf_recommend_key;

typedef enum mf_recommend_item_state {
    MF_RECOMMEND_REJECTED,   /* can never have a result: a dead letter   */
    MF_RECOMMEND_PENDING,    /* a request with a lookup                  */
    MF_RECOMMEND_REMEMBERED, /* in an earlier batch                      */
    MF_RECOMMEND_DUPLICATE,  /* of an item before it                     */
} mf_recommend_item_state;

/* A user record of the batch. */
typedef struct mf_recommend_item {
    size_t record; /* of event.records */
    uint32_t sub_sequence_number;
    mf_recommend_item_state state;
    bool is_aggregated;
    bool is_done; /* its record need not come again */
    mf_recommend_request request;
    mf_recommend_key key;
    size_t lookup;              /* index, when pending                                   */
    size_t original;            /* index of the first item with its key, when a duplicate */
    mf_id data;                 /* of a record in an aggregate, for a dead letter        */
    size_t reason_at, n_reason; /* in reasons, when rejected                             */
} mf_recommend_item;

/* Figures of a batch, for log and metrics. */
typedef struct mf_recommend_outcome {
    size_t n_records;  /* of the event                                                */
    size_t n_requests; /* in them, without those that are rejected                    */
    size_t n_results;  /* results that are on the stream (or returned, in a test run) */
    size_t n_from_cache;
    size_t n_computed;
    size_t n_repeated; /* requests with an earlier result, and duplicates */
    size_t n_dead;
    size_t n_failed; /* requests that have to come again            */
    double cache_ms, score_ms, put_ms;
    double oldest_ms; /* age of the oldest record at the invocation; 0: not known */
    mf_aws_kinesis_tally tally;
    size_t n_failed_lookups; /* requests whose lookup failed                            */
    size_t n_unwritten;      /* results and dead letters that a stream did not take     */
    size_t n_dead_lost;      /* dead letters that their stream will never take          */
    mf_error failure;        /* why requests have to come again; else MF_OK             */
    mf_error dead_failure;   /* why dead letters are lost; else MF_OK                   */
    bool called_scorer;
} mf_recommend_outcome;

/* Zeroed at first; keeps its memory from event to event. */
typedef struct mf_recommend_batch {
    /* Of the invocation, borrowed. */
    const mf_recommend_settings *settings;
    const mf_lambda_invocation *invocation;
    mf_recommend_outcome *outcome;
    double start_s; /* mf_clock_seconds() when it began */

    mf_recommend_item *items; /* [n_items], in the order of their records */
    size_t n_items;
    size_t first, end; /* the part that is handled now: items [first, end)          */
    size_t usable_end; /* [first, usable_end): before the first whose lookup failed */

    mf_stream_batch event;
    mf_stream_payload payload;
    mf_stream_json json; /* of one record */
    mf_text kept;        /* bytes of requests, and of records in aggregates */
    mf_text instances;   /* of requests, each NUL-terminated                */
    mf_text reasons;     /* of rejected items                               */
    uint32_t *slots;     /* [n_slots], a power of two: 1 + index of an item, by its key */
    size_t n_slots, items_capacity, slots_capacity;
} mf_recommend_batch;

/* The item becomes a dead letter for this reason, whose bytes are copied. */
static inline void mf_recommend_reject(mf_recommend_batch *batch, mf_recommend_item *item,
                                       const char *reason, size_t n)
{
    item->state = MF_RECOMMEND_REJECTED;
    item->reason_at = batch->reasons.n_bytes;
    item->n_reason = n;
    mf_text_append(&batch->reasons, reason, n);
}

static inline int64_t mf_recommend_budget_ms(const mf_recommend_batch *batch)
{
    return mf_lambda_budget_ms(batch->invocation, batch->settings->margin_ms);
}

#endif
