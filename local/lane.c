/* lane.c: promises in lane.h. */
#include "lane.h"

#include "base/clock.h"
#include "base/log.h"
#include "batcher.h"
#include "dropped.h"
#include "stream_event.h"

#include <event2/event.h>
#include <math.h>
#include <stdlib.h>

enum { EVENT_REST_BYTES = 2048 }; /* of an event, beside records and state */

static const double FIRST_WAIT_S = 0.05, LONGEST_WAIT_S = 5, REFUSED_WAIT_S = 0.1;

/* --------------------------------------------------------------------- time */

static void set_timer(mf_lane *lane, double wait_s)
{
    if (!isfinite(wait_s))
        return;
    if (wait_s < 0)
        wait_s = 0;
    const struct timeval wait = {(time_t)wait_s, (suseconds_t)((wait_s - floor(wait_s)) * 1e6)};
    event_add(lane->timer, &wait);
}

static void hold_back(mf_lane *lane, double wait_s)
{
    lane->not_before = mf_clock_seconds() + wait_s;
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    mf_lane_step(context);
}

bool mf_lane_open(mf_lane *lane)
{
    lane->window.seconds = lane->settings->window_s;
    lane->timer = event_new(lane->base, -1, 0, on_time, lane);
    return lane->timer != NULL;
}

void mf_lane_close(mf_lane *lane)
{
    if (lane->invoke != NULL)
        lane->invoke->done = NULL;
    lane->invoke = NULL;
    if (lane->timer != NULL)
        event_free(lane->timer);
    lane->timer = NULL;
    mf_record_queue_clear(&lane->queue);
    mf_window_free(&lane->window);
}

bool mf_lane_is_through(const mf_lane *lane)
{
    return lane->queue.n == 0 && lane->invoke == NULL && !lane->window.is_open;
}

/* ------------------------------------------------------------------ giving up */

static void remove_records(mf_lane *lane, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(mf_record_queue_take(&lane->queue));
}

/* The first n records of the queue, which are then gone. */
static void drop(mf_lane *lane, uint32_t n, uint32_t n_calls, const char *condition)
{
    const mf_dropped dropped = {
        .source = lane->source,
        .function_arn = mf_function_arn(lane->function),
        .request_id = lane->request_id,
        .condition = condition,
        .has_function_error = lane->has_function_error,
        .n_calls = n_calls,
        .first = lane->queue.first,
        .n = n,
    };
    mf_text text = MF_TEXT_EMPTY;
    mf_error err = {0};
    mf_log_line line;
    mf_dropped_write(&dropped, mf_clock_wall_ms(), &text);
    if (!mf_dropped_append(lane->settings->on_failure, &text, &err))
        mf_log_message(MF_LOG_ERROR, "destination_failed", "%s", err.text);
    mf_text_free(&text);
    mf_log_begin(&line, MF_LOG_ERROR, "records_dropped");
    mf_log_text(&line, "stream", lane->settings->stream);
    mf_log_text(&line, "function", mf_function_name(lane->function));
    mf_log_text(&line, "shard", lane->source->shard_id);
    mf_log_text(&line, "first", lane->queue.first->sequence);
    mf_log_count(&line, "records", n);
    mf_log_count(&line, "calls", n_calls);
    mf_log_text(&line, "condition", condition);
    mf_log_end(&line);
    lane->counts->n_dropped += n;
    remove_records(lane, n);
}

static void drop_old(mf_lane *lane)
{
    mf_batch_part *part = mf_delivery_part(&lane->delivery);
    if (part == NULL || lane->settings->max_age_s < 0)
        return;
    const int64_t oldest_ms = mf_clock_wall_ms() - (int64_t)lane->settings->max_age_s * 1000;
    uint32_t n = 0;
    for (const mf_stream_record *r = lane->queue.first; n < part->n && r->arrived_ms < oldest_ms;
         r = r->next)
        n++;
    if (n == 0)
        return;
    drop(lane, n, part->n_calls, "RecordAgeExceeded");
    mf_delivery_cut(&lane->delivery, n);
}

/* ------------------------------------------------------------------- outcomes */

static void log_failure(const mf_lane *lane, const char *why, const char *payload, size_t n)
{
    char said[256];
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_WARNING, "batch_failed");
    mf_log_text(&line, "stream", lane->settings->stream);
    mf_log_text(&line, "function", mf_function_name(lane->function));
    mf_log_text(&line, "shard", lane->source->shard_id);
    if (lane->call == MF_LANE_BATCH) {
        mf_log_text(&line, "first", lane->queue.first->sequence);
        mf_log_count(&line, "records", lane->delivery.parts[lane->delivery.n_parts - 1].n);
    }
    mf_log_text(&line, "call",
                lane->call == MF_LANE_BATCH   ? "batch"
                : lane->call == MF_LANE_FINAL ? "final"
                                              : "early");
    mf_log_text(&line, "message", why);
    if (lane->has_function_error)
        mf_log_text(&line, "function_said", mf_printable(said, sizeof said, payload, n));
    mf_log_end(&line);
}

static void apply_batch(mf_lane *lane, mf_batch_outcome *outcome)
{
    const mf_delivery_rules rules = {lane->settings->max_retries, lane->settings->bisect};
    const uint32_t n_calls = mf_delivery_part(&lane->delivery)->n_calls + 1;
    const mf_delivery_step step = mf_delivery_apply(&lane->delivery, &rules, outcome);
    lane->counts->n_records += step.n_delivered;
    remove_records(lane, step.n_delivered);
    if (lane->window.is_open && outcome->state.n_bytes > 0)
        mf_window_take_state(&lane->window, &outcome->state);
    if (step.n_dropped > 0)
        drop(lane, step.n_dropped, n_calls, "RetryAttemptsExhausted");
}

