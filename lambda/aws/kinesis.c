/* kinesis.c: rounds of PutRecords. A round takes, from the front, as many unwritten records as fit a
 * call; with keep_order only those whose predecessor of the same key is written. */
#include "lambda/aws/kinesis.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/id_list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"

#include <jansson.h>
#include <string.h>

enum { BODY_BYTES_KEPT = 1 << 20, ENTRY_BYTES = 64 /* the JSON around key and data */ };

/* One mf_aws_kinesis_put_records. */
typedef struct work {
    mf_aws_client *client;
    const mf_aws_kinesis_put *put;
    mf_aws_kinesis_tally *tally;
    mf_aws_failure *failure;
    size_t *in_call;  /* [MF_AWS_KINESIS_CALL_RECORDS] indices of the call's records */
    size_t *previous; /* [n_records] the record before it with the same key; NONE */
    size_t n_in_call;
    mf_text body;
    char code[MF_AWS_CODE_BYTES]; /* of the last record that was not written */
    char message[MF_AWS_MESSAGE_BYTES];
} work;

#define NONE SIZE_MAX

/* ------------------------------------------------------------------------ checks */

bool mf_aws_kinesis_stream_check(const char *stream, mf_error *err)
{
    static const mf_aws_resource_kind kind = {"kinesis", "stream", 1, 128};
    return mf_aws_resource_name_check(&kind, stream, err);
}

