/* service_reply.c: promises in service_reply.h. */
#include "service_reply.h"

#include "http/parse/target.h"
#include "identifiers.h"

void mf_service_add_headers(mf_text *headers, const char *request_id, const char *content_type)
{
    mf_text_literal(headers, "x-amzn-RequestId: ");
    mf_text_append(headers, request_id, strlen(request_id));
    mf_text_literal(headers, "\r\n");
    mf_web_add_header(headers, "Content-Type", content_type, strlen(content_type));
}

void mf_service_refuse_with(mf_web_request *request, int status, const char *type,
                            const char *members, const char *key, const char *message)
{
    mf_text headers = MF_TEXT_EMPTY, body = MF_TEXT_EMPTY;
    char id[MF_UUID_BYTES];
    mf_service_add_headers(&headers, mf_uuid_make(id), "application/json");
    mf_web_add_header(&headers, "x-amzn-ErrorType", type, strlen(type));
    mf_text_format(&body, "{%s\"%s\":", members, key);
    mf_text_json(&body, message, strlen(message));
    mf_text_literal(&body, "}");
    mf_web_set_user(request, NULL);
    mf_web_reply(request, status, &headers, body.bytes, body.n_bytes);
    mf_text_free(&headers);
    mf_text_free(&body);
}

void mf_service_refuse(mf_web_request *request, int status, const char *type, const char *message)
{
    mf_service_refuse_with(request, status, type, "", "message", message);
}

bool mf_service_name(mf_web_view path, const char *prefix, const char *suffix, char *name,
                     size_t name_size)
{
    const size_t n_prefix = strlen(prefix), n_suffix = strlen(suffix);
    if (path.n_bytes <= n_prefix + n_suffix || memcmp(path.bytes, prefix, n_prefix) != 0 ||
        memcmp(path.bytes + path.n_bytes - n_suffix, suffix, n_suffix) != 0)
        return false;
    size_t n = path.n_bytes - n_prefix - n_suffix;
    if (n >= name_size || memchr(path.bytes + n_prefix, '/', n) != NULL)
        return false;
    memcpy(name, path.bytes + n_prefix, n);
    if (!mf_uri_decode(name, n, false, &n))
        return false;
    name[n] = '\0';
    /* What is printed again in messages. */
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || (unsigned char)name[i] >= 0x7F)
            return false;
    return true;
}
