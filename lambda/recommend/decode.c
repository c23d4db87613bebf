/* decode.c: checks the members of one request, and does so for all records of an event. */
#include "lambda/recommend/decode.h"

#include "base/grow.h"
#include "base/number.h"
#include "inference/fields.h"

#include <stdio.h>

enum {
    BYTES_KEPT = 8 << 20,
    REQUEST_KEPT = 2 * MF_ID_BYTES_MAX + MF_RECOMMEND_TIMESTAMP_BYTES, /* of a request, at most */
};

static bool wrong(mf_error *why, const char *reason)
{
    return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "%s", reason);
}

/* --------------------------------------------------------------------- one request */

enum { USER, REQUEST_ID, TOP_N, TIMESTAMP, MEMBERS };

static const char *const names[MEMBERS] = {"user_id", "request_id", "top_n", "timestamp"};

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

/* ------------------------------------------------------------------------ an instance */

enum { NAME_BYTES = 32, ENTRY_IDS = 16 /* an entry with attributes is as long as this many ids */ };

/* What the members of a record are. */
typedef struct members {
    unsigned fields; /* bits 1 << mf_field */
    bool user_id, alias,
        others;            /* user_id itself, another name of it, fields but these and top_n */
    uint64_t n_listed;     /* top_n, similar or audience */
    char user[NAME_BYTES]; /* the name of the user's member */
} members;

static bool has(const members *found, mf_field field)
{
    return (found->fields >> field & 1) != 0;
}

/* Appends ,"name":value; line ends between the tokens of the value become blanks. */
static void write_member(mf_text *instance, mf_id name, const char *value, size_t n)
{
    mf_text_literal(instance, ",");
    mf_text_json(instance, name.bytes, name.n_bytes);
    mf_text_literal(instance, ":");
    const size_t at = instance->n_bytes;
    mf_text_append(instance, value, n);
    for (size_t i = at; i < instance->n_bytes; i++)
        if (instance->bytes[i] == '\n' || instance->bytes[i] == '\r')
            instance->bytes[i] = ' ';
}

static void note_member(members *found, mf_field field, mf_id name, const mf_stream_value *value)
{
    const bool is_user_id = mf_stream_json_is(name, names[USER]);
    found->fields |= 1U << field;
    found->user_id = found->user_id || is_user_id;
    found->alias = found->alias || (field == MF_FIELD_USER_ID && !is_user_id);
    found->others =
        found->others || (field != MF_FIELD_USER_ID && !mf_stream_json_is(name, names[TOP_N]));
    if (field == MF_FIELD_USER_ID)
        snprintf(found->user, sizeof found->user, "%.*s", (int)name.n_bytes, name.bytes);
    const bool is_count =
        field == MF_FIELD_TOP_N || field == MF_FIELD_SIMILAR || field == MF_FIELD_AUDIENCE;
    if (is_count && !mf_parse_uint64(value->text.bytes, value->text.n_bytes, &found->n_listed))
        found->n_listed = 0; /* the model says what is wrong with it */
}

/* Appends the members that are fields of a request. */
static members write_members(mf_text *instance, mf_stream_json *json, const char *bytes, size_t n,
                             bool without_aliases)
{
    members found = {.user = "user_id"};
    mf_stream_json_nested object;
    mf_id name;
    mf_stream_json_start(json, bytes, n, NULL);
    mf_stream_json_open(json, &object, '{');
    while (mf_stream_json_next(json, &object, &name)) {
        const mf_field field = mf_field_find(name.bytes, name.n_bytes);
        mf_stream_value value;
        mf_stream_json_peek(json);
        const char *const at = json->at;
        value.kind = mf_stream_json_value(json, &value.text);
        if (field >= MF_FIELD_INSTANCES || /* those of elements of ratings, and MF_FIELDS */
            (without_aliases && field == MF_FIELD_USER_ID && !mf_stream_json_is(name, names[USER])))
            continue;
        note_member(&found, field, name, &value);
        write_member(instance, name, at, (size_t)(json->at - at));
    }
    return found;
}

/* How many ids the result is as long as. */
static uint32_t size_of(const members *found, const mf_recommend_limits *limits, bool has_entries)
{
    const bool is_all = found->n_listed == 0 && has(found, MF_FIELD_ITEM_IDS);
    const uint64_t n =
        is_all || found->n_listed > limits->max_top_n ? limits->max_top_n : found->n_listed;
    return (uint32_t)(n > 0 ? n : 1) * (has_entries ? ENTRY_IDS : 1);
}

/* Appends the instance of a record and fills the request's members for it, if it has one. Returns the name of
 * the user's member in *found. */
