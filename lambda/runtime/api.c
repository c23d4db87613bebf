/* api.c: one easy handle of libcurl for all four calls, run by a multi handle, because
 * curl_multi_poll can also wait for the stop descriptor. */
#include "lambda/runtime/api.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

enum {
    URL_BYTES = 512,
    EXCERPT_BYTES = 256,
    CONNECT_MS = 1000,         /* the service is on this machine                       */
    WAIT_MS = 3600 * 1000,     /* the wait is repeated: curl_multi_poll needs a limit */
    POST_AFTER_STOP_MS = 250,  /* of the 500 ms between SIGTERM and SIGKILL            */
    BUFFER_BYTES = 128 * 1024, /* fewer system calls for an event of 6 MiB      */
};

struct mf_lambda_api {
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers; /* of every POST */
    int stop_fd;
    char base[URL_BYTES / 2];
    char url[URL_BYTES];
    char curl_message[CURL_ERROR_SIZE]; /* about its last failure */
    char excerpt[EXCERPT_BYTES];        /* the beginning of the response to a POST */
    size_t n_excerpt;
    bool once;       /* the call may be sent only once */
    unsigned n_sent; /* how often it was */
};

static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    mf_lambda_next_header(context, line, size * n);
    return size * n;
}

static size_t on_event(char *bytes, size_t size, size_t n, void *context)
{
    return mf_lambda_next_body(context, bytes, size * n) ? size * n : 0;
}

static size_t on_response_body(char *bytes, size_t size, size_t n, void *context)
{
    mf_lambda_api *api = context;
    size_t n_kept = sizeof api->excerpt - api->n_excerpt;
    if (n_kept > size * n)
        n_kept = size * n;
    memcpy(api->excerpt + api->n_excerpt, bytes, n_kept);
    api->n_excerpt += n_kept;
    return size * n;
}

/* libcurl calls this before it sends a request, also before it sends one again. */
static int on_send(void *context, char *to, char *from, int to_port, int from_port)
{
    (void)to, (void)from, (void)to_port, (void)from_port;
    mf_lambda_api *api = context;
    return api->once && api->n_sent++ > 0 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* The options of every call. */
static bool set_up(mf_lambda_api *api)
{
    CURL *easy = api->easy;
    return curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "movie-recommender/" MF_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, api->curl_message) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, api) == CURLE_OK;
}

mf_lambda_api *mf_lambda_api_create(const char *address, int stop_fd, mf_error *err)
{
    mf_lambda_api *api = mf_allocate(1, sizeof *api, "the Runtime API's client", err);
    if (api == NULL)
        return NULL;
    api->stop_fd = stop_fd;
    snprintf(api->base, sizeof api->base, "http://%s/2018-06-01/runtime", address);
    /* curl ignores the flags since 7.57: it always initializes OpenSSL (1 ms). */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        mf_free(api);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "libcurl cannot start");
        return NULL;
    }
    api->easy = curl_easy_init();
    api->multi = curl_multi_init();
    api->headers = curl_slist_append(NULL, "Content-Type: application/json");
    /* Without "Expect:" curl waits a second for a "100 Continue" before a body over 1 MiB. */
    if (api->easy == NULL || api->multi == NULL || api->headers == NULL ||
        curl_slist_append(api->headers, "Expect:") == NULL || !set_up(api)) {
        mf_lambda_api_destroy(api);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "libcurl cannot start");
        return NULL;
    }
    return api;
}

void mf_lambda_api_destroy(mf_lambda_api *api)
{
    if (api == NULL)
        return;
    curl_easy_cleanup(api->easy);
    curl_multi_cleanup(api->multi);
    curl_slist_free_all(api->headers);
    curl_global_cleanup();
    mf_free(api);
}

/* Performs the call; true when it is complete, with its result in *code, false when a stop ended
 * it. A POST that is under way at the stop gets POST_AFTER_STOP_MS to arrive.
 *
 * curl_easy_perform would notice a stop only once a second. */
static bool perform(mf_lambda_api *api, bool is_post, CURLcode *code)
{
    int64_t give_up_us = 0;
    int n_running = 1;
    while (true) {
        const CURLMcode done = curl_multi_perform(api->multi, &n_running);
        if (done != CURLM_OK) {
            *code = CURLE_OUT_OF_MEMORY;
            return true;
        }
        if (n_running == 0)
            break;
        int wait_ms = WAIT_MS;
        if (mf_stop_requested()) {
            const int64_t now_us = mf_clock_us();
            if (give_up_us == 0)
                give_up_us = now_us + POST_AFTER_STOP_MS * 1000;
            wait_ms = (int)((give_up_us - now_us) / 1000);
            if (!is_post || wait_ms <= 0)
                return false;
        }
        struct curl_waitfd stop = {.fd = api->stop_fd, .events = CURL_WAIT_POLLIN};
        /* Once the stop was noticed its descriptor stays readable: wait for the time only. */
        curl_multi_poll(api->multi, &stop, give_up_us == 0 ? 1 : 0, wait_ms, NULL);
    }
    *code = CURLE_RECV_ERROR;
    int n_left;
    const CURLMsg *message = curl_multi_info_read(api->multi, &n_left);
    if (message != NULL && message->msg == CURLMSG_DONE)
        *code = message->data.result;
    return true;
}

