/* event.c: the events of payload 1.0 and of payload 2.0. */
#include "local/apigateway/event.h"

#include "base/base64.h"
#include "http/parse/media.h"
#include "http/parse/target.h"
#include "local/service.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

typedef struct query_parameters {
    char bytes[MF_LOCAL_GATEWAY_QUERY_MAX];
    mf_local_gateway_pair all[32]; /* decoded */
    size_t n;
} query_parameters;

static bool same_name(mf_http_view a, mf_http_view b, bool any_case)
{
    return a.n_bytes == b.n_bytes && (any_case ? strncasecmp(a.bytes, b.bytes, a.n_bytes) == 0
                                               : memcmp(a.bytes, b.bytes, a.n_bytes) == 0);
}

void mf_local_gateway_add_header(mf_local_gateway_request *request, mf_http_view name,
                                 mf_http_view value)
{
    static const char *const of_the_connection[] = {
        "connection", "keep-alive",       "transfer-encoding", "te", "upgrade", "expect",
        "trailer",    "proxy-connection", "content-length"};
    for (size_t i = 0; i < sizeof of_the_connection / sizeof of_the_connection[0]; i++)
        if (name.n_bytes == strlen(of_the_connection[i]) &&
            strncasecmp(name.bytes, of_the_connection[i], name.n_bytes) == 0)
            return;
    if (request->n_headers < MF_LOCAL_GATEWAY_HEADERS_MAX)
        request->headers[request->n_headers++] = (mf_local_gateway_pair){name, value};
}

bool mf_local_gateway_is_binary(const mf_local_settings *settings, const char *type, size_t n_type)
{
    size_t n = 0, n_binary;
    while (n < n_type && strchr(";, \t", type[n]) == NULL)
        n++;
    for (const char *binary = settings->binary_types; *binary != '\0';
         binary += n_binary + (binary[n_binary] == ',')) {
        n_binary = strcspn(binary, ",");
        if (n_binary == 3 && memcmp(binary, "*/*", 3) == 0 && n > 0)
            return true;
        if (n_binary > 1 && binary[n_binary - 1] == '*'
                ? n >= n_binary && strncasecmp(type, binary, n_binary - 1) == 0
                : n > 0 && n == n_binary && strncasecmp(type, binary, n) == 0)
            return true;
    }
    return false;
}

static bool read_query(query_parameters *query, mf_http_view text)
{
    mf_uri_parameter found[MF_URI_PARAMETERS_MAX];
    query->n = 0;
    if (text.n_bytes == 0)
        return true;
    if (text.n_bytes > sizeof query->bytes)
        return false;
    memcpy(query->bytes, text.bytes, text.n_bytes);
    const int n = mf_uri_parameters(query->bytes, text.n_bytes, found);
    for (int i = 0; i < n; i++) {
        query->all[i].name = (mf_http_view){found[i].name.bytes, found[i].name.n_bytes};
        query->all[i].value = (mf_http_view){found[i].value.bytes, found[i].value.n_bytes};
    }
    query->n = n > 0 ? (size_t)n : 0;
    return n >= 0;
}

static void member(mf_text *event, const char *key, const char *value, size_t n_value)
{
    mf_text_literal(event, "\"");
    mf_text_append(event, key, strlen(key));
    mf_text_literal(event, "\":");
    mf_local_json_text(event, value, n_value);
    mf_text_literal(event, ",");
}

static void member_text(mf_text *event, const char *key, const char *value)
{
    member(event, key, value, strlen(value));
}

static const char *time_text(int64_t wall_ms)
{
    static char text[40];
    static int64_t of = -1;
    if (wall_ms / 1000 != of) {
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        const time_t seconds = (time_t)(wall_ms / 1000);
        struct tm t;
        gmtime_r(&seconds, &t);
        snprintf(text, sizeof text, "%02d/%.3s/%04d:%02d:%02d:%02d +0000", t.tm_mday % 100,
                 months + (size_t)(t.tm_mon % 12) * 3, (t.tm_year + 1900) % 10000, t.tm_hour % 100,
                 t.tm_min % 100, t.tm_sec % 100);
        of = wall_ms / 1000;
    }
    return text;
}

