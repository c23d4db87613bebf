/* main.c: aggregate, the Lambda function that adds up the events of a stream: totals for each key and
 * window, in a DynamoDB table.
 *
 *     {"movieId":"2959","rating":4.5}, …  ─▶  movieRatings: 2959, 12:00 to 12:05, 2 ratings, 4.25
 *
 *     event ─▶ records ─▶ fields ─▶ window ─▶ items ─▶ response with the state
 *      (streams/batch.h, payload.h)  (fields.h, window.h)  (writer.h)
 *
 * (1) In a tumbling window the state carries the totals from invocation to invocation. They are
 *     written to the table at the final invocation, or when the window is ended early. Without a
 *     window each batch is a window: from the arrival of its first record to that of its last.
 * (2) Records that can never be decoded are counted, logged (the first DIRTY_LINES, with sequence
 *     number and reason) and passed over; none of them is reported as failed.
 * (3) A state never has more than STATE_BYTES: keys with few records are written early. Nothing
 *     is lost, and the keys of the trend stay.
 * (4) When not all items are written before the deadline, the event fails, and Lambda sends it again
 *     with the state that it had. Items that were written are not added twice, however Lambda cuts
 *     the records of a window (BisectBatchOnFunctionError).
 * (5) Each event is one line of metrics: namespace Recommender, dimension Function=aggregate.
 *
 * Threads: the runtime's, and those of the writer. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "lambda/aggregate/writer.h"
#include "lambda/runtime/metrics.h"
#include "lambda/runtime/runtime.h"
#include "lambda/streams/batch.h"
#include "lambda/streams/payload.h"

#include <string.h>

enum { DIRTY_LINES = 20, STATE_KEPT = 1 << 20 };

/* Figures of an event, for log and metrics. */
typedef struct counts {
    size_t n_stream_records, n_records, n_dirty, n_repeated, n_keys;
    mf_aggregate_write_result written;
    size_t n_early; /* items written because of the state's size */
    size_t n_trend;
    size_t state_bytes;
    int64_t age_ms; /* of the oldest record; 0: not known */
} counts;

/* Zeroed before start. */
typedef struct function {
    mf_aggregate_settings settings;
    mf_aggregate_writer *writer;
    mf_stream_batch batch;
    mf_stream_payload payload;
    mf_aggregate_fields fields;
    mf_aggregate_window window;
    mf_text state;
    counts counts;
} function;

static bool start(void *context, mf_error *err)
{
    function *f = context;
    mf_settings settings;
    if (!mf_aggregate_settings_read(&settings, &f->settings, err))
        return false;
    mf_settings_log(&settings, MF_LOG_DEBUG, "settings");
    f->window.settings = &f->settings;
    f->writer = mf_aggregate_writer_create(&f->settings, err);
    return f->writer != NULL;
}

/* --- records ----------------------------------------------------------------------- */

static void log_dirty(function *f, const mf_stream_record *record,
                      const mf_stream_user_record *user_record, const mf_error *why)
{
    if (f->counts.n_dirty++ >= DIRTY_LINES)
        return;
    char number[MF_STREAM_SEQUENCE_DIGITS + 1];
    memcpy(number, record->sequence_number.bytes, record->sequence_number.n_bytes);
    number[record->sequence_number.n_bytes] = '\0';
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_WARNING, "dirty_record");
    mf_log_text(&line, "sequenceNumber", number);
    if (user_record != NULL && user_record->is_aggregated)
        mf_log_count(&line, "subSequenceNumber", user_record->sub_sequence_number);
    mf_log_text(&line, "message", why->text);
    mf_log_end(&line);
}

/* Counts and logs a dirty record. False: the failure is not the record's. */
static bool pass_over(function *f, const mf_stream_record *record,
                      const mf_stream_user_record *user_record, const mf_error *why, mf_error *err)
{
    if (why->code != MF_ERR_FORMAT)
        return mf_fail(err, why->code, MF_NOWHERE, "%s", why->text);
    log_dirty(f, record, user_record, why);
    return true;
}

static bool take_record(function *f, const mf_stream_record *record, mf_error *err)
{
    mf_error why = {.code = MF_OK};
    mf_stream_user_record user_record;
    if (!mf_stream_payload_open(&f->payload, record, &why))
        return pass_over(f, record, NULL, &why, err);
    while (mf_stream_payload_next(&f->payload, &user_record)) {
        f->counts.n_records++;
        if (mf_aggregate_fields_read(&f->fields, &f->settings, user_record.data.bytes,
                                     user_record.data.n_bytes, &why) &&
            mf_aggregate_window_add(&f->window, &f->fields, &why))
            continue;
        if (!pass_over(f, record, &user_record, &why, err))
            return false;
        mf_error_clear(&why);
    }
    return true;
}

