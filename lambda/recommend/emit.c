/* emit.c: writes results and dead letters as JSON into one text, whose parts are the records of a
 * call. */
#include "lambda/recommend/emit.h"

#include "base/clock.h"
#include "base/grow.h"
#include "inference/fields.h"
#include "inference/inference.h"

#include <stdio.h>

enum { BYTES_KEPT = 8 << 20 };

/* -------------------------------------------------------------------------- as JSON */

static void write_id(mf_text *out, mf_id id)
{
    mf_text_json(out, id.bytes, id.n_bytes);
}

/* ,"recommendations":[…],"count":2 */
static void write_list(mf_text *out, const mf_recommend_lookup *lookup, mf_id list)
{
    mf_text_literal(out, ",\"user_id\":");
    mf_inference_write_id(out, lookup->user);
    mf_text_literal(out, ",\"recommendations\":");
    mf_text_append(out, list.bytes, list.n_bytes);
    mf_text_literal(out, ",\"count\":");
    mf_text_count(out, lookup->count);
    if (!lookup->known_user)
        mf_text_literal(out, ",\"known_user\":false");
}

/* The user and the item of an instance, as they are there, and the members of the response. */
static void write_response(mf_text *out, mf_stream_json *json, const mf_recommend_lookup *lookup,
                           mf_id response)
{
    mf_stream_json_nested object;
    mf_id name;
    mf_stream_json_start(json, lookup->instance.bytes, lookup->instance.n_bytes, NULL);
    mf_stream_json_open(json, &object, '{');
    while (mf_stream_json_next(json, &object, &name)) {
        const mf_field field = mf_field_find(name.bytes, name.n_bytes);
        mf_stream_json_peek(json);
        const char *const at = json->at;
        mf_stream_json_skip(json);
        if (field != MF_FIELD_USER_ID && field != MF_FIELD_ITEM_ID)
            continue;
        mf_text_literal(out, ",");
        mf_text_json(out, name.bytes, name.n_bytes);
        mf_text_literal(out, ":");
        mf_text_append(out, at, (size_t)(json->at - at));
    }
    mf_text_literal(out, ",");
    mf_text_append(out, response.bytes, response.n_bytes);
}

static void write_result(mf_text *out, mf_stream_json *json, const mf_recommend_request *request,
                         const mf_recommend_lookups *lookups, const mf_recommend_lookup *lookup,
                         double latency_ms)
{
    const mf_id text = mf_recommend_lookup_text(lookups, lookup);
    mf_text_literal(out, "{\"request_id\":");
    write_id(out, request->request_id);
    if (lookup->instance.n_bytes > 0)
        write_response(out, json, lookup, text);
    else
        write_list(out, lookup, text);
    mf_text_literal(out, ",\"model_version\":");
    if (lookup->version[0] != '\0')
        mf_text_json(out, lookup->version, strlen(lookup->version));
    else
        mf_text_literal(out, "null");
    if (lookup->from_cache)
        mf_text_literal(out, ",\"from_cache\":true,\"latency_ms\":");
    else
        mf_text_literal(out, ",\"from_cache\":false,\"latency_ms\":");
    mf_text_float(out, (float)latency_ms);
    if (request->timestamp.n_bytes > 0) {
        mf_text_literal(out, ",\"timestamp\":");
        write_id(out, request->timestamp);
    }
    mf_text_literal(out, "}");
}

/* ------------------------------------------------------------------------- records */

static bool begin(mf_recommend_emitter *e, const mf_recommend_batch *batch, mf_error *err)
{
    const size_t most = batch->usable_end - batch->first;
    e->n = 0;
    mf_text_clear(&e->out, BYTES_KEPT);
    return MF_GROW(e->records, e->records_capacity, most, "a batch", err) &&
           MF_GROW(e->items, e->items_capacity, most, "a batch", err);
}

