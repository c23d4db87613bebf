/* decode.c: one request by plain.h or else by jansson, checked once; then all records
 * of an event. */
#include "lambda/recommend/decode.h"

#include "base/grow.h"
#include "base/number.h"
#include "lambda/streams/plain.h"

#include <jansson.h>
#include <stdio.h>

typedef enum value_kind { ABSENT, TEXT, INTEGER, OTHER } value_kind;

enum { INTEGER_BYTES = 24, BYTES_KEPT = 8 << 20 };

typedef struct value {
    value_kind kind;
    mf_id text;
    char digits[INTEGER_BYTES]; /* jansson's integers have no text of their own */
} value;

typedef struct found {
    value user, request_id, top_n, timestamp;
} found;

static bool wrong(mf_error *why, const char *reason)
{
    return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "%s", reason);
}

/* ----------------------------------------------------------------------- two readers */

static value_kind kind_of_number(mf_id text)
{
    for (size_t i = 0; i < text.n_bytes; i++)
        if (text.bytes[i] == '.' || text.bytes[i] == 'e' || text.bytes[i] == 'E')
            return OTHER;
    return INTEGER;
}

static value_kind take_value(mf_stream_plain *plain, mf_id *text)
{
    switch (mf_stream_plain_value(plain, text)) {
    case MF_STREAM_PLAIN_TEXT:
        return TEXT;
    case MF_STREAM_PLAIN_NUMBER:
        return kind_of_number(*text);
    default:
        return OTHER;
    }
}

static bool find_plain(found *f, const char *bytes, size_t n)
{
    mf_stream_plain plain;
    mf_stream_plain_object object;
    mf_id key;
    mf_stream_plain_start(&plain, bytes, n);
    mf_stream_plain_open(&plain, &object);
    while (mf_stream_plain_next(&plain, &object, &key)) {
        value *v = mf_stream_plain_is(key, "user_id")      ? &f->user
                   : mf_stream_plain_is(key, "request_id") ? &f->request_id
                   : mf_stream_plain_is(key, "top_n")      ? &f->top_n
                   : mf_stream_plain_is(key, "timestamp")  ? &f->timestamp
                                                           : NULL;
        if (v == NULL)
            mf_stream_plain_skip(&plain);
        else
            v->kind = take_value(&plain, &v->text);
    }
    return mf_stream_plain_end(&plain);
}

static void find_member(value *v, const json_t *root, const char *name)
{
    const json_t *json = json_object_get(root, name);
    v->kind = json == NULL ? ABSENT : OTHER;
    if (json_is_string(json)) {
        v->kind = TEXT;
        v->text = (mf_id){json_string_value(json), json_string_length(json)};
    } else if (json_is_integer(json)) {
        const int n =
            snprintf(v->digits, sizeof v->digits, "%lld", (long long)json_integer_value(json));
        v->kind = INTEGER;
        v->text = (mf_id){v->digits, (size_t)n};
    }
}

/* Views are of *root, which the caller gives back, also after a failure. */
static bool find_json(found *f, json_t **root, const char *bytes, size_t n, mf_error *why)
{
    json_error_t error;
    /* jansson takes a NUL byte after the value for its end. */
    if (memchr(bytes, '\0', n) != NULL)
        return wrong(why, "not JSON: a NUL byte");
    *root = json_loadb(bytes, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (*root == NULL) {
        switch (json_error_code(&error)) {
        case json_error_out_of_memory:
            return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory to read a request");
        case json_error_numeric_overflow:
            return wrong(why, "a number of more than 64 bits, beside a text with an escape");
        case json_error_duplicate_key:
            return wrong(why, "a member is there twice");
        default:
            return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "not JSON, at byte %d of %zu",
                           error.position, n);
        }
    }
    if (!json_is_object(*root))
        return wrong(why, "expected a JSON object");
    find_member(&f->user, *root, "user_id");
    find_member(&f->request_id, *root, "request_id");
    find_member(&f->top_n, *root, "top_n");
    find_member(&f->timestamp, *root, "timestamp");
    return true;
}

/* --------------------------------------------------------------------------- members */

