/* parameters.c: the fields of a list as parameters of a URL. Each becomes a member of a JSON instance, so that a
 * value can neither end its member nor begin another. */
#include "inference/inference.h"

#include "base/number.h"
#include "inference/fields.h"
#include "inference/json.h"

#include <string.h>

enum { SHOWN_BYTES = 64 };

/* "1,2,3" */
static void write_texts(mf_text *instance, const char *value, size_t n_bytes)
{
    const char *end = value + n_bytes;
    mf_text_literal(instance, "[");
    for (const char *at = value;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        mf_text_json(instance, at, (size_t)(stop - at));
        if (comma == NULL)
            break;
        mf_text_literal(instance, ",");
        at = comma + 1;
    }
    mf_text_literal(instance, "]");
}

/* The text of one object, as it is. */
static bool write_object(mf_text *instance, mf_field field, const char *value, size_t n_bytes,
                         mf_error *err)
{
    const mf_json_where where = {value, {MF_PLACE_BODY, 0}};
    mf_error cause = {0};
    size_t n_used = 0;
    json_t *object = mf_json_load(value, n_bytes, &n_used, where, &cause);
    const bool is_object = json_is_object(object);
    json_decref(object);
    if (cause.code == MF_ERR_MEMORY)
        return mf_fail_again(err, &cause);
    if (!is_object || n_used != n_bytes)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s: expected one JSON object%s%s",
                       mf_field_name(field), cause.text[0] != '\0' ? ", found " : "", cause.text);
    mf_text_append(instance, value, n_bytes);
    return true;
}

static bool write_number(mf_text *instance, mf_field field, const char *value, size_t n_bytes,
                         mf_error *err)
{
    char shown[SHOWN_BYTES];
    double number;
    if (!mf_parse_double(value, n_bytes, &number))
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s: expected a number, found \"%s\"",
                       mf_field_name(field), mf_printable(shown, sizeof shown, value, n_bytes));
    mf_text_double(instance, number);
    return true;
}

bool mf_inference_add_parameter(mf_text *instance, const char *name, size_t n_name,
                                const char *value, size_t n_bytes, mf_error *err)
{
    static const char EXPECTED[] = "top_n or limit, where, exclude, in, diversity, "
                                   "max_per, offset, explain and with";
    char shown[SHOWN_BYTES];
    const mf_field field = mf_field_find(name, n_name);
    const bool is_text = field == MF_FIELD_IN;
    const bool is_array = field == MF_FIELD_EXCLUDE || field == MF_FIELD_WITH;
    const bool is_number =
        field == MF_FIELD_OFFSET || field == MF_FIELD_DIVERSITY || field == MF_FIELD_EXPLAIN;
    const bool is_object = field == MF_FIELD_WHERE || field == MF_FIELD_MAX_PER;
    if (!is_text && !is_array && !is_number && !is_object)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "unknown parameter \"%s\": expected %s",
                       mf_printable(shown, sizeof shown, name, n_name), EXPECTED);
    mf_text_literal(instance, ",");
    mf_text_json(instance, name, n_name);
    mf_text_literal(instance, ":");
    if (is_number)
        return write_number(instance, field, value, n_bytes, err);
    if (is_object)
        return write_object(instance, field, value, n_bytes, err);
    if (is_text)
        mf_text_json(instance, value, n_bytes);
    else
        write_texts(instance, value, n_bytes);
    return true;
}
