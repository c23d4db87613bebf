/* batch_json.c: the event by jansson, which has the last word on what JSON is. */
#include "lambda/streams/batch_readers.h"

#include "base/memory.h"
#include "lambda/runtime/invocation.h"
#include "lambda/streams/shortest.h"

#include <jansson.h>
#include <stdio.h>

static const mf_where event_itself = {"event", 0, 0};

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
    if (source.bytes != NULL && strcmp(source.bytes, MF_STREAM_SOURCE) != 0)
        return mf_fail(err, MF_ERR_PARSE, event_itself,
                       "Records[%zu].eventSource is \"%.64s\", expected " MF_STREAM_SOURCE, place,
                       source.bytes);
    record->arrival_ms = mf_stream_batch_ms(
        json_number_value(json_object_get(kinesis, "approximateArrivalTimestamp")));
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
            !mf_stream_batch_push_record(batch, &record, err))
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
            mf_shortest_write(&batch->numbers, json_real_value(value));
        text.n_bytes = batch->numbers.n_bytes - before;
    } else {
        return mf_fail(err, MF_ERR_PARSE, event_itself,
                       "state: member \"%.80s\" is neither a text nor a number", name);
    }
    return mf_stream_batch_push_state(batch, (mf_id){name, strlen(name)}, text, err);
}

static bool read_state(json_t *state, mf_stream_batch *batch, mf_error *err)
{
    if (state == NULL || json_is_null(state))
        return true;
    if (!json_is_object(state))
        return fail_kind("", "state", "an object", err);
    const char *name;
    json_t *value;
    json_object_foreach(state, name,
                        value) if (!read_state_member(batch, name, value, err)) return false;
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