static void write_path_parameters(mf_text *event, const mf_local_gateway_request *request)
{
    mf_text_literal(event, "\"pathParameters\":");
    if (request->parameters->n == 0) {
        mf_text_literal(event, "null");
        return;
    }
    for (size_t i = 0; i < request->parameters->n; i++) {
        char value[MF_LOCAL_GATEWAY_QUERY_MAX];
        const mf_http_view name = request->parameters->all[i].name;
        const mf_http_view sent = request->parameters->all[i].value;
        size_t n = sent.n_bytes < sizeof value ? sent.n_bytes : sizeof value;
        memcpy(value, sent.bytes, n);
        if (!mf_uri_decode(value, n, false, &n))
            n = 0;
        mf_text_append(event, i == 0 ? "{" : ",", 1);
        mf_local_json_text(event, name.bytes, name.n_bytes);
        mf_text_literal(event, ":");
        mf_local_json_text(event, value, n);
    }
    mf_text_literal(event, "}");
}

/* Names with their values: the last one of each (multi false), or all in arrays. */
static void write_pairs(mf_text *event, const mf_local_gateway_pair *pairs, size_t n, bool any_case,
                        bool multi)
{
    bool first = true;
    if (n == 0) {
        mf_text_literal(event, "null");
        return;
    }
    mf_text_literal(event, "{");
    for (size_t i = 0; i < n; i++) {
        size_t last = i;
        bool seen = false;
        for (size_t j = 0; j < n && !seen; j++)
            if (same_name(pairs[i].name, pairs[j].name, any_case)) {
                seen = j < i;
                last = j;
            }
        if (seen)
            continue;
        mf_text_append(event, ",", !first);
        first = false;
        mf_local_json_text(event, pairs[i].name.bytes, pairs[i].name.n_bytes);
        mf_text_literal(event, ":");
        if (!multi) {
            mf_local_json_text(event, pairs[last].value.bytes, pairs[last].value.n_bytes);
            continue;
        }
        for (size_t j = i; j <= last; j++)
            if (same_name(pairs[i].name, pairs[j].name, any_case)) {
                mf_text_append(event, j == i ? "[" : ",", 1);
                mf_local_json_text(event, pairs[j].value.bytes, pairs[j].value.n_bytes);
            }
        mf_text_literal(event, "]");
    }
    mf_text_literal(event, "}");
}

static void write_rest_context(mf_text *event, const mf_local_gateway_request *r)
{
    mf_text_literal(event, "\"requestContext\":{");
    member_text(event, "resourceId", "local0");
    member_text(event, "resourcePath", r->route->path);
    member(event, "httpMethod", r->method.bytes, r->method.n_bytes);
    member_text(event, "extendedRequestId", r->request_id);
    member_text(event, "requestTime", time_text(r->wall_ms));
    member(event, "path", r->sent_path.bytes, r->sent_path.n_bytes);
    member_text(event, "accountId", r->settings->account);
    member_text(event, "protocol", "HTTP/1.1");
    member_text(event, "stage", r->settings->stage);
    member_text(event, "domainPrefix", "local");
    member_text(event, "domainName", "local.execute-api.localhost");
    member_text(event, "requestId", r->request_id);
    member_text(event, "apiId", "local");
    mf_text_literal(event, "\"requestTimeEpoch\":");
    mf_text_count(event, (uint64_t)r->wall_ms);
    mf_text_literal(event,
                    ",\"identity\":{\"cognitoIdentityPoolId\":null,\"accountId\":null,"
                    "\"cognitoIdentityId\":null,\"caller\":null,\"apiKey\":null,\"apiKeyId\":null,"
                    "\"accessKey\":null,\"cognitoAuthenticationType\":null,"
                    "\"cognitoAuthenticationProvider\":null,\"userArn\":null,\"user\":null,"
                    "\"clientCert\":null,\"userAgent\":");
    if (r->user_agent.bytes != NULL)
        mf_local_json_text(event, r->user_agent.bytes, r->user_agent.n_bytes);
    else
        mf_text_literal(event, "null");
    mf_text_literal(event, ",\"sourceIp\":");
    mf_local_json_text(event, r->peer, strlen(r->peer));
    mf_text_literal(event, "}},");
}

