/* s3.h: GetObject (docs/lambda.md, 3.5).
 *
 * The client is one of service MF_AWS_S3. The object goes to a sink as it comes, so its size
 * is limited by what the caller wants, not by memory.
 *
 * (1) An object is whole or the call fails: as many bytes as Content-Length said, or every
 *     chunk. The sink may have seen some of an object that is then not whole: nothing that
 *     it made of them may be used before the call returns true.
 * (2) After a broken transfer the next try starts the sink anew.
 * (3) With if_none_match the answer may be "not modified": then the sink is not called.
 * (4) Redirects are not followed; a bucket in another region is MF_AWS_WRONG_REGION.
 *
 * Threads: one for each client. */
#ifndef MF_LAMBDA_AWS_S3_H
#define MF_LAMBDA_AWS_S3_H

#include "lambda/aws/client.h"
#include "lambda/aws/s3_uri.h"

enum { MF_S3_ETAG_BYTES = 256 };

typedef struct mf_s3_get {
    const mf_s3_location *location;
    const char *if_none_match; /* an ETag with its quotes; NULL or "": whatever it is */
    mf_aws_sink sink;
    uint64_t max_bytes;  /* of the object; more is MF_AWS_TOO_LARGE; 0: MF_AWS_ANSWER_BYTES */
    int64_t deadline_ms; /* wall clock; 0: none */
} mf_s3_get;

typedef struct mf_s3_object {
    bool is_not_modified;
    uint64_t n_bytes;            /* that the sink had; 0 if not modified                */
    char etag[MF_S3_ETAG_BYTES]; /* a version, opaque, with its quotes; "" if there is
                                    none or it is longer                                */
} mf_s3_object;

/* False: *failure says why and names the object; *object is untouched. */
bool mf_s3_get_object(mf_aws_client *client, const mf_s3_get *get, mf_s3_object *object,
                      mf_aws_failure *failure);

#endif
