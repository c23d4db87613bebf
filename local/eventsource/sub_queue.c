/* sub_queue.c: a step function, called by a timer and after every change: it sends the next call
 * when none is under way and one is due (a part of the batch, or the call that ends a window).
 *
 * The result of a call moves the delivery (batch.h) and sets the timer for the next step. */
#include "local/eventsource/sub_queue.h"

#include "base/clock.h"
#include "base/log.h"
#include "local/eventsource/batch.h"
#include "local/eventsource/record.h"

#include <event2/event.h>
#include <math.h>
#include <stdlib.h>

enum { EVENT_REST_BYTES = 2048 }; /* of an event, beside records and state */

static const double FIRST_WAIT_S = 0.05, LONGEST_WAIT_S = 5, REFUSED_WAIT_S = 0.1;

/* --------------------------------------------------------------------- time */

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    mf_local_sub_queue_step(context);
}

bool mf_local_sub_queue_open(mf_local_sub_queue *sub_queue)
{
    sub_queue->window.seconds = sub_queue->settings->window_s;
    sub_queue->timer = event_new(sub_queue->base, -1, 0, on_time, sub_queue);
    return sub_queue->timer != NULL;
}

void mf_local_sub_queue_close(mf_local_sub_queue *sub_queue)
{
    if (sub_queue->invocation != NULL)
        sub_queue->invocation->done = NULL;
    sub_queue->invocation = NULL;
    if (sub_queue->timer != NULL)
        event_free(sub_queue->timer);
    sub_queue->timer = NULL;
    mf_local_record_queue_clear(&sub_queue->queue);
    mf_local_window_free(&sub_queue->window);
}

bool mf_local_sub_queue_is_done(const mf_local_sub_queue *sub_queue)
{
    return sub_queue->queue.n == 0 && sub_queue->invocation == NULL && !sub_queue->window.is_open;
}

/* ------------------------------------------------------------------ giving up */

static void remove_records(mf_local_sub_queue *sub_queue, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(mf_local_record_queue_take(&sub_queue->queue));
}

/* The first n records of the queue, which are then gone. */
static void drop(mf_local_sub_queue *sub_queue, uint32_t n, uint32_t n_calls, const char *condition)
{
    const mf_local_discarded dropped = {
        .source = sub_queue->source,
        .function_arn = mf_local_function_arn(sub_queue->function),
        .request_id = sub_queue->request_id,
        .condition = condition,
        .has_function_error = sub_queue->has_function_error,
        .n_calls = n_calls,
        .first = sub_queue->queue.first,
        .n = n,
    };
    mf_text text = MF_TEXT_EMPTY;
    mf_error err = {0};
    mf_log_line line;
    mf_local_discarded_write(&dropped, mf_clock_wall_ms(), &text);
    if (!mf_local_discarded_append(sub_queue->settings->on_failure, &text, &err))
        mf_log_message(MF_LOG_ERROR, "destination_failed", "%s", err.text);
    mf_text_free(&text);
    mf_log_begin(&line, MF_LOG_ERROR, "records_dropped");
    mf_log_text(&line, "stream", sub_queue->settings->stream);
    mf_log_text(&line, "function", mf_local_function_name(sub_queue->function));
    mf_log_text(&line, "shard", sub_queue->source->shard_id);
    mf_log_text(&line, "first", sub_queue->queue.first->sequence);
    mf_log_count(&line, "records", n);
    mf_log_count(&line, "calls", n_calls);
    mf_log_text(&line, "condition", condition);
    mf_log_end(&line);
    sub_queue->counts->n_dropped += n;
    remove_records(sub_queue, n);
}

static void drop_old(mf_local_sub_queue *sub_queue)
{
    mf_local_batch_part *part = mf_local_delivery_part(&sub_queue->delivery);
    if (part == NULL || sub_queue->settings->max_age_s < 0)
        return;
    const int64_t oldest_ms = mf_clock_wall_ms() - (int64_t)sub_queue->settings->max_age_s * 1000;
    uint32_t n = 0;
    for (const mf_local_record *r = sub_queue->queue.first;
         n < part->n && r->arrived_ms < oldest_ms; r = r->next)
        n++;
    if (n == 0)
        return;
    drop(sub_queue, n, part->n_calls, "RecordAgeExceeded");
    mf_local_delivery_cut(&sub_queue->delivery, n);
}

/* -------------------------------------------------------------------- results */

