/* function.h: the function as the runtime runs it.
 *
 *     event ─▶ records ─▶ fields ─▶ window ─▶ items ─▶ answer with the state
 *      (streams/batch.h, payload.h)  (window.h)  (writer.h)  (streams/reply.h)
 *
 * (1) In a tumbling window totals go from call to call in its state, and into the table at the
 *     final one or when the window is ended early. Without a window each batch is one, from the
 *     arrival of its first record to that of its last.
 * (2) Records that can never be read are counted, logged (the first MF_DIRTY_LINES, by sequence
 *     number and reason) and passed over; none of them is reported as failed.
 * (3) A state never has more than STATE_BYTES: keys with few records are written early, so
 *     nothing is lost and the keys of the trend stay.
 * (4) When the table does not take all items before the deadline the event fails and comes
 *     again, with the state that it had; what was written by then is not added twice. In a
 *     window that holds however the records are cut then (BisectBatchOnFunctionError), because
 *     what is written, and behind which record, does not hang on the events that bring them.
 * (5) Each event is one line of metrics, namespace Recommender, dimension Function=aggregate.
 *
 * Threads: the runtime's, and those of the writer. */
#ifndef MF_LAMBDA_AGGREGATE_FUNCTION_H
#define MF_LAMBDA_AGGREGATE_FUNCTION_H

#include "lambda/aggregate/writer.h"
#include "lambda/runtime/invocation.h"
#include "lambda/streams/payload.h"

enum { MF_DIRTY_LINES = 20 };

/* What an event was made of, for log and metrics. */
typedef struct mf_aggregate_counts {
    size_t n_stream_records, n_records, n_dirty, n_repeated, n_keys;
    mf_write_result written;
    size_t n_early; /* items written because of the state's size */
    size_t n_trend;
    size_t state_bytes;
    int64_t age_ms; /* of the oldest record; 0: not known */
} mf_aggregate_counts;

/* Zeroed before start. */
typedef struct mf_aggregate_function {
    mf_aggregate_settings settings;
    mf_writer *writer;
    mf_stream_batch batch;
    mf_payload payload;
    mf_fields fields;
    mf_window window;
    mf_text state;
    mf_aggregate_counts counts;
} mf_aggregate_function;

bool mf_aggregate_start(void *context, mf_error *err);

bool mf_aggregate_event(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                        mf_error *err);

void mf_aggregate_finish(void *context);

#endif
