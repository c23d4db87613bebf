/* batch.c: two readers of one event, then the checks of what they found.
 *
 * plain.h passes once over the bytes; jansson takes 80 times as long (plain.h has the figures) and
 * reads what plain.h does not take: events with escapes in their texts. */
#include "lambda/streams/batch.h"

#include "base/grow.h"
#include "base/number.h"
#include "lambda/runtime/invocation.h"
#include "lambda/streams/plain.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const mf_where event_itself = {"event", 0, 0};

#define SOURCE "aws:kinesis"

static bool push_record(mf_stream_batch *batch, const mf_stream_record *record, mf_error *err)
{
    if (batch->n_records > UINT32_MAX - 1 ||
        !MF_GROW(batch->records, batch->records_capacity, batch->n_records + 1, "records", err))
        return false;
    batch->records[batch->n_records] = *record;
    batch->records[batch->n_records].place = (uint32_t)batch->n_records;
    batch->n_records++;
    return true;
}

static bool push_state(mf_stream_batch *batch, mf_id name, mf_id value, mf_error *err)
{
    if (!MF_GROW(batch->state, batch->state_capacity, batch->n_state + 1, "a state", err))
        return false;
    batch->state[batch->n_state++] = (mf_stream_state_member){name, value};
    return true;
}

/* approximateArrivalTimestamp in milliseconds; 0 for one that cannot be. */
static int64_t arrival_ms(double seconds)
{
    return seconds > 0 && seconds < 1e11 ? (int64_t)(seconds * 1000 + 0.5) : 0;
}

static void clear(mf_stream_batch *batch)
{
    json_decref(batch->root);
    mf_text_clear(&batch->numbers, 1 << 16);
    *batch = (mf_stream_batch){
        .records = batch->records,
        .records_capacity = batch->records_capacity,
        .state = batch->state,
        .state_capacity = batch->state_capacity,
        .numbers = batch->numbers,
    };
}

/* --------------------------------------------------------------------------- jansson */

enum { PLACE_BYTES = 64 };

static bool fail_kind(const char *place, const char *name, const char *expected, mf_error *err)
{
    return mf_fail(err, MF_ERR_PARSE, event_itself, "%s%s is not %s", place, name, expected);
}

/* Absent and null leave *view as it is. */
static bool read_text(const json_t *object, const char *place, const char *name, mf_id *view,
                      mf_error *err)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL || json_is_null(value))
        return true;
    if (!json_is_string(value))
        return fail_kind(place, name, "a text", err);
    *view = (mf_id){json_string_value(value), json_string_length(value)};
    return true;
}

static bool read_bool(const json_t *object, const char *name, bool *value, mf_error *err)
{
    const json_t *found = json_object_get(object, name);
    if (found != NULL && !json_is_null(found) && !json_is_boolean(found))
        return fail_kind("", name, "true or false", err);
    *value = json_is_true(found);
    return true;
}

static bool read_record(const json_t *json, size_t place, mf_stream_record *record, mf_id *stream,
                        mf_error *err)
{
    char at[PLACE_BYTES], inside[PLACE_BYTES];
    snprintf(at, sizeof at, "Records[%zu]", place);
    if (!json_is_object(json))
        return fail_kind(at, "", "an object", err);
    snprintf(at, sizeof at, "Records[%zu].", place);
    snprintf(inside, sizeof inside, "Records[%zu].kinesis.", place);
    const json_t *kinesis = json_object_get(json, "kinesis");
    if (kinesis != NULL && !json_is_object(kinesis))
        return fail_kind(at, "kinesis", "an object", err);
    mf_id source = {NULL, 0};
    if (!read_text(json, at, "eventSource", &source, err) ||
        !read_text(json, at, "eventID", &record->event_id, err) ||
        !read_text(json, at, "eventSourceARN", stream, err) ||
        !read_text(kinesis, inside, "sequenceNumber", &record->sequence_number, err) ||
        !read_text(kinesis, inside, "data", &record->data, err) ||
        !read_text(kinesis, inside, "partitionKey", &record->partition_key, err))
        return false;
    if (source.bytes != NULL && strcmp(source.bytes, SOURCE) != 0)
        return mf_fail(err, MF_ERR_PARSE, event_itself,
                       "Records[%zu].eventSource is \"%.64s\", expected " SOURCE, place,
                       source.bytes);
    record->arrival_ms =
        arrival_ms(json_number_value(json_object_get(kinesis, "approximateArrivalTimestamp")));
    return true;
}

