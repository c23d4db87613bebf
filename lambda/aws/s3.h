/* s3.h: GetObject (docs/lambda.md, 3.5), and s3://bucket/key as a URI and as a URL's path.
 *
 * A bucket is 3 to 63 lower-case letters, digits, '-' and '.', with a letter or digit at both
 * ends, without ".." and not an IP address. A key is 1 to 1,024 bytes of UTF-8 and taken
 * literally: "%20" are three characters.
 *
 * Threads: names any; calls one for each client. */
#ifndef MF_LAMBDA_AWS_S3_H
#define MF_LAMBDA_AWS_S3_H

#include "base/text.h"
#include "lambda/aws/client.h"

enum {
    MF_AWS_S3_BUCKET_BYTES = 64,
    MF_AWS_S3_KEY_BYTES = 1025,
    MF_AWS_S3_URI_BYTES = MF_AWS_S3_BUCKET_BYTES + MF_AWS_S3_KEY_BYTES + 6,
    MF_AWS_S3_ETAG_BYTES = 256,
};

typedef struct mf_aws_s3_location {
    char bucket[MF_AWS_S3_BUCKET_BYTES];
    char key[MF_AWS_S3_KEY_BYTES];
} mf_aws_s3_location;

/* Fails MF_ERR_CONFIG with the part that is invalid; *location is then untouched. */
MF_MUST_CHECK bool mf_aws_s3_uri_parse(const char *uri, mf_aws_s3_location *location,
                                       mf_error *err);

/* True for s3://…; false for a path. */
bool mf_aws_s3_uri_is(const char *uri);

/* uri is an object or the path of a file; else MF_ERR_CONFIG naming the environment variable. */
MF_MUST_CHECK bool mf_aws_s3_uri_check(const char *variable, const char *uri, mf_error *err);

/* Appends bytes[0 .. n) in SigV4's canonical form: A-Z a-z 0-9 - . _ ~ stay, every other byte
 * becomes %XX with upper-case digits; with keep_slashes '/' stays too. libcurl 7.88 signs a
 * path as it is given, so it has to be given like this (docs/lambda.md, 3.2.7). */
void mf_aws_percent_encode(mf_text *url, const char *bytes, size_t n, bool keep_slashes);

/* Appends the encoded path of the object: "/key", or "/bucket/key" in path style. Returns what
 * precedes the endpoint's host: the bucket, or NULL in path style.
 *
 * Path style is for an endpoint that a variable names, and for a bucket with dots, whose host
 * name the service's certificate does not cover (docs/lambda.md, 3.5.2). */
const char *mf_aws_s3_path(const mf_aws_endpoint *endpoint, const mf_aws_s3_location *location,
                           mf_text *path);

/* The client is one of service MF_AWS_S3. The object goes to a sink in pieces, so its size is
 * limited by the caller, not by memory.
 *
 * (1) The object arrives whole or the call fails: as many bytes as Content-Length announced, or
 *     every chunk. The sink may get a part before the call fails: use nothing of it before the
 *     call returns true.
 * (2) After a broken transfer the next try calls the sink's begin again.
 * (3) With if_none_match the response may be "not modified": then the sink is not called.
 * (4) Redirects are not followed; a bucket in another region is MF_AWS_WRONG_REGION. */
typedef struct mf_aws_s3_get {
    const mf_aws_s3_location *location;
    const char *if_none_match; /* an ETag with its quotes; NULL or "": any version */
    mf_aws_sink sink;
    uint64_t max_bytes;  /* of the object; more is MF_AWS_TOO_LARGE; 0: MF_AWS_RESPONSE_BYTES */
    int64_t deadline_ms; /* wall clock; 0: none */
} mf_aws_s3_get;

typedef struct mf_aws_s3_object {
    bool is_not_modified;
    uint64_t n_bytes;                /* that the sink got; 0 if not modified               */
    char etag[MF_AWS_S3_ETAG_BYTES]; /* a version, opaque, with its quotes; "" if there is
                                        none or it is longer                               */
} mf_aws_s3_object;

/* False: *failure says why and names the object; *object is untouched. */
MF_MUST_CHECK bool mf_aws_s3_get_object(mf_aws_client *client, const mf_aws_s3_get *get,
                                        mf_aws_s3_object *object, mf_aws_failure *failure);

#endif
