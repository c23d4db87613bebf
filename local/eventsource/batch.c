/* batch.c: the rules of a batch as functions without timers and calls: its size and time, the
 * meaning of the function's response, what is sent again, and the line for what is discarded.
 *
 * A delivery is a stack of parts of the batch: bisecting pushes a half, a part that is done is
 * popped. Records stay in the queue until they are delivered or discarded. */
#include "local/eventsource/batch.h"

#include "base/clock.h"
#include "base/memory.h"
#include "local/eventsource/record.h"
#include "local/service.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
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

__attribute__((format(printf, 2, 3))) static bool fail(mf_local_batch_result *result,
                                                       const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(result->why, sizeof result->why, format, list);
    va_end(list);
    result->n_done = 0;
    result->ok = false;
    return false;
}

/* The place in the batch, n when there is no such record. */
static uint32_t find(const mf_local_batch_request *request, const char *sequence)
{
    uint32_t i = 0;
    for (const mf_local_record *r = request->first; i < request->n; r = r->next, i++)
        if (strcmp(r->sequence, sequence) == 0)
            break;
    return i;
}

#define FAILURES "batchItemFailures"

static void warn_of_other_case(const json_t *response, mf_local_batch_result *result)
{
    json_t *members = mf_without_const(response); /* for iterators; nothing changes */
    for (void *at = json_object_iter(members); at != NULL; at = json_object_iter_next(members, at))
        if (strcasecmp(json_object_iter_key(at), FAILURES) == 0 &&
            strcmp(json_object_iter_key(at), FAILURES) != 0)
            snprintf(result->why, sizeof result->why,
                     "Lambda ignores %s, because only " FAILURES " counts: all records are done",
                     json_object_iter_key(at));
}

static bool read_failures(const mf_local_batch_request *request, const json_t *response,
                          mf_local_batch_result *result)
{
    const json_t *list = json_object_get(response, FAILURES);
    warn_of_other_case(response, result);
    if (list == NULL || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return fail(result, FAILURES " is no list");
    uint32_t lowest = request->n;
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        const char *sequence = json_string_value(json_object_get(entry, "itemIdentifier"));
        if (sequence == NULL || sequence[0] == '\0')
            return fail(result, "an entry of " FAILURES " has no itemIdentifier");
        const uint32_t at = find(request, sequence);
        if (at == request->n)
            return fail(result, "itemIdentifier %.64s is not of this batch", sequence);
        lowest = at < lowest ? at : lowest;
    }
    if (lowest == request->n)
        return true;
    result->n_done = lowest;
    result->ok = false;
    snprintf(result->why, sizeof result->why, "the function names record %u of %u as failed",
             (unsigned)lowest + 1, (unsigned)request->n);
    return lowest > 0;
}

static bool read_state(const json_t *response, mf_local_batch_result *result)
{
    const json_t *state = json_object_get(response, "state");
    if (!json_is_object(state))
        return fail(result, "the response has no state, which a tumbling window needs");
    char *text = json_dumps(state, JSON_COMPACT);
    if (text == NULL)
        return fail(result, "no memory for a state");
    mf_text_append(&result->state, text, strlen(text));
    free(text);
    return true;
}

static bool is_nothing(const json_t *response)
{
    return json_is_null(response) ||
           (json_is_string(response) && json_string_length(response) == 0);
}

static void read_response(const mf_local_batch_request *request, const json_t *response,
                          mf_local_batch_result *result)
{
    if (!json_is_object(response) && (request->in_window || !is_nothing(response))) {
        fail(result, request->in_window ? "the response has no state, which a tumbling window needs"
                                        : "the response is no JSON object");
        return;
    }
    if (request->takes_partial && !read_failures(request, response, result))
        return;
    if (request->in_window)
        read_state(response, result);
}

void mf_local_batch_result_read(const mf_local_batch_request *request, bool failed,
                                const char *payload, size_t n, mf_local_batch_result *result)
{
    *result = (mf_local_batch_result){.n_done = request->n, .ok = true, .state = MF_TEXT_EMPTY};
    if (failed) {
        fail(result, "the function failed");
        return;
    }
    if (!request->takes_partial && !request->in_window)
        return;
    json_t *response =
        n > 0 ? json_loadb(payload, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : json_null();
    if (response == NULL)
        fail(result, "the response is not JSON");
    else
        read_response(request, response, result);
    json_decref(response);
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
                                               const mf_local_batch_result *result)
{
    mf_local_batch_part *part = mf_local_delivery_part(delivery);
    mf_local_delivery_step step = {.n_delivered = result->n_done};
    part->n_calls++;
    if (result->ok || result->n_done > 0)
        mf_local_delivery_cut(delivery, result->n_done);
    if (result->ok || (rules->bisect && result->n_done > 0))
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

void mf_local_discarded_write(const mf_local_discarded *dropped, int64_t now_ms, mf_text *line)
{
    char now[MF_CLOCK_TEXT_BYTES], arrived[2][MF_CLOCK_TEXT_BYTES];
    mf_text payload = MF_TEXT_EMPTY;
    const mf_local_record *last = dropped->first;
    for (uint32_t i = 1; i < dropped->n; i++)
        last = last->next;
    mf_local_stream_event_write(dropped->first, dropped->n, &payload);
    mf_text_literal(&payload, "}");
    json_t *root = json_pack(
        "{s:{s:s, s:s, s:s, s:i}, s:o*, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:i, s:s}, s:o}",
        "requestContext", "requestId", dropped->request_id, "functionArn", dropped->function_arn,
        "condition", dropped->condition, "approximateInvokeCount", (int)dropped->n_calls,
        "responseContext",
        dropped->n_calls > 0
            ? json_pack("{s:i, s:s, s:s?}", "statusCode", 200, "executedVersion", "$LATEST",
                        "functionError", dropped->has_function_error ? "Unhandled" : NULL)
            : NULL,
        "version", "1.0", "timestamp", mf_clock_text(now_ms, now), "KinesisBatchInfo", "shardId",
        dropped->source->shard_id, "startSequenceNumber", dropped->first->sequence,
        "endSequenceNumber", last->sequence, "approximateArrivalOfFirstRecord",
        mf_clock_text(dropped->first->arrived_ms, arrived[0]), "approximateArrivalOfLastRecord",
        mf_clock_text(last->arrived_ms, arrived[1]), "batchSize", (int)dropped->n, "streamArn",
        dropped->source->stream_arn, "payload",
        payload.failed ? NULL : json_stringn(payload.bytes, payload.n_bytes));
    mf_local_json_append(line, root);
    mf_text_literal(line, "\n");
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