static void log_warning(const mf_local_sub_queue *sub_queue, const char *event, const char *why,
                        const char *payload, size_t n)
{
    char message[256];
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_WARNING, event);
    mf_log_text(&line, "stream", sub_queue->settings->stream);
    mf_log_text(&line, "function", mf_local_function_name(sub_queue->function));
    mf_log_text(&line, "shard", sub_queue->source->shard_id);
    if (sub_queue->call == MF_LOCAL_SUB_QUEUE_BATCH) {
        mf_log_text(&line, "first", sub_queue->queue.first->sequence);
        mf_log_count(&line, "records",
                     sub_queue->delivery.parts[sub_queue->delivery.n_parts - 1].n);
    }
    mf_log_text(&line, "call",
                sub_queue->call == MF_LOCAL_SUB_QUEUE_BATCH   ? "batch"
                : sub_queue->call == MF_LOCAL_SUB_QUEUE_FINAL ? "final"
                                                              : "early");
    mf_log_text(&line, "message", why);
    if (sub_queue->has_function_error)
        mf_log_text(&line, "function_error", mf_printable(message, sizeof message, payload, n));
    mf_log_end(&line);
}

static void apply_batch(mf_local_sub_queue *sub_queue, mf_local_batch_result *result)
{
    const mf_local_delivery_rules rules = {sub_queue->settings->max_retries,
                                           sub_queue->settings->bisect};
    const uint32_t n_calls = mf_local_delivery_part(&sub_queue->delivery)->n_calls + 1;
    const mf_local_delivery_step step =
        mf_local_delivery_apply(&sub_queue->delivery, &rules, result);
    sub_queue->counts->n_records += step.n_delivered;
    remove_records(sub_queue, step.n_delivered);
    if (sub_queue->window.is_open && result->state.n_bytes > 0)
        mf_local_window_take_state(&sub_queue->window, &result->state);
    if (step.n_dropped > 0)
        drop(sub_queue, step.n_dropped, n_calls, "RetryAttemptsExhausted");
}

static void on_done(void *context, const mf_local_invocation *invocation,
                    const mf_local_response *of)
{
    mf_local_sub_queue *sub_queue = context;
    const mf_local_batch_part *part = mf_local_delivery_part(&sub_queue->delivery);
    const bool is_batch = sub_queue->call == MF_LOCAL_SUB_QUEUE_BATCH;
    const mf_local_batch_request request = {
        .first = is_batch ? sub_queue->queue.first : NULL,
        .n = is_batch ? part->n : 0,
        .takes_partial = sub_queue->settings->takes_partial,
        .in_window = sub_queue->window.is_open,
    };
    mf_local_batch_result result;
    (void)invocation;
    sub_queue->invocation = NULL;
    sub_queue->has_function_error = of->failed;
    sub_queue->counts->n_calls++;
    mf_local_batch_result_read(&request, of->failed, of->payload, of->n_payload, &result);
    sub_queue->counts->n_failed += !result.ok;
    if (result.why[0] != '\0')
        log_warning(sub_queue, result.ok ? "failures_ignored" : "batch_failed", result.why,
                    of->payload, of->n_payload);
    if (is_batch) {
        apply_batch(sub_queue, &result);
    } else if (result.ok) {
        sub_queue->counts->n_final += sub_queue->call == MF_LOCAL_SUB_QUEUE_FINAL;
        mf_local_window_close(&sub_queue->window, sub_queue->call == MF_LOCAL_SUB_QUEUE_FINAL
                                                      ? MF_LOCAL_WINDOW_FINAL
                                                      : MF_LOCAL_WINDOW_EARLY);
    }
    mf_text_free(&result.state);
    sub_queue->call = MF_LOCAL_SUB_QUEUE_IDLE;
    sub_queue->n_failed_in_a_row = result.ok ? 0 : sub_queue->n_failed_in_a_row + 1;
    if (!result.ok)
        sub_queue->not_before =
            mf_clock_seconds() +
            fmin(ldexp(FIRST_WAIT_S, (int)fmin(sub_queue->n_failed_in_a_row - 1, 10)),
                 LONGEST_WAIT_S);
    /* Not from in here: the function is in the middle of its own work. */
    mf_local_start_timer(sub_queue->timer, 0);
    sub_queue->moved(sub_queue->context);
}

/* ---------------------------------------------------------------------- calls */