static void on_done(void *context, const mf_invoke *invoke, const mf_outcome *of)
{
    mf_lane *lane = context;
    const mf_batch_part *part = mf_delivery_part(&lane->delivery);
    const bool is_batch = lane->call == MF_LANE_BATCH;
    const mf_batch_asked asked = {
        .first = is_batch ? lane->queue.first : NULL,
        .n = is_batch ? part->n : 0,
        .takes_partial = lane->settings->takes_partial,
        .in_window = lane->window.is_open,
    };
    mf_batch_outcome outcome;
    (void)invoke;
    lane->invoke = NULL;
    lane->has_function_error = of->failed;
    lane->counts->n_calls++;
    mf_batch_outcome_read(&asked, of->failed, of->payload, of->n_payload, &outcome);
    if (!outcome.ok) {
        lane->counts->n_failed++;
        log_failure(lane, outcome.why, of->payload, of->n_payload);
    }
    if (is_batch) {
        apply_batch(lane, &outcome);
    } else if (outcome.ok) {
        lane->counts->n_final += lane->call == MF_LANE_FINAL;
        mf_window_close(&lane->window,
                        lane->call == MF_LANE_FINAL ? MF_WINDOW_FINAL : MF_WINDOW_EARLY);
    }
    mf_text_free(&outcome.state);
    lane->call = MF_LANE_IDLE;
    lane->n_failed_in_a_row = outcome.ok ? 0 : lane->n_failed_in_a_row + 1;
    if (!outcome.ok)
        hold_back(lane, fmin(ldexp(FIRST_WAIT_S, (int)fmin(lane->n_failed_in_a_row - 1, 10)),
                             LONGEST_WAIT_S));
    /* Not from in here: the function is in the middle of its own work. */
    set_timer(lane, 0);
    lane->moved(lane->context);
}

/* ---------------------------------------------------------------------- calls */

static void note_age(mf_lane *lane, uint32_t n)
{
    const mf_stream_record *last = lane->queue.first;
    for (uint32_t i = 1; i < n; i++)
        last = last->next;
    const int64_t age_ms = mf_clock_wall_ms() - last->arrived_ms;
    if (age_ms > lane->counts->iterator_age_ms)
        lane->counts->iterator_age_ms = age_ms;
}

static void send_call(mf_lane *lane, mf_lane_call call)
{
    static const mf_window_call kinds[] = {MF_WINDOW_GOES_ON, MF_WINDOW_GOES_ON, MF_WINDOW_FINAL,
                                           MF_WINDOW_EARLY};
    const uint32_t n = call == MF_LANE_BATCH ? mf_delivery_part(&lane->delivery)->n : 0;
    mf_invoke *invoke = mf_invoke_create(NULL, 0);
    if (invoke == NULL) {
        set_timer(lane, REFUSED_WAIT_S);
        return;
    }
    mf_stream_event_write(lane->queue.first, n, &invoke->event);
    if (lane->window.is_open)
        mf_window_write(&lane->window, lane->source, kinds[call], &invoke->event);
    mf_text_literal(&invoke->event, "}");
    snprintf(invoke->arn, sizeof invoke->arn, "%s", mf_function_arn(lane->function));
    invoke->done = on_done;
    invoke->context = lane;
    lane->invoke = invoke;
    lane->call = call;
    memcpy(lane->request_id, invoke->id, sizeof lane->request_id);
    if (n > 0)
        note_age(lane, n);
    /* A program that cannot be started has failed before this returns. */
    if (invoke->event.failed || !mf_function_submit(lane->function, invoke)) {
        lane->invoke = NULL;
        lane->call = MF_LANE_IDLE;
        mf_invoke_destroy(invoke);
        set_timer(lane, REFUSED_WAIT_S);
    }
}

/* Begins the next batch, if one is due. */
static void begin_batch(mf_lane *lane, double now)
{
    const mf_batch_limits limits = {
        .n_records = lane->settings->batch_size,
        .n_bytes = MF_INVOKE_EVENT_BYTES - EVENT_REST_BYTES - lane->window.state.n_bytes,
        .window_s = lane->settings->batching_ms / 1000.0,
    };
    uint32_t n_eligible = limits.n_records;
    bool is_complete = lane->has_ended;
    double wait_s;
    if (lane->window.seconds > 0) {
        n_eligible = mf_window_count(&lane->window, &lane->queue, limits.n_records);
        is_complete =
            is_complete || (n_eligible < limits.n_records && n_eligible < lane->queue.n) ||
            (lane->window.is_open && lane->seen_empty_ms >= mf_window_end_ms(&lane->window));
    }
    mf_delivery_start(&lane->delivery, mf_batcher_choose(&lane->queue, n_eligible, is_complete,
                                                         &limits, now, &wait_s));
    set_timer(lane, wait_s);
}

void mf_lane_step(mf_lane *lane)
{
    const double now = mf_clock_seconds();
    if (lane->invoke != NULL)
        return;
    if (now < lane->not_before) {
        set_timer(lane, lane->not_before - now);
        return;
    }
    if (lane->window.is_too_large) {
        send_call(lane, MF_LANE_EARLY);
        return;
    }
    drop_old(lane);
    if (mf_delivery_part(&lane->delivery) == NULL) {
        if (mf_window_is_over(&lane->window, &lane->queue, lane->seen_empty_ms, lane->has_ended)) {
            send_call(lane, MF_LANE_FINAL);
            return;
        }
        begin_batch(lane, now);
        drop_old(lane);
    }
    if (mf_delivery_part(&lane->delivery) != NULL)
        send_call(lane, MF_LANE_BATCH);
}