/* A record whose data is e->out[from .. now). */
static void add_record(mf_recommend_emitter *e, mf_id key, size_t from, size_t item)
{
    e->items[e->n] = item;
    e->records[e->n++] = (mf_aws_kinesis_record){
        .key = key.bytes, .n_key = key.n_bytes, .n_data = e->out.n_bytes - from};
}

/* Puts the records and marks the items of those that were written. False, and why, when not all
 * were. */
static bool put(mf_recommend_emitter *e, mf_recommend_batch *batch, const char *stream,
                mf_aws_failure *failure)
{
    mf_recommend_outcome *outcome = batch->outcome;
    mf_aws_kinesis_tally tally;
    size_t at = 0;
    for (size_t i = 0; i < e->n; i++) {
        e->records[i].data = e->out.bytes + at;
        at += e->records[i].n_data;
    }
    const mf_aws_kinesis_put records = {
        .stream = stream,
        .records = e->records,
        .n_records = e->n,
        .deadline_ms = mf_clock_wall_ms() + mf_recommend_budget_ms(batch),
        .keep_order = batch->settings->keep_order,
    };
    const double start_s = mf_clock_seconds();
    const bool ok = e->put(e->context, &records, &tally, failure);
    outcome->put_ms += (mf_clock_seconds() - start_s) * 1e3;
    outcome->tally.n_written += tally.n_written;
    outcome->tally.n_refused += tally.n_refused;
    outcome->tally.n_calls += tally.n_calls;
    for (size_t i = 0; i < e->n; i++) {
        batch->items[e->items[i]].is_done = e->records[i].is_written;
        outcome->n_unwritten += !e->records[i].is_written;
    }
    return ok;
}

/* The first failure is the reason why requests come again. */
static void note_failure(mf_recommend_outcome *outcome, const mf_aws_failure *failure)
{
    if (outcome->failure.code == MF_OK)
        outcome->failure = failure->error;
}

static bool has_memory(const mf_text *text, mf_error *err)
{
    return !text->failed || mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for results");
}

/* ------------------------------------------------------------------------- results */

/* (2) */
static void reject_long(mf_recommend_batch *batch, mf_recommend_item *item, size_t n_result)
{
    char why[128];
    const int n = snprintf(why, sizeof why,
                           "top_n: its result has %zu bytes, and a stream takes records of %d",
                           n_result, MF_AWS_KINESIS_RECORD_BYTES);
    batch->outcome->n_requests--;
    mf_recommend_reject(batch, item, why, (size_t)n);
}

bool mf_recommend_write_results(mf_recommend_emitter *emitter, mf_recommend_batch *batch,
                                const mf_recommend_lookups *lookups, mf_error *err)
{
    mf_text *out = &emitter->out;
    if (!begin(emitter, batch, err))
        return false;
    for (size_t i = batch->first; i < batch->usable_end; i++) {
        mf_recommend_item *item = &batch->items[i];
        if (item->state != MF_RECOMMEND_PENDING)
            continue;
        const mf_recommend_lookup *lookup = &lookups->lookups[item->lookup];
        const size_t from = out->n_bytes;
        write_result(out, &batch->json, &item->request, lookups, lookup,
                     (lookup->resolved_s - batch->start_s) * 1e3);
        const size_t n_result = out->n_bytes - from;
        const mf_id key =
            item->request.user.n_bytes > 0 ? item->request.user : item->request.request_id;
        if (n_result + key.n_bytes > MF_AWS_KINESIS_RECORD_BYTES) {
            out->n_bytes = from;
            reject_long(batch, item, n_result);
            continue;
        }
        add_record(emitter, key, from, i);
        batch->outcome->n_from_cache += lookup->from_cache;
        batch->outcome->n_computed += !lookup->from_cache;
    }
    return has_memory(out, err) && has_memory(&lookups->text, err);
}

