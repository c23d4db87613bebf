/* shard.c: one call of Kinesis at a time: GetShardIterator when there is no iterator, else
 * GetRecords.
 *
 * Errors of the iterator drop it; other errors wait longer with each failure in a row. Reading
 * pauses while the sub-queues are full and resumes when one of them has moved on. A response that
 * is too long halves the limit of records; each success doubles it. */
#include "local/eventsource/shard.h"

#include "base/clock.h"
#include "base/log.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MOST_RECORDS = 10000, /* Kinesis's own limit of GetRecords */
    FIRST_RECORDS = 1000,
};

struct mf_local_shard {
    mf_local_shard_context of;
    char id[MF_LOCAL_SHARD_ID_BYTES];
    mf_local_starting_position position;
    mf_local_stream_source source;
    mf_local_client *kinesis;
    struct event *timer;
    mf_text iterator; /* zero-terminated; empty: to be got */
    char *last_read;  /* sequence number; NULL: none yet   */
    uint32_t limit;   /* of the next GetRecords            */
    int64_t called_ms;
    uint32_t n_failures; /* in a row */
    bool is_calling, has_ended, is_gone, was_reported, is_full;
    uint32_t n_sub_queues;
    mf_local_sub_queue sub_queues[];
};

static void read_next(mf_local_shard *s);

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    read_next(context);
}

/* ---------------------------------------------------------------------- sub_queues */

static bool is_full(const mf_local_shard *s)
{
    uint64_t n = 0, n_bytes = 0;
    for (uint32_t i = 0; i < s->n_sub_queues; i++) {
        n += s->sub_queues[i].queue.n;
        n_bytes += s->sub_queues[i].queue.n_bytes;
    }
    return n >= MF_LOCAL_SHARD_RECORDS || n_bytes >= MF_LOCAL_SHARD_BYTES;
}

bool mf_local_shard_is_done(const mf_local_shard *s)
{
    for (uint32_t i = 0; i < s->n_sub_queues; i++)
        if (!mf_local_sub_queue_is_done(&s->sub_queues[i]))
            return false;
    return s->has_ended;
}

static void report_if_done(mf_local_shard *s)
{
    if (s->was_reported || !mf_local_shard_is_done(s))
        return;
    s->was_reported = true;
    s->of.on_event(s->of.context, MF_LOCAL_SHARD_DONE);
}

static void on_moved(void *context)
{
    mf_local_shard *s = context;
    if (s->is_full && !is_full(s)) {
        s->is_full = false;
        mf_local_start_timer(s->timer, 0);
    }
    report_if_done(s);
}

static bool put_record(void *context, const mf_local_record_fields *fields)
{
    mf_local_shard *s = context;
    mf_local_record *record = mf_local_record_create(&s->source, fields, mf_clock_seconds());
    char *last = record != NULL ? strdup(fields->sequence) : NULL;
    if (last == NULL) {
        free(record);
        return false;
    }
    free(s->last_read);
    s->last_read = last;
    mf_local_record_queue_put(&s->sub_queues[record->key_hash % s->n_sub_queues].queue, record);
    return true;
}

/* ------------------------------------------------------------------- failures */

static void log_about(const mf_local_shard *s, mf_log_level level, const char *event,
                      const char *message)
{
    mf_log_line line;
    mf_log_begin(&line, level, event);
    mf_log_text(&line, "stream", s->of.mapping->stream);
    mf_log_text(&line, "function", mf_local_function_name(s->of.function));
    mf_log_text(&line, "shard", s->id);
    if (message != NULL)
        mf_log_text(&line, "message", message);
    mf_log_end(&line);
}

static void failed(mf_local_shard *s, const char *why)
{
    s->of.counts->n_errors++;
    if (s->n_failures++ == 0)
        log_about(s, MF_LOG_WARNING, "shard_unreadable", why);
    mf_local_start_timer(s->timer, mf_local_kinesis_wait_s(s->n_failures));
}

/* Errors of the iterator, not of the call, are resolved by a new iterator. */
static void classify_failure(mf_local_shard *s, const mf_local_client_response *response)
{
    char code[MF_LOCAL_KINESIS_CODE_BYTES], reason[MF_LOCAL_KINESIS_CODE_BYTES];
    mf_local_kinesis_read_code(response->body, response->n_body, code);
    if (response->result == MF_LOCAL_CLIENT_TOO_LONG && s->limit > 1) {
        s->limit /= 2;
        mf_local_start_timer(s->timer, 0);
        return;
    }
    if (strcmp(code, "ResourceNotFoundException") == 0) {
        s->is_gone = true;
        s->of.on_event(s->of.context, MF_LOCAL_SHARD_STREAM_GONE);
        return;
    }
    if (strcmp(code, "ExpiredIteratorException") == 0) {
        log_about(s, MF_LOG_INFO, "iterator_expired", NULL);
        mf_text_clear(&s->iterator, 4096);
        mf_local_start_timer(s->timer, 0);
        return;
    }
    if (!mf_local_kinesis_is_transient(response))
        mf_text_clear(&s->iterator, 4096);
    failed(s, mf_local_kinesis_reason(response, reason));
}

/* -------------------------------------------------------------------- reading */

