/* decode.c: checks the members of one request, and does so for all records of an event. */
#include "lambda/recommend/decode.h"

#include "base/grow.h"
#include "base/number.h"

enum {
    BYTES_KEPT = 8 << 20,
    REQUEST_KEPT = 2 * MF_ID_BYTES_MAX + MF_RECOMMEND_TIMESTAMP_BYTES, /* of a request, at most */
};

static bool wrong(mf_error *why, const char *reason)
{
    return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "%s", reason);
}

/* --------------------------------------------------------------------- one request */

/* A copy that does not move, because *kept has capacity for it. */
static mf_id keep(mf_text *kept, mf_id text)
{
    const size_t at = kept->n_bytes;
    mf_text_append(kept, text.bytes, text.n_bytes);
    return (mf_id){kept->bytes + at, text.n_bytes};
}

/* The digits of a whole number, however it is written; 0: it is none. */
static size_t write_integer(const mf_stream_value *v, char integer[MF_INTEGER_ID_BYTES])
{
    return v->kind == MF_STREAM_INTEGER || v->kind == MF_STREAM_REAL
               ? mf_id_write_integer(v->text.bytes, v->text.n_bytes, integer)
               : 0;
}

static bool read_user(mf_id *user, const mf_stream_value *v, mf_text *kept, mf_error *why)
{
    if (v->kind == MF_STREAM_ABSENT)
        return wrong(why, "user_id is missing");
    char integer[MF_INTEGER_ID_BYTES];
    const mf_id id =
        v->kind == MF_STREAM_TEXT ? v->text : (mf_id){integer, write_integer(v, integer)};
    if (v->kind == MF_STREAM_INTEGER && id.n_bytes == 0)
        return wrong(why, "user_id: more than 19 digits: a long id must be sent as a text");
    if (!mf_id_valid(id.bytes, id.n_bytes))
        return wrong(why, "user_id: expected an integer, or a text of 1 to 255 bytes without "
                          "control characters");
    *user = keep(kept, id);
    return true;
}

static bool read_text(mf_id *text, const mf_stream_value *v, size_t most, mf_text *kept)
{
    if (v->kind != MF_STREAM_TEXT || v->text.n_bytes > most ||
        !mf_id_valid(v->text.bytes, v->text.n_bytes))
        return false;
    *text = keep(kept, v->text);
    return true;
}

static bool read_top_n(uint32_t *top_n, const mf_stream_value *v, const mf_recommend_limits *limits,
                       mf_error *why)
{
    uint64_t n;
    char integer[MF_INTEGER_ID_BYTES];
    *top_n = limits->usual_top_n;
    if (v->kind == MF_STREAM_ABSENT)
        return true;
    if (!mf_parse_uint64(integer, write_integer(v, integer), &n) || n < 1 || n > limits->max_top_n)
        return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "top_n: expected a whole number from 1 to %u",
                       limits->max_top_n);
    *top_n = (uint32_t)n;
    return true;
}

enum { USER, REQUEST_ID, TOP_N, TIMESTAMP, MEMBERS };

static const char *const names[MEMBERS] = {"user_id", "request_id", "top_n", "timestamp"};

static bool check_members(mf_recommend_request *request, const mf_recommend_limits *limits,
                          const mf_stream_value *values, mf_text *kept, mf_error *why)
{
    if (!read_user(&request->user, &values[USER], kept, why))
        return false;
    if (values[REQUEST_ID].kind == MF_STREAM_ABSENT)
        return wrong(why, "request_id is missing");
    if (!read_text(&request->request_id, &values[REQUEST_ID], MF_ID_BYTES_MAX, kept))
        return wrong(why, "request_id: expected a text of 1 to 255 bytes without control "
                          "characters");
    if (values[TIMESTAMP].kind != MF_STREAM_ABSENT &&
        !read_text(&request->timestamp, &values[TIMESTAMP], MF_RECOMMEND_TIMESTAMP_BYTES, kept))
        return wrong(why, "timestamp: expected a text of 1 to 64 bytes without control "
                          "characters");
    return read_top_n(&request->top_n, &values[TOP_N], limits, why);
}

bool mf_recommend_request_read(mf_recommend_request *request, const mf_recommend_limits *limits,
                               mf_stream_json *json, const char *bytes, size_t n, mf_text *kept,
                               mf_error *why)
{
    mf_stream_value values[MEMBERS];
    *request = (mf_recommend_request){.timestamp = {"", 0}};
    if (kept->capacity - kept->n_bytes < (n < REQUEST_KEPT ? n : REQUEST_KEPT))
        return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a request");
    return mf_stream_json_members(json, names, MEMBERS, values, bytes, n, why) &&
           check_members(request, limits, values, kept, why);
}