void mf_recommend_put_results(mf_recommend_emitter *emitter, mf_recommend_batch *batch,
                              mf_recommend_remembered *remembered)
{
    mf_aws_failure failure;
    if (emitter->n == 0)
        return;
    if (!put(emitter, batch, batch->settings->predictions_stream, &failure))
        note_failure(batch->outcome, &failure);
    for (size_t i = 0; i < emitter->n; i++)
        if (emitter->records[i].is_written) {
            mf_recommend_remembered_add(remembered, batch->items[emitter->items[i]].key);
            batch->outcome->n_results++;
        }
}

/* -------------------------------------------------------------------- dead letters */

static mf_stream_dead_letter letter_of(const mf_recommend_batch *batch,
                                       const mf_recommend_item *item)
{
    return (mf_stream_dead_letter){
        .record = &batch->event.records[item->record],
        .is_aggregated = item->is_aggregated,
        .sub_sequence_number = item->sub_sequence_number,
        .data = item->data,
        .reason = {batch->reasons.bytes + item->reason_at, item->n_reason},
    };
}

static void write_dead_letters(mf_recommend_emitter *e, mf_recommend_batch *batch, bool is_put)
{
    for (size_t i = batch->first; i < batch->usable_end; i++) {
        mf_recommend_item *item = &batch->items[i];
        if (item->state != MF_RECOMMEND_REJECTED)
            continue;
        const mf_stream_dead_letter letter = letter_of(batch, item);
        const size_t from = e->out.n_bytes;
        batch->outcome->n_dead++;
        item->is_done = !is_put;
        if (e->log != NULL)
            e->log(e->context, &letter);
        if (!is_put)
            continue;
        mf_stream_dead_letter_write(&e->out, &letter);
        add_record(e, mf_stream_dead_letter_key(letter.record), from, i);
    }
}

bool mf_recommend_emit_dead_letters(mf_recommend_emitter *emitter, mf_recommend_batch *batch,
                                    mf_error *err)
{
    const char *stream = batch->settings->dead_letter_stream;
    mf_aws_failure failure;
    if (!begin(emitter, batch, err))
        return false;
    write_dead_letters(emitter, batch, stream[0] != '\0' && !batch->settings->test_run);
    if (!has_memory(&batch->reasons, err) || !has_memory(&emitter->out, err))
        return false;
    if (emitter->n == 0 || put(emitter, batch, stream, &failure))
        return true;
    if (!mf_aws_failure_is_permanent(&failure)) {
        note_failure(batch->outcome, &failure);
        return true;
    }
    batch->outcome->dead_failure = failure.error;
    for (size_t i = 0; i < emitter->n; i++)
        if (!emitter->records[i].is_written) {
            batch->items[emitter->items[i]].is_done = true;
            batch->outcome->n_dead_lost++;
        }
    return true;
}

/* ---------------------------------------------------------------------- a test run */

void mf_recommend_return_results(const mf_recommend_emitter *emitter,
                                 const mf_recommend_batch *batch, mf_text *response)
{
    const char *separator = "";
    size_t at = 0;
    mf_text_literal(response, "{\"predictions\":[");
    for (size_t i = 0; i < emitter->n; i++) {
        mf_text_format(response, "%s", i > 0 ? "," : "");
        mf_text_append(response, emitter->out.bytes + at, emitter->records[i].n_data);
        at += emitter->records[i].n_data;
    }
    batch->outcome->n_results = emitter->n;
    mf_text_literal(response, "],\"rejected\":[");
    for (size_t i = 0; i < batch->n_items; i++) {
        if (batch->items[i].state != MF_RECOMMEND_REJECTED)
            continue;
        const mf_stream_dead_letter letter = letter_of(batch, &batch->items[i]);
        mf_text_format(response, "%s", separator);
        mf_stream_dead_letter_write(response, &letter);
        separator = ",";
    }
    mf_text_literal(response, "],\"batchItemFailures\":[]}");
}

void mf_recommend_emitter_free(mf_recommend_emitter *emitter)
{
    mf_text_free(&emitter->out);
    mf_free(emitter->records);
    mf_free(emitter->items);
}
