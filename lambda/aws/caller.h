/* caller.h: what calls have in common, whether one is under way at a time (client.c) or many
 * (many.c): checked, addressed, given a request with its share of the time, judged, and
 * perhaps tried again. Of this room only. */
#ifndef MF_LAMBDA_AWS_CALLER_H
#define MF_LAMBDA_AWS_CALLER_H

#include "lambda/aws/client.h"

typedef struct mf_aws_caller {
    mf_aws_client_settings settings;
    mf_aws_endpoint endpoint;
    uint64_t key; /* of the random waits */
    uint64_t n_waits;
} mf_aws_caller;

/* Fails as mf_aws_client_create. */
bool mf_aws_caller_start(mf_aws_caller *caller, const mf_aws_client_settings *settings,
                         mf_error *err);

/* Checks the call and writes its URL, zero-terminated. */
bool mf_aws_caller_address(const mf_aws_caller *caller, const mf_aws_call *call, mf_text *url,
                           mf_aws_failure *failure);

/* Makes the request of the next try and starts the answer; counts the try. False when there is
 * no time for one, or there are no credentials. request points into url and credentials. */
bool mf_aws_caller_prepare(const mf_aws_caller *caller, const mf_aws_call *call, const char *url,
                           mf_aws_credentials *credentials, mf_aws_request *request,
                           mf_aws_answer *answer, mf_aws_failure *failure);

/* True when the answer is a success. */
bool mf_aws_caller_judge(const mf_aws_caller *caller, const mf_aws_call *call,
                         const mf_aws_answer *answer, mf_aws_failure *failure);

/* How long to wait before another try, which is then logged; -1: there is none. */
int64_t mf_aws_caller_wait_ms(mf_aws_caller *caller, const mf_aws_call *call,
                              const mf_aws_failure *failure);

#endif
