/* fields.c: a record by plain.h or else by jansson; both find values, which are then checked once. */
#include "lambda/aggregate/fields.h"

#include "lambda/streams/plain.h"

#include <jansson.h>

typedef enum value_kind { ABSENT, TEXT, NUMBER, OTHER } value_kind;

typedef struct value {
    value_kind kind;
    mf_id text;
} value;

typedef struct found {
    value key;
    value sums[MF_AGGREGATE_SUMS_MOST];
    value carried[MF_AGGREGATE_CARRIED_MOST];
} found;

/* The value that the field of that name fills in; NULL for none. A field may fill in more than one:
 * the next call continues at *next, which is 0 at first. */
static value *place_of(const mf_aggregate_settings *s, found *f, mf_id name, size_t *next)
{
    if (*next == 0) {
        *next = 1;
        if (mf_stream_plain_is(name, s->key_field))
            return &f->key;
    }
    for (; *next <= s->sum_fields.n; ++*next)
        if (mf_stream_plain_is(name, s->sum_fields.names[*next - 1]))
            return &f->sums[(*next)++ - 1];
    for (; *next <= s->sum_fields.n + s->carried_fields.n; ++*next)
        if (mf_stream_plain_is(name, s->carried_fields.names[*next - 1 - s->sum_fields.n]))
            return &f->carried[(*next)++ - 1 - s->sum_fields.n];
    return NULL;
}

static void put(const mf_aggregate_settings *s, found *f, mf_id name, value v)
{
    size_t next = 0;
    for (value *place; (place = place_of(s, f, name, &next)) != NULL;)
        *place = v;
}

static bool find_plain(const mf_aggregate_settings *s, const char *record, size_t n, found *f)
{
    static const value_kind kinds[] = {
        [MF_STREAM_PLAIN_TEXT] = TEXT,   [MF_STREAM_PLAIN_NUMBER] = NUMBER,
        [MF_STREAM_PLAIN_TRUE] = OTHER,  [MF_STREAM_PLAIN_FALSE] = OTHER,
        [MF_STREAM_PLAIN_NULL] = ABSENT, [MF_STREAM_PLAIN_NESTED] = OTHER,
    };
    mf_stream_plain plain;
    mf_stream_plain_object object;
    mf_id name;
    mf_stream_plain_start(&plain, record, n);
    mf_stream_plain_open(&plain, &object);
    while (mf_stream_plain_next(&plain, &object, &name)) {
        value v;
        v.kind = kinds[mf_stream_plain_value(&plain, &v.text)];
        put(s, f, name, v);
    }
    return mf_stream_plain_end(&plain);
}

static value of_json(mf_aggregate_fields *fields, const json_t *json)
{
    if (json_is_string(json))
        return (value){TEXT, {json_string_value(json), json_string_length(json)}};
    if (!json_is_number(json))
        return (value){json == NULL || json_is_null(json) ? ABSENT : OTHER, {"", 0}};
    /* There is room for all of them, so that views stay. */
    const size_t before = fields->numbers.n_bytes;
    if (json_is_integer(json))
        mf_text_format(&fields->numbers, "%lld", (long long)json_integer_value(json));
    else
        mf_stream_plain_write_real(&fields->numbers, json_real_value(json));
    return (value){NUMBER, {fields->numbers.bytes + before, fields->numbers.n_bytes - before}};
}

static bool find_json(mf_aggregate_fields *fields, const mf_aggregate_settings *s,
                      const char *record, size_t n, found *f, mf_error *why)
{
    enum { LONGEST_NUMBER = 64, MOST = 1 + MF_AGGREGATE_SUMS_MOST + MF_AGGREGATE_CARRIED_MOST };
    json_error_t error;
    mf_text_clear(&fields->numbers, 1 << 16);
    if (!mf_text_reserve(&fields->numbers, (size_t)MOST * LONGEST_NUMBER))
        return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a record");
    fields->root = json_loadb(record, n, JSON_REJECT_DUPLICATES, &error);
    if (fields->root == NULL && json_error_code(&error) == json_error_numeric_overflow)
        return mf_fail(why, MF_ERR_FORMAT, MF_NOWHERE,
                       "it has a number of more than 64 bits, and a text with an escape");
    if (!json_is_object(fields->root))
        return mf_fail(why, MF_ERR_FORMAT, MF_NOWHERE, "it is not a JSON object");
    *f = (found){.key = of_json(fields, json_object_get(fields->root, s->key_field))};
    for (size_t i = 0; i < s->sum_fields.n; i++)
        f->sums[i] = of_json(fields, json_object_get(fields->root, s->sum_fields.names[i]));
    for (size_t i = 0; i < s->carried_fields.n; i++)
        f->carried[i] = of_json(fields, json_object_get(fields->root, s->carried_fields.names[i]));
    return true;
}

