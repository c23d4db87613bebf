/* service.c: what the services share: the HTTP server with their limits, errors in AWS's form,
 * identifiers from one random key and a counter, and texts that become JSON. */
#include "local/service.h"

#include "base/random.h"
#include "base/utf8.h"
#include "http/parse/target.h"

#include <event2/event.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

static void write_error(mf_text *body, int status, const char *message)
{
    (void)status;
    mf_text_literal(body, "{\"message\":");
    mf_text_json(body, message, strlen(message));
    mf_text_literal(body, "}");
}

mf_http_server *mf_local_server_create(struct event_base *base, const char *address, uint16_t port,
                                       const mf_http_route *route, void *context,
                                       uint64_t max_body_bytes, uint32_t max_connections,
                                       mf_error *err)
{
    enum { HEAD_BYTES = 16 << 10, BODY_MS = 900000 };
    mf_http_settings settings = mf_http_settings_default();
    settings.address = address;
    settings.port = port;
    settings.n_threads = 1;
    settings.max_connections = max_connections;
    settings.max_head_bytes = HEAD_BYTES;
    settings.max_body_bytes = max_body_bytes;
    settings.body_ms = BODY_MS;    /* a function may write its response as long as it may run */
    settings.idle_ms = UINT32_MAX; /* runtimes keep their connection while they work */
    settings.context = context;
    settings.base = base;
    settings.bare_responses = true;
    settings.write_error = write_error;
    return mf_http_server_create(&settings, route, 1, err);
}

void mf_local_respond(mf_http_request *request, int status, const char *body, size_t n_body)
{
    mf_text_append(mf_http_response(request), body, n_body);
    mf_http_respond(request, status, NULL);
}

void mf_local_add_header_bytes(mf_http_request *request, const char *name, const char *value,
                               size_t n_value)
{
    const bool is_added = mf_http_add_header(request, name, value, n_value);
    (void)is_added;
}

void mf_local_add_header(mf_http_request *request, const char *name, const char *value)
{
    mf_local_add_header_bytes(request, name, value, strlen(value));
}

void mf_local_service_add_headers(mf_http_request *request, const char *request_id)
{
    mf_local_add_header(request, "x-amzn-RequestId", request_id);
    mf_local_add_header(request, "Content-Type", "application/json");
}

void mf_local_service_refuse_with(mf_http_request *request, int status, const char *type,
                                  const char *members, const char *key, const char *message)
{
    mf_text *body = mf_http_response(request);
    char id[MF_LOCAL_UUID_BYTES];
    mf_local_service_add_headers(request, mf_local_uuid(id));
    mf_local_add_header(request, "x-amzn-ErrorType", type);
    mf_text_format(body, "{%s\"%s\":", members, key);
    mf_text_json(body, message, strlen(message));
    mf_text_literal(body, "}");
    mf_http_respond(request, status, NULL);
}

void mf_local_service_refuse(mf_http_request *request, int status, const char *type,
                             const char *message)
{
    mf_local_service_refuse_with(request, status, type, "", "message", message);
}

bool mf_local_service_name(mf_http_view path, const char *prefix, const char *suffix, char *name,
                           size_t name_size)
{
    const size_t n_suffix = strlen(suffix);
    if (!mf_local_take_prefix(&path, prefix) || path.n_bytes <= n_suffix ||
        memcmp(path.bytes + path.n_bytes - n_suffix, suffix, n_suffix) != 0)
        return false;
    size_t n = path.n_bytes - n_suffix;
    if (n >= name_size || memchr(path.bytes, '/', n) != NULL)
        return false;
    memcpy(name, path.bytes, n);
    if (!mf_uri_decode(name, n, false, &n))
        return false;
    name[n] = '\0';
    /* What is printed again in messages. */
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || (unsigned char)name[i] >= 0x7F)
            return false;
    return true;
}

static uint64_t bits(void)
{
    static uint64_t key, counter;
    if (counter == 0 && getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key)
        key = (uint64_t)time(NULL);
    return mf_random_bits(key, ++counter);
}

char *mf_local_uuid(char out[MF_LOCAL_UUID_BYTES])
{
    const uint64_t a = bits(), b = bits();
    snprintf(out, MF_LOCAL_UUID_BYTES, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16) & 0xFFFF, (unsigned)a & 0xFFF,
             0x8000 | ((unsigned)(b >> 48) & 0x3FFF), (unsigned long long)b & 0xFFFFFFFFFFFF);
    return out;
}

char *mf_local_trace(char out[MF_LOCAL_TRACE_BYTES])
{
    snprintf(out, MF_LOCAL_TRACE_BYTES, "Root=1-%08x-%016llx%08x;Parent=%016llx;Sampled=0",
             (unsigned)time(NULL), (unsigned long long)bits(), (unsigned)bits(),
             (unsigned long long)bits());
    return out;
}

char *mf_local_short_id(char out[MF_LOCAL_SHORT_ID_BYTES])
{
    snprintf(out, MF_LOCAL_SHORT_ID_BYTES, "%016llx", (unsigned long long)bits());
    return out;
}

static int append(const char *bytes, size_t n, void *text)
{
    mf_text_append(text, bytes, n);
    return 0;
}

void mf_local_json_append(mf_text *text, json_t *value)
{
    if (value == NULL || json_dump_callback(value, append, text, JSON_COMPACT) != 0)
        text->failed = true;
    json_decref(value);
}

json_t *mf_local_json_text(const char *bytes, size_t n)
{
    static const char UNKNOWN[] = "\xEF\xBF\xBD";
    mf_text text = MF_TEXT_EMPTY;
    json_t *value = json_stringn(bytes, n);
    if (value != NULL)
        return value;
    for (size_t at = 0; at < n;) {
        const size_t length = mf_utf8_length(bytes + at, n - at);
        if (length > 0)
            mf_text_append(&text, bytes + at, length);
        else
            mf_text_append(&text, UNKNOWN, strlen(UNKNOWN));
        at += length > 0 ? length : 1;
    }
    value = text.failed ? NULL : json_stringn(text.bytes, text.n_bytes);
    mf_text_free(&text);
    return value;
}

void mf_local_start_timer(struct event *timer, double seconds)
{
    const struct timeval wait = mf_local_timeval(fmax(seconds, 0));
    if (isfinite(seconds))
        event_add(timer, &wait);
}

struct timeval mf_local_timeval(double seconds)
{
    const time_t whole = (time_t)seconds;
    return (struct timeval){whole, (suseconds_t)((seconds - (double)whole) * 1e6)};
}