static void note_age(mf_local_sub_queue *sub_queue, uint32_t n)
{
    const mf_local_record *last = sub_queue->queue.first;
    for (uint32_t i = 1; i < n; i++)
        last = last->next;
    const int64_t age_ms = mf_clock_wall_ms() - last->arrived_ms;
    if (age_ms > sub_queue->counts->iterator_age_ms)
        sub_queue->counts->iterator_age_ms = age_ms;
}

static void send_call(mf_local_sub_queue *sub_queue, mf_local_sub_queue_call call)
{
    static const mf_local_window_call kinds[] = {MF_LOCAL_WINDOW_GOES_ON, MF_LOCAL_WINDOW_GOES_ON,
                                                 MF_LOCAL_WINDOW_FINAL, MF_LOCAL_WINDOW_EARLY};
    const uint32_t n =
        call == MF_LOCAL_SUB_QUEUE_BATCH ? mf_local_delivery_part(&sub_queue->delivery)->n : 0;
    mf_local_invocation *invocation = mf_local_invocation_create(NULL, 0);
    if (invocation == NULL) {
        mf_local_start_timer(sub_queue->timer, REFUSED_WAIT_S);
        return;
    }
    mf_local_stream_event_write(sub_queue->queue.first, n, &invocation->event);
    if (sub_queue->window.is_open)
        mf_local_window_write(&sub_queue->window, sub_queue->source, kinds[call],
                              &invocation->event);
    mf_text_literal(&invocation->event, "}");
    snprintf(invocation->arn, sizeof invocation->arn, "%s",
             mf_local_function_arn(sub_queue->function));
    invocation->done = on_done;
    invocation->context = sub_queue;
    sub_queue->invocation = invocation;
    sub_queue->call = call;
    memcpy(sub_queue->request_id, invocation->id, sizeof sub_queue->request_id);
    if (n > 0)
        note_age(sub_queue, n);
    /* A program that cannot be started has failed before this returns. */
    if (invocation->event.failed || !mf_local_function_submit(sub_queue->function, invocation)) {
        sub_queue->invocation = NULL;
        sub_queue->call = MF_LOCAL_SUB_QUEUE_IDLE;
        mf_local_invocation_destroy(invocation);
        mf_local_start_timer(sub_queue->timer, REFUSED_WAIT_S);
    }
}

/* Begins the next batch, if one is due. */
static void begin_batch(mf_local_sub_queue *sub_queue, double now)
{
    const mf_local_batch_limits limits = {
        .n_records = sub_queue->settings->batch_size,
        .n_bytes =
            MF_LOCAL_INVOCATION_EVENT_BYTES - EVENT_REST_BYTES - sub_queue->window.state.n_bytes,
        .window_s = sub_queue->settings->batching_s,
    };
    uint32_t n_eligible = limits.n_records;
    bool is_complete = sub_queue->has_ended;
    double wait_s;
    if (sub_queue->window.seconds > 0) {
        n_eligible = mf_local_window_count(&sub_queue->window, &sub_queue->queue, limits.n_records);
        is_complete = is_complete ||
                      (n_eligible < limits.n_records && n_eligible < sub_queue->queue.n) ||
                      (sub_queue->window.is_open &&
                       sub_queue->seen_empty_ms >= mf_local_window_end_ms(&sub_queue->window));
    }
    mf_local_delivery_start(
        &sub_queue->delivery,
        mf_local_batch_choose(&sub_queue->queue, n_eligible, is_complete, &limits, now, &wait_s));
    mf_local_start_timer(sub_queue->timer, wait_s);
}

void mf_local_sub_queue_step(mf_local_sub_queue *sub_queue)
{
    const double now = mf_clock_seconds();
    if (sub_queue->invocation != NULL)
        return;
    if (now < sub_queue->not_before) {
        mf_local_start_timer(sub_queue->timer, sub_queue->not_before - now);
        return;
    }
    if (sub_queue->window.is_too_large) {
        send_call(sub_queue, MF_LOCAL_SUB_QUEUE_EARLY);
        return;
    }
    drop_old(sub_queue);
    if (mf_local_delivery_part(&sub_queue->delivery) == NULL) {
        if (mf_local_window_is_over(&sub_queue->window, &sub_queue->queue, sub_queue->seen_empty_ms,
                                    sub_queue->has_ended)) {
            send_call(sub_queue, MF_LOCAL_SUB_QUEUE_FINAL);
            return;
        }
        begin_batch(sub_queue, now);
        drop_old(sub_queue);
    }
    if (mf_local_delivery_part(&sub_queue->delivery) != NULL)
        send_call(sub_queue, MF_LOCAL_SUB_QUEUE_BATCH);
}
