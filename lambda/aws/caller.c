/* caller.c: promises in caller.h. */
#include "lambda/aws/caller.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "lambda/aws/judge.h"
#include "lambda/aws/retry.h"

#include <string.h>
#include <unistd.h>

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

static bool is_signed(const mf_aws_caller *caller)
{
    return caller->endpoint.service != MF_AWS_PLAIN;
}

bool mf_aws_caller_start(mf_aws_caller *caller, const mf_aws_client_settings *settings,
                         mf_error *err)
{
    mf_aws_credentials credentials;
    *caller = (mf_aws_caller){.settings = *settings};
    if (settings->service == MF_AWS_PLAIN) {
        if (!mf_aws_endpoint_plain(settings->url_name, settings->url, &caller->endpoint, err))
            return false;
    } else if (!mf_aws_endpoint_choose(settings->service, &caller->endpoint, err) ||
               !mf_aws_credentials_read(&credentials, err)) {
        return false;
    }
    if (settings->timeout_ms == 0)
        caller->settings.timeout_ms = default_timeout_ms(settings->service);
    if (settings->connect_timeout_ms == 0)
        caller->settings.connect_timeout_ms = 2000;
    const uint64_t seed = settings->seed != 0
                              ? settings->seed
                              : (uint64_t)mf_clock_wall_ms() ^ ((uint64_t)getpid() << 32);
    caller->key = mf_random_key(seed, settings->service);
    return true;
}

static void append(mf_text *text, const char *piece)
{
    mf_text_append(text, piece, strlen(piece));
}

static bool make_url(const mf_aws_caller *caller, const mf_aws_call *call, mf_text *url,
                     mf_aws_failure *failure)
{
    const char *base = caller->endpoint.base;
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
static int64_t left_ms(const mf_aws_caller *caller, const mf_aws_call *call)
{
    if (call->deadline_ms == 0)
        return INT64_MAX;
    return call->deadline_ms - caller->settings.margin_ms - mf_clock_wall_ms();
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool mf_aws_caller_address(const mf_aws_caller *caller, const mf_aws_call *call, mf_text *url,
                           mf_aws_failure *failure)
{
    return check_headers(call, failure) && make_url(caller, call, url, failure);
}

bool mf_aws_caller_prepare(const mf_aws_caller *caller, const mf_aws_call *call, const char *url,
                           mf_aws_credentials *credentials, mf_aws_request *request,
                           mf_aws_answer *answer, mf_aws_failure *failure)
{
    const int64_t left = left_ms(caller, call);
    if (left < MF_AWS_MIN_TRY_MS) {
        if (failure->n_tries > 0)
            return false; /* the failure of the last try says more */
        mf_aws_fail(failure, MF_ERR_IO, "%s: no time is left to ask %s", call->subject,
                    mf_aws_service_name(caller->endpoint.service));
        failure->kind = MF_AWS_TIMED_OUT;
        return false;
    }
    mf_error err = {.code = MF_OK};
    *credentials = (mf_aws_credentials){.key_id = NULL};
    if (is_signed(caller) && !mf_aws_credentials_read(credentials, &err)) {
        mf_aws_fail(failure, err.code, "%s", err.text);
        failure->kind = MF_AWS_DENIED;
        failure->is_retriable = false;
        return false;
    }
    *request = (mf_aws_request){
        .url = url,
        .headers = call->headers,
        .n_headers = call->n_headers,
        .body = call->body,
        .n_body = call->n_body,
        .region = caller->endpoint.region,
        .service = caller->endpoint.signing_name,
        .credentials = credentials,
        .timeout_ms = smaller(caller->settings.timeout_ms, left),
        .connect_timeout_ms = smaller(caller->settings.connect_timeout_ms, left),
        .once = call->once,
    };
    mf_aws_answer_start(answer, call->sink,
                        call->max_answer_bytes > 0 ? call->max_answer_bytes : MF_AWS_ANSWER_BYTES);
    failure->n_tries++;
    return true;
}

bool mf_aws_caller_judge(const mf_aws_caller *caller, const mf_aws_call *call,
                         const mf_aws_answer *answer, mf_aws_failure *failure)
{
    mf_aws_credentials credentials;
    const bool has_credentials = is_signed(caller) && mf_aws_credentials_read(&credentials, NULL);
    return mf_aws_judge(answer, &caller->endpoint, call->subject,
                        has_credentials ? &credentials : NULL, failure);
}

static void log_retry(const mf_aws_caller *caller, const mf_aws_failure *failure, int64_t wait_ms)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_WARNING, "aws_retry");
    mf_log_text(&line, "service", mf_aws_service_name(caller->endpoint.service));
    mf_log_text(&line, "kind", mf_aws_kind_name(failure->kind));
    mf_log_count(&line, "try", failure->n_tries);
    mf_log_count(&line, "wait_ms", (uint64_t)wait_ms);
    mf_log_text(&line, "message", failure->error.text);
    mf_log_end(&line);
}

int64_t mf_aws_caller_wait_ms(mf_aws_caller *caller, const mf_aws_call *call,
                              const mf_aws_failure *failure)
{
    const double u = (double)mf_random_unit(caller->key, caller->n_waits++);
    const int64_t wait_ms = mf_aws_retry_wait_ms(failure, caller->endpoint.service, call->once, u,
                                                 left_ms(caller, call));
    if (wait_ms >= 0)
        log_retry(caller, failure, wait_ms);
    return wait_ms;
}
