/* batch.c: reads an event member by member (json_reader.h), then checks and orders what it found. */
#include "lambda/streams/batch.h"

#include "base/grow.h"
#include "base/log.h"
#include "base/number.h"
#include "lambda/runtime/invocation.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const mf_where event_itself = {"event", 0, 0};
static const mf_id none = {"", 0};

#define SOURCE "aws:kinesis"

/* approximateArrivalTimestamp in milliseconds; 0 for one that cannot be. */
static int64_t arrival_ms(double seconds)
{
    return seconds > 0 && seconds < 1e11 ? (int64_t)(seconds * 1000 + 0.5) : 0;
}

/* ------------------------------------------------------------------------ the event */

/* Where the reader is: in a record or not, and which object, for errors. */
typedef struct reading {
    mf_stream_batch *batch;
    mf_error *err;
    bool is_in_record;  /* the one that batch->n_records counts next */
    const char *inside; /* "window.", ".kinesis." */
    bool has_records;
    char members[160]; /* names of those that no event of a stream has, for errors */
    size_t n_members;  /* bytes */
} reading;

static void refuse_kind(reading *r, const char *name, const char *expected)
{
    if (r->is_in_record)
        mf_fail(r->err, MF_ERR_PARSE, event_itself, "Records[%zu]%s%s is not %s",
                r->batch->n_records, r->inside, name, expected);
    else
        mf_fail(r->err, MF_ERR_PARSE, event_itself, "%s%s is not %s", r->inside, name, expected);
    mf_stream_json_refuse(&r->batch->json);
}

/* null leaves *view as it is. */
static void read_text(reading *r, const char *name, mf_id *view)
{
    mf_id text;
    const mf_stream_value_kind kind = mf_stream_json_value(&r->batch->json, &text);
    if (kind == MF_STREAM_TEXT)
        *view = text;
    else if (kind != MF_STREAM_NULL && kind != MF_STREAM_ABSENT)
        refuse_kind(r, name, "a text");
}

static void read_bool(reading *r, const char *name, bool *value)
{
    const mf_stream_value_kind kind = mf_stream_json_value(&r->batch->json, NULL);
    *value = kind == MF_STREAM_TRUE;
    if (kind != MF_STREAM_TRUE && kind != MF_STREAM_FALSE && kind != MF_STREAM_NULL &&
        kind != MF_STREAM_ABSENT)
        refuse_kind(r, name, "true or false");
}

/* Opens the object or list that is the value of a member. False: it is null, or not one. */
static bool open_member(reading *r, const char *name, mf_stream_json_nested *nested, char opening)
{
    mf_stream_json *json = &r->batch->json;
    if (mf_stream_json_peek(json) == opening) {
        mf_stream_json_open(json, nested, opening);
        return true;
    }
    const mf_stream_value_kind kind = mf_stream_json_value(json, NULL);
    if (kind != MF_STREAM_NULL && kind != MF_STREAM_ABSENT)
        refuse_kind(r, name, opening == '{' ? "an object" : "a list");
    return false;
}

static void read_kinesis(reading *r, mf_stream_record *record)
{
    mf_stream_json *json = &r->batch->json;
    mf_stream_json_nested kinesis;
    mf_id key, number;
    double seconds;
    if (!open_member(r, "kinesis", &kinesis, '{'))
        return;
    r->inside = ".kinesis.";
    while (mf_stream_json_next(json, &kinesis, &key)) {
        if (mf_stream_json_is(key, "data")) {
            read_text(r, "data", &record->data);
        } else if (mf_stream_json_is(key, "sequenceNumber")) {
            read_text(r, "sequenceNumber", &record->sequence_number);
        } else if (mf_stream_json_is(key, "partitionKey")) {
            read_text(r, "partitionKey", &record->partition_key);
        } else if (mf_stream_json_is(key, "approximateArrivalTimestamp")) {
            const mf_stream_value_kind kind = mf_stream_json_value(json, &number);
            if ((kind == MF_STREAM_INTEGER || kind == MF_STREAM_REAL) &&
                mf_parse_double(number.bytes, number.n_bytes, &seconds))
                record->arrival_ms = arrival_ms(seconds);
        } else {
            mf_stream_json_skip(json);
        }
    }
    r->inside = ".";
}

