/* failure.h: why an AWS call failed, found by classifying its response (docs/lambda.md, 3.4,
 * 3.5.6, 3.6), and whether it is worth a retry.
 *
 *     error.text is one sentence for the log. It may contain hosts, buckets and the message of
 *     AWS, but never a secret, a token or the caller's data. AWS quotes the token when a
 *     signature is wrong; such a message is left out. None of it is for the user of a function.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_AWS_FAILURE_H
#define MF_LAMBDA_AWS_FAILURE_H

#include "base/error.h"
#include "lambda/aws/environment.h"
#include "lambda/aws/response.h"

/* The kind follows from AWS's error code, else from the status (any 5xx that is not listed is
 * SERVER, any other status REJECTED). R: retriable. */
typedef enum mf_aws_kind {
    MF_AWS_FINE = 0,
    MF_AWS_THROTTLED,    /* R  429, or a code of throttling at any status; nothing was done       */
    MF_AWS_REJECTED,     /*    4xx: the request is invalid                                       */
    MF_AWS_MISSING,      /*    404: no such object, bucket, stream, table                        */
    MF_AWS_MODEL,        /* R  SageMaker's 424: the container responded original_status; not     */
                         /*    retriable when that is 4xx                                        */
    MF_AWS_SERVER,       /* R  500, 502, 503, 504, 530, code RequestTimeout; other 5xx without R  */
    MF_AWS_TIMED_OUT,    /* R  no response in time; without R: no time left for a request        */
    MF_AWS_UNREACHABLE,  /* R  no connection, a broken one, or a body that x-amz-crc32 refutes   */
    MF_AWS_DENIED,       /*    401, 403: not allowed, or the signature is rejected               */
    MF_AWS_EXPIRED,      /*    the session token expired; the next request reads new credentials */
    MF_AWS_SKEWED,       /*    our clock and AWS's are too far apart                             */
    MF_AWS_WRONG_REGION, /*    the bucket is elsewhere; other_region is its region if AWS names it */
    MF_AWS_UNTRUSTED,    /*    the certificate does not verify                                   */
    MF_AWS_TOO_LARGE,    /*    413, or a response larger than the caller's limit                 */
    MF_AWS_LOCAL,        /*    ours: no memory, an invalid argument, the sink failed             */
    MF_AWS_KINDS
} mf_aws_kind;

enum {
    MF_AWS_CODE_BYTES = 96,
    MF_AWS_REQUEST_ID_BYTES = 96,
    MF_AWS_MESSAGE_BYTES = 512,
    MF_AWS_OTHER_REGION_BYTES = 64,
};

typedef struct mf_aws_failure {
    mf_aws_kind kind;
    bool is_retriable;            /* the same call may succeed later                      */
    bool may_have_acted;          /* the peer may have carried out the request            */
    int status;                   /* HTTP's; 0 when there was no response                 */
    int original_status;          /* of our container, with MF_AWS_MODEL; 0: unknown      */
    uint32_t n_tries;             /* requests made; 0: it failed before the first         */
    uint32_t retry_after_ms;      /* x-amz-retry-after; 0: none                           */
    char code[MF_AWS_CODE_BYTES]; /* AWS's: "ThrottlingException"; "" without  */
    char request_id[MF_AWS_REQUEST_ID_BYTES]; /* for AWS's support; "" without             */
    char other_region[MF_AWS_OTHER_REGION_BYTES];
    char original_message[MF_AWS_MESSAGE_BYTES]; /* of our container; may quote the user:
                                                    not for the log                        */
    mf_error error;                              /* the sentence */
} mf_aws_failure;

/* For logs and metrics: "throttled", "wrong_region". */
const char *mf_aws_kind_name(mf_aws_kind kind);

/* Sets kind MF_AWS_LOCAL with a printf-style sentence. Returns false. */
__attribute__((format(printf, 3, 4))) bool mf_aws_fail(mf_aws_failure *failure, mf_error_code code,
                                                       const char *format, ...);

/* True when the same call can never succeed: the service, the operator's settings or the request
 * itself rule it out. */
bool mf_aws_failure_is_permanent(const mf_aws_failure *failure);

/* Copies the sentence into err, if that is empty. Returns false. */
bool mf_aws_failure_to_error(const mf_aws_failure *failure, mf_error *err);

/* True for a complete 2xx and for S3's 304 (which only a conditional GET gets). Else every
 * field of *failure is set but n_tries, which stays. subject begins the sentence:
 * "s3://movies/movies.csv"; credentials are those that may not appear in it, NULL: none. */
MF_MUST_CHECK bool mf_aws_classify_response(const mf_aws_response *response,
                                            const mf_aws_endpoint *endpoint, const char *subject,
                                            const mf_aws_credentials *credentials,
                                            mf_aws_failure *failure);

/* The body of an error response:
 *
 *     {"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"…"}
 *     {"Message":"…","OriginalStatusCode":500,"OriginalMessage":"…"}
 *     <Error><Code>NoSuchKey</Code><Message>…</Message><Region>…</Region></Error>
 *
 * Any bytes are accepted; a field that cannot be read is empty. Texts are printable and end at
 * the first line end: what follows there is the canonical request of a wrong signature. A text
 * that contains the secret or the token is left out. */
typedef struct mf_aws_error_body {
    char code[MF_AWS_CODE_BYTES]; /* without namespace ("…#") and URL (":…") */
    char message[MF_AWS_MESSAGE_BYTES];
    char region[MF_AWS_OTHER_REGION_BYTES];
    int original_status; /* 100 … 599; 0 when absent */
    char original_message[MF_AWS_MESSAGE_BYTES];
} mf_aws_error_body;

/* credentials may be NULL. */
void mf_aws_error_body_read(const char *bytes, size_t n, const mf_aws_credentials *credentials,
                            mf_aws_error_body *body);

enum {
    MF_AWS_TRIES = 3,
    MF_AWS_MODEL_TRIES = 2,
    MF_AWS_PLAIN_TRIES = 6, /* as long as a restart or a moment of overload takes */
    MF_AWS_LONGEST_WAIT_MS = 20000,
    MF_AWS_RETRY_AFTER_MOST_MS = 5000, /* by which x-amz-retry-after lengthens a wait */
    MF_AWS_MIN_TRY_MS = 20,
};

/* Exponential backoff with equal jitter: the wait before try i + 2 (i = 0, 1, …) is
 *
 *     (½ + ½·u) · min(first_ms · 2^i, longest_ms)      u uniform in [0, 1)
 *
 * so each wait is longer than the one before, and callers that failed together do not return
 * together. */
int64_t mf_aws_backoff_ms(int64_t first_ms, int64_t longest_ms, uint32_t i, double u);

/* Milliseconds to wait before the next try, or -1 for none. failure->n_tries is how many there
 * were; u in [0, 1); left_ms until the caller needs a response, INT64_MAX for no limit.
 *
 * first_ms is 100, 500 after throttling (AWS's SDKs: 0 … 1 s), 50 for DynamoDB (its guide) and
 * 20 for MF_AWS_PLAIN. There is no retry
 *
 *     after MF_AWS_TRIES tries (MF_AWS_MODEL: 2, MF_AWS_PLAIN: 6),
 *     when less than MF_AWS_MIN_TRY_MS would be left after the wait. */
int64_t mf_aws_retry_wait_ms(const mf_aws_failure *failure, mf_aws_service service, double u,
                             int64_t left_ms);

#endif