static bool read_records(const json_t *list, mf_stream_batch *batch, mf_id *stream, mf_error *err)
{
    if (list == NULL || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return fail_kind("", "Records", "a list", err);
    for (size_t i = 0; i < json_array_size(list); i++) {
        mf_stream_record record = {.arrival_ms = 0};
        mf_id of_record = {NULL, 0};
        if (!read_record(json_array_get(list, i), i, &record, &of_record, err) ||
            !push_record(batch, &record, err))
            return false;
        if (i == 0)
            *stream = of_record;
    }
    return true;
}

/* A number's text goes to batch->numbers; its view has only the length until all are there. */
static bool read_state_member(mf_stream_batch *batch, const char *name, const json_t *value,
                              mf_error *err)
{
    mf_id text = {NULL, 0};
    if (json_is_string(value)) {
        text = (mf_id){json_string_value(value), json_string_length(value)};
    } else if (json_is_number(value)) {
        const size_t before = batch->numbers.n_bytes;
        if (json_is_integer(value))
            mf_text_format(&batch->numbers, "%lld", (long long)json_integer_value(value));
        else
            mf_stream_plain_write_real(&batch->numbers, json_real_value(value));
        text.n_bytes = batch->numbers.n_bytes - before;
    } else {
        return mf_fail(err, MF_ERR_PARSE, event_itself,
                       "state: member \"%.80s\" is neither a text nor a number", name);
    }
    return push_state(batch, (mf_id){name, strlen(name)}, text, err);
}

static bool read_state(json_t *state, mf_stream_batch *batch, mf_error *err)
{
    if (state == NULL || json_is_null(state))
        return true;
    if (!json_is_object(state))
        return fail_kind("", "state", "an object", err);
    const char *name;
    json_t *value;
    json_object_foreach(state, name, value)
    {
        if (!read_state_member(batch, name, value, err))
            return false;
    }
    if (batch->numbers.failed)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a state");
    size_t at = 0;
    for (size_t i = 0; i < batch->n_state; i++) {
        if (batch->state[i].value.bytes != NULL)
            continue;
        batch->state[i].value.bytes = batch->numbers.bytes + at;
        at += batch->state[i].value.n_bytes;
    }
    return true;
}

bool mf_stream_batch_read_json(mf_stream_batch *batch, const char *event, size_t n_event,
                               mf_error *err)
{
    clear(batch);
    batch->root = mf_lambda_event_parse(event, n_event, err);
    if (batch->root == NULL)
        return false;
    const json_t *root = batch->root;
    const json_t *window = json_object_get(root, "window");
    batch->has_window = window != NULL && !json_is_null(window);
    if (batch->has_window && !json_is_object(window))
        return fail_kind("", "window", "an object", err);
    mf_id stream = {NULL, 0};
    if (!read_text(root, "", "shardId", &batch->shard_id, err) ||
        !read_text(root, "", "eventSourceARN", &batch->stream, err) ||
        !read_text(window, "window.", "start", &batch->window_start, err) ||
        !read_text(window, "window.", "end", &batch->window_end, err) ||
        !read_bool(root, "isFinalInvokeForWindow", &batch->is_final, err) ||
        !read_bool(root, "isWindowTerminatedEarly", &batch->is_terminated_early, err) ||
        !read_records(json_object_get(root, "Records"), batch, &stream, err) ||
        !read_state(json_object_get(root, "state"), batch, err))
        return false;
    if (batch->stream.bytes == NULL)
        batch->stream = stream;
    return true;
}

/* --------------------------------------------------------------------------- plain.h */

static void plain_kinesis(mf_stream_plain *plain, mf_stream_record *record)
{
    mf_stream_plain_object kinesis;
    mf_id key;
    mf_id number;
    double seconds;
    mf_stream_plain_open(plain, &kinesis);
    while (mf_stream_plain_next(plain, &kinesis, &key)) {
        if (mf_stream_plain_is(key, "data")) {
            mf_stream_plain_text(plain, &record->data);
        } else if (mf_stream_plain_is(key, "sequenceNumber")) {
            mf_stream_plain_text(plain, &record->sequence_number);
        } else if (mf_stream_plain_is(key, "partitionKey")) {
            mf_stream_plain_text(plain, &record->partition_key);
        } else if (mf_stream_plain_is(key, "approximateArrivalTimestamp")) {
            if (mf_stream_plain_value(plain, &number) == MF_STREAM_PLAIN_NUMBER &&
                mf_parse_double(number.bytes, number.n_bytes, &seconds))
                record->arrival_ms = arrival_ms(seconds);
        } else {
            mf_stream_plain_skip(plain);
        }
    }
}

/* False: it is another service's. */
static bool plain_record(mf_stream_plain *plain, mf_stream_record *record, mf_id *stream)
{
    mf_stream_plain_object members;
    mf_id key;
    mf_id source = {NULL, 0};
    mf_stream_plain_open(plain, &members);
    while (mf_stream_plain_next(plain, &members, &key)) {
        if (mf_stream_plain_is(key, "kinesis"))
            plain_kinesis(plain, record);
        else if (mf_stream_plain_is(key, "eventID"))
            mf_stream_plain_text(plain, &record->event_id);
        else if (mf_stream_plain_is(key, "eventSourceARN"))
            mf_stream_plain_text(plain, stream);
        else if (mf_stream_plain_is(key, "eventSource"))
            mf_stream_plain_text(plain, &source);
        else
            mf_stream_plain_skip(plain);
    }
    return source.bytes == NULL || mf_stream_plain_is(source, SOURCE);
}

static bool plain_records(mf_stream_plain *plain, mf_stream_batch *batch, mf_id *stream)
{
    mf_stream_plain_object list;
    mf_stream_plain_open_list(plain, &list);
    while (mf_stream_plain_next_element(plain, &list)) {
        mf_stream_record record = {.arrival_ms = 0};
        mf_id of_record = {NULL, 0};
        if (!plain_record(plain, &record, &of_record) || !push_record(batch, &record, NULL))
            return false;
        if (batch->n_records == 1)
            *stream = of_record;
    }
    return true;
}

static bool plain_state(mf_stream_plain *plain, mf_stream_batch *batch)
{
    mf_stream_plain_object members;
    mf_id key;
    mf_id value;
    mf_stream_plain_open(plain, &members);
    while (mf_stream_plain_next(plain, &members, &key)) {
        const mf_stream_plain_kind kind = mf_stream_plain_value(plain, &value);
        if ((kind != MF_STREAM_PLAIN_TEXT && kind != MF_STREAM_PLAIN_NUMBER) ||
            !push_state(batch, key, value, NULL))
            return false;
    }
    return true;
}

static void plain_window(mf_stream_plain *plain, mf_stream_batch *batch)
{
    mf_stream_plain_object members;
    mf_id key;
    mf_stream_plain_open(plain, &members);
    batch->has_window = true;
    while (mf_stream_plain_next(plain, &members, &key)) {
        if (mf_stream_plain_is(key, "start"))
            mf_stream_plain_text(plain, &batch->window_start);
        else if (mf_stream_plain_is(key, "end"))
            mf_stream_plain_text(plain, &batch->window_end);
        else
            mf_stream_plain_skip(plain);
    }
}

static bool plain_member(mf_stream_plain *plain, mf_stream_batch *batch, mf_id key, mf_id *stream)
{
    if (mf_stream_plain_is(key, "Records"))
        return plain_records(plain, batch, stream);
    if (mf_stream_plain_is(key, "state"))
        return plain_state(plain, batch);
    if (mf_stream_plain_is(key, "window"))
        plain_window(plain, batch);
    else if (mf_stream_plain_is(key, "shardId"))
        mf_stream_plain_text(plain, &batch->shard_id);
    else if (mf_stream_plain_is(key, "eventSourceARN"))
        mf_stream_plain_text(plain, &batch->stream);
    else if (mf_stream_plain_is(key, "isFinalInvokeForWindow"))
        batch->is_final = mf_stream_plain_bool(plain);
    else if (mf_stream_plain_is(key, "isWindowTerminatedEarly"))
        batch->is_terminated_early = mf_stream_plain_bool(plain);
    else
        mf_stream_plain_skip(plain);
    return true;
}

bool mf_stream_batch_read_plain(mf_stream_batch *batch, const char *event, size_t n_event)
{
    mf_stream_plain plain;
    mf_stream_plain_object members;
    mf_id key;
    mf_id stream = {NULL, 0};
    bool ok = true;
    clear(batch);
    mf_stream_plain_start(&plain, event, n_event);
    mf_stream_plain_open(&plain, &members);
    while (ok && mf_stream_plain_next(&plain, &members, &key))
        ok = plain_member(&plain, batch, key, &stream);
    if (batch->stream.bytes == NULL)
        batch->stream = stream;
    return mf_stream_plain_end(&plain) && ok;
}

/* ---------------------------------------------------------------------- both readers */

/* What is not told is "". */
static void settle(mf_id *view)
{
    if (view->bytes == NULL)
        *view = (mf_id){"", 0};
}

static bool check_record(const mf_stream_record *record, mf_error *err)
{
    if (record->sequence_number.bytes == NULL || record->data.bytes == NULL)
        return mf_fail(err, MF_ERR_PARSE, event_itself, "Records[%u].kinesis.%s is missing",
                       record->place, record->data.bytes == NULL ? "data" : "sequenceNumber");
    if (!mf_stream_sequence_valid(record->sequence_number))
        return mf_fail(
            err, MF_ERR_PARSE, event_itself,
            "Records[%u].kinesis.sequenceNumber is \"%.*s\", expected up to %d digits",
            record->place,
            (int)(record->sequence_number.n_bytes < 160 ? record->sequence_number.n_bytes : 160),
            record->sequence_number.bytes, MF_STREAM_SEQUENCE_DIGITS);
    return true;
}

static int compare(const void *a, const void *b)
{
    const mf_stream_record *one = a;
    const mf_stream_record *other = b;
    const int order = mf_stream_sequence_compare(one->sequence_number, other->sequence_number);
    return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

static void put_in_order(mf_stream_batch *batch)
{
    mf_stream_record *records = batch->records;
    bool ordered = true;
    for (size_t i = 1; i < batch->n_records && ordered; i++)
        ordered = mf_stream_sequence_compare(records[i - 1].sequence_number,
                                             records[i].sequence_number) < 0;
    if (ordered)
        return;
    qsort(records, batch->n_records, sizeof *records, compare);
    size_t n = 1;
    for (size_t i = 1; i < batch->n_records; i++)
        if (mf_stream_sequence_compare(records[n - 1].sequence_number,
                                       records[i].sequence_number) != 0)
            records[n++] = records[i];
    batch->n_repeated = batch->n_records - n;
    batch->n_records = n;
}

static bool check_window(const mf_stream_batch *batch, mf_error *err)
{
    if (batch->has_window && (batch->window_start.n_bytes == 0 || batch->window_end.n_bytes == 0))
        return mf_fail(err, MF_ERR_PARSE, event_itself, "window.%s is missing",
                       batch->window_start.n_bytes == 0 ? "start" : "end");
    return true;
}

static bool check(mf_stream_batch *batch, mf_error *err)
{
    for (size_t i = 0; i < batch->n_records; i++) {
        mf_stream_record *record = &batch->records[i];
        if (!check_record(record, err))
            return false;
        settle(&record->partition_key);
        settle(&record->event_id);
    }
    settle(&batch->stream);
    settle(&batch->shard_id);
    settle(&batch->window_start);
    settle(&batch->window_end);
    put_in_order(batch);
    if (batch->shard_id.n_bytes == 0 && batch->n_records > 0) {
        const mf_id id = batch->records[0].event_id;
        const char *colon = memchr(id.bytes, ':', id.n_bytes);
        if (colon != NULL)
            batch->shard_id = (mf_id){id.bytes, (size_t)(colon - id.bytes)};
    }
    return check_window(batch, err);
}

bool mf_stream_batch_read(mf_stream_batch *batch, const char *event, size_t n_event, mf_error *err)
{
    return (mf_stream_batch_read_plain(batch, event, n_event) ||
            mf_stream_batch_read_json(batch, event, n_event, err)) &&
           check(batch, err);
}

void mf_stream_batch_free(mf_stream_batch *batch)
{
    json_decref(batch->root);
    mf_free(batch->records);
    mf_free(batch->state);
    mf_text_free(&batch->numbers);
    *batch = (mf_stream_batch){.n_records = 0};
}

/* ---------------------------------------------------------------------- the response */

void mf_stream_response_fail(mf_stream_response *response, const mf_stream_record *record)
{
    if (response->lowest_failed.n_bytes == 0 ||
        mf_stream_sequence_compare(record->sequence_number, response->lowest_failed) < 0)
        response->lowest_failed = record->sequence_number;
}

void mf_stream_response_write(const mf_stream_response *response, mf_text *text)
{
    mf_text_literal(text, "{\"batchItemFailures\":[");
    if (response->lowest_failed.n_bytes > 0) {
        mf_text_literal(text, "{\"itemIdentifier\":\"");
        mf_text_append(text, response->lowest_failed.bytes, response->lowest_failed.n_bytes);
        mf_text_literal(text, "\"}");
    }
    mf_text_literal(text, "]");
    if (response->state != NULL) {
        mf_text_literal(text, ",\"state\":");
        mf_text_append(text, response->state->bytes, response->state->n_bytes);
    }
    mf_text_literal(text, "}");
}
