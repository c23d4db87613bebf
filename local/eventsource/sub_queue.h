/* sub_queue.h: records of one shard on their way to the function, one batch at a time, in order.
 *
 * A shard has as many sub-queues as the mapping's ParallelizationFactor, AWS's concurrent
 * batches; all records of a partition key are in one of them.
 *
 * (1) The next batch is sent when the one before is done: delivered or discarded (batch.h),
 *     windows included (window.h).
 * (2) Between two attempts of a batch lie 50 ms, then twice as much each time, up to 5 s.
 * (3) Records older than the mapping's maximum age are discarded before a call. A final or early
 *     call of a window is repeated until it succeeds.
 * (4) A function that rejects an invocation (429) is called again; that is no attempt.
 * (5) Discarded records are a line in the log and in the destination's file.
 *
 * Threads: one. */
#ifndef MF_LOCAL_EVENTSOURCE_SUB_QUEUE_H
#define MF_LOCAL_EVENTSOURCE_SUB_QUEUE_H

#include "base/error.h"
#include "local/eventsource/batch.h"
#include "local/eventsource/record.h"
#include "local/eventsource/window.h"
#include "local/local_settings.h"
#include "local/runtime/function.h"

struct event;
struct event_base;

/* Of a mapping, since its start. */
typedef struct mf_local_mapping_counts {
    uint64_t n_records;      /* delivered                           */
    uint64_t n_calls;        /* invocations                         */
    uint64_t n_failed;       /* of them: failed, or with failures   */
    uint64_t n_dropped;      /* records                             */
    uint64_t n_errors;       /* calls of Kinesis that failed        */
    uint64_t n_final;        /* calls that ended a window           */
    int64_t iterator_age_ms; /* the most since the last report */
} mf_local_mapping_counts;

typedef struct mf_local_sub_queue mf_local_sub_queue;

typedef enum mf_local_sub_queue_call {
    MF_LOCAL_SUB_QUEUE_IDLE,
    MF_LOCAL_SUB_QUEUE_BATCH,
    MF_LOCAL_SUB_QUEUE_FINAL,
    MF_LOCAL_SUB_QUEUE_EARLY
} mf_local_sub_queue_call;

/* To be filled in up to the line, then opened. */
struct mf_local_sub_queue {
    struct event_base *base;
    const mf_local_mapping_settings *settings;
    const mf_local_stream_source *source;
    mf_local_function *function;
    mf_local_mapping_counts *counts;
    void (*moved)(void *context); /* records have left, or a window was closed */
    void *context;
    /* of the shard, see window.h */
    int64_t seen_empty_ms;
    bool has_ended;
    /* ---- */
    mf_local_record_queue queue;
    mf_local_delivery delivery;
    mf_local_window window;
    struct event *timer;
    mf_local_invocation *invocation;
    mf_local_sub_queue_call call; /* what invocation is */
    uint32_t n_failed_in_a_row;
    double not_before; /* mf_clock_seconds */
    char request_id[MF_LOCAL_UUID_BYTES];
    bool has_function_error;
};

/* False without memory; to be closed all the same. */
MF_MUST_CHECK bool mf_local_sub_queue_open(mf_local_sub_queue *sub_queue);

/* An invocation under way continues; its response is discarded. */
void mf_local_sub_queue_close(mf_local_sub_queue *sub_queue);

/* Looks whether something is to be sent now. After records were put into the queue, and
 * after seen_empty_ms or has_ended have changed. */
void mf_local_sub_queue_step(mf_local_sub_queue *sub_queue);

/* Nothing is left and no window is open. */
bool mf_local_sub_queue_is_done(const mf_local_sub_queue *sub_queue);

#endif
