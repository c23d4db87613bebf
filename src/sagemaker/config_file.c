/* config_file.c: jansson after the checks that it does not make: size, byte order mark, blanks, NUL
 * bytes. */
#include "sagemaker/config_file.h"

#include "base/file.h"
#include "base/memory.h"

#include <jansson.h>
#include <string.h>

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

json_t *mf_config_parse(const char *bytes, size_t n_bytes, const char *name, mf_error *err)
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
                mf_config_kind_name(root));
        json_decref(root);
        return NULL;
    }
    return root;
}

json_t *mf_config_read(const char *path, mf_error *err)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    mf_error reading = {0};
    if (!mf_file_read(path, MF_CONFIG_FILE_BYTES, &bytes, &n_bytes, &reading)) {
        mf_fail(err, reading.code == MF_ERR_LIMIT ? MF_ERR_CONFIG : reading.code, MF_NOWHERE, "%s",
                reading.text);
        return NULL;
    }
    json_t *file = mf_config_parse(bytes, n_bytes, path, err);
    mf_free(bytes);
    return file;
}

const char *mf_config_kind_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

bool mf_config_get_text(const json_t *object, const char *key, const char *path, const char *owner,
                        const char **text, mf_error *err)
{
    const json_t *value = json_object_get(object, key);
    *text = json_string_value(value);
    if (value != NULL && !json_is_null(value) && *text == NULL)
        return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0}, "%s: %s is %s: expected a text",
                       owner, key, mf_config_kind_name(value));
    return true;
}

char *mf_config_write(const json_t *value, char *out, size_t out_size)
{
    const size_t n = json_dumpb(value, out, out_size - 1, JSON_ENCODE_ANY | JSON_COMPACT);
    out[n < out_size ? n : out_size - 1] = '\0';
    return out;
}