/* arn: the record's stream. */
static void read_record(reading *r, mf_stream_record *record, mf_id *arn)
{
    mf_stream_json *json = &r->batch->json;
    mf_stream_json_nested members;
    mf_id key, source = {SOURCE, strlen(SOURCE)};
    r->inside = "";
    if (mf_stream_json_peek(json) != '{') {
        if (mf_stream_json_value(json, NULL) != MF_STREAM_ABSENT)
            refuse_kind(r, "", "an object");
        return;
    }
    mf_stream_json_open(json, &members, '{');
    r->inside = ".";
    while (mf_stream_json_next(json, &members, &key)) {
        if (mf_stream_json_is(key, "kinesis"))
            read_kinesis(r, record);
        else if (mf_stream_json_is(key, "eventID"))
            read_text(r, "eventID", &record->event_id);
        else if (mf_stream_json_is(key, "eventSourceARN"))
            read_text(r, "eventSourceARN", arn);
        else if (mf_stream_json_is(key, "eventSource") || mf_stream_json_is(key, "EventSource"))
            read_text(r, "eventSource", &source); /* SNS has a capital */
        else
            mf_stream_json_skip(json);
    }
    if (mf_stream_json_is(source, SOURCE))
        return;
    mf_fail(r->err, MF_ERR_PARSE, event_itself,
            "Records[%zu].eventSource is \"%.*s\", expected " SOURCE, r->batch->n_records,
            (int)(source.n_bytes < 64 ? source.n_bytes : 64), source.bytes);
    mf_stream_json_refuse(json);
}

static void read_records(reading *r)
{
    mf_stream_batch *batch = r->batch;
    mf_stream_json_nested list;
    if (!open_member(r, "Records", &list, '['))
        return;
    r->has_records = r->is_in_record = true;
    while (mf_stream_json_next(&batch->json, &list, NULL)) {
        mf_stream_record record = {
            .partition_key = none, .event_id = none, .place = (uint32_t)batch->n_records};
        mf_id arn = none;
        read_record(r, &record, &arn);
        if (batch->n_records == UINT32_MAX - 1 ||
            !MF_GROW(batch->records, batch->records_capacity, batch->n_records + 1, "records",
                     r->err)) {
            mf_stream_json_refuse(&batch->json);
            return;
        }
        if (batch->n_records == 0)
            batch->stream_of_first = arn;
        batch->records[batch->n_records++] = record;
    }
    r->is_in_record = false;
    r->inside = "";
}

static void read_state(reading *r)
{
    mf_stream_batch *batch = r->batch;
    mf_stream_json_nested members;
    mf_stream_state_member member;
    if (!open_member(r, "state", &members, '{'))
        return;
    while (mf_stream_json_next(&batch->json, &members, &member.name)) {
        const mf_stream_value_kind kind = mf_stream_json_value(&batch->json, &member.value);
        if (kind != MF_STREAM_TEXT && kind != MF_STREAM_INTEGER && kind != MF_STREAM_REAL) {
            if (kind != MF_STREAM_ABSENT)
                mf_fail(r->err, MF_ERR_PARSE, event_itself,
                        "state: member \"%.*s\" is neither a text nor a number",
                        (int)(member.name.n_bytes < 80 ? member.name.n_bytes : 80),
                        member.name.bytes);
            mf_stream_json_refuse(&batch->json);
        } else if (!MF_GROW(batch->state, batch->state_capacity, batch->n_state + 1, "a state",
                            r->err)) {
            mf_stream_json_refuse(&batch->json);
        } else {
            batch->state[batch->n_state++] = member;
        }
    }
}

static void read_window(reading *r)
{
    mf_stream_json *json = &r->batch->json;
    mf_stream_json_nested members;
    mf_id key;
    if (!open_member(r, "window", &members, '{'))
        return;
    r->batch->has_window = true;
    r->inside = "window.";
    while (mf_stream_json_next(json, &members, &key)) {
        if (mf_stream_json_is(key, "start"))
            read_text(r, "start", &r->batch->window_start);
        else if (mf_stream_json_is(key, "end"))
            read_text(r, "end", &r->batch->window_end);
        else
            mf_stream_json_skip(json);
    }
    r->inside = "";
}