static void on_records(void *context, const mf_local_client_response *response)
{
    mf_local_shard *s = context;
    mf_local_kinesis_records records;
    s->is_calling = false;
    if (response->status != 200) {
        classify_failure(s, response);
        return;
    }
    if (!mf_local_kinesis_read_records(response->body, response->n_body, &s->iterator, &records,
                                       put_record, s)) {
        mf_text_clear(&s->iterator, 4096);
        failed(s, "a malformed response to GetRecords");
        return;
    }
    if (s->n_failures > 0)
        log_about(s, MF_LOG_INFO, "shard_readable", NULL);
    s->n_failures = 0;
    s->has_ended = !records.has_next;
    for (uint32_t i = 0; i < s->n_sub_queues; i++) {
        s->sub_queues[i].has_ended = s->has_ended;
        if (records.n == 0 && !records.has_more)
            s->sub_queues[i].seen_empty_ms = s->called_ms;
    }
    const bool is_more = records.has_more || records.n >= s->limit;
    if (s->limit < MOST_RECORDS)
        s->limit = s->limit < MOST_RECORDS / 2 ? s->limit * 2 : MOST_RECORDS;
    for (uint32_t i = 0; i < s->n_sub_queues; i++)
        mf_local_sub_queue_step(&s->sub_queues[i]);
    s->is_full = is_full(s);
    if (s->has_ended)
        report_if_done(s);
    else if (!s->is_full)
        mf_local_start_timer(s->timer, is_more ? 0 : s->of.settings->poll_s);
}

static void on_iterator(void *context, const mf_local_client_response *response)
{
    mf_local_shard *s = context;
    s->is_calling = false;
    if (response->status != 200) {
        classify_failure(s, response);
    } else if (!mf_local_kinesis_read_iterator(response->body, response->n_body, &s->iterator)) {
        failed(s, "a malformed response to GetShardIterator");
    } else {
        if (s->last_read == NULL)
            log_about(s, MF_LOG_INFO, "shard_open", NULL);
        read_next(s);
    }
}

static void write_iterator_request(const mf_local_shard *s, mf_text *body)
{
    static const char *const types[] = {"TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"};
    mf_text_format(body, "{\"StreamName\":\"%s\",\"ShardId\":\"%s\",\"ShardIteratorType\":",
                   s->of.mapping->stream, s->id);
    if (s->last_read != NULL)
        mf_text_format(body, "\"AFTER_SEQUENCE_NUMBER\",\"StartingSequenceNumber\":\"%s\"",
                       s->last_read);
    else
        mf_text_format(body, "\"%s\"", types[s->position]);
    if (s->last_read == NULL && s->position == MF_LOCAL_AT_TIMESTAMP)
        mf_text_format(body, ",\"Timestamp\":%.3f", s->of.mapping->timestamp);
    mf_text_literal(body, "}");
}

static void read_next(mf_local_shard *s)
{
    mf_text body = MF_TEXT_EMPTY;
    bool ok;
    if (s->is_calling || s->is_gone || s->has_ended)
        return;
    s->is_calling = true;
    s->called_ms = mf_clock_wall_ms();
    if (s->iterator.n_bytes == 0) {
        write_iterator_request(s, &body);
        ok = mf_local_kinesis_call(s->kinesis, s->of.settings, "GetShardIterator", &body,
                                   on_iterator, s);
    } else {
        mf_text_format(&body, "{\"ShardIterator\":\"%s\",\"Limit\":%u}", s->iterator.bytes,
                       (unsigned)s->limit);
        ok = mf_local_kinesis_call(s->kinesis, s->of.settings, "GetRecords", &body, on_records, s);
    }
    if (!ok) {
        s->is_calling = false;
        failed(s, "no memory");
    }
}

/* --------------------------------------------------------------- open, close */

mf_local_shard *mf_local_shard_open(const mf_local_shard_context *context, const char *id,
                                    mf_local_starting_position position)
{
    const uint32_t n_sub_queues = context->mapping->parallelization;
    mf_local_shard *s = calloc(1, sizeof *s + n_sub_queues * sizeof s->sub_queues[0]);
    if (s == NULL)
        return NULL;
    s->of = *context;
    s->position = position;
    s->limit = FIRST_RECORDS;
    snprintf(s->id, sizeof s->id, "%s", id);
    s->source = (mf_local_stream_source){.stream_arn = context->mapping->arn,
                                         .region = context->settings->region,
                                         .account = context->settings->account,
                                         .shard_id = s->id};
    s->kinesis = mf_local_kinesis_connect(context->base, context->settings);
    s->timer = event_new(context->base, -1, 0, on_time, s);
    bool ok = s->kinesis != NULL && s->timer != NULL;
    for (; ok && s->n_sub_queues < n_sub_queues; s->n_sub_queues++) {
        mf_local_sub_queue *sub_queue = &s->sub_queues[s->n_sub_queues];
        *sub_queue = (mf_local_sub_queue){.base = context->base,
                                          .settings = context->mapping,
                                          .source = &s->source,
                                          .function = context->function,
                                          .counts = context->counts,
                                          .moved = on_moved,
                                          .context = s};
        ok = mf_local_sub_queue_open(sub_queue);
    }
    if (!ok) {
        mf_local_shard_close(s);
        return NULL;
    }
    read_next(s);
    return s;
}

void mf_local_shard_close(mf_local_shard *s)
{
    if (s == NULL)
        return;
    mf_local_client_destroy(s->kinesis);
    if (s->timer != NULL)
        event_free(s->timer);
    for (uint32_t i = 0; i < s->n_sub_queues; i++)
        mf_local_sub_queue_close(&s->sub_queues[i]);
    mf_text_free(&s->iterator);
    free(s->last_read);
    free(s);
}
