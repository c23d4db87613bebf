/* client.h: calls of one AWS service: signed, timed, tried again where that may help.
 *
 *     mf_aws_client *client = mf_aws_client_create(
 *         &(mf_aws_client_settings){.service = MF_AWS_KINESIS, .margin_ms = 200}, err);
 *     …
 *     const mf_aws_json_call call = {.target = "Kinesis_20131202.PutRecords", .body = body,
 *                                    .n_body = n_body, .deadline_ms = invocation->deadline_ms};
 *     const mf_aws_answer *answer;
 *     mf_aws_failure failure;
 *     if (!mf_aws_call_json(client, &call, &answer, &failure))
 *         …                        failure says what, why, and whether it is worth another try
 *
 * One client for each peer, for the life of the process: the connection is kept between
 * calls (exchange.h). sagemaker_runtime.h and s3.h know the services' own shapes.
 *
 * (1) Credentials are read from the environment for each request; region and endpoint when
 *     the client is created, and what is missing then is reported by name.
 * (2) No request and no wait goes past deadline_ms - margin_ms. A call that comes too late
 *     makes no request.
 * (3) Tries follow retry.h. The failure is that of the last one, and says how many.
 * (4) A call is carried out at least once, perhaps twice, if it succeeds, unless it says
 *     `once`: then at most once, and a failure says if the peer may have acted.
 * (5) Each repetition is a line in the log ("aws_retry"); a failure is the caller's to log.
 *
 * Threads: one for each client. */
#ifndef MF_LAMBDA_AWS_CLIENT_H
#define MF_LAMBDA_AWS_CLIENT_H

#include "lambda/aws/answer.h"
#include "lambda/aws/endpoint.h"
#include "lambda/aws/exchange.h"
#include "lambda/aws/failure.h"

#include <stdint.h>

typedef struct mf_aws_client mf_aws_client;

/* 0 is the default everywhere. */
typedef struct mf_aws_client_settings {
    mf_aws_service service;
    int64_t timeout_ms;         /* of one try; 10 s, SageMaker 70 s, S3 60 s            */
    int64_t connect_timeout_ms; /* 2 s                                                  */
    int64_t margin_ms;          /* what the caller needs between our answer and its own */
    uint64_t seed;              /* of the waits; 0: differs from process to process     */
    const char *url;            /* MF_AWS_PLAIN only: where it is, and                  */
    const char *url_name;       /* the variable that says so, for errors                */
} mf_aws_client_settings;

/* NULL and MF_ERR_CONFIG when region, keys or endpoint are missing or wrong. Connects to
 * nobody. */
mf_aws_client *mf_aws_client_create(const mf_aws_client_settings *settings, mf_error *err);

/* NULL is fine. */
void mf_aws_client_destroy(mf_aws_client *client);

const mf_aws_endpoint *mf_aws_client_endpoint(const mf_aws_client *client);

/* Any request. */
typedef struct mf_aws_call {
    const char *subject;     /* begins a failure's sentence: "s3://movies/movies.csv"            */
    const char *host_prefix; /* "bucket" for https://bucket.s3…; NULL; not for an override       */
    const char *path;        /* begins with '/', canonical (percent.h)                           */
    const mf_aws_header *headers; /* at most MF_AWS_CALL_HEADERS, as exchange.h wants them       */
    size_t n_headers;
    const char *body; /* NULL: GET                                                                */
    size_t n_body;
    const mf_aws_sink *sink;   /* NULL: the body is kept                                          */
    uint64_t max_answer_bytes; /* 0: MF_AWS_ANSWER_BYTES                                          */
    int64_t deadline_ms;       /* wall clock, ms since 1970; 0: none                              */
    bool once;
} mf_aws_call;

enum {
    MF_AWS_CALL_HEADERS = 12,
    MF_AWS_ANSWER_BYTES = 10 << 20, /* PutRecords may answer with megabytes */
};

/* True: a 2xx (or S3's 304) is in *answer, which is the client's and lives until its next call.
 * False: *failure says why; *answer has what came of the last try. */
bool mf_aws_call_run(mf_aws_client *client, const mf_aws_call *call, const mf_aws_answer **answer,
                     mf_aws_failure *failure);

/* A POST of the services that speak JSON (Kinesis, DynamoDB). */
typedef struct mf_aws_json_call {
    const char *target; /* "DynamoDB_20120810.UpdateItem" */
    const char *body;
    size_t n_body;
    int64_t deadline_ms;
    bool once;
} mf_aws_json_call;

/* As mf_aws_call_run; the answer's body is JSON as it came. */
bool mf_aws_call_json(mf_aws_client *client, const mf_aws_json_call *call,
                      const mf_aws_answer **answer, mf_aws_failure *failure);

#endif
