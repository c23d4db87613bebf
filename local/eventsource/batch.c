/* batch.c: choosing, reading the result of, cutting and discarding a batch. */
#include "local/eventsource/batch.h"

#include "base/clock.h"
#include "local/eventsource/record.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

uint32_t mf_local_batch_choose(const mf_local_record_queue *queue, uint32_t n_eligible,
                               bool is_complete, const mf_local_batch_limits *limits, double now,
                               double *wait_s)
{
    uint32_t n = 0;
    size_t n_bytes = 0;
    bool is_full = false;
    *wait_s = INFINITY;
    for (const mf_local_record *r = queue->first; r != NULL && n < n_eligible; r = r->next) {
        n_bytes += r->n_event + (n > 0);
        if (n > 0 && n_bytes > limits->n_bytes) {
            is_full = true;
            break;
        }
        if (++n == limits->n_records) {
            is_full = true;
            break;
        }
    }
    if (n == 0)
        return 0;
    const double left_s = queue->first->read_at + limits->window_s - now;
    if (is_full || is_complete || left_s <= 0)
        return n;
    *wait_s = left_s;
    return 0;
}

__attribute__((format(printf, 2, 3))) static bool fail(mf_local_batch_result *outcome,
                                                       const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(outcome->why, sizeof outcome->why, format, list);
    va_end(list);
    outcome->n_done = 0;
    outcome->ok = false;
    return false;
}

/* The place in the batch, n when there is no such record. */
static uint32_t find(const mf_local_batch_request *asked, const char *sequence)
{
    uint32_t i = 0;
    for (const mf_local_record *r = asked->first; i < asked->n; r = r->next, i++)
        if (strcmp(r->sequence, sequence) == 0)
            break;
    return i;
}

static bool read_failures(const mf_local_batch_request *asked, const json_t *answer,
                          mf_local_batch_result *outcome)
{
    const json_t *list = json_object_get(answer, "batchItemFailures");
    if (list == NULL || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return fail(outcome, "batchItemFailures is no list");
    uint32_t lowest = asked->n;
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        const char *sequence = json_string_value(json_object_get(entry, "itemIdentifier"));
        if (sequence == NULL || sequence[0] == '\0')
            return fail(outcome, "an entry of batchItemFailures has no itemIdentifier");
        const uint32_t at = find(asked, sequence);
        if (at == asked->n)
            return fail(outcome, "itemIdentifier %.64s is not of this batch", sequence);
        lowest = at < lowest ? at : lowest;
    }
    if (lowest == asked->n)
        return true;
    outcome->n_done = lowest;
    outcome->ok = false;
    snprintf(outcome->why, sizeof outcome->why, "the function names record %u of %u as failed",
             (unsigned)lowest + 1, (unsigned)asked->n);
    return lowest > 0;
}

static bool read_state(const json_t *answer, mf_local_batch_result *outcome)
{
    const json_t *state = json_object_get(answer, "state");
    if (!json_is_object(state))
        return fail(outcome, "the answer has no state, which a tumbling window needs");
    char *text = json_dumps(state, JSON_COMPACT);
    if (text == NULL)
        return fail(outcome, "no memory for a state");
    mf_text_append(&outcome->state, text, strlen(text));
    free(text);
    return true;
}

static bool is_nothing(const json_t *answer)
{
    return json_is_null(answer) || (json_is_string(answer) && json_string_length(answer) == 0);
}

static void read_answer(const mf_local_batch_request *asked, const json_t *answer,
                        mf_local_batch_result *outcome)
{
    if (!json_is_object(answer) && (asked->in_window || !is_nothing(answer))) {
        fail(outcome, asked->in_window ? "the answer has no state, which a tumbling window needs"
                                       : "the answer is no JSON object");
        return;
    }
    if (asked->takes_partial && !read_failures(asked, answer, outcome))
        return;
    if (asked->in_window)
        read_state(answer, outcome);
}

