/* response.c: jansson reads the function's response; headers and body are copied into two texts.
 *
 * The first member of a wrong type ends the reading with a sentence that names it; the gateway logs
 * the sentence and sends 502. */
#include "local/apigateway/response.h"

#include "base/base64.h"
#include "http/parse/head.h"

#include <jansson.h>
#include <stdio.h>
#include <strings.h>

static bool malformed(mf_error *err, const char *why)
{
    return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE, "Malformed Lambda proxy response: %s", why);
}

/* Names that the gateway keeps for itself; the function's go out under another one. */
static const char *outgoing_name(const char *name, char renamed[128])
{
    static const char *const kept[] = {"connection", "content-length",   "date",
                                       "host",       "server",           "transfer-encoding",
                                       "upgrade",    "www-authenticate", "x-amzn-requestid"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (strcasecmp(name, kept[i]) == 0) {
            snprintf(renamed, 128, "x-amzn-Remapped-%s", name);
            return renamed;
        }
    return name;
}

static void put_header(mf_text *headers, const char *name, const char *value)
{
    mf_text_append(headers, name, strlen(name) + 1);
    mf_text_append(headers, value, strlen(value) + 1);
}

static bool add_value(mf_local_gateway_response *response, const char *name, const json_t *value)
{
    char text[64], renamed[128];
    const char *bytes = text;
    if (json_is_string(value))
        bytes = json_string_value(value);
    else if (json_is_integer(value))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, sizeof text, "%.17g", json_real_value(value));
    else if (json_is_boolean(value))
        bytes = json_is_true(value) ? "true" : "false";
    else
        return json_is_null(value);
    response->has_type = response->has_type || strcasecmp(name, "Content-Type") == 0;
    name = outgoing_name(name, renamed);
    if (!mf_head_is_field(name, strlen(name), bytes, strlen(bytes)))
        return false;
    put_header(&response->headers, name, bytes);
    return true;
}

/* True when one of the object's keys is name, in any case. */
static bool has_name(json_t *object, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (strcasecmp(key, name) == 0)
            return true;
    }
    return false;
}

static bool add_headers(mf_local_gateway_response *response, json_t *headers, json_t *multi,
                        mf_error *err)
{
    const char *name;
    json_t *value;
    if ((headers != NULL && !json_is_object(headers) && !json_is_null(headers)) ||
        (multi != NULL && !json_is_object(multi) && !json_is_null(multi)))
        return malformed(err, "headers or multiValueHeaders is no object");
    json_object_foreach(headers, name, value)
    {
        if (!has_name(multi, name) && !add_value(response, name, value))
            return malformed(err, "a header's value is no text");
    }
    json_object_foreach(multi, name, value)
    {
        if (!json_is_array(value))
            return malformed(err, "a member of multiValueHeaders is no array");
        for (size_t i = 0; i < json_array_size(value); i++)
            if (!add_value(response, name, json_array_get(value, i)))
                return malformed(err, "a value in multiValueHeaders is no text");
    }
    return true;
}

static bool add_cookies(mf_local_gateway_response *response, const json_t *cookies, mf_error *err)
{
    if (cookies == NULL || json_is_null(cookies))
        return true;
    if (!json_is_array(cookies))
        return malformed(err, "cookies is no array");
    for (size_t i = 0; i < json_array_size(cookies); i++)
        if (!json_is_string(json_array_get(cookies, i)) ||
            !add_value(response, "Set-Cookie", json_array_get(cookies, i)))
            return malformed(err, "a cookie is no text");
    return true;
}

static bool add_body(mf_local_gateway_response *response, const json_t *body, const json_t *encoded,
                     bool decode, mf_error *err)
{
    if (body == NULL || json_is_null(body))
        return true;
    if (!json_is_string(body))
        return malformed(err, "body is no text");
    if (encoded != NULL && !json_is_boolean(encoded) && !json_is_null(encoded))
        return malformed(err, "isBase64Encoded is no boolean");
    const char *bytes = json_string_value(body);
    const size_t n = json_string_length(body);
    if (!json_is_true(encoded) || !decode)
        mf_text_append(&response->body, bytes, n);
    else if (!mf_base64_decode(&response->body, bytes, n))
        return malformed(err, "body is not base64");
    return true;
}

static bool take(mf_local_gateway_response *response, mf_local_payload payload, json_t *root,
                 const char *bytes, size_t n, bool decode, mf_error *err)
{
    json_t *status = json_object_get(root, "statusCode");
    if (payload == MF_LOCAL_PAYLOAD_HTTP && status == NULL) {
        mf_text_append(&response->body, bytes, n);
        return true;
    }
    if (!json_is_object(root))
        return malformed(err, "it is no object");
    if (!json_is_integer(status) || json_integer_value(status) < 100 ||
        json_integer_value(status) > 599)
        return malformed(err, "statusCode is no whole number of 100 … 599");
    response->status = (int)json_integer_value(status);
    json_t *multi =
        payload == MF_LOCAL_PAYLOAD_REST ? json_object_get(root, "multiValueHeaders") : NULL;
    const json_t *cookies =
        payload == MF_LOCAL_PAYLOAD_HTTP ? json_object_get(root, "cookies") : NULL;
    return add_headers(response, json_object_get(root, "headers"), multi, err) &&
           add_cookies(response, cookies, err) &&
           add_body(response, json_object_get(root, "body"),
                    json_object_get(root, "isBase64Encoded"),
                    decode || payload == MF_LOCAL_PAYLOAD_HTTP, err);
}

bool mf_local_gateway_response_read(mf_local_gateway_response *response, mf_local_payload payload,
                                    const char *bytes, size_t n, bool decode, mf_error *err)
{
    *response = (mf_local_gateway_response){.status = 200};
    bool ok = true;
    if (payload == MF_LOCAL_PAYLOAD_NONE) {
        mf_text_append(&response->body, bytes, n);
    } else {
        json_error_t why;
        json_t *root = json_loadb(bytes, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
        ok = root != NULL ? take(response, payload, root, bytes, n, decode, err)
                          : malformed(err, "it is not JSON");
        json_decref(root);
    }
    if (!response->has_type)
        put_header(&response->headers, "Content-Type", "application/json");
    if (response->headers.failed || response->body.failed)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for an response");
    return ok;
}

void mf_local_gateway_response_free(mf_local_gateway_response *response)
{
    mf_text_free(&response->headers);
    mf_text_free(&response->body);
}
