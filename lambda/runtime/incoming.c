/* incoming.c: promises in incoming.h. */
#include "lambda/runtime/incoming.h"

#include "base/number.h"

#include <string.h>
#include <strings.h>

void mf_incoming_start(mf_incoming *incoming)
{
    incoming->request_id[0] = '\0';
    incoming->function_arn[0] = '\0';
    incoming->trace_id[0] = '\0';
    incoming->deadline_ms = 0;
    incoming->too_large = false;
    mf_text_clear(&incoming->event, incoming->event.room);
}

void mf_incoming_free(mf_incoming *incoming)
{
    mf_text_free(&incoming->event);
}

/* The value as a text, or "" when it is too long or has a control character. */
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

static void take(mf_incoming *incoming, const char *name, size_t n_name, const char *value,
                 size_t n)
{
    if (is(name, n_name, "Lambda-Runtime-Aws-Request-Id")) {
        copy(incoming->request_id, sizeof incoming->request_id, value,
             fits_a_url(value, n) ? n : 0);
    } else if (is(name, n_name, "Lambda-Runtime-Invoked-Function-Arn")) {
        copy(incoming->function_arn, sizeof incoming->function_arn, value, n);
    } else if (is(name, n_name, "Lambda-Runtime-Trace-Id")) {
        copy(incoming->trace_id, sizeof incoming->trace_id, value, n);
    } else if (is(name, n_name, "Lambda-Runtime-Deadline-Ms")) {
        int64_t deadline = 0;
        incoming->deadline_ms = mf_parse_int64(value, n, &deadline) && deadline > 0 ? deadline : 0;
    } else if (is(name, n_name, "Content-Length")) {
        /* Room at once for what is promised; a promise without bytes costs no memory
         * that is ever touched. */
        uint64_t length = 0;
        if (mf_parse_uint64(value, n, &length) && length <= MF_EVENT_BYTES)
            mf_text_reserve(&incoming->event, (size_t)length);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void mf_incoming_header(mf_incoming *incoming, const char *line, size_t n)
{
    if (n >= 5 && strncmp(line, "HTTP/", 5) == 0) {
        mf_incoming_start(incoming);
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
    take(incoming, line, (size_t)(colon - line), value, (size_t)(end - value));
}

bool mf_incoming_body(mf_incoming *incoming, const char *bytes, size_t n)
{
    if (n > MF_EVENT_BYTES - incoming->event.n_bytes) {
        incoming->too_large = true;
        return false;
    }
    mf_text_append(&incoming->event, bytes, n);
    return !incoming->event.failed;
}