/* --- the table --------------------------------------------------------------------- */

/* A window's limits as texts; of a batch without a window the arrivals of its records. */
typedef struct limits {
    char start[64];
    char end[64];
} limits;

static bool copy_limit(char text[64], mf_id view, mf_error *err)
{
    if (view.n_bytes >= 64)
        return mf_fail(err, MF_ERR_PARSE, (mf_where){"event", 0, 0},
                       "window: \"%.80s…\" is not a time", view.bytes);
    memcpy(text, view.bytes, view.n_bytes);
    text[view.n_bytes] = '\0';
    return true;
}

static bool find_limits(const mf_stream_batch *batch, limits *l, mf_error *err)
{
    if (batch->has_window)
        return copy_limit(l->start, batch->window_start, err) &&
               copy_limit(l->end, batch->window_end, err);
    const bool empty = batch->n_records == 0;
    mf_clock_text(empty ? 0 : batch->records[0].arrival_ms, l->start);
    mf_clock_text(empty ? 0 : batch->records[batch->n_records - 1].arrival_ms, l->end);
    return true;
}

static bool write_items(function *f, const mf_aggregate_write *write, mf_error *err)
{
    mf_aggregate_write_result result;
    const bool ok = mf_aggregate_writer_run(f->writer, write, &result, err);
    f->counts.written.n_written += result.n_written;
    f->counts.written.n_done_before += result.n_done_before;
    f->counts.written.n_failed += result.n_failed;
    return ok;
}

/* Called after each record, not at the end of a batch, so that what is written early, and when,
 * depends on the window's records alone. */
static bool write_early(function *f, mf_aggregate_write *write, mf_error *err)
{
    size_t n_bytes;
    if (!mf_aggregate_window_measure_state(&f->window, &n_bytes, err))
        return false;
    if (n_bytes <= f->settings.state_bytes)
        return true;
    uint32_t *chosen = NULL;
    /* Down to the half, so that the next records fit. */
    bool ok = mf_aggregate_window_choose(&f->window, f->settings.state_bytes / 2, &chosen,
                                         &write->n, err);
    write->chosen = chosen;
    ok = ok && write_items(f, write, err) && mf_aggregate_window_drop_written(&f->window, err);
    f->counts.n_early += ok ? write->n : 0;
    write->chosen = NULL;
    mf_free(chosen);
    return ok;
}

/* Writes everything to the table and empties the window. */
static bool flush(function *f, mf_aggregate_write *write, mf_error *err)
{
    write->n = f->window.n;
    if (f->settings.trend_table[0] != '\0' && write->n > 0) {
        write->totals = mf_allocate(write->n, sizeof *write->totals, "a trend", err);
        if (write->totals == NULL)
            return false;
    }
    const bool ok = write_items(f, write, err) &&
                    (write->totals == NULL ||
                     mf_aggregate_writer_put_trend(f->writer, write, &f->counts.n_trend, err));
    mf_free(write->totals);
    mf_aggregate_window_clear(&f->window);
    mf_text_literal(&f->state, "{}");
    return ok;
}

/* The state of a window that continues. */
static bool keep_state(function *f, mf_error *err)
{
    mf_aggregate_window_write_state(&f->window, &f->state);
    return !f->state.failed || mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a state");
}

/* --- the event --------------------------------------------------------------------- */

static bool take_records(function *f, mf_aggregate_write *write, mf_error *err)
{
    for (size_t i = 0; i < f->batch.n_records; i++) {
        const mf_stream_record *record = &f->batch.records[i];
        if (mf_aggregate_window_has(&f->window, record->sequence_number)) {
            f->counts.n_repeated++;
            continue;
        }
        if (!take_record(f, record, err))
            return false;
        mf_aggregate_window_reached(&f->window, record->sequence_number);
        if (f->batch.has_window && !write_early(f, write, err))
            return false;
    }
    return true;
}

/* Adds the records to the window; a window that is over is written to the table. */
static bool total(function *f, const mf_lambda_invocation *invocation, mf_error *err)
{
    limits l;
    if (!find_limits(&f->batch, &l, err))
        return false;
    mf_aggregate_write write = {
        .window = &f->window,
        .shard_id = f->batch.shard_id,
        .start = l.start,
        .end = l.end,
        .deadline_ms = mf_clock_wall_ms() + mf_lambda_budget_ms(invocation, f->settings.margin_ms),
    };
    if (!take_records(f, &write, err))
        return false;
    f->counts.n_keys = f->window.n + f->counts.n_early;
    const bool is_over = !f->batch.has_window || f->batch.is_final || f->batch.is_terminated_early;
    return is_over ? flush(f, &write, err) : keep_state(f, err);
}

