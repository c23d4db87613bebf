/* api.c: the four calls as unsigned requests over one connection of lambda/aws/request.h, whose wait
 * a stop ends. */
#include "lambda/runtime/api.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "lambda/aws/request.h"

#include <stdio.h>

enum {
    URL_BYTES = 512,
    EXCERPT_BYTES = 256,
    CONNECT_MS = 1000,        /* the service is on this machine            */
    WAIT_MS = 3600 * 1000,    /* the wait is repeated                      */
    POST_AFTER_STOP_MS = 250, /* of the 500 ms between SIGTERM and SIGKILL */
};

struct mf_lambda_api {
    mf_aws_connections *connections;
    mf_aws_response response;
    int stop_fd;
    char base[URL_BYTES / 2];
    char url[URL_BYTES];
};

mf_lambda_api *mf_lambda_api_create(const char *address, int stop_fd, mf_error *err)
{
    mf_lambda_api *api = mf_allocate(1, sizeof *api, "the Runtime API's client", err);
    if (api == NULL)
        return NULL;
    api->stop_fd = stop_fd;
    snprintf(api->base, sizeof api->base, "http://%s/2018-06-01/runtime", address);
    api->connections = mf_aws_connections_create(1, err);
    if (api->connections == NULL) {
        mf_free(api);
        return NULL;
    }
    return api;
}

void mf_lambda_api_destroy(mf_lambda_api *api)
{
    if (api == NULL)
        return;
    mf_aws_connections_destroy(api->connections);
    mf_aws_response_free(&api->response);
    mf_free(api);
}

/* Waits until the request is complete. False: a stop ended the wait. A POST that is under way at the
 * stop gets POST_AFTER_STOP_MS to arrive. */
static bool wait(const mf_lambda_api *api, bool is_post)
{
    int64_t give_up_ms = 0;
    for (;;) {
        int64_t wait_ms = WAIT_MS;
        const bool is_stopped = mf_stop_requested();
        if (is_stopped) {
            const int64_t now_ms = mf_clock_us() / 1000;
            if (give_up_ms == 0)
                give_up_ms = now_ms + (is_post ? POST_AFTER_STOP_MS : 0);
            wait_ms = give_up_ms - now_ms;
        }
        /* After a stop its descriptor stays readable: wait for the time only. */
        if (mf_aws_connections_wait(api->connections, wait_ms, is_stopped ? -1 : api->stop_fd) !=
            MF_AWS_NO_CONNECTION)
            return true;
        if (is_stopped)
            return false;
    }
}

/* Calls api->url. headers[n]: of a POST. */
static mf_lambda_api_result call(mf_lambda_api *api, const mf_aws_header *headers, size_t n,
                                 const char *body, size_t n_body, mf_error *err)
{
    const mf_where where = {api->url, 0, 0};
    mf_aws_response *response = &api->response;
    const mf_aws_request request = {
        .url = api->url,
        .headers = headers,
        .n_headers = n,
        .body = body,
        .n_body = n_body,
        .service = "",
        .connect_timeout_ms = CONNECT_MS,
        .once = body != NULL,
    };
    mf_aws_response_start(response, NULL, MF_LAMBDA_EVENT_BYTES);
    response->may_lack_length = body != NULL;
    mf_aws_connections_start(api->connections, 0, &request, response);
    if (!wait(api, body != NULL)) {
        mf_aws_connections_abort(api->connections, 0);
        return MF_LAMBDA_API_STOPPED;
    }
    if (response->transfer == MF_AWS_TRANSFER_TOO_LARGE && body == NULL)
        return MF_LAMBDA_API_OK;
    if (response->transfer != MF_AWS_TRANSFER_COMPLETE) {
        mf_fail(err, response->why.code, where, "%s", response->why.text);
        return MF_LAMBDA_API_LOST;
    }
    if (response->status >= 200 && response->status < 300)
        return MF_LAMBDA_API_OK;
    char excerpt[2 * EXCERPT_BYTES];
    const size_t n_bytes = response->body.n_bytes;
    mf_printable(excerpt, sizeof excerpt, response->body.bytes,
                 n_bytes < EXCERPT_BYTES ? n_bytes : EXCERPT_BYTES);
    mf_fail(err, MF_ERR_IO, where, "returned %d %s", response->status, excerpt);
    return response->status >= 500 ? MF_LAMBDA_API_BROKEN : MF_LAMBDA_API_REJECTED;
}

mf_lambda_api_result mf_lambda_api_next(mf_lambda_api *api, mf_lambda_next *next, mf_error *err)
{
    snprintf(api->url, sizeof api->url, "%s/invocation/next", api->base);
    const mf_lambda_api_result result = call(api, NULL, 0, NULL, 0, err);
    mf_lambda_next_read(next, &api->response);
    return result;
}

mf_lambda_api_result mf_lambda_api_respond(mf_lambda_api *api, const char *request_id,
                                           const char *body, size_t n_body, mf_error *err)
{
    static const mf_aws_header json = {"Content-Type", "application/json"};
    snprintf(api->url, sizeof api->url, "%s/invocation/%s/response", api->base, request_id);
    return call(api, &json, 1, body, n_body, err);
}

mf_lambda_api_result mf_lambda_api_report(mf_lambda_api *api, const char *request_id,
                                          const char *type, const char *body, size_t n_body,
                                          mf_error *err)
{
    const mf_aws_header headers[] = {
        {"Content-Type", "application/json"},
        {"Lambda-Runtime-Function-Error-Type", type},
    };
    if (request_id != NULL)
        snprintf(api->url, sizeof api->url, "%s/invocation/%s/error", api->base, request_id);
    else
        snprintf(api->url, sizeof api->url, "%s/init/error", api->base);
    return call(api, headers, 2, body, n_body, err);
}
