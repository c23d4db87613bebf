/* json.c: jansson counts lines and columns from the start of a value. Here they become lines and
 * columns of the whole body, and a failing allocation becomes MF_ERR_MEMORY. */
#include "inference/json.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool mf_place_fail(mf_error *err, mf_error_code code, mf_place place, const char *field,
                   const char *format, ...)
{
    if (err == NULL || err->code != MF_OK)
        return false;
    char message[MF_ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const unsigned long long number = place.number;
    const char *name = field != NULL ? field : "";
    const char *colon = field != NULL ? ": " : "";
    if (place.kind == MF_PLACE_INSTANCE)
        return mf_fail(err, code, MF_NOWHERE, "instances[%llu]%s%s: %s", number,
                       field != NULL ? "." : "", name, message);
    if (place.kind == MF_PLACE_LINE)
        return mf_fail(err, code, MF_NOWHERE, "line %llu: %s%s%s", number, name, colon, message);
    return mf_fail(err, code, MF_NOWHERE, "%s%s%s", name, colon, message);
}

/* After a failed allocation jansson may report any error, even "expected }". This allocator records
 * the failure. It is set once for the whole process and calls malloc. */
static _Thread_local bool no_memory;

static void *allocate(size_t n_bytes)
{
    void *block = malloc(n_bytes);
    no_memory |= block == NULL;
    return block;
}

static void set_allocator(void)
{
    json_set_alloc_funcs(allocate, free);
}

/* jansson reads a few bytes ahead: an error this close to the limit is caused by it. */
enum { AHEAD_BYTES = 8 };

static bool fail_syntax(mf_error *err, const char *bytes, mf_json_where where, uint64_t line,
                        uint64_t column, const char *message)
{
    /* jansson counts from `bytes`; messages count from the start of the text. */
    const char *line_start = where.text;
    uint64_t lines_before = 0;
    for (const char *at; (at = memchr(line_start, '\n', (size_t)(bytes - line_start))) != NULL;) {
        lines_before++;
        line_start = at + 1;
    }
    if (line == 1)
        column += (uint64_t)(bytes - line_start);
    line += lines_before;
    char in_line[32] = "";
    if (where.place.kind != MF_PLACE_LINE)
        snprintf(in_line, sizeof in_line, "line %llu, ", (unsigned long long)line);
    return mf_place_fail(err, MF_ERR_PARSE, where.place, NULL,
                         "not valid JSON at %scolumn %llu: %s", in_line, (unsigned long long)column,
                         message);
}

bool mf_json_fail_at(mf_error *err, const char *bytes, mf_json_where where, const char *message)
{
    return fail_syntax(err, bytes, where, 1, 1, message);
}

static void fail_load(mf_error *err, const char *bytes, size_t n_bytes, mf_json_where where,
                      const json_error_t *error)
{
    if (no_memory) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory to read the JSON");
        return;
    }
    const char *nul = memchr(bytes, '\0', n_bytes);
    if (nul != NULL && error->position > nul - bytes) { /* jansson: "near end of file" */
        fail_syntax(err, nul, where, 1, 1, "a NUL byte");
        return;
    }
    const uint64_t line = error->line > 0 ? (uint64_t)error->line : 1;
    const uint64_t column = error->column > 0 ? (uint64_t)error->column : 1;
    const bool nul_escape = json_error_code(error) == json_error_null_character;
    fail_syntax(err, bytes, where, line, column,
                nul_escape ? "\\u0000 cannot be part of a string" : error->text);
}

static const size_t LOAD_FLAGS = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK;

/* Whether the value is longer than an instance may be. */
static bool is_cut(size_t n_bytes, mf_json_where where)
{
    return n_bytes > MF_INSTANCE_BYTES_MAX && where.place.kind != MF_PLACE_BODY;
}

json_t *mf_json_load_rounded(const char *bytes, size_t n_bytes, size_t *n_used, mf_json_where where)
{
    const size_t n = is_cut(n_bytes, where) ? MF_INSTANCE_BYTES_MAX : n_bytes;
    json_error_t error;
    json_t *value = json_loadb(bytes, n, LOAD_FLAGS | JSON_DECODE_INT_AS_REAL, &error);
    if (value != NULL)
        *n_used = (size_t)error.position;
    return value;
}

json_t *mf_json_load(const char *bytes, size_t n_bytes, size_t *n_used, mf_json_where where,
                     mf_error *err)
{
    const bool cut = is_cut(n_bytes, where);
    if (cut)
        n_bytes = MF_INSTANCE_BYTES_MAX;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_allocator);
    no_memory = false;
    json_error_t error;
    memset(&error, 0, sizeof error);
    json_t *value = json_loadb(bytes, n_bytes, LOAD_FLAGS, &error);
    const size_t position = error.position > 0 ? (size_t)error.position : 0;
    if (value != NULL)
        *n_used = position;
    else if (cut && position + AHEAD_BYTES > MF_INSTANCE_BYTES_MAX)
        mf_place_fail(err, MF_ERR_LIMIT, where.place, NULL,
                      "over %d bytes, which is the most that one instance may have",
                      MF_INSTANCE_BYTES_MAX);
    else
        fail_load(err, bytes, n_bytes, where, &error);
    return value;
}

bool mf_json_write_integers(mf_text *copy, const char *bytes, size_t n_bytes)
{
    enum { EXACT_DIGITS = 15 }; /* that a double always has */
    char integer[MF_INTEGER_ID_BYTES];
    bool changed = false;
    bool in_text = false;
    for (size_t at = 0; at < n_bytes;) {
        const char *start = bytes + at;
        size_t n = 1;
        if (in_text) {
            n += *start == '\\' && at + 1 < n_bytes;
            in_text = *start != '"';
        } else if (*start == '"') {
            in_text = true;
        } else if (*start == '-' || (*start >= '0' && *start <= '9')) {
            while (at + n < n_bytes && start[n] != 0 && strchr("+-.eE0123456789", start[n]) != NULL)
                n++;
            const size_t n_integer = mf_id_write_integer(start, n, integer);
            if (n_integer > EXACT_DIGITS && (n_integer != n || memcmp(start, integer, n) != 0)) {
                mf_text_append(copy, integer, n_integer);
                changed = true;
                at += n;
                continue;
            }
        }
        mf_text_append(copy, start, n);
        at += n;
    }
    return changed && !copy->failed;
}

const char *mf_json_kind_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
        [JSON_STRING] = "a string",  [JSON_INTEGER] = "an integer",
        [JSON_TRUE] = "true",        [JSON_REAL] = "a number with decimals",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };
    return names[json_typeof(value)];
}
