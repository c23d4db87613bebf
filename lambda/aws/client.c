/* client.c: promises in client.h. */
#include "lambda/aws/client.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lambda/aws/caller.h"

struct mf_aws_client {
    mf_aws_caller caller;
    mf_aws_exchange *exchange;
    mf_aws_answer answer;
    mf_text url;
};

mf_aws_client *mf_aws_client_create(const mf_aws_client_settings *settings, mf_error *err)
{
    mf_aws_caller caller;
    if (!mf_aws_caller_start(&caller, settings, err))
        return NULL;
    mf_aws_client *client = mf_allocate(1, sizeof *client, "a client of AWS", err);
    if (client == NULL)
        return NULL;
    client->caller = caller;
    client->exchange = mf_aws_exchange_create(err);
    if (client->exchange == NULL) {
        mf_aws_client_destroy(client);
        return NULL;
    }
    return client;
}

void mf_aws_client_destroy(mf_aws_client *client)
{
    if (client == NULL)
        return;
    mf_aws_exchange_destroy(client->exchange);
    mf_aws_answer_free(&client->answer);
    mf_text_free(&client->url);
    mf_free(client);
}

const mf_aws_endpoint *mf_aws_client_endpoint(const mf_aws_client *client)
{
    return &client->caller.endpoint;
}

/* One request. False when it was not made, or has no success for an answer. */
static bool try_once(mf_aws_client *client, const mf_aws_call *call, mf_aws_failure *failure)
{
    mf_aws_credentials credentials;
    mf_aws_request request;
    if (!mf_aws_caller_prepare(&client->caller, call, client->url.bytes, &credentials, &request,
                               &client->answer, failure))
        return false;
    mf_aws_exchange_run(client->exchange, &request, &client->answer);
    return mf_aws_caller_judge(&client->caller, call, &client->answer, failure);
}

bool mf_aws_call_run(mf_aws_client *client, const mf_aws_call *call, const mf_aws_answer **answer,
                     mf_aws_failure *failure)
{
    *answer = &client->answer;
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    if (!mf_aws_caller_address(&client->caller, call, &client->url, failure))
        return false;
    while (!try_once(client, call, failure)) {
        const int64_t wait_ms = mf_aws_caller_wait_ms(&client->caller, call, failure);
        if (wait_ms < 0)
            return false;
        mf_clock_sleep_ms(wait_ms);
    }
    return true;
}

bool mf_aws_call_json(mf_aws_client *client, const mf_aws_json_call *call,
                      const mf_aws_answer **answer, mf_aws_failure *failure)
{
    const bool is_dynamodb = client->caller.endpoint.service == MF_AWS_DYNAMODB;
    const mf_aws_header headers[] = {
        {"Content-Type", is_dynamodb ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1"},
        {"X-Amz-Target", call->target},
    };
    const mf_aws_call post = {
        .subject = call->target,
        .path = "/",
        .headers = headers,
        .n_headers = sizeof headers / sizeof headers[0],
        .body = call->body,
        .n_body = call->n_body,
        .deadline_ms = call->deadline_ms,
        .once = call->once,
    };
    return mf_aws_call_run(client, &post, answer, failure);
}
