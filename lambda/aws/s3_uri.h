/* s3_uri.h: s3://bucket/key, and the same object as a host and a path.
 *
 * A bucket is 3 to 63 small letters, digits, '-' and '.', with a letter or digit at both
 * ends, no ".." and not an IP address. A key is 1 to 1,024 bytes of UTF-8, taken as it is
 * written: nothing in it is decoded, "%20" are three characters.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_AWS_S3_URI_H
#define MF_LAMBDA_AWS_S3_URI_H

#include "base/text.h"
#include "lambda/aws/endpoint.h"

enum {
    MF_S3_BUCKET_BYTES = 64,
    MF_S3_KEY_BYTES = 1025,
    MF_S3_URI_BYTES = MF_S3_BUCKET_BYTES + MF_S3_KEY_BYTES + 6,
};

typedef struct mf_s3_location {
    char bucket[MF_S3_BUCKET_BYTES];
    char key[MF_S3_KEY_BYTES];
} mf_s3_location;

/* False and MF_ERR_CONFIG saying which part is wrong; *location is then untouched. */
bool mf_s3_uri_parse(const char *uri, mf_s3_location *location, mf_error *err);

/* True for s3://…; false for a path. */
bool mf_s3_uri_is(const char *uri);

/* uri is an object or the path of a file; else MF_ERR_CONFIG naming the environment variable. */
bool mf_s3_uri_check(const char *variable, const char *uri, mf_error *err);

/* Appends the path of the object, canonically encoded: "/key", or "/bucket/key" in path
 * style. Returns what goes before the endpoint's host: the bucket, or NULL in path style.
 *
 * Path style is for an endpoint that a variable names, and for a bucket with dots, whose
 * host name the service's certificate does not cover (docs/lambda.md, 3.5.2). */
const char *mf_s3_path(const mf_aws_endpoint *endpoint, const mf_s3_location *location,
                       mf_text *path);

#endif
