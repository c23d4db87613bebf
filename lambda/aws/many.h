/* many.h: many calls of one service at once: client.h's promises for each of them, with a
 * bounded number of requests under way.
 *
 * (1) A call that waits before another try holds up none of the others.
 * (2) The order in which calls are made is theirs in the array as far as lines are free; the
 *     order in which they are answered is nobody's.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_AWS_MANY_H
#define MF_LAMBDA_AWS_MANY_H

#include "lambda/aws/client.h"

typedef struct mf_aws_many mf_aws_many;

/* How a call went. */
typedef struct mf_aws_outcome {
    bool ok;                     /* a success is in answer; else failure says why      */
    const mf_aws_answer *answer; /* lives until the next run; NULL: nothing was asked  */
    mf_aws_failure failure;
} mf_aws_outcome;

/* n_lines: most requests under way, 1 … MF_AWS_LINES_MOST. Fails as mf_aws_client_create. */
mf_aws_many *mf_aws_many_create(const mf_aws_client_settings *settings, size_t n_lines,
                                mf_error *err);

/* NULL is fine. */
void mf_aws_many_destroy(mf_aws_many *many);

/* Makes calls[0 .. n) and fills outcomes[0 .. n). Without memory to begin all of them, those
 * that it did not begin have failed with MF_AWS_LOCAL. */
void mf_aws_many_run(mf_aws_many *many, const mf_aws_call *calls, size_t n,
                     mf_aws_outcome *outcomes);

#endif
