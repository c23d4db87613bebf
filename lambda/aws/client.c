/* client.c: each call is WAITING for its time and a free connection, UNDER_WAY, or DONE; a try
 * that failed and may be repeated makes it WAITING again.
 *
 *     WAITING ──start──▶ UNDER_WAY ──success, or no further try──▶ DONE
 *        ▲                   │
 *        └──── due later ────┘                                                     */
#include "lambda/aws/client.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"

#include <string.h>
#include <unistd.h>

typedef enum call_state { WAITING, UNDER_WAY, DONE } call_state;

/* A call of the present run; its memory is kept for the next run. */
typedef struct pending {
    mf_aws_response response;
    mf_aws_credentials credentials;
    mf_text url;
    int64_t due_ms; /* monotonic clock: when its next try may begin */
    call_state state;
} pending;

struct mf_aws_client {
    mf_aws_client_settings settings;
    mf_aws_endpoint endpoint;
    uint64_t random_key; /* of the waits */
    uint64_t n_waits;
    mf_aws_connections *connections;
    size_t call_of[MF_AWS_CONNECTIONS_MOST]; /* [n_connections]; NONE: the connection is free */
    pending *calls;                          /* [capacity], at least one */
    size_t capacity;
};

#define NONE SIZE_MAX

static int64_t now_ms(void)
{
    return mf_clock_us() / 1000;
}

/* -------------------------------------------------------------------------- create */

static int64_t default_timeout_ms(mf_aws_service service)
{
    switch (service) {
    case MF_AWS_SAGEMAKER_RUNTIME: /* a container has 60 s to respond */
        return 70000;
    case MF_AWS_S3:
        return 60000;
    default:
        return 10000;
    }
}

static bool is_signed(const mf_aws_client *client)
{
    return client->endpoint.service != MF_AWS_PLAIN;
}

static bool choose_endpoint(const mf_aws_client_settings *settings, mf_aws_endpoint *endpoint,
                            mf_error *err)
{
    mf_aws_credentials credentials;
    if (settings->service == MF_AWS_PLAIN)
        return mf_aws_endpoint_plain(settings->url_name, settings->url, endpoint, err);
    return mf_aws_endpoint_choose(settings->service, endpoint, err) &&
           mf_aws_credentials_read(&credentials, err);
}

static void complete_settings(mf_aws_client_settings *settings)
{
    if (settings->timeout_ms == 0)
        settings->timeout_ms = default_timeout_ms(settings->service);
    if (settings->connect_timeout_ms == 0)
        settings->connect_timeout_ms = 2000;
    if (settings->seed == 0)
        settings->seed = (uint64_t)mf_clock_wall_ms() ^ ((uint64_t)getpid() << 32);
    if (settings->n_connections == 0)
        settings->n_connections = 1;
    if (settings->n_connections > MF_AWS_CONNECTIONS_MOST)
        settings->n_connections = MF_AWS_CONNECTIONS_MOST;
}

static bool reserve(mf_aws_client *client, size_t n, mf_error *err)
{
    void *block = client->calls;
    if (n <= client->capacity)
        return true;
    if (!mf_reallocate(&block, client->capacity, n, sizeof *client->calls, "calls", err))
        return false;
    client->calls = block;
    client->capacity = n;
    return true;
}

mf_aws_client *mf_aws_client_create(const mf_aws_client_settings *settings, mf_error *err)
{
    mf_aws_endpoint endpoint;
    if (!choose_endpoint(settings, &endpoint, err))
        return NULL;
    mf_aws_client *client = mf_allocate(1, sizeof *client, "a client of AWS", err);
    if (client == NULL)
        return NULL;
    client->settings = *settings;
    client->endpoint = endpoint;
    complete_settings(&client->settings);
    client->random_key = mf_random_key(client->settings.seed, settings->service);
    for (size_t i = 0; i < client->settings.n_connections; i++)
        client->call_of[i] = NONE;
    client->connections = mf_aws_connections_create(client->settings.n_connections, err);
    if (client->connections == NULL || !reserve(client, 1, err)) {
        mf_aws_client_destroy(client);
        return NULL;
    }
    return client;
}

