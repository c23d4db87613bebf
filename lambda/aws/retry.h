/* retry.h: whether and when a failed call is tried again (docs/lambda.md, 3.6).
 *
 * The wait before try i + 2 (i = 0, 1, …) is
 *
 *     (½ + ½·u) · min(first · 2^i, 20 s)      u uniform in [0, 1)
 *
 * so each wait is longer than the one before, and callers that failed together do not come
 * back together. first is 100 ms, 500 ms after throttling (AWS's SDKs: 0 … 1 s), 50 ms for
 * DynamoDB (its guide) and 20 ms for a service of our own. A peer's x-amz-retry-after makes a wait
 * longer by 5 s at most.
 *
 * (1) Three tries in all; two for a model's error; six of a service of our own, which is as
 *     long as a restart or a moment of too many requests takes.
 * (2) No wait ends when there is less than MF_AWS_MIN_TRY_MS left.
 * (3) What may be done only once is tried again only if the peer cannot have acted.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_AWS_RETRY_H
#define MF_LAMBDA_AWS_RETRY_H

#include "lambda/aws/endpoint.h"
#include "lambda/aws/failure.h"

enum {
    MF_AWS_TRIES = 3,
    MF_AWS_MODEL_TRIES = 2,
    MF_AWS_PLAIN_TRIES = 6,
    MF_AWS_LONGEST_WAIT_MS = 20000,
    MF_AWS_LONGER_MS = 5000, /* by x-amz-retry-after */
    MF_AWS_MIN_TRY_MS = 20,
};

/* Milliseconds to wait before another try, or -1 for none. failure->n_tries is how many
 * there were; u in [0, 1); left_ms until the caller needs an answer, INT64_MAX for no
 * limit. */
int64_t mf_aws_retry_wait_ms(const mf_aws_failure *failure, mf_aws_service service, bool once,
                             double u, int64_t left_ms);

#endif