static size_t characters(const char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static bool check_records(const mf_aws_kinesis_put *put, mf_aws_failure *failure)
{
    for (size_t i = 0; i < put->n_records; i++) {
        const mf_aws_kinesis_record *r = &put->records[i];
        const size_t n_characters = characters(r->key, r->n_key);
        if (n_characters < 1 || n_characters > MF_AWS_KINESIS_KEY_CHARACTERS)
            return mf_aws_fail(failure, MF_ERR_ARGUMENT,
                               "record %zu: a partition key of %zu characters (1 to %d)", i,
                               n_characters, MF_AWS_KINESIS_KEY_CHARACTERS);
        if (r->n_key + r->n_data > MF_AWS_KINESIS_RECORD_BYTES) {
            mf_aws_fail(failure, MF_ERR_LIMIT, "record %zu: %zu bytes, a stream takes %d", i,
                        r->n_key + r->n_data, MF_AWS_KINESIS_RECORD_BYTES);
            failure->kind = MF_AWS_TOO_LARGE;
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------------- order */

static bool is_same_key(const mf_aws_kinesis_record *a, const mf_aws_kinesis_record *b)
{
    return a->n_key == b->n_key && memcmp(a->key, b->key, a->n_key) == 0;
}

/* Sets previous[] with a hash table from each key to its last record so far. */
static bool chain(work *w)
{
    const mf_aws_kinesis_put *put = w->put;
    mf_error err = {.code = MF_OK};
    const size_t n_slots = mf_id_table_slots((uint32_t)put->n_records);
    size_t *last = mf_allocate(n_slots, sizeof *last, "partition keys", &err);
    if (last == NULL)
        return mf_aws_fail(w->failure, err.code, "%s", err.text);
    for (size_t i = 0; i < put->n_records; i++) {
        const mf_aws_kinesis_record *r = &put->records[i];
        size_t slot = mf_id_hash(r->key, r->n_key) & (n_slots - 1);
        while (last[slot] != 0 && !is_same_key(r, &put->records[last[slot] - 1]))
            slot = (slot + 1) & (n_slots - 1);
        w->previous[i] = last[slot] != 0 ? last[slot] - 1 : NONE;
        last[slot] = i + 1;
    }
    mf_free(last);
    return true;
}

/* -------------------------------------------------------------------------- body */

static bool begin_body(work *w)
{
    mf_text_clear(&w->body, BODY_BYTES_KEPT);
    if (strncmp(w->put->stream, "arn:", strlen("arn:")) == 0)
        mf_text_literal(&w->body, "{\"StreamARN\":");
    else
        mf_text_literal(&w->body, "{\"StreamName\":");
    mf_text_json(&w->body, w->put->stream, strlen(w->put->stream));
    mf_text_literal(&w->body, ",\"Records\":[");
    return !w->body.failed;
}

/* Chooses the records of the next call and writes its body. */
static bool gather(work *w, size_t *from)
{
    const mf_aws_kinesis_put *put = w->put;
    bool is_front = true;
    w->n_in_call = 0;
    begin_body(w);
    for (size_t i = *from; i < put->n_records && w->n_in_call < MF_AWS_KINESIS_CALL_RECORDS; i++) {
        const mf_aws_kinesis_record *r = &put->records[i];
        if (r->is_written) {
            *from += is_front;
            continue;
        }
        is_front = false;
        const size_t before = put->keep_order ? w->previous[i] : NONE;
        if (before != NONE && !put->records[before].is_written)
            continue;
        /* A key may grow sixfold when it is all control characters. */
        const size_t most = 4 * ((r->n_data + 2) / 3) + 6 * r->n_key + ENTRY_BYTES;
        if (w->n_in_call > 0 && w->body.n_bytes + most > MF_AWS_KINESIS_CALL_BYTES)
            break;
        if (w->n_in_call > 0)
            mf_text_literal(&w->body, ",");
        mf_text_literal(&w->body, "{\"Data\":\"");
        mf_base64_encode(&w->body, r->data, r->n_data);
        mf_text_literal(&w->body, "\",\"PartitionKey\":");
        mf_text_json(&w->body, r->key, r->n_key);
        mf_text_literal(&w->body, "}");
        w->in_call[w->n_in_call++] = i;
    }
    mf_text_literal(&w->body, "]}");
    return !w->body.failed ||
           mf_aws_fail(w->failure, MF_ERR_MEMORY, "no memory for a call of Kinesis");
}

/* ------------------------------------------------------------------------ response */

/* A response that does not fit the request: it is unknown which records are written. */
static bool reject_response(work *w, const char *what)
{
    mf_aws_fail(w->failure, MF_ERR_IO, "stream %s: Kinesis gave no usable response: %s",
                w->put->stream, what);
    w->failure->kind = MF_AWS_SERVER;
    w->failure->may_have_acted = true;
    return false;
}

static void keep_reason(work *w, const json_t *entry)
{
    const char *code = json_string_value(json_object_get(entry, "ErrorCode"));
    const char *message = json_string_value(json_object_get(entry, "ErrorMessage"));
    mf_printable(w->code, sizeof w->code, code, strlen(code));
    mf_printable(w->message, sizeof w->message, message != NULL ? message : "",
                 message != NULL ? strlen(message) : 0);
}

/* Marks the written records; *n_refused counts the others. */
static bool read_entries(work *w, const json_t *root, size_t *n_refused)
{
    const json_t *entries = json_object_get(root, "Records");
    if (!json_is_array(entries) || json_array_size(entries) != w->n_in_call)
        return reject_response(w, "it has not one entry for each record");
    for (size_t i = 0; i < w->n_in_call; i++) {
        const json_t *entry = json_array_get(entries, i);
        const bool is_refused = json_is_string(json_object_get(entry, "ErrorCode"));
        if (!is_refused && !json_is_string(json_object_get(entry, "SequenceNumber")))
            return reject_response(w, "an entry has neither SequenceNumber nor ErrorCode");
    }
    *n_refused = 0;
    for (size_t i = 0; i < w->n_in_call; i++) {
        const json_t *entry = json_array_get(entries, i);
        if (json_is_string(json_object_get(entry, "ErrorCode"))) {
            keep_reason(w, entry);
            (*n_refused)++;
        } else {
            w->put->records[w->in_call[i]].is_written = true;
        }
    }
    w->tally->n_written += w->n_in_call - *n_refused;
    w->tally->n_refused += *n_refused;
    return true;
}

static bool call(work *w, size_t *n_refused)
{
    const mf_aws_response *response;
    w->tally->n_calls++;
    if (!mf_aws_call_json(w->client, "Kinesis_20131202.PutRecords", &w->body, w->put->deadline_ms,
                          &response, w->failure))
        return false;
    json_t *root = json_loadb(response->body.bytes, response->body.n_bytes, JSON_ALLOW_NUL, NULL);
    const bool ok = json_is_object(root) ? read_entries(w, root, n_refused)
                                         : reject_response(w, "it is not a JSON object");
    json_decref(root);
    return ok;
}

/* ------------------------------------------------------------------------- waits */

static bool give_up(work *w)
{
    mf_aws_fail(w->failure, MF_ERR_IO, "stream %s: %zu records are not written in time: %s%s%s",
                w->put->stream, w->put->n_records, w->code, w->message[0] != '\0' ? ": " : "",
                w->message);
    w->failure->kind = strcmp(w->code, "InternalFailure") == 0 ? MF_AWS_SERVER : MF_AWS_THROTTLED;
    w->failure->is_retriable = true;
    memcpy(w->failure->code, w->code, sizeof w->failure->code);
    return false;
}

/* n_waits: since the last call without a failed record. False: there is no time for it. */
static bool wait_before_round(work *w, uint32_t n_waits)
{
    const int64_t now_ms = mf_clock_wall_ms();
    const double u = (double)mf_random_unit((uint64_t)now_ms, (uint64_t)(uintptr_t)w->client);
    const int64_t wait_ms =
        mf_aws_backoff_ms(MF_AWS_KINESIS_FIRST_WAIT_MS, MF_AWS_KINESIS_LONGEST_WAIT_MS, n_waits, u);
    if (w->put->deadline_ms != 0 && now_ms + wait_ms + MF_AWS_MIN_TRY_MS > w->put->deadline_ms)
        return false;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_WARNING, "kinesis_retry");
    mf_log_text(&line, "code", w->code);
    mf_log_count(&line, "wait_ms", (uint64_t)wait_ms);
    mf_log_end(&line);
    mf_clock_sleep_ms(wait_ms);
    return true;
}

static bool put_all(work *w)
{
    size_t from = 0;
    uint32_t n_waits = 0;
    for (;;) {
        size_t n_refused = 0;
        if (!gather(w, &from))
            return false;
        if (w->n_in_call == 0)
            return true;
        if (!call(w, &n_refused))
            return false;
        if (n_refused == 0)
            n_waits = 0;
        else if (!wait_before_round(w, n_waits++))
            return give_up(w);
    }
}

bool mf_aws_kinesis_put_records(mf_aws_client *client, const mf_aws_kinesis_put *put,
                                mf_aws_kinesis_tally *tally, mf_aws_failure *failure)
{
    mf_error err = {.code = MF_OK};
    work w = {.client = client, .put = put, .tally = tally, .failure = failure};
    *tally = (mf_aws_kinesis_tally){0};
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    if (!check_records(put, failure))
        return false;
    bool ok = false;
    w.in_call = mf_allocate(MF_AWS_KINESIS_CALL_RECORDS, sizeof *w.in_call, "a call", &err);
    w.previous = mf_allocate(put->n_records, sizeof *w.previous, "the order of records", &err);
    if (w.in_call == NULL || w.previous == NULL)
        mf_aws_fail(failure, err.code, "%s", err.text);
    else
        ok = (!put->keep_order || chain(&w)) && put_all(&w);
    mf_text_free(&w.body);
    mf_free(w.previous);
    mf_free(w.in_call);
    return ok;
}

bool mf_aws_kinesis_put_by(void *client, const mf_aws_kinesis_put *put, mf_aws_kinesis_tally *tally,
                           mf_aws_failure *failure)
{
    return mf_aws_kinesis_put_records(client, put, tally, failure);
}
