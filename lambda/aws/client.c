/* client.c: promises in client.h. */
#include "lambda/aws/client.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "lambda/aws/judge.h"
#include "lambda/aws/retry.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct mf_aws_client {
    mf_aws_client_settings settings;
    mf_aws_endpoint endpoint;
    mf_aws_exchange *exchange;
    mf_aws_answer answer;
    mf_text url;
    uint64_t key; /* of the random waits */
    uint64_t n_waits;
};

static int64_t default_timeout_ms(mf_aws_service service)
{
    switch (service) {
    case MF_AWS_SAGEMAKER_RUNTIME: /* a container has 60 s to answer */
        return 70000;
    case MF_AWS_S3:
        return 60000;
    default:
        return 10000;
    }
}

mf_aws_client *mf_aws_client_create(const mf_aws_client_settings *settings, mf_error *err)
{
    mf_aws_credentials credentials;
    mf_aws_endpoint endpoint;
    if (!mf_aws_endpoint_choose(settings->service, &endpoint, err) ||
        !mf_aws_credentials_read(&credentials, err))
        return NULL;
    mf_aws_client *client = mf_allocate(1, sizeof *client, "a client of AWS", err);
    if (client == NULL)
        return NULL;
    client->settings = *settings;
    client->endpoint = endpoint;
    if (settings->timeout_ms == 0)
        client->settings.timeout_ms = default_timeout_ms(settings->service);
    if (settings->connect_timeout_ms == 0)
        client->settings.connect_timeout_ms = 2000;
    const uint64_t seed = settings->seed != 0
                              ? settings->seed
                              : (uint64_t)mf_clock_wall_ms() ^ ((uint64_t)getpid() << 32);
    client->key = mf_random_key(seed, settings->service);
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
    return &client->endpoint;
}

static void append(mf_text *text, const char *piece)
{
    mf_text_append(text, piece, strlen(piece));
}

static bool make_url(mf_aws_client *client, const mf_aws_call *call, mf_aws_failure *failure)
{
    mf_text *url = &client->url;
    const char *base = client->endpoint.base;
    mf_text_clear(url, 4096);
    if (call->host_prefix != NULL) {
        const char *host = strstr(base, "://") + 3;
        mf_text_append(url, base, (size_t)(host - base));
        append(url, call->host_prefix);
        mf_text_literal(url, ".");
        append(url, host);
    } else {
        append(url, base);
    }
    append(url, call->path);
    mf_text_append(url, "", 1);
    return !url->failed || mf_aws_fail(failure, MF_ERR_MEMORY, "no memory for a URL");
}

/* What libcurl 7.88 signs wrongly or not at all never reaches it. */
static bool check_headers(const mf_aws_call *call, mf_aws_failure *failure)
{
    if (call->n_headers > MF_AWS_CALL_HEADERS)
        return mf_aws_fail(failure, MF_ERR_ARGUMENT, "%zu headers are too many", call->n_headers);
    for (size_t i = 0; i < call->n_headers; i++) {
        const char *value = call->headers[i].value;
        const size_t n = strlen(value);
        if (n == 0 || value[0] == ' ' || value[n - 1] == ' ')
            return mf_aws_fail(failure, MF_ERR_ARGUMENT, "%s is empty or has a blank at an end",
                               call->headers[i].name);
        for (size_t k = 0; k < n; k++)
            if (value[k] < ' ' || value[k] > '~')
                return mf_aws_fail(failure, MF_ERR_ARGUMENT,
                                   "%s has a byte that is not visible ASCII",
                                   call->headers[i].name);
    }
    return true;
}

/* Milliseconds until the caller needs the answer; INT64_MAX: it does not say. */
static int64_t left_ms(const mf_aws_client *client, const mf_aws_call *call)
{
    if (call->deadline_ms == 0)
        return INT64_MAX;
    return call->deadline_ms - client->settings.margin_ms - mf_clock_wall_ms();
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* One request. False when it was not made, or has no success for an answer. */
static bool try_once(mf_aws_client *client, const mf_aws_call *call, mf_aws_failure *failure)
{
    const int64_t left = left_ms(client, call);
    if (left < MF_AWS_MIN_TRY_MS) {
        const uint32_t n_tries = failure->n_tries;
        if (n_tries > 0)
            return false; /* the failure of the last try says more */
        mf_aws_fail(failure, MF_ERR_IO, "%s: no time is left to ask %s", call->subject,
                    mf_aws_service_name(client->endpoint.service));
        failure->kind = MF_AWS_TIMED_OUT;
        return false;
    }
    mf_aws_credentials credentials;
    mf_error err = {.code = MF_OK};
    if (!mf_aws_credentials_read(&credentials, &err)) {
        mf_aws_fail(failure, err.code, "%s", err.text);
        failure->kind = MF_AWS_DENIED;
        failure->is_retriable = false;
        return false;
    }
    const mf_aws_request request = {
        .url = client->url.bytes,
        .headers = call->headers,
        .n_headers = call->n_headers,
        .body = call->body,
        .n_body = call->n_body,
        .region = client->endpoint.region,
        .service = client->endpoint.signing_name,
        .credentials = &credentials,
        .timeout_ms = smaller(client->settings.timeout_ms, left),
        .connect_timeout_ms = smaller(client->settings.connect_timeout_ms, left),
        .once = call->once,
    };
    mf_aws_answer_start(&client->answer, call->sink,
                        call->max_answer_bytes > 0 ? call->max_answer_bytes : MF_AWS_ANSWER_BYTES);
    failure->n_tries++;
    mf_aws_exchange_run(client->exchange, &request, &client->answer);
    return mf_aws_judge(&client->answer, &client->endpoint, call->subject, &credentials, failure);
}

static void sleep_ms(int64_t wait_ms)
{
    struct timespec left = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static void log_retry(const mf_aws_client *client, const mf_aws_failure *failure, int64_t wait_ms)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_WARNING, "aws_retry");
    mf_log_text(&line, "service", mf_aws_service_name(client->endpoint.service));
    mf_log_text(&line, "kind", mf_aws_kind_name(failure->kind));
    mf_log_count(&line, "try", failure->n_tries);
    mf_log_count(&line, "wait_ms", (uint64_t)wait_ms);
    mf_log_text(&line, "message", failure->error.text);
    mf_log_end(&line);
}

bool mf_aws_call_run(mf_aws_client *client, const mf_aws_call *call, const mf_aws_answer **answer,
                     mf_aws_failure *failure)
{
    *answer = &client->answer;
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    if (!check_headers(call, failure) || !make_url(client, call, failure))
        return false;
    while (!try_once(client, call, failure)) {
        const double u = (double)mf_random_unit(client->key, client->n_waits++);
        const int64_t wait_ms = mf_aws_retry_wait_ms(failure, client->endpoint.service, call->once,
                                                     u, left_ms(client, call));
        if (wait_ms < 0)
            return false;
        log_retry(client, failure, wait_ms);
        sleep_ms(wait_ms);
    }
    return true;
}

bool mf_aws_call_json(mf_aws_client *client, const mf_aws_json_call *call,
                      const mf_aws_answer **answer, mf_aws_failure *failure)
{
    const bool is_dynamodb = client->endpoint.service == MF_AWS_DYNAMODB;
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