static mf_lambda_api_result call(mf_lambda_api *api, bool is_post, long *status, mf_error *err)
{
    const mf_where where = {api->url, 0, 0};
    CURLcode code = curl_easy_setopt(api->easy, CURLOPT_URL, api->url);
    bool ended = true;
    api->curl_message[0] = '\0';
    api->once = is_post;
    api->n_sent = 0;
    if (code == CURLE_OK) {
        if (curl_multi_add_handle(api->multi, api->easy) != CURLM_OK) {
            mf_fail(err, MF_ERR_MEMORY, where, "no memory for a call");
            return MF_LAMBDA_API_LOST;
        }
        ended = perform(api, is_post, &code);
        curl_multi_remove_handle(api->multi, api->easy);
    }
    if (!ended)
        return MF_LAMBDA_API_STOPPED;
    *status = 0;
    if (code == CURLE_ABORTED_BY_CALLBACK && api->n_sent > 1) {
        mf_fail(err, MF_ERR_IO, where, "the connection ended before a response came");
        return MF_LAMBDA_API_LOST;
    }
    if (code != CURLE_OK) {
        mf_fail(err, MF_ERR_IO, where, "curl error %d (%s)%s%s", (int)code,
                curl_easy_strerror(code), api->curl_message[0] != '\0' ? ": " : "",
                api->curl_message);
        return MF_LAMBDA_API_LOST;
    }
    curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, status);
    return MF_LAMBDA_API_OK;
}

/* Of a call that got a whole response. */
static mf_lambda_api_result classify_response(const mf_lambda_api *api, long status,
                                              const char *body, size_t n, mf_error *err)
{
    if (status >= 200 && status < 300)
        return MF_LAMBDA_API_OK;
    char excerpt[2 * EXCERPT_BYTES];
    mf_printable(excerpt, sizeof excerpt, body, n < EXCERPT_BYTES ? n : EXCERPT_BYTES);
    mf_fail(err, MF_ERR_IO, (mf_where){api->url, 0, 0}, "returned %ld %s", status, excerpt);
    return status >= 500 ? MF_LAMBDA_API_BROKEN : MF_LAMBDA_API_REJECTED;
}

mf_lambda_api_result mf_lambda_api_next(mf_lambda_api *api, mf_lambda_next *next, mf_error *err)
{
    CURL *easy = api->easy;
    mf_lambda_next_start(next);
    snprintf(api->url, sizeof api->url, "%s/invocation/next", api->base);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, next);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_event);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, next);
    long status = 0;
    const mf_lambda_api_result result = call(api, false, &status, err);
    /* on_event cut the body off; the headers are complete. */
    if (result == MF_LAMBDA_API_LOST && next->too_large)
        return MF_LAMBDA_API_OK;
    if (result != MF_LAMBDA_API_OK)
        return result;
    return classify_response(api, status, next->event.bytes, next->event.n_bytes, err);
}

static mf_lambda_api_result post(mf_lambda_api *api, const struct curl_slist *headers,
                                 const char *body, size_t n_body, mf_error *err)
{
    CURL *easy = api->easy;
    api->n_excerpt = 0;
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, n_body > 0 ? body : "");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n_body);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, NULL);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, NULL);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_response_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, api);
    long status = 0;
    const mf_lambda_api_result result = call(api, true, &status, err);
    if (result != MF_LAMBDA_API_OK)
        return result;
    return classify_response(api, status, api->excerpt, api->n_excerpt, err);
}

mf_lambda_api_result mf_lambda_api_respond(mf_lambda_api *api, const char *request_id,
                                           const char *body, size_t n_body, mf_error *err)
{
    snprintf(api->url, sizeof api->url, "%s/invocation/%s/response", api->base, request_id);
    return post(api, api->headers, body, n_body, err);
}

mf_lambda_api_result mf_lambda_api_report(mf_lambda_api *api, const char *request_id,
                                          const char *type, const char *body, size_t n_body,
                                          mf_error *err)
{
    if (request_id != NULL)
        snprintf(api->url, sizeof api->url, "%s/invocation/%s/error", api->base, request_id);
    else
        snprintf(api->url, sizeof api->url, "%s/init/error", api->base);
    char header[128];
    snprintf(header, sizeof header, "Lambda-Runtime-Function-Error-Type: %s", type);
    /* One more header before those of every POST. */
    struct curl_slist first = {header, api->headers};
    return post(api, &first, body, n_body, err);
}
