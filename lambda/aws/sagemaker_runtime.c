/* sagemaker_runtime.c: InvokeEndpoint as one call of client.h: its limits are checked here, its
 * parameters travel as headers. */
#include "lambda/aws/sagemaker_runtime.h"

#include <stdio.h>
#include <string.h>

bool mf_aws_endpoint_name_check(const char *name, mf_error *err)
{
    const size_t n = strlen(name);
    if (n == 0 || n >= MF_AWS_ENDPOINT_NAME_BYTES ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != n ||
        name[0] == '-' || name[n - 1] == '-')
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "\"%.80s\" is not the name of an endpoint (1 to 63 letters, digits and "
                       "inner hyphens)",
                       name);
    return true;
}

/* The headers that are not NULL. */
static size_t choose_headers(const mf_aws_invocation *invocation,
                             mf_aws_header headers[MF_AWS_CALL_HEADERS])
{
    const mf_aws_header all[] = {
        {"Content-Type", invocation->content_type},
        {"Accept", invocation->accept},
        {"X-Amzn-SageMaker-Target-Variant", invocation->target_variant},
        {"X-Amzn-SageMaker-Inference-Id", invocation->inference_id},
        {"X-Amzn-SageMaker-Custom-Attributes", invocation->custom_attributes},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].value != NULL)
            headers[n++] = all[i];
    return n;
}

static bool check(const mf_aws_invocation *invocation, mf_aws_failure *failure)
{
    mf_error err = {.code = MF_OK};
    if (!mf_aws_endpoint_name_check(invocation->endpoint_name, &err))
        return mf_aws_fail(failure, err.code, "%s", err.text);
    if (invocation->n_body > MF_AWS_INVOKE_BODY_BYTES) {
        mf_aws_fail(failure, MF_ERR_LIMIT, "a request of %zu bytes; SageMaker takes %d",
                    invocation->n_body, MF_AWS_INVOKE_BODY_BYTES);
        failure->kind = MF_AWS_TOO_LARGE;
        return false;
    }
    if (invocation->content_type == NULL)
        return mf_aws_fail(failure, MF_ERR_ARGUMENT, "a request without Content-Type");
    if (invocation->custom_attributes != NULL &&
        strlen(invocation->custom_attributes) >= MF_AWS_ATTRIBUTES_BYTES)
        return mf_aws_fail(failure, MF_ERR_LIMIT, "custom attributes of %zu bytes; %d are allowed",
                           strlen(invocation->custom_attributes), MF_AWS_ATTRIBUTES_BYTES - 1);
    return true;
}

bool mf_aws_invoke_endpoint(mf_aws_client *client, const mf_aws_invocation *invocation,
                            mf_aws_inference *inference, mf_aws_failure *failure)
{
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    if (!check(invocation, failure))
        return false;
    char path[128], subject[96];
    snprintf(path, sizeof path, "/endpoints/%s/invocations", invocation->endpoint_name);
    snprintf(subject, sizeof subject, "endpoint %s", invocation->endpoint_name);
    mf_aws_header headers[MF_AWS_CALL_HEADERS];
    const mf_aws_call call = {
        .subject = subject,
        .path = path,
        .headers = headers,
        .n_headers = choose_headers(invocation, headers),
        .body = invocation->body != NULL ? invocation->body : "",
        .n_body = invocation->n_body,
        .max_response_bytes = MF_AWS_INVOKE_BODY_BYTES,
        .deadline_ms = invocation->deadline_ms,
    };
    const mf_aws_response *response;
    if (!mf_aws_call_run(client, &call, &response, failure))
        return false;
    *inference = (mf_aws_inference){
        .body = response->body.n_bytes > 0 ? response->body.bytes : "",
        .n_body = response->body.n_bytes,
        .content_type = mf_aws_response_header(response, "Content-Type"),
        .variant = mf_aws_response_header(response, "x-Amzn-Invoked-Production-Variant"),
        .custom_attributes = mf_aws_response_header(response, "X-Amzn-SageMaker-Custom-Attributes"),
    };
    return true;
}
