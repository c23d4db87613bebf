/* client.h: calls of one AWS service: signed, with a timeout, retried where a retry may help. One
 * call at a time, or many at once with a bounded number of requests under way.
 *
 *     mf_aws_client *client = mf_aws_client_create(
 *         &(mf_aws_client_settings){.service = MF_AWS_KINESIS, .margin_ms = 200}, err);
 *     …
 *     const mf_aws_response *response;
 *     mf_aws_failure failure;
 *     if (!mf_aws_call_json(client, "Kinesis_20131202.PutRecords", &body, invocation->deadline_ms,
 *                           &response, &failure))
 *         …                        failure says what failed, why, and whether a retry may help
 *
 * Create one client for each peer and keep it for the life of the process: it keeps the
 * connections (request.h). s3.h, sagemaker_runtime.h, dynamodb.h and kinesis.h add the shapes
 * of the services.
 *
 * (1) Credentials are read from the environment for each request; region and endpoint when the
 *     client is created. An error names what is missing.
 * (2) No request and no wait lasts beyond deadline_ms - margin_ms. A call that comes too late
 *     makes no request.
 * (3) Retries follow failure.h. The failure is that of the last try and has their number.
 * (4) A call that succeeds was carried out at least once, perhaps twice. A failure says if the peer
 *     may have acted.
 * (5) Each retry is logged ("aws_retry"); the caller logs the failure.
 * (6) Of many calls, one that waits for its retry delays none of the others. Calls begin in
 *     the order of the array as connections become free; responses may arrive in any order.
 *
 * Threads: one for each client. */
#ifndef MF_LAMBDA_AWS_CLIENT_H
#define MF_LAMBDA_AWS_CLIENT_H

#include "lambda/aws/failure.h"
#include "lambda/aws/request.h"

#include <stdint.h>

typedef struct mf_aws_client mf_aws_client;

/* 0 is the default everywhere. */
typedef struct mf_aws_client_settings {
    mf_aws_service service;
    int64_t timeout_ms;         /* of one try; 10 s, SageMaker 70 s, S3 60 s               */
    int64_t connect_timeout_ms; /* 2 s                                                     */
    int64_t margin_ms;          /* what the caller needs between our response and its own  */
    uint64_t seed;              /* of the waits; 0: differs from process to process        */
    size_t n_connections;       /* most requests under way; 0: 1                           */
    const char *url;            /* MF_AWS_PLAIN only: its URL, and                         */
    const char *url_name;       /* the variable that has it, for errors                    */
} mf_aws_client_settings;

/* NULL and MF_ERR_CONFIG when region, keys or endpoint are missing or invalid, MF_ERR_MEMORY
 * without memory. Opens no connection yet. */
MF_MUST_CHECK mf_aws_client *mf_aws_client_create(const mf_aws_client_settings *settings,
                                                  mf_error *err);

/* NULL is fine. */
void mf_aws_client_destroy(mf_aws_client *client);

const mf_aws_endpoint *mf_aws_client_endpoint(const mf_aws_client *client);

/* Any request. */
typedef struct mf_aws_call {
    const char *subject;     /* begins a failure's sentence: "s3://movies/movies.csv"         */
    const char *host_prefix; /* "bucket" for https://bucket.s3…; NULL; not for an override    */
    const char *path;        /* begins with '/', canonical (mf_aws_percent_encode in s3.h)    */
    const mf_aws_header *headers; /* at most MF_AWS_CALL_HEADERS, as request.h wants them     */
    size_t n_headers;
    const char *body; /* NULL: GET                                                             */
    size_t n_body;
    const mf_aws_sink *sink;     /* NULL: the body is kept                                     */
    uint64_t max_response_bytes; /* 0: MF_AWS_RESPONSE_BYTES                                   */
    int64_t deadline_ms;         /* wall clock, ms since 1970; 0: none                         */
} mf_aws_call;

enum {
    MF_AWS_CALL_HEADERS = 12,
    MF_AWS_RESPONSE_BYTES = 10 << 20, /* the response of PutRecords may have megabytes */
};

/* True: *response is a 2xx (or S3's 304). False: *failure says why, and *response is what the
 * last try received. The client owns *response, which lives until its next call. */
MF_MUST_CHECK bool mf_aws_call_run(mf_aws_client *client, const mf_aws_call *call,
                                   const mf_aws_response **response, mf_aws_failure *failure);

typedef struct mf_aws_result {
    bool ok;                         /* a success is in response; else failure says why    */
    const mf_aws_response *response; /* lives until the next call; NULL: no request was made */
    mf_aws_failure failure;
} mf_aws_result;

/* Makes calls[0 .. n) and fills results[0 .. n). Without memory to begin, all of them fail with
 * MF_AWS_LOCAL. */
void mf_aws_call_many(mf_aws_client *client, const mf_aws_call *calls, size_t n,
                      mf_aws_result *results);

/* A POST to a service that speaks JSON (Kinesis, DynamoDB). target: "DynamoDB_20120810.UpdateItem".
 * As mf_aws_call_run; the response's body is unparsed JSON. */
MF_MUST_CHECK bool mf_aws_call_json(mf_aws_client *client, const char *target, const mf_text *body,
                                    int64_t deadline_ms, const mf_aws_response **response,
                                    mf_aws_failure *failure);

#endif
