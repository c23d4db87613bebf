/* failure.h: why a call of AWS came to nothing, as data: for the log, for the decision to
 * try again, and for what a caller's own client is told, which is never any text of it.
 *
 *     error.text is one sentence for the log. It has hosts, buckets and what AWS says, but
 *     never a secret or a token (AWS quotes the token when a signature is wrong; such a
 *     message is left out), and nothing that a user sent.
 *
 * Threads: a value. */
#ifndef MF_LAMBDA_AWS_FAILURE_H
#define MF_LAMBDA_AWS_FAILURE_H

#include "base/error.h"

typedef enum mf_aws_kind {
    MF_AWS_FINE = 0,
    MF_AWS_THROTTLED,    /* too many requests; nothing was done                              */
    MF_AWS_REJECTED,     /* the request is wrong: 4xx                                        */
    MF_AWS_MISSING,      /* no such object, bucket, stream, table                            */
    MF_AWS_MODEL,        /* SageMaker's 424: our container answered original_status          */
    MF_AWS_SERVER,       /* 5xx                                                              */
    MF_AWS_TIMED_OUT,    /* no answer in time, or no time left to ask                        */
    MF_AWS_UNREACHABLE,  /* no connection, or it broke                                       */
    MF_AWS_DENIED,       /* not allowed, or the signature is not accepted                    */
    MF_AWS_EXPIRED,      /* the session token's time is over                                 */
    MF_AWS_SKEWED,       /* our clock and AWS's are too far apart                            */
    MF_AWS_WRONG_REGION, /* the bucket is elsewhere; other_region says where if AWS did      */
    MF_AWS_UNTRUSTED,    /* the certificate does not verify                                  */
    MF_AWS_TOO_LARGE,    /* more than the caller takes, or than AWS takes                    */
    MF_AWS_LOCAL,        /* our own: no memory, a bad argument, the sink refused             */
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
    bool is_retriable;       /* the same call may go well later                                  */
    bool may_have_acted;     /* the peer may have done what was asked                           */
    int status;              /* HTTP's; 0 when there was no answer                              */
    int original_status;     /* of our container, with MF_AWS_MODEL; 0: not told                */
    uint32_t n_tries;        /* requests made; 0: it failed before the first                    */
    uint32_t retry_after_ms; /* what the peer asks us to wait; 0: nothing       */
    char code[MF_AWS_CODE_BYTES];             /* AWS's: "ThrottlingException"; "" without        */
    char request_id[MF_AWS_REQUEST_ID_BYTES]; /* for AWS's support; "" without              */
    char other_region[MF_AWS_OTHER_REGION_BYTES];
    char original_message[MF_AWS_MESSAGE_BYTES]; /* what our container said; may quote the
                                                    user: not for the log                   */
    mf_error error; /* the sentence                                    */
} mf_aws_failure;

/* For logs and metrics: "throttled", "wrong_region". */
const char *mf_aws_kind_name(mf_aws_kind kind);

/* Sets kind MF_AWS_LOCAL with a sentence of the printf kind. Returns false. */
__attribute__((format(printf, 3, 4))) bool mf_aws_fail(mf_aws_failure *failure, mf_error_code code,
                                                       const char *format, ...);

/* Hands the sentence on: into err, if that is empty. Returns false. */
bool mf_aws_failure_to_error(const mf_aws_failure *failure, mf_error *err);

#endif
