/* gateway_event.c: payload 1.0, and what it shares with 2.0. */
#include "gateway_event.h"

#include "base/base64.h"
#include "http/parse/target.h"
#include "json_text.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

static bool same_name(mf_web_view a, mf_web_view b, bool any_case)
{
    return a.n_bytes == b.n_bytes && (any_case ? strncasecmp(a.bytes, b.bytes, a.n_bytes) == 0
                                               : memcmp(a.bytes, b.bytes, a.n_bytes) == 0);
}

void mf_gateway_add_header(mf_gateway_request *request, mf_web_view name, mf_web_view value)
{
    static const char *const of_the_connection[] = {
        "connection", "keep-alive",       "transfer-encoding", "te", "upgrade", "expect",
        "trailer",    "proxy-connection", "content-length"};
    for (size_t i = 0; i < sizeof of_the_connection / sizeof of_the_connection[0]; i++)
        if (name.n_bytes == strlen(of_the_connection[i]) &&
            strncasecmp(name.bytes, of_the_connection[i], name.n_bytes) == 0)
            return;
    if (request->n_headers < MF_GATEWAY_HEADERS_MAX)
        request->headers[request->n_headers++] = (mf_gateway_pair){name, value};
}

bool mf_gateway_is_binary(const mf_local_settings *settings, const char *type, size_t n_type)
{
    size_t n = 0;
    while (n < n_type && strchr(";, \t", type[n]) == NULL)
        n++;
    for (uint32_t i = 0; i < settings->n_binary_types; i++) {
        const char *binary = settings->binary_types[i];
        const size_t n_binary = strlen(binary);
        if (strcmp(binary, "*/*") == 0 && n > 0)
            return true;
        if (n_binary > 1 && binary[n_binary - 1] == '*'
                ? n >= n_binary && strncasecmp(type, binary, n_binary - 1) == 0
                : n == n_binary && strncasecmp(type, binary, n) == 0)
            return true;
    }
    return false;
}

static bool read_query(mf_gateway_query *query, mf_web_view text)
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
        query->all[i].name = (mf_web_view){found[i].name.bytes, found[i].name.n_bytes};
        query->all[i].value = (mf_web_view){found[i].value.bytes, found[i].value.n_bytes};
    }
    query->n = n > 0 ? (size_t)n : 0;
    return n >= 0;
}

void mf_gateway_member(mf_text *event, const char *key, const char *value, size_t n_value)
{
    mf_text_literal(event, "\"");
    mf_text_append(event, key, strlen(key));
    mf_text_literal(event, "\":");
    mf_json_text(event, value, n_value);
    mf_text_literal(event, ",");
}

static void member_text(mf_text *event, const char *key, const char *value)
{
    mf_gateway_member(event, key, value, strlen(value));
}

const char *mf_gateway_time(int64_t wall_ms)
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

void mf_gateway_path_parameters(mf_text *event, const mf_gateway_request *request)
{
    mf_text_literal(event, "\"pathParameters\":");
    if (request->parameters->n == 0) {
        mf_text_literal(event, "null");
        return;
    }
    for (size_t i = 0; i < request->parameters->n; i++) {
        char value[MF_GATEWAY_QUERY_MAX];
        const mf_web_view name = request->parameters->all[i].name;
        const mf_web_view sent = request->parameters->all[i].value;
        size_t n = sent.n_bytes < sizeof value ? sent.n_bytes : sizeof value;
        memcpy(value, sent.bytes, n);
        if (!mf_uri_decode(value, n, false, &n))
            n = 0;
        mf_text_append(event, i == 0 ? "{" : ",", 1);
        mf_json_text(event, name.bytes, name.n_bytes);
        mf_text_literal(event, ":");
        mf_json_text(event, value, n);
    }
    mf_text_literal(event, "}");
}