/* ----------------------------------------------------------------------- the stage */

static mf_recommend_item *add_item(mf_recommend_batch *b, size_t record, mf_error *err)
{
    if (!MF_GROW(b->items, b->items_capacity, b->n_items + 1, "a batch", err))
        return NULL;
    mf_recommend_item *item = &b->items[b->n_items++];
    *item = (mf_recommend_item){.record = record};
    return item;
}

/* Rejects the item. False: the failure is not the record's. */
static bool reject(mf_recommend_batch *b, mf_recommend_item *item, const mf_error *why,
                   mf_error *err)
{
    if (why->code == MF_ERR_MEMORY)
        return mf_fail(err, why->code, MF_NOWHERE, "%s", why->text);
    mf_recommend_reject(b, item, why->text, strlen(why->text));
    return true;
}

static bool decode_user_record(mf_recommend_batch *b, size_t record,
                               const mf_stream_user_record *user_record, mf_error *err)
{
    const mf_recommend_limits limits = mf_recommend_settings_limits(b->settings);
    const mf_id data = user_record->data;
    mf_error why = {.code = MF_OK};
    mf_recommend_item *item = add_item(b, record, err);
    if (item == NULL)
        return false;
    item->is_aggregated = user_record->is_aggregated;
    item->sub_sequence_number = user_record->sub_sequence_number;
    if (item->is_aggregated && data.n_bytes > 0)
        item->data = keep(&b->kept, data);
    const size_t kept = b->kept.n_bytes;
    if (mf_recommend_request_read(&item->request, &limits, &b->json, data.bytes, data.n_bytes,
                                  &b->kept, &why)) {
        item->state = MF_RECOMMEND_PENDING;
        return true;
    }
    b->kept.n_bytes = kept;
    return reject(b, item, &why, err);
}

static bool decode_record(mf_recommend_batch *b, size_t record, mf_error *err)
{
    mf_error why = {.code = MF_OK};
    mf_stream_user_record user_record;
    if (!mf_stream_payload_open(&b->payload, &b->event.records[record], &why)) {
        mf_recommend_item *item = add_item(b, record, err);
        return item != NULL && reject(b, item, &why, err);
    }
    while (mf_stream_payload_next(&b->payload, &user_record))
        if (!decode_user_record(b, record, &user_record, err))
            return false;
    return true;
}

static double oldest_ms(const mf_recommend_batch *b)
{
    double oldest = 0;
    for (size_t i = 0; i < b->event.n_records; i++) {
        const int64_t arrival_ms = b->event.records[i].arrival_ms;
        const double age_ms = (double)(b->invocation->received_ms - arrival_ms);
        if (arrival_ms > 0 && age_ms > oldest)
            oldest = age_ms;
    }
    return oldest;
}

static bool start_slots(mf_recommend_batch *b, mf_error *err)
{
    b->n_slots = mf_id_table_slots((uint32_t)b->n_items);
    if (!MF_GROW(b->slots, b->slots_capacity, b->n_slots, "a batch", err))
        return false;
    memset(b->slots, 0, b->n_slots * sizeof *b->slots);
    return true;
}

bool mf_recommend_decode(mf_recommend_batch *batch, mf_error *err)
{
    const mf_lambda_invocation *invocation = batch->invocation;
    batch->n_items = batch->first = batch->end = batch->usable_end = 0;
    if (!mf_stream_batch_read(&batch->event, invocation->event, invocation->n_event, err))
        return false;
    batch->outcome->n_records = batch->event.n_records;
    batch->outcome->oldest_ms = oldest_ms(batch);
    mf_text_clear(&batch->reasons, BYTES_KEPT);
    mf_text_clear(&batch->kept, BYTES_KEPT);
    /* A record is kept at most twice: the record itself, and its members, which gzip may hide. */
    if (!mf_text_reserve(&batch->kept,
                         2 * invocation->n_event + batch->event.n_records * REQUEST_KEPT))
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for requests");
    for (size_t i = 0; i < batch->event.n_records; i++)
        if (!decode_record(batch, i, err))
            return false;
    return start_slots(batch, err);
}

void mf_recommend_batch_free(mf_recommend_batch *batch)
{
    mf_stream_batch_free(&batch->event);
    mf_stream_payload_free(&batch->payload);
    mf_stream_json_free(&batch->json);
    mf_text_free(&batch->kept);
    mf_text_free(&batch->reasons);
    mf_free(batch->items);
    mf_free(batch->slots);
    *batch = (mf_recommend_batch){.n_items = 0};
}
