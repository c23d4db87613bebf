/* event.c: the events of payload 1.0 and of payload 2.0, put together by jansson.
 *
 * Values of headers and parameters are grouped by name first: 1.0 has the last value of
 * each name and all of them, 2.0 joins them with commas. A function that returns json_t * returns
 * NULL without memory, and so does json_pack when one of its members is NULL. */
#include "local/apigateway/event.h"

#include "base/base64.h"
#include "base/memory.h"
#include "http/parse/head.h"
#include "http/parse/media.h"
#include "http/parse/target.h"
#include "local/service.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

typedef mf_local_gateway_request gateway_request;

typedef struct query_parameters {
    char bytes[MF_LOCAL_GATEWAY_QUERY_MAX];
    mf_uri_parameter all[MF_URI_PARAMETERS_MAX]; /* decoded */
    size_t n;
} query_parameters;

void mf_local_gateway_add_header(mf_local_gateway_request *request, mf_http_view name,
                                 mf_http_view value)
{
    static const char *const of_the_connection[] = {
        "connection", "keep-alive",       "transfer-encoding", "te", "upgrade", "expect",
        "trailer",    "proxy-connection", "content-length"};
    for (size_t i = 0; i < sizeof of_the_connection / sizeof of_the_connection[0]; i++)
        if (mf_head_is(name.bytes, name.n_bytes, of_the_connection[i]))
            return;
    if (request->n_headers < MF_LOCAL_GATEWAY_HEADERS_MAX)
        request->headers[request->n_headers++] = (mf_uri_parameter){name, value};
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
    query->n = 0;
    if (text.n_bytes > sizeof query->bytes)
        return false;
    if (text.n_bytes > 0)
        memcpy(query->bytes, text.bytes, text.n_bytes);
    const int n = mf_uri_parameters(query->bytes, text.n_bytes, query->all);
    query->n = n > 0 ? (size_t)n : 0;
    return n >= 0;
}

/* ------------------------------------------------------------ texts and groups */

static json_t *text_of(mf_http_view view)
{
    return mf_local_json_text(view.bytes != NULL ? view.bytes : "", view.n_bytes);
}

static json_t *base64_of(mf_http_view view)
{
    mf_text text = MF_TEXT_EMPTY;
    mf_base64_encode(&text, view.bytes, view.n_bytes);
    json_t *value = text.failed ? NULL : json_stringn(text.bytes, text.n_bytes);
    mf_text_free(&text);
    return value;
}

static bool is_cookie(const mf_uri_parameter *header)
{
    return mf_head_is(header->name.bytes, header->name.n_bytes, "cookie");
}

/* Adds value to the array of its name in groups. */
static bool add_to_group(json_t *groups, const mf_uri_parameter *pair, bool any_case)
{
    json_t *name = text_of(pair->name);
    const char *key;
    json_t *values, *found = NULL;
    json_object_foreach(groups, key, values)
    {
        if ((any_case ? strcasecmp : strcmp)(key, json_string_value(name)) == 0)
            found = values;
    }
    if (found == NULL) {
        found = json_array();
        if (json_object_set_new(groups, json_string_value(name), found) != 0)
            found = NULL;
    }
    json_decref(name);
    return json_array_append_new(found, text_of(pair->value)) == 0;
}

static json_t *last_of(const json_t *values)
{
    return json_incref(json_array_get(values, json_array_size(values) - 1));
}

static json_t *joined_of(const json_t *values)
{
    mf_text joined = MF_TEXT_EMPTY;
    size_t i;
    json_t *value;
    json_array_foreach(values, i, value)
    {
        mf_text_append(&joined, ",", i > 0);
        mf_text_append(&joined, json_string_value(value), json_string_length(value));
    }
    json_t *text = joined.failed ? NULL : json_stringn(joined.bytes, joined.n_bytes);
    mf_text_free(&joined);
    return text;
}

/* {name: [value, …], …} in the order in which the names came; null without pairs. */
static json_t *group(const mf_uri_parameter *pairs, size_t n, bool any_case)
{
    json_t *groups = n > 0 ? json_object() : json_null();
    bool ok = groups != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = add_to_group(groups, &pairs[i], any_case);
    if (ok)
        return groups;
    json_decref(groups);
    return NULL;
}