static void note_member(reading *r, mf_id name)
{
    char text[48];
    mf_printable(text, sizeof text, name.bytes, name.n_bytes);
    if (r->n_members + strlen(text) + 2 < sizeof r->members)
        r->n_members +=
            (size_t)sprintf(r->members + r->n_members, "%s%s", r->n_members > 0 ? ", " : "", text);
}

static void read_member(reading *r, mf_id key)
{
    mf_stream_batch *batch = r->batch;
    mf_id source = none;
    if (mf_stream_json_is(key, "Records")) {
        read_records(r);
        if (!r->has_records)
            note_member(r, (mf_id){"Records: null", strlen("Records: null")});
    } else if (mf_stream_json_is(key, "state"))
        read_state(r);
    else if (mf_stream_json_is(key, "window"))
        read_window(r);
    else if (mf_stream_json_is(key, "shardId"))
        read_text(r, "shardId", &batch->shard_id);
    else if (mf_stream_json_is(key, "eventSourceARN"))
        read_text(r, "eventSourceARN", &batch->stream);
    else if (mf_stream_json_is(key, "isFinalInvokeForWindow"))
        read_bool(r, "isFinalInvokeForWindow", &batch->is_final);
    else if (mf_stream_json_is(key, "isWindowTerminatedEarly"))
        read_bool(r, "isWindowTerminatedEarly", &batch->is_terminated_early);
    else if (mf_stream_json_is(key, "eventSource")) {
        read_text(r, "eventSource", &source);
        note_member(r, source.n_bytes > 0 ? source : key);
    } else {
        note_member(r, key);
        mf_stream_json_skip(&batch->json);
    }
}

/* What the event says, unchecked. */
static bool read_event(mf_stream_batch *batch, const char *event, size_t n_event, mf_error *err)
{
    mf_error syntax = {.code = MF_OK};
    mf_error why = {.code = MF_OK};
    reading r = {.batch = batch, .err = &why, .inside = ""};
    mf_stream_json_nested members;
    mf_id key;
    mf_stream_json_start(&batch->json, event, n_event, &syntax);
    mf_stream_json_open(&batch->json, &members, '{');
    while (mf_stream_json_next(&batch->json, &members, &key))
        read_member(&r, key);
    if (mf_stream_json_end(&batch->json))
        return r.has_records || batch->has_window ||
               mf_fail(err, MF_ERR_PARSE, event_itself,
                       "no Records: expected the event of a Kinesis stream; this one has %s",
                       r.n_members > 0 ? r.members : "no members");
    /* jansson says in which line and column the event ceases to be JSON. */
    if (why.code == MF_OK && syntax.code == MF_ERR_PARSE)
        json_decref(mf_lambda_event_parse(event, n_event, &why));
    if (why.code == MF_OK)
        why = syntax;
    return mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
}

/* ------------------------------------------------------------------------------ checks */

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
    for (size_t i = 0; i < batch->n_records; i++)
        if (!check_record(&batch->records[i], err))
            return false;
    put_in_order(batch);
    if (batch->stream.n_bytes == 0)
        batch->stream = batch->stream_of_first;
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
    *batch = (mf_stream_batch){
        .stream = none,
        .stream_of_first = none,
        .shard_id = none,
        .window_start = none,
        .window_end = none,
        .records = batch->records,
        .records_capacity = batch->records_capacity,
        .state = batch->state,
        .state_capacity = batch->state_capacity,
        .json = batch->json,
    };
    return read_event(batch, event, n_event, err) && check(batch, err);
}

void mf_stream_batch_free(mf_stream_batch *batch)
{
    mf_free(batch->records);
    mf_free(batch->state);
    mf_stream_json_free(&batch->json);
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

static void end_line(mf_log_line *line, size_t n_records, const mf_error *why)
{
    mf_log_count(line, "records", n_records);
    mf_log_text(line, "message", why->text);
    mf_log_end(line);
}

void mf_stream_log_undone(size_t n_failed, const mf_error *failure, size_t n_dead_lost,
                          const mf_error *dead_failure)
{
    mf_log_line line;
    if (failure->code != MF_OK) {
        mf_log_begin(&line, MF_LOG_WARNING, "come_again");
        end_line(&line, n_failed, failure);
    }
    if (dead_failure->code != MF_OK) {
        mf_log_begin(&line, MF_LOG_ERROR, "dead_letters_lost");
        end_line(&line, n_dead_lost, dead_failure);
    }
}