static void read_instance(mf_recommend_request *request, members *found,
                          const mf_recommend_limits *limits, mf_stream_json *json,
                          const char *bytes, size_t n, mf_text *instances)
{
    const size_t at = instances->n_bytes;
    *found = write_members(instances, json, bytes, n, false);
    if (found->user_id && found->alias) {
        instances->n_bytes = at;
        *found = write_members(instances, json, bytes, n, true);
    }
    if (!found->others && (found->user_id || !found->alias)) {
        instances->n_bytes = at;
        return;
    }
    const unsigned wants = 1U << MF_FIELD_TOP_N | 1U << MF_FIELD_ITEM_ID | 1U << MF_FIELD_ITEM_IDS |
                           1U << MF_FIELD_SIMILAR | 1U << MF_FIELD_AUDIENCE;
    if ((found->fields & wants) == 0) {
        mf_text_format(instances, ",\"top_n\":%u", (unsigned)limits->usual_top_n);
        found->n_listed = limits->usual_top_n;
    }
    mf_text_literal(instances, "}");
    if (instances->failed)
        return;
    instances->bytes[at] = '{'; /* the first comma */
    request->instance = (mf_id){instances->bytes + at, instances->n_bytes - at};
    request->has_entries = has(found, MF_FIELD_WITH) || has(found, MF_FIELD_EXPLAIN);
    request->has_ratings = has(found, MF_FIELD_RATINGS);
    request->top_n = size_of(found, limits, request->has_entries);
    mf_text_append(instances, "", 1);
}

static bool check_members(mf_recommend_request *request, const mf_recommend_limits *limits,
                          const mf_stream_value *values, mf_text *kept, mf_error *why)
{
    const bool is_plain = request->instance.n_bytes == 0;
    uint32_t top_n;
    if (values[USER].kind == MF_STREAM_ABSENT && is_plain)
        return wrong(why, "user_id is missing");
    if (values[USER].kind != MF_STREAM_ABSENT &&
        !read_user(&request->user, &values[USER], kept, why))
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
    return read_top_n(is_plain ? &request->top_n : &top_n, &values[TOP_N], limits, why);
}

bool mf_recommend_request_read(mf_recommend_request *request, const mf_recommend_limits *limits,
                               mf_stream_json *json, const char *bytes, size_t n, mf_text *kept,
                               mf_text *instances, mf_error *why)
{
    mf_stream_value values[MEMBERS];
    bool has_others;
    *request = (mf_recommend_request){.timestamp = {"", 0}};
    if (kept->capacity - kept->n_bytes < (n < REQUEST_KEPT ? n : REQUEST_KEPT))
        return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a request");
    if (!mf_stream_json_members(json, names, MEMBERS, values, &has_others, bytes, n, why))
        return false;
    if (has_others) { /* 4 µs more, which a plain record does not need */
        members found;
        read_instance(request, &found, limits, json, bytes, n, instances);
        if (json->failed || instances->failed)
            return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a request");
        const char *const searched[MEMBERS] = {found.user, names[REQUEST_ID], names[TOP_N],
                                               names[TIMESTAMP]};
        if (!mf_stream_json_members(json, searched, MEMBERS, values, NULL, bytes, n, why))
            return false;
    }
    return check_members(request, limits, values, kept, why);
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
    const size_t kept = b->kept.n_bytes, instances = b->instances.n_bytes;
    if (mf_recommend_request_read(&item->request, &limits, &b->json, data.bytes, data.n_bytes,
                                  &b->kept, &b->instances, &why)) {
        item->state = MF_RECOMMEND_PENDING;
        return true;
    }
    b->kept.n_bytes = kept;
    b->instances.n_bytes = instances;
    item->request.instance.n_bytes = 0;
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

/* The views of instances, which do not move any more. */
static void place_instances(mf_recommend_batch *b)
{
    const char *at = b->instances.bytes;
    for (size_t i = 0; i < b->n_items; i++) {
        mf_id *instance = &b->items[i].request.instance;
        if (instance->n_bytes == 0)
            continue;
        instance->bytes = at;
        at += instance->n_bytes + 1;
    }
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
    mf_text_clear(&batch->instances, BYTES_KEPT);
    /* A record is kept at most twice: the record itself, and its members, which gzip may hide. */
    if (!mf_text_reserve(&batch->kept,
                         2 * invocation->n_event + batch->event.n_records * REQUEST_KEPT))
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for requests");
    for (size_t i = 0; i < batch->event.n_records; i++)
        if (!decode_record(batch, i, err))
            return false;
    place_instances(batch);
    return start_slots(batch, err);
}

void mf_recommend_batch_free(mf_recommend_batch *batch)
{
    mf_stream_batch_free(&batch->event);
    mf_stream_payload_free(&batch->payload);
    mf_stream_json_free(&batch->json);
    mf_text_free(&batch->kept);
    mf_text_free(&batch->instances);
    mf_text_free(&batch->reasons);
    mf_free(batch->items);
    mf_free(batch->slots);
    *batch = (mf_recommend_batch){.n_items = 0};
}
