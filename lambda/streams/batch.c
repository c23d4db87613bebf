/* batch.c: promises in batch.h. Both readers fill in what the event says, NULL where it says
 * nothing; what that has to be is checked here for both. */
#include "lambda/streams/batch.h"

#include "base/memory.h"
#include "lambda/streams/batch_readers.h"
#include "lambda/streams/sequence.h"

#include <jansson.h>
#include <stdlib.h>

static const mf_where event_itself = {"event", 0, 0};

bool mf_stream_batch_push_record(mf_stream_batch *batch, const mf_stream_record *record,
                                 mf_error *err)
{
    if (batch->n_records == batch->records_room) {
        void *records = batch->records;
        const size_t room = batch->records_room == 0 ? 128 : batch->records_room * 2;
        if (room > UINT32_MAX || !mf_reallocate(&records, batch->records_room, room,
                                                sizeof(mf_stream_record), "records", err))
            return false;
        batch->records = records;
        batch->records_room = room;
    }
    batch->records[batch->n_records] = *record;
    batch->records[batch->n_records].place = (uint32_t)batch->n_records;
    batch->n_records++;
    return true;
}

bool mf_stream_batch_push_state(mf_stream_batch *batch, mf_id name, mf_id value, mf_error *err)
{
    if (batch->n_state == batch->state_room) {
        void *state = batch->state;
        const size_t room = batch->state_room == 0 ? 128 : batch->state_room * 2;
        if (!mf_reallocate(&state, batch->state_room, room, sizeof(mf_stream_state_member),
                           "a state", err))
            return false;
        batch->state = state;
        batch->state_room = room;
    }
    batch->state[batch->n_state++] = (mf_stream_state_member){name, value};
    return true;
}

int64_t mf_stream_batch_ms(double seconds)
{
    return seconds > 0 && seconds < 1e11 ? (int64_t)(seconds * 1000 + 0.5) : 0;
}

void mf_stream_batch_clear(mf_stream_batch *batch)
{
    json_decref(batch->root);
    mf_text_clear(&batch->numbers, 1 << 16);
    *batch = (mf_stream_batch){
        .records = batch->records,
        .records_room = batch->records_room,
        .state = batch->state,
        .state_room = batch->state_room,
        .numbers = batch->numbers,
    };
}

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
    if (!mf_sequence_valid(record->sequence_number))
        return mf_fail(
            err, MF_ERR_PARSE, event_itself,
            "Records[%u].kinesis.sequenceNumber is \"%.*s\", expected up to %d digits",
            record->place,
            (int)(record->sequence_number.n_bytes < 160 ? record->sequence_number.n_bytes : 160),
            record->sequence_number.bytes, MF_SEQUENCE_DIGITS);
    return true;
}

static int compare(const void *a, const void *b)
{
    const mf_stream_record *one = a;
    const mf_stream_record *other = b;
    const int order = mf_sequence_compare(one->sequence_number, other->sequence_number);
    return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

static void put_in_order(mf_stream_batch *batch)
{
    mf_stream_record *records = batch->records;
    bool ordered = true;
    for (size_t i = 1; i < batch->n_records && ordered; i++)
        ordered =
            mf_sequence_compare(records[i - 1].sequence_number, records[i].sequence_number) < 0;
    if (ordered)
        return;
    qsort(records, batch->n_records, sizeof *records, compare);
    size_t n = 1;
    for (size_t i = 1; i < batch->n_records; i++)
        if (mf_sequence_compare(records[n - 1].sequence_number, records[i].sequence_number) != 0)
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
    mf_stream_batch_clear(batch);
    if (!mf_stream_batch_read_plain(batch, event, n_event)) {
        mf_stream_batch_clear(batch);
        if (!mf_stream_batch_read_json(batch, event, n_event, err))
            return false;
    }
    return check(batch, err);
}

void mf_stream_batch_free(mf_stream_batch *batch)
{
    json_decref(batch->root);
    mf_free(batch->records);
    mf_free(batch->state);
    mf_text_free(&batch->numbers);
    *batch = (mf_stream_batch){.n_records = 0};
}
