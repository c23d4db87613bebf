/* fuzz_streams_plain.c: any bytes as plain JSON.
 *
 * What mf_stream_plain takes, jansson takes, unless a number is too large for it, and both find the
 * same in it: the same members in objects without a key twice, the same texts, numbers of the
 * same value. */
#include "base/number.h"
#include "lambda/streams/plain.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void compare_number(mf_id text, const json_t *json)
{
    int64_t whole;
    double real;
    if (mf_parse_int64(text.bytes, text.n_bytes, &whole)) {
        require(json_is_integer(json) && json_integer_value(json) == whole);
        return;
    }
    require(mf_parse_double(text.bytes, text.n_bytes, &real));
    require(json_is_real(json) && json_real_value(json) == real);
}

static void compare(mf_stream_plain *plain, const json_t *json);

static void compare_object(mf_stream_plain *plain, const json_t *json)
{
    mf_stream_plain_object object;
    mf_id key;
    size_t n = 0;
    require(json_is_object(json));
    mf_stream_plain_open(plain, &object);
    while (mf_stream_plain_next(plain, &object, &key)) {
        char *name = strndup(key.bytes, key.n_bytes);
        require(name != NULL);
        compare(plain, json_object_get(json, name));
        free(name);
        n++;
    }
    require(n == json_object_size(json));
}

static void compare_list(mf_stream_plain *plain, const json_t *json)
{
    mf_stream_plain_object list;
    size_t n = 0;
    require(json_is_array(json));
    mf_stream_plain_open_list(plain, &list);
    while (mf_stream_plain_next_element(plain, &list))
        compare(plain, json_array_get(json, n++));
    require(n == json_array_size(json));
}

static void compare(mf_stream_plain *plain, const json_t *json)
{
    mf_id text;
    require(json != NULL);
    if (mf_stream_plain_begins(plain, '{')) {
        compare_object(plain, json);
        return;
    }
    if (mf_stream_plain_begins(plain, '[')) {
        compare_list(plain, json);
        return;
    }
    switch (mf_stream_plain_value(plain, &text)) {
    case MF_STREAM_PLAIN_TEXT:
        require(json_is_string(json) && json_string_length(json) == text.n_bytes &&
                memcmp(json_string_value(json), text.bytes, text.n_bytes) == 0);
        break;
    case MF_STREAM_PLAIN_NUMBER:
        compare_number(text, json);
        break;
    case MF_STREAM_PLAIN_TRUE:
        require(json_is_true(json));
        break;
    case MF_STREAM_PLAIN_FALSE:
        require(json_is_false(json));
        break;
    case MF_STREAM_PLAIN_NULL:
        require(json_is_null(json));
        break;
    case MF_STREAM_PLAIN_NESTED:
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    mf_stream_plain plain;
    json_object_seed(1);
    mf_stream_plain_start(&plain, (const char *)bytes, n_bytes);
    mf_stream_plain_skip(&plain);
    if (!mf_stream_plain_end(&plain))
        return 0;
    json_error_t error;
    json_t *json =
        json_loadb((const char *)bytes, n_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json == NULL && json_error_code(&error) == json_error_numeric_overflow)
        return 0;
    mf_stream_plain_start(&plain, (const char *)bytes, n_bytes);
    compare(&plain, json);
    require(mf_stream_plain_end(&plain));
    json_decref(json);
    return 0;
}
