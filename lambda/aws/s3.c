/* s3.c: GetObject as one call of client.h, and the three forms of an object's name: its URI, its
 * parts, and the encoded path of its URL. */
#include "lambda/aws/s3.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

/* SHA-256 of an empty body. S3 rejects a signed request without this header. */
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* ----------------------------------------------------------------------------- names */

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_bucket(const char *name, size_t n)
{
    size_t n_dots = 0, n_digits = 0;
    if (n < 3 || n >= MF_AWS_S3_BUCKET_BYTES || !is_alphanumeric(name[0]) ||
        !is_alphanumeric(name[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_alphanumeric(name[i]) && name[i] != '-' && name[i] != '.')
            return false;
        if (name[i] == '.' && name[i + 1] == '.')
            return false;
        n_dots += name[i] == '.';
        n_digits += name[i] >= '0' && name[i] <= '9';
    }
    return n_dots != 3 || n_digits + n_dots != n; /* 192.168.5.4 is none */
}

bool mf_aws_s3_uri_parse(const char *uri, mf_aws_s3_location *location, mf_error *err)
{
    const mf_where where = {uri, 0, 0};
    if (strncmp(uri, "s3://", 5) != 0)
        return mf_fail(err, MF_ERR_CONFIG, where, "expected s3://bucket/key");
    const char *bucket = uri + 5;
    const size_t n_bucket = strcspn(bucket, "/");
    if (!is_bucket(bucket, n_bucket))
        return mf_fail(err, MF_ERR_CONFIG, where,
                       "\"%.*s\" is not the name of a bucket (3 to 63 small letters, digits, "
                       "'-' and '.')",
                       n_bucket < 80 ? (int)n_bucket : 80, bucket);
    const char *key = bucket + n_bucket + (bucket[n_bucket] == '/');
    const size_t n_key = strlen(key);
    if (n_key == 0)
        return mf_fail(err, MF_ERR_CONFIG, where, "a key is missing after the bucket");
    if (n_key >= MF_AWS_S3_KEY_BYTES)
        return mf_fail(err, MF_ERR_CONFIG, where, "a key of %zu bytes; S3 has at most 1,024",
                       n_key);
    if (mf_utf8_valid_bytes(key, n_key) < n_key)
        return mf_fail(err, MF_ERR_CONFIG, where, "the key is not UTF-8");
    memcpy(location->bucket, bucket, n_bucket);
    location->bucket[n_bucket] = '\0';
    memcpy(location->key, key, n_key + 1);
    return true;
}

bool mf_aws_s3_uri_is(const char *uri)
{
    return strncmp(uri, "s3://", strlen("s3://")) == 0;
}

bool mf_aws_s3_uri_check(const char *variable, const char *uri, mf_error *err)
{
    mf_aws_s3_location location;
    mf_error why = {0};
    if (mf_aws_s3_uri_is(uri) && !mf_aws_s3_uri_parse(uri, &location, &why))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "environment variable %s: %s", variable,
                       why.text);
    if (!mf_aws_s3_uri_is(uri) && strstr(uri, "://") != NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable %s is \"%s\": expected s3://bucket/key or the path "
                       "of a file",
                       variable, uri);
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void mf_aws_percent_encode(mf_text *url, const char *bytes, size_t n, bool keep_slashes)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < n; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        if (is_unreserved(bytes[i]) || (keep_slashes && byte == '/')) {
            mf_text_append(url, bytes + i, 1);
        } else {
            const char code[3] = {'%', digits[byte >> 4], digits[byte & 15]};
            mf_text_append(url, code, sizeof code);
        }
    }
}

const char *mf_aws_s3_path(const mf_aws_endpoint *endpoint, const mf_aws_s3_location *location,
                           mf_text *path)
{
    const bool is_path_style = endpoint->is_override || strchr(location->bucket, '.') != NULL;
    mf_text_literal(path, "/");
    if (is_path_style) {
        mf_text_append(path, location->bucket, strlen(location->bucket));
        mf_text_literal(path, "/");
    }
    mf_aws_percent_encode(path, location->key, strlen(location->key), true);
    return is_path_style ? NULL : location->bucket;
}

/* ------------------------------------------------------------------------- GetObject */

static bool fetch(mf_aws_client *client, const mf_aws_s3_get *get, const mf_aws_call *call,
                  mf_aws_s3_object *object, mf_aws_failure *failure)
{
    const mf_aws_response *response;
    if (!mf_aws_call_run(client, call, &response, failure))
        return false;
    const bool is_conditional = call->n_headers > 1;
    if (response->status != 200 && !(response->status == 304 && is_conditional)) {
        failure->status = response->status;
        return mf_aws_fail(failure, MF_ERR_IO,
                           "%s: S3 returned %d, neither the object nor an error", call->subject,
                           response->status);
    }
    const char *etag = mf_aws_response_header(response, "ETag");
    *object = (mf_aws_s3_object){.is_not_modified = response->status == 304,
                                 .n_bytes = response->n_received};
    if (strlen(etag) < sizeof object->etag)
        memcpy(object->etag, etag, strlen(etag) + 1);
    else if (object->is_not_modified)
        snprintf(object->etag, sizeof object->etag, "%s", get->if_none_match);
    return true;
}

bool mf_aws_s3_get_object(mf_aws_client *client, const mf_aws_s3_get *get, mf_aws_s3_object *object,
                          mf_aws_failure *failure)
{
    char uri[MF_AWS_S3_URI_BYTES];
    snprintf(uri, sizeof uri, "s3://%s/%s", get->location->bucket, get->location->key);
    const mf_aws_header headers[] = {
        {"x-amz-content-sha256", EMPTY_HASH},
        {"If-None-Match", get->if_none_match},
    };
    mf_text path = MF_TEXT_EMPTY;
    mf_aws_call call = {
        .subject = uri,
        .host_prefix = mf_aws_s3_path(mf_aws_client_endpoint(client), get->location, &path),
        .headers = headers,
        .n_headers = get->if_none_match != NULL && get->if_none_match[0] != '\0' ? 2 : 1,
        .sink = &get->sink,
        .max_response_bytes = get->max_bytes,
        .deadline_ms = get->deadline_ms,
    };
    mf_text_append(&path, "", 1);
    call.path = path.bytes;
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    const bool ok = path.failed ? mf_aws_fail(failure, MF_ERR_MEMORY, "no memory for a URL")
                                : fetch(client, get, &call, object, failure);
    mf_text_free(&path);
    return ok;
}
