/* fuzz_streams_json.c: any bytes as JSON, read by lambda/streams/json_reader.h and by jansson.
 *
 * Both accept the same, unless a number is too large for jansson, and find the same: members of
 * the same names, texts of the same bytes, numbers of the same value. */
#include "base/number.h"
#include "lambda/streams/json_reader.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

static mf_stream_json reader;

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

static void compare(const json_t *json);

static void compare_object(const json_t *json)
{
    mf_stream_json_nested object;
    mf_id key;
    size_t n = 0;
    require(json_is_object(json));
    mf_stream_json_open(&reader, &object, '{');
    while (mf_stream_json_next(&reader, &object, &key)) {
        char *name = strndup(key.bytes, key.n_bytes);
        require(name != NULL);
        compare(json_object_get(json, name));
        free(name);
        n++;
    }
    require(n == json_object_size(json));
}

static void compare_list(const json_t *json)
{
    mf_stream_json_nested list;
    size_t n = 0;
    require(json_is_array(json));
    mf_stream_json_open(&reader, &list, '[');
    while (mf_stream_json_next(&reader, &list, NULL))
        compare(json_array_get(json, n++));
    require(n == json_array_size(json));
}

static void compare(const json_t *json)
{
    mf_id text;
    const char first = mf_stream_json_peek(&reader);
    require(json != NULL);
    if (first == '{') {
        compare_object(json);
        return;
    }
    if (first == '[') {
        compare_list(json);
        return;
    }
    switch (mf_stream_json_value(&reader, &text)) {
    case MF_STREAM_TEXT:
        require(json_is_string(json) && json_string_length(json) == text.n_bytes &&
                memcmp(json_string_value(json), text.bytes, text.n_bytes) == 0);
        break;
    case MF_STREAM_INTEGER:
    case MF_STREAM_REAL:
        compare_number(text, json);
        break;
    case MF_STREAM_TRUE:
        require(json_is_true(json));
        break;
    case MF_STREAM_FALSE:
        require(json_is_false(json));
        break;
    case MF_STREAM_NULL:
        require(json_is_null(json));
        break;
    default:
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    json_object_seed(1);
    mf_stream_json_start(&reader, (const char *)bytes, n_bytes, NULL);
    mf_stream_json_skip(&reader);
    const bool is_accepted = mf_stream_json_end(&reader);
    json_error_t error;
    json_t *json =
        json_loadb((const char *)bytes, n_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    /* jansson takes a NUL byte after the value for the end. */
    require(is_accepted || json == NULL || memchr(bytes, '\0', n_bytes) != NULL);
    require(!is_accepted || json != NULL || json_error_code(&error) == json_error_numeric_overflow);
    if (is_accepted && json != NULL) {
        mf_stream_json_start(&reader, (const char *)bytes, n_bytes, NULL);
        compare(json);
        require(mf_stream_json_end(&reader));
    }
    json_decref(json);
    return 0;
}