static void write_rest_body(mf_text *event, const mf_local_gateway_request *r)
{
    const bool binary =
        r->body.n_bytes > 0 && r->content_type.bytes != NULL &&
        mf_local_gateway_is_binary(r->settings, r->content_type.bytes, r->content_type.n_bytes);
    mf_text_literal(event, "\"body\":");
    if (r->body.n_bytes == 0) {
        mf_text_literal(event, "null");
    } else if (binary) {
        mf_text_literal(event, "\"");
        mf_base64_encode(event, r->body.bytes, r->body.n_bytes);
        mf_text_literal(event, "\"");
    } else {
        mf_local_json_text(event, r->body.bytes, r->body.n_bytes);
    }
    if (binary)
        mf_text_literal(event, ",\"isBase64Encoded\":true}");
    else
        mf_text_literal(event, ",\"isBase64Encoded\":false}");
}

static void write_rest_event(mf_text *event, const mf_local_gateway_request *r,
                             const query_parameters *query)
{
    mf_text_literal(event, "{");
    member_text(event, "resource", r->route->path);
    member(event, "path", r->path.bytes, r->path.n_bytes);
    member(event, "httpMethod", r->method.bytes, r->method.n_bytes);
    mf_text_literal(event, "\"headers\":");
    write_pairs(event, r->headers, r->n_headers, true, false);
    mf_text_literal(event, ",\"multiValueHeaders\":");
    write_pairs(event, r->headers, r->n_headers, true, true);
    mf_text_literal(event, ",\"queryStringParameters\":");
    write_pairs(event, query->all, query->n, false, false);
    mf_text_literal(event, ",\"multiValueQueryStringParameters\":");
    write_pairs(event, query->all, query->n, false, true);
    mf_text_literal(event, ",");
    write_path_parameters(event, r);
    mf_text_literal(event, ",\"stageVariables\":null,");
    write_rest_context(event, r);
    write_rest_body(event, r);
}

/* -------------------------------------------------- payload 2.0, of an HTTP API */

static bool is_cookie(const mf_local_gateway_pair *header)
{
    return header->name.n_bytes == 6 && strncasecmp(header->name.bytes, "cookie", 6) == 0;
}

/* Names (in lower case for headers), values of the same name joined with commas. */
static void write_joined(mf_text *event, const mf_local_gateway_pair *pairs, size_t n, bool headers)
{
    mf_text joined = MF_TEXT_EMPTY;
    bool first = true;
    mf_text_literal(event, "{");
    for (size_t i = 0; i < n; i++) {
        bool seen = headers && is_cookie(&pairs[i]);
        for (size_t j = 0; j < i && !seen; j++)
            seen = same_name(pairs[i].name, pairs[j].name, true);
        if (seen)
            continue;
        mf_text_append(event, ",", !first);
        first = false;
        mf_text_clear(&joined, 4096);
        mf_text_append(&joined, pairs[i].name.bytes, pairs[i].name.n_bytes);
        for (size_t c = 0; headers && c < joined.n_bytes; c++)
            joined.bytes[c] = (char)tolower((unsigned char)joined.bytes[c]);
        mf_local_json_text(event, joined.bytes, joined.n_bytes);
        mf_text_clear(&joined, 4096);
        for (size_t j = i; j < n; j++)
            if (same_name(pairs[i].name, pairs[j].name, true)) {
                mf_text_append(&joined, ",", j > i);
                mf_text_append(&joined, pairs[j].value.bytes, pairs[j].value.n_bytes);
            }
        mf_text_literal(event, ":");
        mf_local_json_text(event, joined.n_bytes > 0 ? joined.bytes : "", joined.n_bytes);
    }
    mf_text_literal(event, "}");
    event->failed = event->failed || joined.failed;
    mf_text_free(&joined);
}

