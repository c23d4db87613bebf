/* judge.h: what an answer means: a success, or which failure (docs/lambda.md, 3.4, 3.6).
 *
 * The code is that of the header x-amzn-ErrorType, else of the body. From code and status
 * follows the kind (failure.h):
 *
 *     any code of throttling, at any status; 429          THROTTLED   retriable
 *     424                                                 MODEL       retriable if our container
 *                                                                     said 5xx or nothing
 *     500, 502, 503, 504, 530; RequestTimeout and others  SERVER      retriable
 *     no connection, a broken one                         UNREACHABLE retriable
 *     no answer in time                                   TIMED_OUT   retriable
 *     a CRC-32 of the body that is not x-amz-crc32        UNREACHABLE retriable
 *     everything else                                     not retriable
 *
 * EXPIRED is not tried again: each request reads the credentials anew, so the next one has
 * those of then.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_AWS_JUDGE_H
#define MF_LAMBDA_AWS_JUDGE_H

#include "lambda/aws/answer.h"
#include "lambda/aws/endpoint.h"
#include "lambda/aws/failure.h"

/* True for a whole 2xx and for S3's 304 (which only a conditional GET gets). Else *failure is all
 * new but for n_tries. subject begins the sentence: "s3://movies/movies.csv"; credentials are those
 * that may not show in it, NULL: there are none. */
bool mf_aws_judge(const mf_aws_answer *answer, const mf_aws_endpoint *endpoint, const char *subject,
                  const mf_aws_credentials *credentials, mf_aws_failure *failure);

#endif
