/* gateway_event_2.c: payload 2.0, of an HTTP API. */
#include "base/base64.h"
#include "gateway_event.h"
#include "http/parse/media.h"
#include "json_text.h"

#include <ctype.h>
#include <strings.h>

static void member_text(mf_text *event, const char *key, const char *value)
{
    mf_gateway_member(event, key, value, strlen(value));
}

static bool same_name(mf_web_view a, mf_web_view b)
{
    return a.n_bytes == b.n_bytes && strncasecmp(a.bytes, b.bytes, a.n_bytes) == 0;
}

static bool is_cookie(const mf_gateway_pair *header)
{
    return header->name.n_bytes == 6 && strncasecmp(header->name.bytes, "cookie", 6) == 0;
}

/* Names (in lower case for headers), values of the same name joined with commas. */
static void write_joined(mf_text *event, const mf_gateway_pair *pairs, size_t n, bool headers)
{
    mf_text joined = MF_TEXT_EMPTY;
    bool first = true;
    mf_text_literal(event, "{");
    for (size_t i = 0; i < n; i++) {
        bool seen = headers && is_cookie(&pairs[i]);
        for (size_t j = 0; j < i && !seen; j++)
            seen = same_name(pairs[i].name, pairs[j].name);
        if (seen)
            continue;
        mf_text_append(event, ",", !first);
        first = false;
        mf_text_clear(&joined, 4096);
        mf_text_append(&joined, pairs[i].name.bytes, pairs[i].name.n_bytes);
        for (size_t c = 0; headers && c < joined.n_bytes; c++)
            joined.bytes[c] = (char)tolower((unsigned char)joined.bytes[c]);
        mf_json_text(event, joined.bytes, joined.n_bytes);
        mf_text_clear(&joined, 4096);
        for (size_t j = i; j < n; j++)
            if (same_name(pairs[i].name, pairs[j].name)) {
                mf_text_append(&joined, ",", j > i);
                mf_text_append(&joined, pairs[j].value.bytes, pairs[j].value.n_bytes);
            }
        mf_text_literal(event, ":");
        mf_json_text(event, joined.n_bytes > 0 ? joined.bytes : "", joined.n_bytes);
    }
    mf_text_literal(event, "}");
    event->failed = event->failed || joined.failed;
    mf_text_free(&joined);
}

/* Taken apart at "; ", as HTTP APIs do. */
static void write_cookies(mf_text *event, const mf_gateway_request *r)
{
    bool any = false;
    for (size_t i = 0; i < r->n_headers; i++) {
        const char *at = r->headers[i].value.bytes;
        const char *end = at + r->headers[i].value.n_bytes;
        while (is_cookie(&r->headers[i]) && at < end) {
            const char *stop = memchr(at, ';', (size_t)(end - at));
            const size_t n = (size_t)((stop != NULL ? stop : end) - at);
            if (any)
                mf_text_literal(event, ",");
            else
                mf_text_literal(event, "\"cookies\":[");
            any = true;
            mf_json_text(event, at, n);
            at += n + (stop != NULL);
            while (at < end && *at == ' ')
                at++;
        }
    }
    if (any)
        mf_text_literal(event, "],");
}

static bool is_text(mf_web_view type)
{
    static const char *const texts[] = {"application/json", "application/javascript",
                                        "application/xml"};
    if (type.bytes == NULL || (type.n_bytes > 5 && strncasecmp(type.bytes, "text/", 5) == 0))
        return true;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (mf_media_is(type.bytes, type.n_bytes, texts[i]))
            return true;
    return false;
}

static void write_context(mf_text *event, const mf_gateway_request *r, const char *route_key)
{
    mf_text_literal(event, "\"requestContext\":{");
    member_text(event, "accountId", r->settings->account);
    member_text(event, "apiId", "local");
    member_text(event, "domainName", "local.execute-api.localhost");
    member_text(event, "domainPrefix", "local");
    mf_text_literal(event, "\"http\":{");
    mf_gateway_member(event, "method", r->method.bytes, r->method.n_bytes);
    mf_gateway_member(event, "path", r->sent_path.bytes, r->sent_path.n_bytes);
    member_text(event, "protocol", "HTTP/1.1");
    member_text(event, "sourceIp", r->peer);
    mf_text_literal(event, "\"userAgent\":");
    mf_json_text(event, r->user_agent.bytes != NULL ? r->user_agent.bytes : "",
                 r->user_agent.n_bytes);
    mf_text_literal(event, "},");
    member_text(event, "requestId", r->request_id);
    member_text(event, "routeKey", route_key);
    member_text(event, "stage", r->settings->stage);
    member_text(event, "time", mf_gateway_time(r->wall_ms));
    mf_text_literal(event, "\"timeEpoch\":");
    mf_text_count(event, (uint64_t)r->wall_ms);
    mf_text_literal(event, "},");
}

static void write_body(mf_text *event, const mf_gateway_request *r)
{
    const bool text = is_text(r->content_type);
    if (r->body.n_bytes > 0 && text) {
        mf_gateway_member(event, "body", r->body.bytes, r->body.n_bytes);
    } else if (r->body.n_bytes > 0) {
        mf_text_literal(event, "\"body\":\"");
        mf_base64_encode(event, r->body.bytes, r->body.n_bytes);
        mf_text_literal(event, "\",");
    }
    if (r->body.n_bytes > 0 && !text)
        mf_text_literal(event, "\"isBase64Encoded\":true}");
    else
        mf_text_literal(event, "\"isBase64Encoded\":false}");
}

void mf_gateway_event_write_2(mf_text *event, const mf_gateway_request *r,
                              const mf_gateway_query *query)
{
    mf_text key = MF_TEXT_EMPTY;
    mf_text_format(&key, "%s %s", r->route->method, r->route->path);
    mf_text_append(&key, "", 1);
    mf_text_literal(event, "{\"version\":\"2.0\",");
    member_text(event, "routeKey", key.failed ? "" : key.bytes);
    mf_gateway_member(event, "rawPath", r->sent_path.bytes, r->sent_path.n_bytes);
    mf_gateway_member(event, "rawQueryString", r->query.bytes != NULL ? r->query.bytes : "",
                      r->query.n_bytes);
    write_cookies(event, r);
    mf_text_literal(event, "\"headers\":");
    write_joined(event, r->headers, r->n_headers, true);
    mf_text_literal(event, ",");
    if (query->n > 0) {
        mf_text_literal(event, "\"queryStringParameters\":");
        write_joined(event, query->all, query->n, false);
        mf_text_literal(event, ",");
    }
    if (r->parameters->n > 0) {
        mf_gateway_path_parameters(event, r);
        mf_text_literal(event, ",");
    }
    write_context(event, r, key.failed ? "" : key.bytes);
    write_body(event, r);
    event->failed = event->failed || key.failed;
    mf_text_free(&key);
}