/* A copy, which does not move: *kept has capacity for it. */
static mf_id keep(mf_text *kept, mf_id text)
{
    const size_t at = kept->n_bytes;
    mf_text_append(kept, text.bytes, text.n_bytes);
    return (mf_id){kept->bytes + at, text.n_bytes};
}

static bool read_user(mf_id *user, const value *v, mf_text *kept, mf_error *why)
{
    if (v->kind == ABSENT)
        return wrong(why, "user_id is missing");
    if ((v->kind != TEXT && v->kind != INTEGER) || !mf_id_valid(v->text.bytes, v->text.n_bytes))
        return wrong(why, "user_id: expected an integer, or a text of 1 to 255 bytes without "
                          "control characters");
    int64_t n;
    if (v->kind == INTEGER && !mf_parse_int64(v->text.bytes, v->text.n_bytes, &n))
        return wrong(why, "user_id: an integer beyond 64 bits: a long id must be sent as a text");
    const bool is_minus_zero = v->kind == INTEGER && mf_stream_plain_is(v->text, "-0");
    *user = keep(kept, is_minus_zero ? (mf_id){"0", 1} : v->text);
    return true;
}

static bool read_text(mf_id *text, const value *v, size_t most, mf_text *kept)
{
    if (v->kind != TEXT || v->text.n_bytes > most || !mf_id_valid(v->text.bytes, v->text.n_bytes))
        return false;
    *text = keep(kept, v->text);
    return true;
}

static bool read_top_n(uint32_t *top_n, const value *v, const mf_recommend_limits *limits,
                       mf_error *why)
{
    uint64_t n;
    *top_n = limits->usual_top_n;
    if (v->kind == ABSENT)
        return true;
    if (v->kind != INTEGER || !mf_parse_uint64(v->text.bytes, v->text.n_bytes, &n) || n < 1 ||
        n > limits->max_top_n)
        return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "top_n: expected a whole number from 1 to %u",
                       limits->max_top_n);
    *top_n = (uint32_t)n;
    return true;
}

static bool read_members(mf_recommend_request *request, const mf_recommend_limits *limits,
                         const found *f, mf_text *kept, mf_error *why)
{
    if (!read_user(&request->user, &f->user, kept, why))
        return false;
    if (f->request_id.kind == ABSENT)
        return wrong(why, "request_id is missing");
    if (!read_text(&request->request_id, &f->request_id, MF_ID_BYTES_MAX, kept))
        return wrong(why, "request_id: expected a text of 1 to 255 bytes without control "
                          "characters");
    if (f->timestamp.kind != ABSENT &&
        !read_text(&request->timestamp, &f->timestamp, MF_RECOMMEND_TIMESTAMP_BYTES, kept))
        return wrong(why, "timestamp: expected a text of 1 to 64 bytes without control "
                          "characters");
    return read_top_n(&request->top_n, &f->top_n, limits, why);
}

bool mf_recommend_request_read(mf_recommend_request *request, const mf_recommend_limits *limits,
                               const char *bytes, size_t n, mf_text *kept, mf_error *why)
{
    found f = {.user.kind = ABSENT};
    json_t *root = NULL;
    *request = (mf_recommend_request){.timestamp = {"", 0}};
    if (kept->room - kept->n_bytes < n)
        return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a request");
    const bool ok = (find_plain(&f, bytes, n) || find_json(&f, &root, bytes, n, why)) &&
                    read_members(request, limits, &f, kept, why);
    json_decref(root);
    return ok;
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

/* A rejected record, or (false) a failure of our own. */
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
    if (mf_recommend_request_read(&item->request, &limits, data.bytes, data.n_bytes, &b->kept,
                                  &why)) {
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
    b->n_slots = 16;
    while (b->n_slots < 2 * b->n_items)
        b->n_slots *= 2;
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
    /* What is kept of a record is no longer than twice the record: itself, and its members. */
    if (!mf_text_reserve(&batch->kept, 2 * invocation->n_event))
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
    mf_text_free(&batch->kept);
    mf_text_free(&batch->reasons);
    mf_free(batch->items);
    mf_free(batch->slots);
    *batch = (mf_recommend_batch){.n_items = 0};
}