void mf_local_batch_result_read(const mf_local_batch_request *asked, bool failed,
                                const char *payload, size_t n, mf_local_batch_result *outcome)
{
    *outcome = (mf_local_batch_result){.n_done = asked->n, .ok = true, .state = MF_TEXT_EMPTY};
    if (failed) {
        fail(outcome, "the function failed");
        return;
    }
    if (!asked->takes_partial && !asked->in_window)
        return;
    json_t *answer =
        n > 0 ? json_loadb(payload, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : json_null();
    if (answer == NULL)
        fail(outcome, "the answer is not JSON");
    else
        read_answer(asked, answer, outcome);
    json_decref(answer);
}

void mf_local_delivery_start(mf_local_delivery *delivery, uint32_t n)
{
    delivery->parts[0] = (mf_local_batch_part){.n = n};
    delivery->n_parts = n > 0;
}

mf_local_batch_part *mf_local_delivery_part(mf_local_delivery *delivery)
{
    return delivery->n_parts > 0 ? &delivery->parts[delivery->n_parts - 1] : NULL;
}

void mf_local_delivery_cut(mf_local_delivery *delivery, uint32_t n)
{
    mf_local_batch_part *part = mf_local_delivery_part(delivery);
    part->n -= n;
    if (part->n == 0)
        delivery->n_parts--;
}

static void halve(mf_local_delivery *delivery)
{
    mf_local_batch_part *second = mf_local_delivery_part(delivery);
    mf_local_batch_part *first = second + 1;
    *first = *second;
    first->n = second->n / 2;
    second->n -= first->n;
    delivery->n_parts++;
}

mf_local_delivery_step mf_local_delivery_apply(mf_local_delivery *delivery,
                                               const mf_local_delivery_rules *rules,
                                               const mf_local_batch_result *outcome)
{
    mf_local_batch_part *part = mf_local_delivery_part(delivery);
    mf_local_delivery_step step = {.n_delivered = outcome->n_done};
    part->n_calls++;
    if (outcome->ok || outcome->n_done > 0)
        mf_local_delivery_cut(delivery, outcome->n_done);
    if (outcome->ok || (rules->bisect && outcome->n_done > 0))
        return step;
    if (rules->bisect && part->n > 1 && delivery->n_parts < MF_LOCAL_DELIVERY_PARTS) {
        halve(delivery);
        return step;
    }
    part->n_retries++;
    if (rules->max_retries >= 0 && part->n_retries > (uint32_t)rules->max_retries) {
        step.n_dropped = part->n;
        mf_local_delivery_cut(delivery, part->n);
    }
    return step;
}

static void write_time(mf_text *line, const char *name, int64_t ms)
{
    char text[MF_CLOCK_TEXT_BYTES];
    mf_text_format(line, ",\"%s\":\"%s\"", name, mf_clock_text(ms, text));
}

void mf_local_discarded_write(const mf_local_discarded *dropped, int64_t now_ms, mf_text *line)
{
    mf_text payload = MF_TEXT_EMPTY;
    const mf_local_record *last = dropped->first;
    for (uint32_t i = 1; i < dropped->n; i++)
        last = last->next;
    mf_local_stream_event_write(dropped->first, dropped->n, &payload);
    mf_text_literal(&payload, "}");
    mf_text_format(line,
                   "{\"requestContext\":{\"requestId\":\"%s\",\"functionArn\":\"%s\","
                   "\"condition\":\"%s\",\"approximateInvokeCount\":%u}",
                   dropped->request_id, dropped->function_arn, dropped->condition,
                   (unsigned)dropped->n_calls);
    if (dropped->n_calls > 0)
        mf_text_format(line,
                       ",\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\","
                       "\"functionError\":%s}",
                       dropped->has_function_error ? "\"Unhandled\"" : "null");
    mf_text_literal(line, ",\"version\":\"1.0\"");
    write_time(line, "timestamp", now_ms);
    mf_text_format(line,
                   ",\"KinesisBatchInfo\":{\"shardId\":\"%s\",\"startSequenceNumber\":\"%s\","
                   "\"endSequenceNumber\":\"%s\"",
                   dropped->source->shard_id, dropped->first->sequence, last->sequence);
    write_time(line, "approximateArrivalOfFirstRecord", dropped->first->arrived_ms);
    write_time(line, "approximateArrivalOfLastRecord", last->arrived_ms);
    mf_text_format(line,
                   ",\"batchSize\":%u,\"streamArn\":\"%s\"},\"payload\":", (unsigned)dropped->n,
                   dropped->source->stream_arn);
    mf_text_json(line, payload.bytes, payload.n_bytes);
    mf_text_literal(line, "}\n");
    line->failed = line->failed || payload.failed;
    mf_text_free(&payload);
}

bool mf_local_discarded_append(const char *path, const mf_text *line, mf_error *err)
{
    if (path[0] == '\0')
        return true;
    if (line->failed)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a line of %s", path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return mf_fail_errno(err, errno, MF_NOWHERE, "cannot open %s", path);
    const ssize_t n = write(fd, line->bytes, line->n_bytes);
    const int reason = n < 0 ? errno : ENOSPC;
    close(fd);
    return n == (ssize_t)line->n_bytes ||
           mf_fail_errno(err, reason, MF_NOWHERE, "cannot write to %s", path);
}
