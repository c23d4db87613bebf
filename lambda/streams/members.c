/* members.c: one record, twice at most: plain.h gives up early. */
#include "lambda/streams/members.h"

#include <jansson.h>

enum { LONGEST_NUMBER = 64, NUMBERS_KEPT = 1 << 16 };

static mf_stream_value_kind kind_of_number(mf_id text)
{
    for (size_t i = 0; i < text.n_bytes; i++)
        if (text.bytes[i] == '.' || text.bytes[i] == 'e' || text.bytes[i] == 'E')
            return MF_STREAM_REAL;
    return MF_STREAM_INTEGER;
}

static mf_stream_value take_value(mf_stream_plain *plain)
{
    mf_stream_value value = {.kind = MF_STREAM_OTHER};
    switch (mf_stream_plain_value(plain, &value.text)) {
    case MF_STREAM_PLAIN_TEXT:
        value.kind = MF_STREAM_TEXT;
        break;
    case MF_STREAM_PLAIN_NUMBER:
        value.kind = kind_of_number(value.text);
        break;
    case MF_STREAM_PLAIN_NULL:
        value.kind = MF_STREAM_NULL;
        break;
    default:
        break;
    }
    return value;
}

static bool read_plain(const char *const *names, size_t n, mf_stream_value *values,
                       const char *record, size_t n_record)
{
    mf_stream_plain plain;
    mf_stream_plain_object object;
    mf_id name;
    mf_stream_plain_start(&plain, record, n_record);
    mf_stream_plain_open(&plain, &object);
    while (mf_stream_plain_next(&plain, &object, &name)) {
        const mf_stream_value value = take_value(&plain);
        for (size_t i = 0; i < n; i++)
            if (mf_stream_plain_is(name, names[i]))
                values[i] = value;
    }
    return mf_stream_plain_end(&plain);
}

static bool load(mf_stream_members *members, const char *record, size_t n_record, mf_error *why)
{
    json_error_t error;
    members->root = json_loadb(record, n_record, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json_is_object(members->root))
        return true;
    if (members->root != NULL)
        return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "expected a JSON object");
    switch (json_error_code(&error)) {
    case json_error_out_of_memory:
        return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory to read a record");
    case json_error_numeric_overflow:
        return mf_fail(why, MF_ERR_LIMIT, MF_NOWHERE,
                       "a number of more than 64 bits, beside a text with an escape");
    case json_error_duplicate_key:
        return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "a member is there twice");
    default:
        return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "not JSON, at byte %d of %zu", error.position,
                       n_record);
    }
}

/* jansson's numbers have no text of their own: it goes to *numbers, which has capacity for all. */
static mf_stream_value of_json(mf_text *numbers, const json_t *json)
{
    const size_t before = numbers->n_bytes;
    if (json_is_string(json))
        return (mf_stream_value){MF_STREAM_TEXT,
                                 {json_string_value(json), json_string_length(json)}};
    if (!json_is_number(json))
        return (mf_stream_value){json == NULL         ? MF_STREAM_ABSENT
                                 : json_is_null(json) ? MF_STREAM_NULL
                                                      : MF_STREAM_OTHER,
                                 {"", 0}};
    if (json_is_integer(json))
        mf_text_format(numbers, "%lld", (long long)json_integer_value(json));
    else
        mf_stream_plain_write_real(numbers, json_real_value(json));
    return (mf_stream_value){json_is_integer(json) ? MF_STREAM_INTEGER : MF_STREAM_REAL,
                             {numbers->bytes + before, numbers->n_bytes - before}};
}

bool mf_stream_members_read(mf_stream_members *members, const char *const *names, size_t n,
                            mf_stream_value *values, const char *record, size_t n_record,
                            mf_error *why)
{
    json_decref(members->root);
    members->root = NULL;
    for (size_t i = 0; i < n; i++)
        values[i] = (mf_stream_value){.kind = MF_STREAM_ABSENT, .text = {"", 0}};
    if (read_plain(names, n, values, record, n_record))
        return true;
    mf_text_clear(&members->numbers, NUMBERS_KEPT);
    if (!mf_text_reserve(&members->numbers, n * LONGEST_NUMBER))
        return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory to read a record");
    if (!load(members, record, n_record, why))
        return false;
    for (size_t i = 0; i < n; i++)
        values[i] = of_json(&members->numbers, json_object_get(members->root, names[i]));
    return true;
}

void mf_stream_members_free(mf_stream_members *members)
{
    json_decref(members->root);
    mf_text_free(&members->numbers);
    *members = (mf_stream_members){.root = NULL};
}