/* Names with their values: the last one of each (multi false), or all in arrays. */
static void write_pairs(mf_text *event, const mf_gateway_pair *pairs, size_t n, bool any_case,
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
        mf_json_text(event, pairs[i].name.bytes, pairs[i].name.n_bytes);
        mf_text_literal(event, ":");
        if (!multi) {
            mf_json_text(event, pairs[last].value.bytes, pairs[last].value.n_bytes);
            continue;
        }
        for (size_t j = i; j <= last; j++)
            if (same_name(pairs[i].name, pairs[j].name, any_case)) {
                mf_text_append(event, j == i ? "[" : ",", 1);
                mf_json_text(event, pairs[j].value.bytes, pairs[j].value.n_bytes);
            }
        mf_text_literal(event, "]");
    }
    mf_text_literal(event, "}");
}

static void write_context(mf_text *event, const mf_gateway_request *r)
{
    mf_text_literal(event, "\"requestContext\":{");
    member_text(event, "resourceId", "local0");
    member_text(event, "resourcePath", r->route->path);
    mf_gateway_member(event, "httpMethod", r->method.bytes, r->method.n_bytes);
    member_text(event, "extendedRequestId", r->request_id);
    member_text(event, "requestTime", mf_gateway_time(r->wall_ms));
    mf_gateway_member(event, "path", r->sent_path.bytes, r->sent_path.n_bytes);
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
        mf_json_text(event, r->user_agent.bytes, r->user_agent.n_bytes);
    else
        mf_text_literal(event, "null");
    mf_text_literal(event, ",\"sourceIp\":");
    mf_json_text(event, r->peer, strlen(r->peer));
    mf_text_literal(event, "}},");
}

static void write_body(mf_text *event, const mf_gateway_request *r)
{
    const bool binary =
        r->body.n_bytes > 0 && r->content_type.bytes != NULL &&
        mf_gateway_is_binary(r->settings, r->content_type.bytes, r->content_type.n_bytes);
    mf_text_literal(event, "\"body\":");
    if (r->body.n_bytes == 0) {
        mf_text_literal(event, "null");
    } else if (binary) {
        mf_text_literal(event, "\"");
        mf_base64_encode(event, r->body.bytes, r->body.n_bytes);
        mf_text_literal(event, "\"");
    } else {
        mf_json_text(event, r->body.bytes, r->body.n_bytes);
    }
    if (binary)
        mf_text_literal(event, ",\"isBase64Encoded\":true}");
    else
        mf_text_literal(event, ",\"isBase64Encoded\":false}");
}

static void write_1(mf_text *event, const mf_gateway_request *r, const mf_gateway_query *query)
{
    mf_text_literal(event, "{");
    member_text(event, "resource", r->route->path);
    mf_gateway_member(event, "path", r->path.bytes, r->path.n_bytes);
    mf_gateway_member(event, "httpMethod", r->method.bytes, r->method.n_bytes);
    mf_text_literal(event, "\"headers\":");
    write_pairs(event, r->headers, r->n_headers, true, false);
    mf_text_literal(event, ",\"multiValueHeaders\":");
    write_pairs(event, r->headers, r->n_headers, true, true);
    mf_text_literal(event, ",\"queryStringParameters\":");
    write_pairs(event, query->all, query->n, false, false);
    mf_text_literal(event, ",\"multiValueQueryStringParameters\":");
    write_pairs(event, query->all, query->n, false, true);
    mf_text_literal(event, ",");
    mf_gateway_path_parameters(event, r);
    mf_text_literal(event, ",\"stageVariables\":null,");
    write_context(event, r);
    write_body(event, r);
}

bool mf_gateway_event_write(mf_text *event, const mf_gateway_request *request)
{
    mf_gateway_query query;
    if (!read_query(&query, request->query))
        return false;
    switch (request->route->payload) {
    case MF_PAYLOAD_REST:
        write_1(event, request, &query);
        break;
    case MF_PAYLOAD_HTTP:
        mf_gateway_event_write_2(event, request, &query);
        break;
    case MF_PAYLOAD_NONE:
        if (request->body.n_bytes > 0)
            mf_text_append(event, request->body.bytes, request->body.n_bytes);
        else
            mf_text_literal(event, "{}");
        break;
    }
    return true;
}
