/* batch_plain.c: the event by plain.h: one pass over its bytes. */
#include "lambda/streams/batch_readers.h"

#include "base/number.h"
#include "lambda/streams/plain.h"

static void read_kinesis(mf_plain *plain, mf_stream_record *record)
{
    mf_plain_object kinesis;
    mf_id key;
    mf_id number;
    double seconds;
    mf_plain_open(plain, &kinesis);
    while (mf_plain_next(plain, &kinesis, &key)) {
        if (mf_plain_is(key, "data")) {
            mf_plain_text(plain, &record->data);
        } else if (mf_plain_is(key, "sequenceNumber")) {
            mf_plain_text(plain, &record->sequence_number);
        } else if (mf_plain_is(key, "partitionKey")) {
            mf_plain_text(plain, &record->partition_key);
        } else if (mf_plain_is(key, "approximateArrivalTimestamp")) {
            if (mf_plain_value(plain, &number) == MF_PLAIN_NUMBER &&
                mf_parse_double(number.bytes, number.n_bytes, &seconds))
                record->arrival_ms = mf_stream_batch_ms(seconds);
        } else {
            mf_plain_skip(plain);
        }
    }
}

/* False: it is another service's. */
static bool read_record(mf_plain *plain, mf_stream_record *record, mf_id *stream)
{
    mf_plain_object members;
    mf_id key;
    mf_id source = {NULL, 0};
    mf_plain_open(plain, &members);
    while (mf_plain_next(plain, &members, &key)) {
        if (mf_plain_is(key, "kinesis"))
            read_kinesis(plain, record);
        else if (mf_plain_is(key, "eventID"))
            mf_plain_text(plain, &record->event_id);
        else if (mf_plain_is(key, "eventSourceARN"))
            mf_plain_text(plain, stream);
        else if (mf_plain_is(key, "eventSource"))
            mf_plain_text(plain, &source);
        else
            mf_plain_skip(plain);
    }
    return source.bytes == NULL || mf_plain_is(source, MF_STREAM_SOURCE);
}

static bool read_records(mf_plain *plain, mf_stream_batch *batch, mf_id *stream)
{
    mf_plain_object list;
    mf_plain_open_list(plain, &list);
    while (mf_plain_next_element(plain, &list)) {
        mf_stream_record record = {.arrival_ms = 0};
        mf_id of_record = {NULL, 0};
        if (!read_record(plain, &record, &of_record) ||
            !mf_stream_batch_push_record(batch, &record, NULL))
            return false;
        if (batch->n_records == 1)
            *stream = of_record;
    }
    return true;
}

static bool read_state(mf_plain *plain, mf_stream_batch *batch)
{
    mf_plain_object members;
    mf_id key;
    mf_id value;
    mf_plain_open(plain, &members);
    while (mf_plain_next(plain, &members, &key)) {
        const mf_plain_kind kind = mf_plain_value(plain, &value);
        if ((kind != MF_PLAIN_TEXT && kind != MF_PLAIN_NUMBER) ||
            !mf_stream_batch_push_state(batch, key, value, NULL))
            return false;
    }
    return true;
}

static void read_window(mf_plain *plain, mf_stream_batch *batch)
{
    mf_plain_object members;
    mf_id key;
    mf_plain_open(plain, &members);
    batch->has_window = true;
    while (mf_plain_next(plain, &members, &key)) {
        if (mf_plain_is(key, "start"))
            mf_plain_text(plain, &batch->window_start);
        else if (mf_plain_is(key, "end"))
            mf_plain_text(plain, &batch->window_end);
        else
            mf_plain_skip(plain);
    }
}

static bool read_member(mf_plain *plain, mf_stream_batch *batch, mf_id key, mf_id *stream)
{
    if (mf_plain_is(key, "Records"))
        return read_records(plain, batch, stream);
    if (mf_plain_is(key, "state"))
        return read_state(plain, batch);
    if (mf_plain_is(key, "window"))
        read_window(plain, batch);
    else if (mf_plain_is(key, "shardId"))
        mf_plain_text(plain, &batch->shard_id);
    else if (mf_plain_is(key, "eventSourceARN"))
        mf_plain_text(plain, &batch->stream);
    else if (mf_plain_is(key, "isFinalInvokeForWindow"))
        batch->is_final = mf_plain_bool(plain);
    else if (mf_plain_is(key, "isWindowTerminatedEarly"))
        batch->is_terminated_early = mf_plain_bool(plain);
    else
        mf_plain_skip(plain);
    return true;
}

bool mf_stream_batch_read_plain(mf_stream_batch *batch, const char *event, size_t n_event)
{
    mf_plain plain;
    mf_plain_object members;
    mf_id key;
    mf_id stream = {NULL, 0};
    bool ok = true;
    mf_plain_start(&plain, event, n_event);
    mf_plain_open(&plain, &members);
    while (ok && mf_plain_next(&plain, &members, &key))
        ok = read_member(&plain, batch, key, &stream);
    if (batch->stream.bytes == NULL)
        batch->stream = stream;
    return mf_plain_end(&plain) && ok;
}
