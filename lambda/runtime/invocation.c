/* invocation.c: an event on its way in: the headers and the body of `next`, the time that is left
 * for it, its JSON. */
#include "lambda/runtime/invocation.h"

#include "base/clock.h"
#include "base/number.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

/* -------------------------------------------------------------------- the response to next */

void mf_lambda_next_start(mf_lambda_next *next)
{
    next->request_id[0] = '\0';
    next->function_arn[0] = '\0';
    next->trace_id[0] = '\0';
    next->deadline_ms = 0;
    next->too_large = false;
    mf_text_clear(&next->event, next->event.capacity);
}

void mf_lambda_next_free(mf_lambda_next *next)
{
    mf_text_free(&next->event);
}

/* Copies the value, or "" when it is too long or has a control character. */
static void copy(char *out, size_t out_size, const char *value, size_t n)
{
    out[0] = '\0';
    if (n >= out_size)
        return;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7F)
            return;
    memcpy(out, value, n);
    out[n] = '\0';
}

static bool fits_a_url(const char *value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char c = value[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

static bool is(const char *name, size_t n_name, const char *wanted)
{
    return n_name == strlen(wanted) && strncasecmp(name, wanted, n_name) == 0;
}

static void take(mf_lambda_next *next, const char *name, size_t n_name, const char *value, size_t n)
{
    if (is(name, n_name, "Lambda-Runtime-Aws-Request-Id")) {
        copy(next->request_id, sizeof next->request_id, value, fits_a_url(value, n) ? n : 0);
    } else if (is(name, n_name, "Lambda-Runtime-Invoked-Function-Arn")) {
        copy(next->function_arn, sizeof next->function_arn, value, n);
    } else if (is(name, n_name, "Lambda-Runtime-Trace-Id")) {
        copy(next->trace_id, sizeof next->trace_id, value, n);
    } else if (is(name, n_name, "Lambda-Runtime-Deadline-Ms")) {
        int64_t deadline = 0;
        next->deadline_ms = mf_parse_int64(value, n, &deadline) && deadline > 0 ? deadline : 0;
    } else if (is(name, n_name, "Content-Length")) {
        /* Reserves the announced size at once; memory that no byte arrives for is never
         * touched. */
        uint64_t length = 0;
        if (mf_parse_uint64(value, n, &length) && length <= MF_LAMBDA_EVENT_BYTES)
            mf_text_reserve(&next->event, (size_t)length);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void mf_lambda_next_header(mf_lambda_next *next, const char *line, size_t n)
{
    if (n >= 5 && strncmp(line, "HTTP/", 5) == 0) {
        mf_lambda_next_start(next);
        return;
    }
    const char *colon = memchr(line, ':', n);
    if (colon == NULL)
        return;
    const char *value = colon + 1;
    const char *end = line + n;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    take(next, line, (size_t)(colon - line), value, (size_t)(end - value));
}

bool mf_lambda_next_body(mf_lambda_next *next, const char *bytes, size_t n)
{
    if (n > MF_LAMBDA_EVENT_BYTES - next->event.n_bytes) {
        next->too_large = true;
        return false;
    }
    mf_text_append(&next->event, bytes, n);
    return !next->event.failed;
}

/* --------------------------------------------------------------------------------- budget */

int64_t mf_lambda_budget_ms(const mf_lambda_invocation *invocation, int64_t margin_ms)
{
    const int64_t end = invocation->deadline_ms != 0
                            ? invocation->deadline_ms
                            : invocation->received_ms + MF_LAMBDA_DEFAULT_BUDGET_MS;
    int64_t left;
    if (__builtin_sub_overflow(end, mf_clock_wall_ms(), &left) ||
        __builtin_sub_overflow(left, margin_ms, &left))
        return 0;
    return left > 0 ? left : 0;
}

/* ----------------------------------------------------------------------------------- JSON */

/* jansson would end its message at a NUL byte, or take it for a blank. */
static void fail_at_zero(const char *event, const char *zero, mf_error *err)
{
    mf_where where = {"event", 1, 1};
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
    const mf_where where = {"event", error->line > 0 ? (uint64_t)error->line : 0,
                            error->column > 0 ? (uint64_t)error->column : 0};
    /* A failed allocation inside jansson leaves no text. */
    if (json_error_code(error) == json_error_out_of_memory || error->text[0] == '\0')
        mf_fail(err, MF_ERR_MEMORY, where, "no memory to read the event");
    else
        mf_fail(err, MF_ERR_PARSE, where, "not valid %s: %s",
                json_error_code(error) == json_error_invalid_utf8 ? "UTF-8" : "JSON", error->text);
}

json_t *mf_lambda_event_parse(const char *event, size_t n_event, mf_error *err)
{
    const mf_where where = {"event", 0, 0};
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
