/* answer.c: the answer to a request, its head, and what is written down about it.
 *
 * (1) Every answer has a status, a length (but 204 and 304), a Date and an
 *     X-Request-Id: the client's own when it sent a usable one, else a new one.
 * (2) Nothing that a client sent gets into a header without being checked for
 *     visible ASCII, so no value can add a line. */
#include "http/loop.h"

#include "base/error.h"
#include "http/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    HEADER_VALUE_MAX = 1024,
    HEADERS_MAX = 16384, /* of one answer */
    ADDED_MAX = 65536,   /* with those of mf_http_add_header */
};

static bool is_visible(char c)
{
    return c > 0x20 && c < 0x7F;
}

mf_text *mf_http_answer(mf_http_request *request)
{
    return &request->answer;
}

void mf_http_set_header(mf_http_request *request, const char *name, const char *value,
                        size_t n_bytes)
{
    const size_t n_line = strlen(name) + n_bytes + 4;
    if (n_bytes == 0 || n_bytes > HEADER_VALUE_MAX || value[0] == ' ' ||
        value[n_bytes - 1] == ' ' || request->headers.n_bytes + n_line > HEADERS_MAX)
        return;
    for (size_t i = 0; i < n_bytes; i++)
        if (!is_visible(value[i]) && value[i] != ' ')
            return;
    mf_text *headers = &request->headers;
    if (!mf_text_reserve(headers, n_line))
        return;
    mf_text_append(headers, name, strlen(name));
    mf_text_literal(headers, ": ");
    mf_text_append(headers, value, n_bytes);
    mf_text_literal(headers, "\r\n");
}

