/* config_file.c: jansson, whose json_t is mf_config outside this file.
 * (1) Checks that jansson does not make come first: size, byte order mark, blanks, NUL bytes. */
#include "sagemaker/config_file.h"

#include "base/file.h"
#include "base/memory.h"

#include <jansson.h>
#include <string.h>

/* mf_config is json_t under another name. */
static json_t *unwrap(const mf_config *value)
{
    return mf_without_const(value);
}

static mf_config *wrap(json_t *value)
{
    return (mf_config *)value;
}

static bool fail_at(const char *name, const char *bytes, size_t offset, const char *what,
                    mf_error *err)
{
    uint64_t line = 1;
    uint64_t column = 1;
    for (size_t i = 0; i < offset; i++) {
        column++;
        if (bytes[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return mf_fail(err, MF_ERR_CONFIG, (mf_where){name, line, column}, "%s", what);
}

static bool fail_json(const char *name, const json_error_t *error, mf_error *err)
{
    const mf_where where = {name, error->line > 0 ? (uint64_t)error->line : 0,
                            error->column > 0 ? (uint64_t)error->column : 0};
    switch (json_error_code(error)) {
    case json_error_out_of_memory:
        return mf_fail(err, MF_ERR_MEMORY, where, "no memory to read the JSON");
    case json_error_duplicate_key:
        return mf_fail(err, MF_ERR_CONFIG, where, "a key occurs twice: %s", error->text);
    default:
        /* An allocation that fails deep inside leaves no text behind. */
        if (error->text[0] == '\0')
            return mf_fail(err, MF_ERR_MEMORY, where, "no memory to read the JSON");
        return mf_fail(err, MF_ERR_CONFIG, where, "not valid JSON: %s", error->text);
    }
}

mf_config *mf_config_parse(const char *bytes, size_t n_bytes, const char *name, mf_error *err)
{
    const mf_where where = {name, 0, 0};
    if (n_bytes > MF_CONFIG_FILE_BYTES) {
        mf_fail(err, MF_ERR_CONFIG, where, "%zu bytes: expected at most %d", n_bytes,
                MF_CONFIG_FILE_BYTES);
        return NULL;
    }
    /* An editor's byte order mark is no part of the text. */
    if (n_bytes >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        bytes += 3;
        n_bytes -= 3;
    }
    size_t n_blanks = 0;
    while (n_blanks < n_bytes && strchr(" \t\r\n", bytes[n_blanks]) != NULL &&
           bytes[n_blanks] != '\0')
        n_blanks++;
    if (n_blanks == n_bytes) {
        mf_fail(err, MF_ERR_CONFIG, where, "the file is empty: expected a JSON object such as {}");
        return NULL;
    }
    const char *zero = memchr(bytes, '\0', n_bytes);
    if (zero != NULL) {
        fail_at(name, bytes, (size_t)(zero - bytes), "not valid JSON: a NUL byte", err);
        return NULL;
    }
    json_error_t error;
    memset(&error, 0, sizeof error);
    json_t *root = json_loadb(bytes, n_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        fail_json(name, &error, err);
        return NULL;
    }
    if (!json_is_object(root)) {
        mf_fail(err, MF_ERR_CONFIG, where, "expected a JSON object, found %s",
                mf_config_kind_name(mf_config_kind_of(wrap(root))));
        json_decref(root);
        return NULL;
    }
    return wrap(root);
}

mf_config *mf_config_read(const char *path, mf_error *err)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    mf_error reading = {0};
    if (!mf_file_read(path, MF_CONFIG_FILE_BYTES, &bytes, &n_bytes, &reading)) {
        if (reading.code == MF_ERR_LIMIT)
            mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s", reading.text);
        else
            mf_fail(err, reading.code, MF_NOWHERE, "%s", reading.text);
        return NULL;
    }
    mf_config *file = mf_config_parse(bytes, n_bytes, path, err);
    mf_free(bytes);
    return file;
}

void mf_config_close(mf_config *file)
{
    json_decref(unwrap(file));
}

mf_config_kind mf_config_kind_of(const mf_config *value)
{
    switch (json_typeof(unwrap(value))) {
    case JSON_OBJECT:
        return MF_CONFIG_OBJECT;
    case JSON_ARRAY:
        return MF_CONFIG_ARRAY;
    case JSON_STRING:
        return MF_CONFIG_TEXT;
    case JSON_INTEGER:
    case JSON_REAL:
        return MF_CONFIG_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return MF_CONFIG_BOOLEAN;
    case JSON_NULL:
        break;
    }
    return MF_CONFIG_NULL;
}

const char *mf_config_kind_name(mf_config_kind kind)
{
    switch (kind) {
    case MF_CONFIG_OBJECT:
        return "an object";
    case MF_CONFIG_ARRAY:
        return "an array";
    case MF_CONFIG_TEXT:
        return "a text";
    case MF_CONFIG_NUMBER:
        return "a number";
    case MF_CONFIG_BOOLEAN:
        return "a boolean";
    case MF_CONFIG_NULL:
        break;
    }
    return "null";
}

const mf_config *mf_config_get(const mf_config *object, const char *key)
{
    json_t *value = json_object_get(unwrap(object), key);
    return json_is_null(value) ? NULL : wrap(value);
}

bool mf_config_next(const mf_config *object, void **position, const char **key,
                    const mf_config **value)
{
    json_t *members = unwrap(object);
    *position =
        *position == NULL ? json_object_iter(members) : json_object_iter_next(members, *position);
    if (*position == NULL)
        return false;
    *key = json_object_iter_key(*position);
    *value = wrap(json_object_iter_value(*position));
    return true;
}

size_t mf_config_count(const mf_config *value)
{
    const json_t *json = unwrap(value);
    return json_is_array(json) ? json_array_size(json) : json_object_size(json);
}

const mf_config *mf_config_at(const mf_config *array, size_t i)
{
    return wrap(json_array_get(unwrap(array), i));
}

const char *mf_config_text(const mf_config *value)
{
    return json_string_value(unwrap(value));
}

bool mf_config_get_text(const mf_config *object, const char *key, const char *path,
                        const char *owner, const char **text, mf_error *err)
{
    const mf_config *value = mf_config_get(object, key);
    *text = value != NULL ? mf_config_text(value) : NULL;
    if (value != NULL && *text == NULL)
        return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0}, "%s: %s is %s: expected a text",
                       owner, key, mf_config_kind_name(mf_config_kind_of(value)));
    return true;
}

char *mf_config_spell(const mf_config *value, char *out, size_t out_size)
{
    const size_t n = json_dumpb(unwrap(value), out, out_size - 1, JSON_ENCODE_ANY | JSON_COMPACT);
    out[n < out_size ? n : out_size - 1] = '\0';
    return out;
}

mf_config *mf_config_unquote(const char *text)
{
    const size_t n = strlen(text);
    if (text[strspn(text, " \t\r\n")] != '"')
        return NULL;
    json_t *inner = json_loadb(text, n, JSON_DECODE_ANY, NULL);
    if (inner != NULL && !json_is_string(inner)) {
        json_decref(inner);
        inner = NULL;
    }
    return wrap(inner);
}