static bool refuse(mf_error *why, const char *field, const value *v, const char *expected)
{
    if (v->kind == ABSENT)
        return mf_fail(why, MF_ERR_FORMAT, MF_NOWHERE, "field %s is missing", field);
    return mf_fail(why, MF_ERR_FORMAT, MF_NOWHERE, "field %s is not %s", field, expected);
}

/* A number as its shortest text, so that 1 and 1.0 are one key. */
static bool settle_key(mf_aggregate_fields *fields, const mf_aggregate_settings *s, const value *v,
                       mf_error *why)
{
    if (v->kind == TEXT && !s->key_is_number) {
        if (v->text.n_bytes == 0 || v->text.n_bytes > MF_AGGREGATE_KEY_BYTES)
            return refuse(why, s->key_field, v, "a text of 1 to 1024 bytes");
        fields->key = v->text;
        return true;
    }
    mf_aggregate_decimal number;
    if ((v->kind != TEXT && v->kind != NUMBER) ||
        !mf_aggregate_decimal_parse(v->text.bytes, v->text.n_bytes, &number))
        return refuse(why, s->key_field, v,
                      s->key_is_number ? "a number of at most 38 digits" : "a text or a number");
    /* The commonest numbers are their own shortest text. */
    if (number.scale == 0 && v->text.n_bytes <= MF_AGGREGATE_DECIMAL_DIGITS &&
        (v->text.bytes[0] > '0' || v->text.n_bytes == 1) &&
        memchr(v->text.bytes, 'e', v->text.n_bytes) == NULL &&
        memchr(v->text.bytes, 'E', v->text.n_bytes) == NULL &&
        memchr(v->text.bytes, '.', v->text.n_bytes) == NULL) {
        fields->key = v->text;
        return true;
    }
    if (fields->root == NULL)
        mf_text_clear(&fields->numbers, 1 << 16);
    if (!mf_text_reserve(&fields->numbers, 128))
        return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a record");
    const size_t before = fields->numbers.n_bytes;
    mf_aggregate_decimal_write(&fields->numbers, &number);
    fields->key = (mf_id){fields->numbers.bytes + before, fields->numbers.n_bytes - before};
    return true;
}

static bool settle_sum(mf_aggregate_fields *fields, const mf_aggregate_settings *s, size_t i,
                       const value *v, mf_error *why)
{
    if ((v->kind != NUMBER && v->kind != TEXT) ||
        !mf_aggregate_decimal_parse(v->text.bytes, v->text.n_bytes, &fields->sums[i]))
        return refuse(why, s->sum_fields.names[i], v, "a number of at most 38 digits");
    return true;
}

static bool settle_carried(mf_aggregate_fields *fields, const mf_aggregate_settings *s, size_t i,
                           const value *v, mf_error *why)
{
    mf_aggregate_decimal number;
    mf_aggregate_carried *carried = &fields->carried[i];
    carried->type = v->kind == TEXT     ? MF_AGGREGATE_CARRIED_TEXT
                    : v->kind == NUMBER ? MF_AGGREGATE_CARRIED_NUMBER
                                        : MF_AGGREGATE_CARRIED_NONE;
    carried->value = v->text;
    if (v->kind == OTHER || (v->kind != ABSENT && v->text.n_bytes > MF_AGGREGATE_CARRIED_BYTES) ||
        (v->kind == NUMBER && !mf_aggregate_decimal_parse(v->text.bytes, v->text.n_bytes, &number)))
        return refuse(why, s->carried_fields.names[i], v,
                      "a text of at most 512 bytes or a number of at most 38 digits");
    return true;
}

bool mf_aggregate_fields_read(mf_aggregate_fields *fields, const mf_aggregate_settings *settings,
                              const char *record, size_t n_record, mf_error *why)
{
    found f = {.key = {.kind = ABSENT}};
    json_decref(fields->root);
    fields->root = NULL;
    if (!find_plain(settings, record, n_record, &f) &&
        !find_json(fields, settings, record, n_record, &f, why))
        return false;
    for (size_t i = 0; i < settings->sum_fields.n; i++)
        if (!settle_sum(fields, settings, i, &f.sums[i], why))
            return false;
    for (size_t i = 0; i < settings->carried_fields.n; i++)
        if (!settle_carried(fields, settings, i, &f.carried[i], why))
            return false;
    /* Last, because it may write where the numbers are. */
    return settle_key(fields, settings, &f.key, why);
}

void mf_aggregate_fields_free(mf_aggregate_fields *fields)
{
    json_decref(fields->root);
    mf_text_free(&fields->numbers);
    *fields = (mf_aggregate_fields){.root = NULL};
}
