/* json_object.c: jansson enters here. Texts and numbers are values, null is none, arrays are lists,
 * also arrays in arrays. What is an object makes its column unusable. */
#include "items/state.h"

#include "base/number.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 8 };

static json_t *parse(const char *text, size_t n_bytes, json_error_t *error)
{
    json_t *object = json_loadb(text, n_bytes, JSON_ALLOW_NUL, error);
    if (object == NULL || json_is_object(object))
        return object;
    json_decref(object);
    snprintf(error->text, sizeof error->text, "not an object");
    return NULL;
}

bool mf_items_json_keys(const char *text, size_t n_bytes, mf_cell_copy *names, uint32_t *n_names)
{
    json_error_t error;
    const char *key;
    json_t *value, *object = parse(text, n_bytes, &error);
    json_object_foreach(object, key, value)
    {
        const size_t n = strlen(key);
        uint32_t c = 0;
        while (c < *n_names && (names[c].n_bytes != n || memcmp(names[c].bytes, key, n) != 0))
            c++;
        if (c == *n_names && c < MF_COLUMNS_MAX && n <= MF_COPY_BYTES)
            mf_cell_keep(&names[(*n_names)++], key, n);
    }
    json_decref(object);
    return object != NULL;
}

/* The text of a scalar; NULL for null and what is none. */
static const char *scalar(const json_t *value, char text[MF_NUMBER_TEXT_BYTES], size_t *n_bytes)
{
    if (json_is_string(value)) {
        *n_bytes = json_string_length(value);
        return json_string_value(value);
    }
    if (json_is_integer(value))
        snprintf(text, MF_NUMBER_TEXT_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        mf_write_double(json_real_value(value), false, text);
    else if (json_is_boolean(value))
        snprintf(text, MF_NUMBER_TEXT_BYTES, "%s", json_is_true(value) ? "true" : "false");
    else
        return NULL;
    *n_bytes = strlen(text);
    return text;
}

static bool set(mf_items *items, uint32_t column, const json_t *value, bool is_next, int depth,
                mf_error *err)
{
    char text[MF_NUMBER_TEXT_BYTES];
    size_t n_bytes;
    const char *bytes = scalar(value, text, &n_bytes);
    if (bytes != NULL)
        return mf_item_columns_set(&items->columns, column, bytes, n_bytes, is_next, err);
    if (json_is_array(value) && depth < DEEPEST) {
        items->columns.column[column].has_lists = true;
        for (size_t i = 0; i < json_array_size(value); i++)
            if (!set(items, column, json_array_get(value, i), true, depth + 1, err))
                return false;
    } else if (!json_is_null(value)) {
        items->columns.column[column].has_objects = true;
    }
    return true;
}

bool mf_items_json_row(mf_items *items, const char *name, uint64_t line, const char *text,
                       size_t n_bytes, const mf_cell_copy *item, mf_error *err)
{
    json_error_t error;
    char number[MF_NUMBER_TEXT_BYTES];
    size_t n_id = 0;
    const char *key;
    json_t *value, *object = parse(text, n_bytes, &error);
    const json_t *of_item =
        object != NULL ? json_object_getn(object, item->bytes, item->n_bytes) : NULL;
    const char *id = of_item != NULL ? scalar(of_item, number, &n_id) : NULL;
    bool ok = true, repeated = false;
    items->facts.n_rows++;
    if (object == NULL) {
        mf_items_bad_row(items, name, line, 1, "not JSON: %.80s", error.text);
    } else if (id == NULL || !mf_id_valid(id, n_id)) {
        mf_items_bad_row(items, name, line, 1, "%.*s is no id: a text of 1 to %d bytes",
                         (int)item->n_bytes, item->bytes, MF_ID_BYTES_MAX);
    } else {
        ok = mf_item_columns_row(&items->columns, id, n_id, &repeated, err);
        items->facts.n_repeated += repeated;
        json_object_foreach(object, key, value)
        {
            const size_t n_key = strlen(key);
            if (!ok || (n_key == item->n_bytes && memcmp(key, item->bytes, n_key) == 0))
                continue;
            const uint32_t column = mf_items_column(items, key, n_key);
            /* A row of another file may have set a list, which this one replaces. */
            ok = column == MF_INDEX_NONE ||
                 ((json_is_null(value) ||
                   mf_item_columns_set(&items->columns, column, "", 0, false, err)) &&
                  set(items, column, value, false, 0, err));
        }
    }
    json_decref(object);
    return ok;
}
