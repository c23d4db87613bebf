/* s3_uri.c: promises in s3_uri.h. */
#include "lambda/aws/s3_uri.h"

#include "base/utf8.h"
#include "lambda/aws/percent.h"

#include <string.h>

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_bucket(const char *name, size_t n)
{
    size_t n_dots = 0, n_digits = 0;
    if (n < 3 || n >= MF_S3_BUCKET_BYTES || !is_alphanumeric(name[0]) ||
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

static bool is_utf8(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        const size_t length = mf_utf8_length(text + i, n - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

bool mf_s3_uri_parse(const char *uri, mf_s3_location *location, mf_error *err)
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
        return mf_fail(err, MF_ERR_CONFIG, where, "a key is missing behind the bucket");
    if (n_key >= MF_S3_KEY_BYTES)
        return mf_fail(err, MF_ERR_CONFIG, where, "a key of %zu bytes; S3 has at most 1,024",
                       n_key);
    if (!is_utf8(key, n_key))
        return mf_fail(err, MF_ERR_CONFIG, where, "the key is not UTF-8");
    memcpy(location->bucket, bucket, n_bucket);
    location->bucket[n_bucket] = '\0';
    memcpy(location->key, key, n_key + 1);
    return true;
}

bool mf_s3_uri_is(const char *uri)
{
    return strncmp(uri, "s3://", strlen("s3://")) == 0;
}

bool mf_s3_uri_check(const char *variable, const char *uri, mf_error *err)
{
    mf_s3_location location;
    mf_error why = {0};
    if (mf_s3_uri_is(uri) && !mf_s3_uri_parse(uri, &location, &why))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "environment variable %s: %s", variable,
                       why.text);
    if (!mf_s3_uri_is(uri) && strstr(uri, "://") != NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable %s is \"%s\": expected s3://bucket/key or the path "
                       "of a file",
                       variable, uri);
    return true;
}

const char *mf_s3_path(const mf_aws_endpoint *endpoint, const mf_s3_location *location,
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