/* Splits at "; ", as HTTP APIs do. */
static void write_cookies(mf_text *event, const mf_local_gateway_request *r)
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
            mf_local_json_text(event, at, n);
            at += n + (stop != NULL);
            while (at < end && *at == ' ')
                at++;
        }
    }
    if (any)
        mf_text_literal(event, "],");
}

static bool is_text(mf_http_view type)
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

static void write_http_context(mf_text *event, const mf_local_gateway_request *r,
                               const char *route_key)
{
    mf_text_literal(event, "\"requestContext\":{");
    member_text(event, "accountId", r->settings->account);
    member_text(event, "apiId", "local");
    member_text(event, "domainName", "local.execute-api.localhost");
    member_text(event, "domainPrefix", "local");
    mf_text_literal(event, "\"http\":{");
    member(event, "method", r->method.bytes, r->method.n_bytes);
    member(event, "path", r->sent_path.bytes, r->sent_path.n_bytes);
    member_text(event, "protocol", "HTTP/1.1");
    member_text(event, "sourceIp", r->peer);
    mf_text_literal(event, "\"userAgent\":");
    mf_local_json_text(event, r->user_agent.bytes != NULL ? r->user_agent.bytes : "",
                       r->user_agent.n_bytes);
    mf_text_literal(event, "},");
    member_text(event, "requestId", r->request_id);
    member_text(event, "routeKey", route_key);
    member_text(event, "stage", r->settings->stage);
    member_text(event, "time", time_text(r->wall_ms));
    mf_text_literal(event, "\"timeEpoch\":");
    mf_text_count(event, (uint64_t)r->wall_ms);
    mf_text_literal(event, "},");
}

static void write_http_body(mf_text *event, const mf_local_gateway_request *r)
{
    const bool text = is_text(r->content_type);
    if (r->body.n_bytes > 0 && text) {
        member(event, "body", r->body.bytes, r->body.n_bytes);
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

static void write_http_event(mf_text *event, const mf_local_gateway_request *r,
                             const query_parameters *query)
{
    mf_text key = MF_TEXT_EMPTY;
    mf_text_format(&key, "%s %s", r->route->method, r->route->path);
    mf_text_append(&key, "", 1);
    mf_text_literal(event, "{\"version\":\"2.0\",");
    member_text(event, "routeKey", key.failed ? "" : key.bytes);
    member(event, "rawPath", r->sent_path.bytes, r->sent_path.n_bytes);
    member(event, "rawQueryString", r->query.bytes != NULL ? r->query.bytes : "", r->query.n_bytes);
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
        write_path_parameters(event, r);
        mf_text_literal(event, ",");
    }
    write_http_context(event, r, key.failed ? "" : key.bytes);
    write_http_body(event, r);
    event->failed = event->failed || key.failed;
    mf_text_free(&key);
}

bool mf_local_gateway_event_write(mf_text *event, const mf_local_gateway_request *request)
{
    query_parameters query;
    if (!read_query(&query, request->query))
        return false;
    switch (request->route->payload) {
    case MF_LOCAL_PAYLOAD_REST:
        write_rest_event(event, request, &query);
        break;
    case MF_LOCAL_PAYLOAD_HTTP:
        write_http_event(event, request, &query);
        break;
    case MF_LOCAL_PAYLOAD_NONE:
        if (request->body.n_bytes > 0)
            mf_text_append(event, request->body.bytes, request->body.n_bytes);
        else
            mf_text_literal(event, "{}");
        break;
    }
    return true;
}