/* The groups with a value for each name in place of all, which value_of makes; null for null. */
static json_t *reduce(json_t *groups, json_t *(*value_of)(const json_t *values))
{
    json_t *object = json_is_object(groups) ? json_object() : json_incref(groups);
    const char *key;
    json_t *values;
    bool ok = object != NULL;
    json_object_foreach(groups, key, values)
    {
        ok = ok && json_object_set_new(object, key, value_of(values)) == 0;
    }
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *joined(const mf_uri_parameter *pairs, size_t n)
{
    json_t *groups = group(pairs, n, true);
    json_t *object = reduce(groups, joined_of);
    json_decref(groups);
    return object;
}

static json_t *path_parameters_of(const gateway_request *r)
{
    const mf_local_path_parameters *parameters = r->parameters;
    json_t *object = parameters->n > 0 ? json_object() : json_null();
    for (size_t i = 0; i < parameters->n; i++) {
        char value[MF_LOCAL_GATEWAY_QUERY_MAX];
        const mf_http_view sent = parameters->all[i].value;
        size_t n = sent.n_bytes < sizeof value ? sent.n_bytes : sizeof value;
        memcpy(value, sent.bytes, n);
        if (!mf_uri_decode(value, n, false, &n))
            n = 0;
        json_t *name = text_of(parameters->all[i].name);
        json_object_set_new(object, json_string_value(name), mf_local_json_text(value, n));
        json_decref(name);
    }
    return object;
}

static const char *time_text(int64_t wall_ms, char text[40])
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec"; /* in every locale */
    const time_t seconds = (time_t)(wall_ms / 1000);
    struct tm t;
    gmtime_r(&seconds, &t);
    snprintf(text, 40, "%02d/%.3s/%04d:%02d:%02d:%02d +0000", t.tm_mday % 100,
             months + (size_t)(t.tm_mon % 12) * 3, (t.tm_year + 1900) % 10000, t.tm_hour % 100,
             t.tm_min % 100, t.tm_sec % 100);
    return text;
}

/* -------------------------------------------------- payload 1.0, of a REST API */

static json_t *rest_identity(const gateway_request *r)
{
    return json_pack("{s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:o, s:s}",
                     "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "apiKey",
                     "apiKeyId", "accessKey", "cognitoAuthenticationType",
                     "cognitoAuthenticationProvider", "userArn", "user", "clientCert", "userAgent",
                     r->user_agent.bytes != NULL ? text_of(r->user_agent) : json_null(), "sourceIp",
                     r->peer);
}

static json_t *rest_context(const gateway_request *r)
{
    char time[40];
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o}",
                     "resourceId", "local0", "resourcePath", r->route->path, "httpMethod",
                     text_of(r->method), "extendedRequestId", r->request_id, "requestTime",
                     time_text(r->wall_ms, time), "path", text_of(r->sent_path), "accountId",
                     r->settings->account, "protocol", "HTTP/1.1", "stage", r->settings->stage,
                     "domainPrefix", "local", "domainName", "local.execute-api.localhost",
                     "requestId", r->request_id, "apiId", "local", "requestTimeEpoch",
                     (json_int_t)r->wall_ms, "identity", rest_identity(r));
}

static json_t *rest_event(const gateway_request *r, const query_parameters *query)
{
    const bool binary =
        r->body.n_bytes > 0 && r->content_type.bytes != NULL &&
        mf_local_gateway_is_binary(r->settings, r->content_type.bytes, r->content_type.n_bytes);
    json_t *headers = group(r->headers, r->n_headers, true);
    json_t *parameters = group(query->all, query->n, false);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:n, s:o, s:o, s:b}", "resource",
                     r->route->path, "path", text_of(r->path), "httpMethod", text_of(r->method),
                     "headers", reduce(headers, last_of), "multiValueHeaders", headers,
                     "queryStringParameters", reduce(parameters, last_of),
                     "multiValueQueryStringParameters", parameters, "pathParameters",
                     path_parameters_of(r), "stageVariables", "requestContext", rest_context(r),
                     "body",
                     r->body.n_bytes == 0 ? json_null()
                     : binary             ? base64_of(r->body)
                                          : text_of(r->body),
                     "isBase64Encoded", binary);
}

