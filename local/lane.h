/* lane.h: records of one shard on their way to the function, one batch at a time, in order.
 *
 * A shard has as many lanes as the mapping's ParallelizationFactor; the records of a
 * partition key are all on one of them.
 *
 * (1) The next batch goes out when the one before is through: delivered or given up
 *     (delivery.h), windows included (window.h).
 * (2) Between two tries of a batch lie 50 ms, then twice as much each time, up to 5 s.
 * (3) Records older than the mapping's maximum age are given up before a call. A final or
 *     early call of a window is tried until it succeeds.
 * (4) A function that takes no more invocations (429) is asked again; that is no try.
 * (5) What is given up is a line in the log and in the destination's file (dropped.h).
 *
 * Threads: one. */
#ifndef MF_LOCAL_LANE_H
#define MF_LOCAL_LANE_H

#include "delivery.h"
#include "function.h"
#include "settings.h"
#include "stream_record.h"
#include "window.h"

struct event;
struct event_base;

/* Of a mapping, since its start. */
typedef struct mf_mapping_counts {
    uint64_t n_records;      /* delivered                           */
    uint64_t n_calls;        /* invocations                         */
    uint64_t n_failed;       /* of them: failed, or with failures   */
    uint64_t n_dropped;      /* records                             */
    uint64_t n_errors;       /* calls of Kinesis that failed        */
    uint64_t n_final;        /* calls that ended a window           */
    int64_t iterator_age_ms; /* the most since the last report */
} mf_mapping_counts;

typedef struct mf_lane mf_lane;

typedef enum mf_lane_call {
    MF_LANE_IDLE,
    MF_LANE_BATCH,
    MF_LANE_FINAL,
    MF_LANE_EARLY
} mf_lane_call;

/* To be filled in up to the line, then opened. */
struct mf_lane {
    struct event_base *base;
    const mf_mapping_settings *settings;
    const mf_stream_source *source;
    mf_function *function;
    mf_mapping_counts *counts;
    void (*moved)(void *context); /* records have left, or a window was closed */
    void *context;
    /* of the shard, see window.h */
    int64_t seen_empty_ms;
    bool has_ended;
    /* ---- */
    mf_record_queue queue;
    mf_delivery delivery;
    mf_window window;
    struct event *timer;
    mf_invoke *invoke;
    mf_lane_call call; /* what invoke is */
    uint32_t n_failed_in_a_row;
    double not_before; /* mf_clock_seconds */
    char request_id[MF_UUID_BYTES];
    bool has_function_error;
};

/* False without memory; to be closed all the same. */
bool mf_lane_open(mf_lane *lane);

/* An invocation under way goes on, its outcome is thrown away. */
void mf_lane_close(mf_lane *lane);

/* Looks whether something is to be sent now. After records were put into the queue, and
 * after seen_empty_ms or has_ended have changed. */
void mf_lane_step(mf_lane *lane);

/* Nothing is left and no window is open. */
bool mf_lane_is_through(const mf_lane *lane);

#endif
