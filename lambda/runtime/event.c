/* event.c: promises in event.h. */
#include "lambda/runtime/event.h"

#include <jansson.h>
#include <string.h>

static const char name[] = "event";

/* jansson would end a text at a NUL byte in its messages, or take it for a blank. */
static void fail_at_zero(const char *event, const char *zero, mf_error *err)
{
    mf_where where = {name, 1, 1};
    for (const char *c = event; c < zero; c++) {
        where.column++;
        if (*c == '\n') {
            where.line++;
            where.column = 1;
        }
    }
    mf_fail(err, MF_ERR_PARSE, where, "not valid JSON: a NUL byte");
}

static void fail_json(const json_error_t *error, mf_error *err)
{
    const mf_where where = {name, error->line > 0 ? (uint64_t)error->line : 0,
                            error->column > 0 ? (uint64_t)error->column : 0};
    /* An allocation that fails deep inside leaves no text behind. */
    if (json_error_code(error) == json_error_out_of_memory || error->text[0] == '\0')
        mf_fail(err, MF_ERR_MEMORY, where, "no memory to read the event");
    else
        mf_fail(err, MF_ERR_PARSE, where, "not valid %s: %s",
                json_error_code(error) == json_error_invalid_utf8 ? "UTF-8" : "JSON", error->text);
}

json_t *mf_event_parse(const char *event, size_t n_event, mf_error *err)
{
    const mf_where where = {name, 0, 0};
    if (n_event == 0) {
        mf_fail(err, MF_ERR_PARSE, where, "no bytes: expected a JSON object");
        return NULL;
    }
    const char *zero = memchr(event, '\0', n_event);
    if (zero != NULL) {
        fail_at_zero(event, zero, err);
        return NULL;
    }
    json_error_t error;
    memset(&error, 0, sizeof error);
    json_t *root = json_loadb(event, n_event, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        fail_json(&error, err);
        return NULL;
    }
    if (!json_is_object(root)) {
        static const char *const kinds[] = {
            [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a text",
            [JSON_INTEGER] = "a number", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
            [JSON_FALSE] = "false",      [JSON_NULL] = "null",
        };
        mf_fail(err, MF_ERR_PARSE, where, "expected a JSON object, found %s",
                kinds[json_typeof(root)]);
        json_decref(root);
        return NULL;
    }
    return root;
}