void mf_aws_client_destroy(mf_aws_client *client)
{
    if (client == NULL)
        return;
    mf_aws_connections_destroy(client->connections);
    for (size_t i = 0; i < client->capacity; i++) {
        mf_aws_response_free(&client->calls[i].response);
        mf_text_free(&client->calls[i].url);
    }
    mf_free(client->calls);
    mf_free(client);
}

const mf_aws_endpoint *mf_aws_client_endpoint(const mf_aws_client *client)
{
    return &client->endpoint;
}

/* ------------------------------------------------------------------- check, address */

static void append(mf_text *text, const char *piece)
{
    mf_text_append(text, piece, strlen(piece));
}

static bool make_url(const mf_aws_client *client, const mf_aws_call *call, mf_text *url,
                     mf_aws_failure *failure)
{
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

/* Keeps away from libcurl 7.88 what it would sign wrongly or not at all. */
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

/* Prepares the run of n calls. A call that is invalid is DONE with its failure. */
static void prepare(mf_aws_client *client, const mf_aws_call *calls, size_t n,
                    mf_aws_result *results)
{
    mf_error err = {.code = MF_OK};
    const bool has_memory = reserve(client, n, &err);
    for (size_t i = 0; i < n; i++) {
        mf_aws_failure *failure = &results[i].failure;
        results[i] = (mf_aws_result){.ok = false};
        if (!has_memory) {
            mf_aws_fail(failure, err.code, "%s", err.text);
            continue;
        }
        pending *p = &client->calls[i];
        const bool ok =
            check_headers(&calls[i], failure) && make_url(client, &calls[i], &p->url, failure);
        p->state = ok ? WAITING : DONE;
        p->due_ms = 0;
    }
}

/* ------------------------------------------------------------------------- one try */

/* Milliseconds until the caller needs the response; INT64_MAX: it does not say. */
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

/* Makes the request of the next try and counts it. False when there is no time for it, or there
 * are no credentials. */
static bool make_request(const mf_aws_client *client, const mf_aws_call *call, pending *p,
                         mf_aws_request *request, mf_aws_failure *failure)
{
    const int64_t left = left_ms(client, call);
    if (left < MF_AWS_MIN_TRY_MS) {
        if (failure->n_tries > 0)
            return false; /* the failure of the last try says more */
        mf_aws_fail(failure, MF_ERR_IO, "%s: no time is left to call %s", call->subject,
                    mf_aws_service_name(client->endpoint.service));
        failure->kind = MF_AWS_TIMED_OUT;
        return false;
    }
    mf_error err = {.code = MF_OK};
    p->credentials = (mf_aws_credentials){.key_id = NULL};
    if (is_signed(client) && !mf_aws_credentials_read(&p->credentials, &err)) {
        mf_aws_fail(failure, err.code, "%s", err.text);
        failure->kind = MF_AWS_DENIED;
        failure->is_retriable = false;
        return false;
    }
    *request = (mf_aws_request){
        .url = p->url.bytes,
        .headers = call->headers,
        .n_headers = call->n_headers,
        .body = call->body,
        .n_body = call->n_body,
        .region = client->endpoint.region,
        .service = client->endpoint.signing_name,
        .credentials = &p->credentials,
        .timeout_ms = smaller(client->settings.timeout_ms, left),
        .connect_timeout_ms = smaller(client->settings.connect_timeout_ms, left),
    };
    mf_aws_response_start(&p->response, call->sink,
                          call->max_response_bytes > 0 ? call->max_response_bytes
                                                       : MF_AWS_RESPONSE_BYTES);
    failure->n_tries++;
    return true;
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

/* The call's request is complete: a success, a failure, or a reason to try again. */
static void finish_try(mf_aws_client *client, const mf_aws_call *call, pending *p,
                       mf_aws_result *result)
{
    mf_aws_credentials credentials;
    const bool has_credentials = is_signed(client) && mf_aws_credentials_read(&credentials, NULL);
    p->state = DONE;
    result->ok = mf_aws_classify_response(&p->response, &client->endpoint, call->subject,
                                          has_credentials ? &credentials : NULL, &result->failure);
    if (result->ok)
        return;
    const double u = (double)mf_random_unit(client->random_key, client->n_waits++);
    const int64_t wait_ms =
        mf_aws_retry_wait_ms(&result->failure, client->endpoint.service, u, left_ms(client, call));
    if (wait_ms < 0)
        return;
    log_retry(client, &result->failure, wait_ms);
    p->state = WAITING;
    p->due_ms = now_ms() + wait_ms;
}

/* ------------------------------------------------------------------------ all calls */

static size_t free_connection(const mf_aws_client *client)
{
    for (size_t i = 0; i < client->settings.n_connections; i++)
        if (client->call_of[i] == NONE)
            return i;
    return NONE;
}

/* Starts what is due while connections are free. Returns when the next call is due, INT64_MAX
 * when none waits for its time. */
static int64_t start_due(mf_aws_client *client, const mf_aws_call *calls, size_t n,
                         mf_aws_result *results)
{
    const int64_t now = now_ms();
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        pending *p = &client->calls[i];
        mf_aws_request request;
        if (p->state != WAITING)
            continue;
        if (p->due_ms > now) {
            next_ms = smaller(p->due_ms, next_ms);
            continue;
        }
        const size_t connection = free_connection(client);
        if (connection == NONE)
            return INT64_MAX; /* the end of a request wakes us */
        if (!make_request(client, &calls[i], p, &request, &results[i].failure)) {
            p->state = DONE;
            continue;
        }
        results[i].response = &p->response;
        p->state = UNDER_WAY;
        client->call_of[connection] = i;
        mf_aws_connections_start(client->connections, connection, &request, &p->response);
    }
    return next_ms;
}

static bool is_under_way(const mf_aws_client *client)
{
    for (size_t i = 0; i < client->settings.n_connections; i++)
        if (client->call_of[i] != NONE)
            return true;
    return false;
}

void mf_aws_call_many(mf_aws_client *client, const mf_aws_call *calls, size_t n,
                      mf_aws_result *results)
{
    enum { LONGEST_WAIT_MS = 60000 };
    prepare(client, calls, n, results);
    if (n > client->capacity)
        return;
    for (;;) {
        const int64_t next_ms = start_due(client, calls, n, results);
        const int64_t wait_ms = next_ms == INT64_MAX ? LONGEST_WAIT_MS : next_ms - now_ms();
        const size_t done =
            mf_aws_connections_wait(client->connections, wait_ms > 0 ? wait_ms : 0, -1);
        if (done != MF_AWS_NO_CONNECTION) {
            const size_t i = client->call_of[done];
            client->call_of[done] = NONE;
            finish_try(client, &calls[i], &client->calls[i], &results[i]);
        } else if (!is_under_way(client)) {
            if (next_ms == INT64_MAX)
                return;
            if (wait_ms > 0)
                mf_clock_sleep_ms(wait_ms);
        }
    }
}

bool mf_aws_call_run(mf_aws_client *client, const mf_aws_call *call,
                     const mf_aws_response **response, mf_aws_failure *failure)
{
    mf_aws_result result;
    mf_aws_call_many(client, call, 1, &result);
    *response = &client->calls[0].response;
    *failure = result.failure;
    return result.ok;
}

bool mf_aws_call_json(mf_aws_client *client, const char *target, const mf_text *body,
                      int64_t deadline_ms, const mf_aws_response **response,
                      mf_aws_failure *failure)
{
    const bool is_dynamodb = client->endpoint.service == MF_AWS_DYNAMODB;
    const mf_aws_header headers[] = {
        {"Content-Type", is_dynamodb ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1"},
        {"X-Amz-Target", target},
    };
    const mf_aws_call post = {
        .subject = target,
        .path = "/",
        .headers = headers,
        .n_headers = sizeof headers / sizeof headers[0],
        .body = body->bytes,
        .n_body = body->n_bytes,
        .deadline_ms = deadline_ms,
    };
    return mf_aws_call_run(client, &post, response, failure);
}