/* -------------------------------------------------- payload 2.0, of an HTTP API */

/* The cookies, split at "; " as HTTP APIs do; NULL when there are none. */
static json_t *cookies_of(const gateway_request *r)
{
    json_t *cookies = NULL;
    for (size_t i = 0; i < r->n_headers; i++) {
        const char *at = r->headers[i].value.bytes;
        const char *end = at + r->headers[i].value.n_bytes;
        while (is_cookie(&r->headers[i]) && at < end) {
            const char *stop = memchr(at, ';', (size_t)(end - at));
            const size_t n = (size_t)((stop != NULL ? stop : end) - at);
            if (cookies == NULL)
                cookies = json_array();
            json_array_append_new(cookies, mf_local_json_text(at, n));
            at += n + (stop != NULL);
            while (at < end && *at == ' ')
                at++;
        }
    }
    return cookies;
}

/* The headers but cookies, their names in lower case. */
static json_t *http_headers(const gateway_request *r)
{
    json_t *headers = json_object(), *groups;
    mf_uri_parameter others[MF_LOCAL_GATEWAY_HEADERS_MAX];
    const char *key;
    json_t *value;
    size_t n = 0;
    for (size_t i = 0; i < r->n_headers; i++)
        if (!is_cookie(&r->headers[i]))
            others[n++] = r->headers[i];
    groups = joined(others, n);
    json_object_foreach(groups, key, value)
    {
        char *name = strdup(key);
        for (char *c = name; c != NULL && *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        json_object_set(headers, name, value);
        free(name);
    }
    json_decref(groups);
    return headers;
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

static json_t *http_context(const gateway_request *r, const char *route_key)
{
    char time[40];
    return json_pack("{s:s, s:s, s:s, s:s, s:{s:o, s:o, s:s, s:s, s:o}, s:s, s:s, s:s, s:s, s:I}",
                     "accountId", r->settings->account, "apiId", "local", "domainName",
                     "local.execute-api.localhost", "domainPrefix", "local", "http", "method",
                     text_of(r->method), "path", text_of(r->sent_path), "protocol", "HTTP/1.1",
                     "sourceIp", r->peer, "userAgent", text_of(r->user_agent), "requestId",
                     r->request_id, "routeKey", route_key, "stage", r->settings->stage, "time",
                     time_text(r->wall_ms, time), "timeEpoch", (json_int_t)r->wall_ms);
}

static json_t *http_event(const gateway_request *r, const query_parameters *query)
{
    char key[sizeof r->route->method + sizeof r->route->path];
    const bool binary = r->body.n_bytes > 0 && !is_text(r->content_type);
    snprintf(key, sizeof key, "%s %s", r->route->method, r->route->path);
    return json_pack("{s:s, s:s, s:o, s:o, s:o*, s:o, s:o*, s:o*, s:o, s:o*, s:b}", "version",
                     "2.0", "routeKey", key, "rawPath", text_of(r->sent_path), "rawQueryString",
                     text_of(r->query), "cookies", cookies_of(r), "headers", http_headers(r),
                     "queryStringParameters", query->n > 0 ? joined(query->all, query->n) : NULL,
                     "pathParameters", r->parameters->n > 0 ? path_parameters_of(r) : NULL,
                     "requestContext", http_context(r, key), "body",
                     r->body.n_bytes == 0 ? NULL
                     : binary             ? base64_of(r->body)
                                          : text_of(r->body),
                     "isBase64Encoded", binary);
}

bool mf_local_gateway_event_write(mf_text *event, const gateway_request *request)
{
    query_parameters query;
    json_t *root = NULL;
    if (!read_query(&query, request->query))
        return false;
    switch (request->route->payload) {
    case MF_LOCAL_PAYLOAD_REST:
        root = rest_event(request, &query);
        break;
    case MF_LOCAL_PAYLOAD_HTTP:
        root = http_event(request, &query);
        break;
    case MF_LOCAL_PAYLOAD_NONE:
        if (request->body.n_bytes > 0)
            mf_text_append(event, request->body.bytes, request->body.n_bytes);
        else
            mf_text_literal(event, "{}");
        return true;
    }
    mf_local_json_append(event, root);
    return true;
}
