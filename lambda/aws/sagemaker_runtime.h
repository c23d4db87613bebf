/* sagemaker_runtime.h: InvokeEndpoint, a request to a model hosted by SageMaker
 * (docs/lambda.md, 3.4).
 *
 *     POST /endpoints/{endpoint}/invocations
 *
 * The client is one of service MF_AWS_SAGEMAKER_RUNTIME. Requests are idempotent, so one may
 * be sent twice.
 *
 * failure->kind MF_AWS_MODEL with original_status 4xx is the user's mistake (the container
 * rejected the request, original_message is its body), with 5xx it is the container's.
 *
 * Threads: one for each client. */
#ifndef MF_LAMBDA_AWS_SAGEMAKER_RUNTIME_H
#define MF_LAMBDA_AWS_SAGEMAKER_RUNTIME_H

#include "lambda/aws/client.h"

enum {
    MF_AWS_ENDPOINT_NAME_BYTES = 64, /* SageMaker's own limits, with the terminator */
    MF_AWS_ATTRIBUTES_BYTES = 1025,
    MF_AWS_INVOKE_BODY_BYTES = 6291456, /* each way */
};

typedef struct mf_aws_invocation {
    const char *endpoint_name;
    const char *content_type;
    const char *accept;            /* NULL: the container decides, as with all below          */
    const char *target_variant;    /* a production variant                                  */
    const char *inference_id;      /* recorded in the endpoint's data capture                */
    const char *custom_attributes; /* passed to the container; visible ASCII                */
    const char *body;
    size_t n_body;
    int64_t deadline_ms; /* wall clock; 0: none */
} mf_aws_invocation;

/* The client owns all of it, until its next call. */
typedef struct mf_aws_inference {
    const char *body;
    size_t n_body;
    const char *content_type;      /* "" when absent, as the others  */
    const char *variant;           /* the production variant           */
    const char *custom_attributes; /* of the container                 */
} mf_aws_inference;

/* A valid name of an endpoint: letters, digits and inner '-', at most 63. */
MF_MUST_CHECK bool mf_aws_endpoint_name_check(const char *name, mf_error *err);

/* False: *failure says why. A name, a size or an attribute that SageMaker would reject fails
 * without a request (MF_AWS_LOCAL; MF_AWS_TOO_LARGE for the body). */
MF_MUST_CHECK bool mf_aws_invoke_endpoint(mf_aws_client *client,
                                          const mf_aws_invocation *invocation,
                                          mf_aws_inference *inference, mf_aws_failure *failure);

#endif