static bool is_token(char c)
{
    return is_visible(c) && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

bool mf_http_add_header(mf_http_request *request, const char *name, const char *value,
                        size_t n_bytes)
{
    mf_text *headers = &request->headers;
    const size_t n_name = strlen(name);
    if (n_name == 0 || n_bytes > ADDED_MAX || n_name > ADDED_MAX ||
        headers->n_bytes + n_name + n_bytes + 4 > ADDED_MAX)
        return false;
    for (size_t i = 0; i < n_bytes; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7F)
            return false;
    for (size_t i = 0; i < n_name; i++)
        if (!is_token(name[i]))
            return false;
    mf_text_append(headers, name, n_name);
    mf_text_literal(headers, ": ");
    mf_text_append(headers, value, n_bytes);
    mf_text_literal(headers, "\r\n");
    return true;
}

/* ------------------------------------------------------------------ the head */

/* A view of a header that is 1 … max - 1 visible ASCII characters, among them blanks
 * if those are allowed; else empty. */
static mf_http_view visible_header(const mf_http_request *request, const char *name, size_t max,
                                   bool blanks)
{
    const mf_http_view view = mf_http_get_header(request, name);
    if (view.n_bytes == 0 || view.n_bytes >= max)
        return (mf_http_view){NULL, 0};
    for (size_t i = 0; i < view.n_bytes; i++)
        if (!is_visible(view.bytes[i]) && !(blanks && view.bytes[i] == ' '))
            return (mf_http_view){NULL, 0};
    return view;
}

/* SplitMix64's last step: a bijection, so that no two numbers of a loop collide. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void make_request_id(const mf_http_request *request, char id[MF_ACCESS_REQUEST_ID_BYTES])
{
    static const char *const names[] = {"X-Amzn-RequestId", "X-Request-Id"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const mf_http_view view =
            visible_header(request, names[i], MF_ACCESS_REQUEST_ID_BYTES, false);
        if (view.bytes != NULL) {
            memcpy(id, view.bytes, view.n_bytes);
            id[view.n_bytes] = '\0';
            return;
        }
    }
    static const char hex[] = "0123456789abcdef";
    enum { DIGITS = 16 };
    mf_http_loop *loop = request->loop;
    uint64_t number = mix(loop->id_seed + loop->n_ids++ * 0x9E3779B97F4A7C15u);
    for (int i = 0; i < DIGITS; i++, number >>= 4)
        id[i] = hex[number & 15];
    id[DIGITS] = '\0';
}

/* Server and Date, made anew when the second changes. */
static void append_fixed(mf_http_loop *loop)
{
    const int64_t second = (loop->now_us / 1000 + loop->wall_offset_ms) / 1000;
    if (second != loop->fixed_second) {
        char date[64];
        struct tm utc;
        const time_t now = (time_t)second;
        gmtime_r(&now, &utc);
        const size_t n = strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
        mf_text_clear(&loop->fixed, SIZE_MAX);
        if (loop->settings->server != NULL)
            mf_text_format(&loop->fixed, "Server: %s\r\n", loop->settings->server);
        mf_text_append(&loop->fixed, date, n);
        loop->fixed_second = second;
    }
    mf_text_append(&loop->out, loop->fixed.bytes, loop->fixed.n_bytes);
}

static void append_status_line(mf_text *out, int status)
{
    if (status == 200) {
        mf_text_literal(out, "HTTP/1.1 200 OK\r\n");
        return;
    }
    mf_text_literal(out, "HTTP/1.1 ");
    mf_text_count(out, (uint64_t)status);
    mf_text_literal(out, " ");
    const char *reason = mf_status_reason(status);
    mf_text_append(out, reason, strlen(reason));
    mf_text_literal(out, "\r\n");
}

static void append_head(const mf_http_request *request, int status, const char *content_type,
                        size_t n_body, const char *id)
{
    const mf_connection *connection = request->connection;
    mf_text *out = &request->loop->out;
    const bool bare = request->loop->settings->bare_responses;
    append_status_line(out, status);
    if (!bare)
        append_fixed(request->loop);
    if (content_type != NULL) {
        mf_text_literal(out, "Content-Type: ");
        mf_text_append(out, content_type, strlen(content_type));
        mf_text_literal(out, "\r\n");
    }
    if (status != 204 && status != 304) {
        mf_text_literal(out, "Content-Length: ");
        mf_text_count(out, n_body);
        mf_text_literal(out, "\r\n");
    }
    if (connection->close)
        mf_text_literal(out, "Connection: close\r\n");
    else if (request->table->head.http_1_0)
        mf_text_literal(out, "Connection: keep-alive\r\n");
    if (!bare) {
        mf_text_literal(out, "X-Request-Id: ");
        mf_text_append(out, id, strlen(id));
        mf_text_literal(out, "\r\n");
    }
    mf_text_append(out, request->headers.bytes, request->headers.n_bytes);
    mf_text_literal(out, "\r\n");
}

/* ------------------------------------------------------- what is written down */

static void write_down(const mf_http_request *request, int status, size_t n_body, const char *id)
{
    mf_http_loop *loop = request->loop;
    const mf_http_route *route = mf_request_route(request);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    const uint64_t microseconds = (uint64_t)(now_us - request->whole_us);
    mf_stats_answer(loop, request->route, status, microseconds);
    if (loop->settings->access_log == NULL || (route != NULL && route->quiet && status < 400))
        return;
    mf_access access;
    access.method = mf_routes_method_name(request->method);
    access.route = route != NULL ? route->path : "";
    access.status = (uint16_t)status;
    access.bytes_in = request->body.text.n_bytes;
    access.bytes_out = n_body;
    access.microseconds = microseconds;
    access.when_ms = now_us / 1000 + loop->wall_offset_ms;
    memcpy(access.request_id, id, strlen(id) + 1);
    /* SageMaker's pattern for it is \p{ASCII}{1,64}. */
    const mf_http_view inference = visible_header(request, "X-Amzn-SageMaker-Inference-Id",
                                                  MF_ACCESS_INFERENCE_ID_BYTES, true);
    if (inference.bytes != NULL)
        memcpy(access.inference_id, inference.bytes, inference.n_bytes);
    access.inference_id[inference.n_bytes] = '\0';
    mf_access_log_put(loop->settings->access_log, loop->index, &access);
}

/* ------------------------------------------------------------------- replies */

void mf_http_reply(mf_http_request *request, int status, const char *content_type)
{
    mf_connection *connection = request->connection;
    if (request->answered || request->later_status != 0)
        return;
    if (request->answer.failed || request->headers.failed) {
        mf_http_refuse(request, 503, "there is no memory for the answer; try again later");
        return;
    }
    request->pending = false;
    if (request->suspended) {
        mf_work_respond_later(request, status, content_type);
        return;
    }
    if (connection->loop->draining && !connection->close) {
        connection->close = true;
        connection->must_linger = true;
    }
    char id[MF_ACCESS_REQUEST_ID_BYTES];
    make_request_id(request, id);
    const size_t n_body = request->answer.n_bytes;
    append_head(request, status, content_type, n_body, id);
    if (request->method == MF_HTTP_HEAD || status == 204 || status == 304)
        request->answer.n_bytes = 0;
    request->answered = true;
    mf_request_uncount(request);
    /* First: who has an answer finds it counted, whichever loop is asked. */
    write_down(request, status, n_body, id);
    mf_output_send(connection, &request->answer);
}

void mf_http_refuse(mf_http_request *request, int status, const char *format, ...)
{
    if (request->answered || request->later_status != 0)
        return;
    char raw[MF_ERROR_TEXT_BYTES];
    char message[MF_ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    const size_t n_raw = n < 0 ? 0 : (size_t)n < sizeof raw ? (size_t)n : sizeof raw - 1;
    mf_printable(message, sizeof message, raw, n_raw);
    const char *code = mf_status_code(status);
    mf_text *answer = &request->answer;
    mf_text_clear(answer, SIZE_MAX);
    if (request->loop->settings->write_error != NULL) {
        request->loop->settings->write_error(answer, status, message);
    } else {
        mf_text_literal(answer, "{\"error\":{\"code\":\"");
        mf_text_append(answer, code, strlen(code));
        mf_text_literal(answer, "\",\"message\":");
        mf_text_json(answer, message, strlen(message));
        mf_text_literal(answer, "}}");
    }
    if (answer->failed) /* not even for this: the status alone must do */
        mf_text_clear(answer, 0);
    if (request->headers.failed)
        mf_text_clear(&request->headers, 0);
    if (status == 405 && request->allowed != 0) {
        char allow[MF_ROUTES_ALLOW_BYTES];
        mf_routes_allow(request->allowed, allow);
        mf_http_set_header(request, "Allow", allow, strlen(allow));
    }
    request->headers.failed = false;
    mf_http_reply(request, status, "application/json");
}
