/* invocation.c: an event on its way in: the headers and the body of `next`, the time that is left
 * for it, its JSON. */
#include "lambda/runtime/invocation.h"

#include "base/clock.h"
#include "base/number.h"
#include "lambda/aws/response.h"

#include <jansson.h>
#include <string.h>

/* -------------------------------------------------------------------- the response to next */

/* Copies a header's value, or "" when it is too long or has a control character. */
static void copy(char *out, size_t size, const mf_aws_response *response, const char *name)
{
    const char *value = mf_aws_response_header(response, name);
    const size_t n = strlen(value);
    out[0] = '\0';
    if (n >= size)
        return;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7F)
            return;
    memcpy(out, value, n + 1);
}

void mf_lambda_next_read(mf_lambda_next *next, const mf_aws_response *response)
{
    const char *deadline = mf_aws_response_header(response, "Lambda-Runtime-Deadline-Ms");
    copy(next->request_id, sizeof next->request_id, response, "Lambda-Runtime-Aws-Request-Id");
    copy(next->function_arn, sizeof next->function_arn, response,
         "Lambda-Runtime-Invoked-Function-Arn");
    copy(next->trace_id, sizeof next->trace_id, response, "Lambda-Runtime-Trace-Id");
    if (strspn(next->request_id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789-_") != strlen(next->request_id))
        next->request_id[0] = '\0';
    if (!mf_parse_int64(deadline, strlen(deadline), &next->deadline_ms) || next->deadline_ms < 0)
        next->deadline_ms = 0;
    next->event = response->body.n_bytes > 0 ? response->body.bytes : "";
    next->n_event = response->body.n_bytes;
    next->too_large = response->transfer == MF_AWS_TRANSFER_TOO_LARGE;
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

/* A ping is small; every other event is passed over at no cost. */
enum { PING_BYTES_MOST = 4096 };

static bool is_pings_source(const json_t *source)
{
    static const char *const sources[] = {"serverless-plugin-warmup", "aws.events",
                                          "aws.scheduler"};
    for (size_t i = 0; json_is_string(source) && i < sizeof sources / sizeof sources[0]; i++)
        if (strcmp(json_string_value(source), sources[i]) == 0)
            return true;
    return false;
}

bool mf_lambda_event_is_ping(const char *event, size_t n_event)
{
    static const char text[] = "#warmup";
    json_t *root =
        n_event <= PING_BYTES_MOST ? json_loadb(event, n_event, JSON_DECODE_ANY, NULL) : NULL;
    const bool is_ping =
        is_pings_source(json_object_get(root, "source")) ||
        is_pings_source(json_object_get(json_object_get(root, "Event"), "source")) ||
        json_is_true(json_object_get(root, "warmer")) ||
        json_is_true(json_object_get(root, "warmup")) ||
        (json_is_string(root) && strncmp(json_string_value(root), text, strlen(text)) == 0);
    json_decref(root);
    return is_ping;
}

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
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_t *root = json_loadb(event, n_event, flags, &error);
    if (root == NULL && json_error_code(&error) == json_error_numeric_overflow)
        root = json_loadb(event, n_event, flags | JSON_DECODE_INT_AS_REAL, &error);
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