static bool handle(function *f, const mf_lambda_invocation *invocation, mf_text *response,
                   mf_error *err)
{
    f->counts = (counts){.n_keys = 0};
    mf_aggregate_window_clear(&f->window);
    mf_text_clear(&f->state, STATE_KEPT);
    if (!mf_stream_batch_read(&f->batch, invocation->event, invocation->n_event, err) ||
        !mf_aggregate_window_read_state(&f->window, f->batch.state, f->batch.n_state, err))
        return false;
    f->counts.n_stream_records = f->batch.n_records + f->batch.n_repeated;
    f->counts.n_repeated = f->batch.n_repeated;
    if (f->batch.n_records > 0 && f->batch.records[0].arrival_ms > 0)
        f->counts.age_ms = invocation->received_ms - f->batch.records[0].arrival_ms;
    if (!total(f, invocation, err))
        return false;
    f->counts.state_bytes = f->batch.has_window ? f->state.n_bytes : 0;
    const mf_stream_response outcome = {.state = f->batch.has_window ? &f->state : NULL};
    mf_stream_response_write(&outcome, response);
    return true;
}

static void log_dirty_total(const counts *c)
{
    if (c->n_dirty > DIRTY_LINES)
        mf_log_message(MF_LOG_WARNING, "dirty_records",
                       "%zu records could not be read, of which the first %d have a line each",
                       c->n_dirty, DIRTY_LINES);
}

static void write_metrics(const function *f, const mf_lambda_invocation *invocation,
                          double latency_ms, bool ok)
{
    const counts *c = &f->counts;
    const struct {
        const char *name;
        size_t value;
    } totals[] = {
        {"StreamRecords", c->n_stream_records},
        {"Records", c->n_records},
        {"DirtyRecords", c->n_dirty},
        {"RepeatedRecords", c->n_repeated},
        {"Keys", c->n_keys},
        {"ItemsWritten", c->written.n_written},
        {"ItemsWrittenBefore", c->written.n_done_before},
        {"ItemsWrittenEarly", c->n_early},
        {"ItemsFailed", c->written.n_failed},
        {"TrendItems", c->n_trend},
        {"Errors", !ok},
    };
    mf_lambda_metrics metrics;
    mf_lambda_metrics_begin(&metrics, "aggregate", invocation->request_id);
    mf_lambda_metrics_add(&metrics, "Latency", MF_LAMBDA_UNIT_MILLISECONDS, latency_ms);
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++)
        mf_lambda_metrics_add(&metrics, totals[i].name, MF_LAMBDA_UNIT_COUNT,
                              (double)totals[i].value);
    mf_lambda_metrics_add(&metrics, "StateBytes", MF_LAMBDA_UNIT_BYTES, (double)c->state_bytes);
    if (c->age_ms > 0)
        mf_lambda_metrics_add(&metrics, "RecordAge", MF_LAMBDA_UNIT_MILLISECONDS,
                              (double)c->age_ms);
    mf_lambda_metrics_end(&metrics);
}

static bool handle_event(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                         mf_error *err)
{
    function *f = context;
    const double start = mf_clock_seconds();
    const bool ok = handle(f, invocation, response, err);
    log_dirty_total(&f->counts);
    if (f->settings.metrics)
        write_metrics(f, invocation, (mf_clock_seconds() - start) * 1e3, ok);
    return ok;
}

static void finish(void *context)
{
    function *f = context;
    mf_aggregate_writer_destroy(f->writer);
    mf_stream_batch_free(&f->batch);
    mf_stream_payload_free(&f->payload);
    mf_aggregate_fields_free(&f->fields);
    mf_aggregate_window_free(&f->window);
    mf_text_free(&f->state);
}

static void print_settings(void)
{
    mf_settings settings;
    mf_aggregate_settings values;
    if (mf_aggregate_settings_start(&settings, &values, NULL))
        mf_settings_print_help(&settings, stdout);
}

int main(int argc, char **argv)
{
    static function aggregate;
    static const mf_lambda_function lambda = {
        .name = "aggregate",
        .summary = "totals per key and window, from a Kinesis stream to a DynamoDB table.",
        .print_settings = print_settings,
        .start = start,
        .handle = handle_event,
        .finish = finish,
        .context = &aggregate,
    };
    return mf_lambda_run(&lambda, argc, argv);
}
