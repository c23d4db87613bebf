/* fields.c: reads the members that the settings name in one pass over the record, then checks each. */
#include "lambda/aggregate/fields.h"

enum { MEMBERS_MOST = 1 + MF_AGGREGATE_SUMS_MOST + MF_AGGREGATE_CARRIED_MOST };

static bool is_absent(const mf_stream_value *v)
{
    return v->kind == MF_STREAM_ABSENT || v->kind == MF_STREAM_NULL;
}

static bool is_number(const mf_stream_value *v)
{
    return v->kind == MF_STREAM_INTEGER || v->kind == MF_STREAM_REAL;
}

static bool refuse(mf_error *why, const char *field, const mf_stream_value *v, const char *expected)
{
    if (is_absent(v))
        return mf_fail(why, MF_ERR_FORMAT, MF_NOWHERE, "field %s is missing", field);
    return mf_fail(why, MF_ERR_FORMAT, MF_NOWHERE, "field %s is not %s", field, expected);
}

static bool no_memory(mf_error *why)
{
    return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a record");
}

/* A number as its shortest text, so that 1, 1.0 and "1.0" are one key. */
static bool settle_key(mf_aggregate_fields *fields, const mf_aggregate_settings *s,
                       const mf_stream_value *v, mf_error *why)
{
    if (v->kind == MF_STREAM_TEXT && !s->key_is_number) {
        if (v->text.n_bytes == 0 || v->text.n_bytes > MF_AGGREGATE_KEY_BYTES)
            return refuse(why, s->key_field, v, "a text of 1 to 1024 bytes");
        /* Not "1e3", which may be an id of hexadecimal digits. */
        const mf_id text = v->text;
        char integer[MF_INTEGER_ID_BYTES];
        const size_t n_integer = memchr(text.bytes, '.', text.n_bytes) != NULL &&
                                         memchr(text.bytes, 'e', text.n_bytes) == NULL &&
                                         memchr(text.bytes, 'E', text.n_bytes) == NULL
                                     ? mf_id_write_integer(text.bytes, text.n_bytes, integer)
                                     : 0;
        fields->key = text;
        if (n_integer == 0)
            return true;
        mf_text_clear(&fields->key_text, SIZE_MAX);
        mf_text_append(&fields->key_text, integer, n_integer);
        fields->key = (mf_id){fields->key_text.bytes, n_integer};
        return !fields->key_text.failed || no_memory(why);
    }
    mf_aggregate_decimal number;
    if ((v->kind != MF_STREAM_TEXT && !is_number(v)) ||
        !mf_aggregate_decimal_parse(v->text.bytes, v->text.n_bytes, &number))
        return refuse(why, s->key_field, v,
                      s->key_is_number ? "a number of at most 38 digits" : "a text or a number");
    mf_text_clear(&fields->key_text, SIZE_MAX);
    mf_aggregate_decimal_write(&fields->key_text, &number);
    fields->key = (mf_id){fields->key_text.bytes, fields->key_text.n_bytes};
    return !fields->key_text.failed || no_memory(why);
}

static bool settle_sum(mf_aggregate_fields *fields, const mf_aggregate_settings *s, size_t i,
                       const mf_stream_value *v, mf_error *why)
{
    if ((v->kind != MF_STREAM_TEXT && !is_number(v)) ||
        !mf_aggregate_decimal_parse(v->text.bytes, v->text.n_bytes, &fields->sums[i]))
        return refuse(why, s->sum_fields.names[i], v, "a number of at most 38 digits");
    return true;
}

static bool settle_carried(mf_aggregate_fields *fields, const mf_aggregate_settings *s, size_t i,
                           const mf_stream_value *v, mf_error *why)
{
    mf_aggregate_decimal number;
    mf_aggregate_carried *carried = &fields->carried[i];
    carried->type = v->kind == MF_STREAM_TEXT ? MF_AGGREGATE_CARRIED_TEXT
                    : is_number(v)            ? MF_AGGREGATE_CARRIED_NUMBER
                                              : MF_AGGREGATE_CARRIED_NONE;
    carried->value = v->text;
    if ((carried->type == MF_AGGREGATE_CARRIED_NONE && !is_absent(v)) ||
        v->text.n_bytes > MF_AGGREGATE_CARRIED_BYTES ||
        (is_number(v) && !mf_aggregate_decimal_parse(v->text.bytes, v->text.n_bytes, &number)))
        return refuse(why, s->carried_fields.names[i], v,
                      "a text of at most 512 bytes or a number of at most 38 digits");
    return true;
}

static bool read_members(mf_aggregate_fields *fields, const mf_aggregate_settings *s,
                         const char *record, size_t n, mf_stream_value *values, mf_error *why)
{
    const char *names[MEMBERS_MOST] = {s->key_field};
    size_t n_names = 1;
    mf_error reason = {.code = MF_OK};
    for (size_t i = 0; i < s->sum_fields.n; i++)
        names[n_names++] = s->sum_fields.names[i];
    for (size_t i = 0; i < s->carried_fields.n; i++)
        names[n_names++] = s->carried_fields.names[i];
    return mf_stream_json_members(&fields->json, names, n_names, values, NULL, record, n,
                                  &reason) ||
           mf_fail(why, reason.code == MF_ERR_MEMORY ? MF_ERR_MEMORY : MF_ERR_FORMAT, MF_NOWHERE,
                   "%s", reason.text);
}

bool mf_aggregate_fields_read(mf_aggregate_fields *fields, const mf_aggregate_settings *settings,
                              const char *record, size_t n_record, mf_error *why)
{
    mf_stream_value values[MEMBERS_MOST];
    const mf_stream_value *sums = &values[1];
    const mf_stream_value *carried = &values[1 + settings->sum_fields.n];
    if (!read_members(fields, settings, record, n_record, values, why))
        return false;
    for (size_t i = 0; i < settings->sum_fields.n; i++)
        if (!settle_sum(fields, settings, i, &sums[i], why))
            return false;
    for (size_t i = 0; i < settings->carried_fields.n; i++)
        if (!settle_carried(fields, settings, i, &carried[i], why))
            return false;
    return settle_key(fields, settings, &values[0], why);
}

void mf_aggregate_fields_free(mf_aggregate_fields *fields)
{
    mf_stream_json_free(&fields->json);
    mf_text_free(&fields->key_text);
    *fields = (mf_aggregate_fields){.key = {NULL, 0}};
}
