/* reading.c: ids, counts and arrays of an instance. Whole numbers are ids in every notation: 2959.0 is
 * "2959". From 2^53 on a double may stand for several integers: mf_instance_read then writes them as
 * integers and reads again. */
#include "inference/reading.h"

#include "base/grow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool mf_reading_fail_kind(const mf_reading *r, const char *field, const char *expected,
                          const json_t *found)
{
    return MF_READING_FAIL(r, field, "expected %s, found %s", expected, mf_json_kind_name(found));
}

bool mf_reading_array(const mf_reading *r, const char *field, const json_t *value, size_t max,
                      const char *elements)
{
    if (!json_is_array(value))
        return MF_READING_FAIL(r, field, "expected an array of %s, found %s", elements,
                               mf_json_kind_name(value));
    const size_t n = json_array_size(value);
    if (n < 1 && max == SIZE_MAX)
        return MF_READING_FAIL(r, field, "expected 1 or more %s, found 0", elements);
    if (n < 1 || n > max)
        return MF_READING_FAIL(r, field, "expected 1 to %zu %s, found %zu", max, elements, n);
    return true;
}

bool mf_reading_id(const mf_reading *r, const char *field, const json_t *value, mf_written_id *to)
{
    const double number = json_real_value(value); /* 0 for other types */
    const bool is_real = json_is_real(value) && number == floor(number);
    if (is_real && fabs(number) >= 0x1p53) /* which may stand for 2^53 + 1 */
        return MF_READING_FAIL(r, field, "%s: a long id must be sent as a string",
                               r->rounded && fabs(number) >= 0x1p63 ? "an integer beyond 64 bits"
                                                                    : "a number of 2^53 or more");
    if (json_is_integer(value) || is_real) {
        char text[MF_INTEGER_ID_BYTES + 1];
        const int n = snprintf(text, sizeof text, "%lld",
                               is_real ? (long long)number : (long long)json_integer_value(value));
        memcpy(to->digits, text, (size_t)n);
        to->id = (mf_id){to->digits, (size_t)n};
        return true;
    }
    if (!json_is_string(value))
        return mf_reading_fail_kind(r, field, "a string or an integer", value);
    to->id = (mf_id){json_string_value(value), json_string_length(value)};
    if (!mf_id_valid(to->id.bytes, to->id.n_bytes))
        return MF_READING_FAIL(r, field, "%s%s", MF_ID_EXPECTED,
                               to->id.n_bytes == 0 ? ", found an empty string" : "");
    return true;
}

bool mf_reading_ids(const mf_reading *r, const char *field, const json_t *value, size_t max,
                    mf_written_ids *to)
{
    if (!mf_reading_array(r, field, value, max, "ids"))
        return false;
    const size_t n = json_array_size(value);
    if (!MF_GROW(to->id, to->capacity, n, "the ids of an instance", r->err))
        return false;
    for (size_t i = 0; i < n; i++) {
        char element[MF_FIELD_BYTES];
        snprintf(element, sizeof element, "%.64s[%zu]", field, i);
        if (!mf_reading_id(r, element, json_array_get(value, i), &to->id[i]))
            return false;
    }
    to->n = n;
    return true;
}

bool mf_reading_count(const mf_reading *r, const char *field, const json_t *value, uint32_t least,
                      uint32_t most, uint32_t *to)
{
    const double n = json_number_value(value); /* 0 for other types */
    if (!json_is_number(value) || n < least || n > most || n != floor(n))
        return MF_READING_FAIL(r, field, "expected a whole number from %lu to %lu",
                               (unsigned long)least, (unsigned long)most);
    *to = (uint32_t)n;
    return true;
}
