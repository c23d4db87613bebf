/* api.c: promises in api.h. */
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
    WAIT_MS = 3600 * 1000,     /* curl_multi_poll wants some number; then we wait anew */
    POST_AFTER_STOP_MS = 250,  /* of the 500 ms between SIGTERM and SIGKILL            */
    BUFFER_BYTES = 128 * 1024, /* fewer calls of the kernel for an event of 6 MiB      */
};

struct mf_api {
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers; /* of every POST */
    int stop_fd;
    char base[URL_BYTES / 2];
    char url[URL_BYTES];
    char words[CURL_ERROR_SIZE]; /* curl's about its last failure */
    char excerpt[EXCERPT_BYTES]; /* how the answer to a POST begins */
    size_t n_excerpt;
    bool once;       /* the call may be sent only once */
    unsigned n_sent; /* how often it was */
};

static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    mf_incoming_header(context, line, size * n);
    return size * n;
}

static size_t on_event(char *bytes, size_t size, size_t n, void *context)
{
    return mf_incoming_body(context, bytes, size * n) ? size * n : 0;
}

static size_t on_answer(char *bytes, size_t size, size_t n, void *context)
{
    mf_api *api = context;
    size_t room = sizeof api->excerpt - api->n_excerpt;
    if (room > size * n)
        room = size * n;
    memcpy(api->excerpt + api->n_excerpt, bytes, room);
    api->n_excerpt += room;
    return size * n;
}

/* curl asks before it sends a request, also before it sends one again. */
static int on_send(void *context, char *to, char *from, int to_port, int from_port)
{
    (void)to, (void)from, (void)to_port, (void)from_port;
    mf_api *api = context;
    return api->once && api->n_sent++ > 0 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* What holds for every call. */
static bool set_up(mf_api *api)
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
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, api->words) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, api) == CURLE_OK;
}

mf_api *mf_api_create(const char *address, int stop_fd, mf_error *err)
{
    mf_api *api = mf_allocate(1, sizeof *api, "the Runtime API's client", err);
    if (api == NULL)
        return NULL;
    api->stop_fd = stop_fd;
    snprintf(api->base, sizeof api->base, "http://%s/2018-06-01/runtime", address);
    /* The flags mean nothing since curl 7.57: OpenSSL is initialized in any case
     * (1 ms), with CURL_GLOBAL_NOTHING too. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        mf_free(api);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "libcurl cannot start");
        return NULL;
    }
    api->easy = curl_easy_init();
    api->multi = curl_multi_init();
    api->headers = curl_slist_append(NULL, "Content-Type: application/json");
    /* Or curl waits a second for a "100 Continue" before each body over 1 MiB. */
    if (api->easy == NULL || api->multi == NULL || api->headers == NULL ||
        curl_slist_append(api->headers, "Expect:") == NULL || !set_up(api)) {
        mf_api_destroy(api);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "libcurl cannot start");
        return NULL;
    }
    return api;
}

void mf_api_destroy(mf_api *api)
{
    if (api == NULL)
        return;
    curl_easy_cleanup(api->easy);
    curl_multi_cleanup(api->multi);
    curl_slist_free_all(api->headers);
    curl_global_cleanup();
    mf_free(api);
}

/* Performs the call on easy; true when it ran to its end, which is then in *code. A
 * POST that a stop finds on its way has POST_AFTER_STOP_MS to arrive.
 *
 * curl_easy_perform would do but for the stop: it looks up once a second. */
static bool perform(mf_api *api, bool is_post, CURLcode *code)
{
    double give_up = 0;
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
            const double now = mf_clock_seconds();
            if (give_up == 0)
                give_up = now + POST_AFTER_STOP_MS * 1e-3;
            wait_ms = (int)((give_up - now) * 1e3);
            if (!is_post || wait_ms <= 0)
                return false;
        }
        struct curl_waitfd stop = {.fd = api->stop_fd, .events = CURL_WAIT_POLLIN};
        /* Once raised it stays readable: then only the time counts. */
        curl_multi_poll(api->multi, &stop, give_up == 0 ? 1 : 0, wait_ms, NULL);
    }
    *code = CURLE_RECV_ERROR;
    int n_left;
    const CURLMsg *message = curl_multi_info_read(api->multi, &n_left);
    if (message != NULL && message->msg == CURLMSG_DONE)
        *code = message->data.result;
    return true;
}

static mf_api_outcome call(mf_api *api, bool is_post, long *status, mf_error *err)
{
    const mf_where where = {api->url, 0, 0};
    CURLcode code = curl_easy_setopt(api->easy, CURLOPT_URL, api->url);
    bool ended = true;
    api->words[0] = '\0';
    api->once = is_post;
    api->n_sent = 0;
    if (code == CURLE_OK) {
        if (curl_multi_add_handle(api->multi, api->easy) != CURLM_OK) {
            mf_fail(err, MF_ERR_MEMORY, where, "no memory for a call");
            return MF_API_LOST;
        }
        ended = perform(api, is_post, &code);
        curl_multi_remove_handle(api->multi, api->easy);
    }
    if (!ended)
        return MF_API_STOPPED;
    *status = 0;
    if (code == CURLE_ABORTED_BY_CALLBACK && api->n_sent > 1) {
        mf_fail(err, MF_ERR_IO, where, "the connection ended before an answer came");
        return MF_API_LOST;
    }
    if (code != CURLE_OK) {
        mf_fail(err, MF_ERR_IO, where, "curl error %d (%s)%s%s", (int)code,
                curl_easy_strerror(code), api->words[0] != '\0' ? ": " : "", api->words);
        return MF_API_LOST;
    }
    curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, status);
    return MF_API_OK;
}

/* Of a call that was answered. */
static mf_api_outcome judge(const mf_api *api, long status, const char *answer, size_t n,
                            mf_error *err)
{
    if (status >= 200 && status < 300)
        return MF_API_OK;
    char excerpt[2 * EXCERPT_BYTES];
    mf_printable(excerpt, sizeof excerpt, answer, n < EXCERPT_BYTES ? n : EXCERPT_BYTES);
    mf_fail(err, MF_ERR_IO, (mf_where){api->url, 0, 0}, "answered %ld %s", status, excerpt);
    return status >= 500 ? MF_API_BROKEN : MF_API_REFUSED;
}

mf_api_outcome mf_api_next(mf_api *api, mf_incoming *incoming, mf_error *err)
{
    CURL *easy = api->easy;
    mf_incoming_start(incoming);
    snprintf(api->url, sizeof api->url, "%s/invocation/next", api->base);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, incoming);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_event);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, incoming);
    long status = 0;
    const mf_api_outcome outcome = call(api, false, &status, err);
    /* The body was cut by ourselves; what came before it is good. */
    if (outcome == MF_API_LOST && incoming->too_large)
        return MF_API_OK;
    if (outcome != MF_API_OK)
        return outcome;
    return judge(api, status, incoming->event.bytes, incoming->event.n_bytes, err);
}

static mf_api_outcome post(mf_api *api, const struct curl_slist *headers, const char *body,
                           size_t n_body, mf_error *err)
{
    CURL *easy = api->easy;
    api->n_excerpt = 0;
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, n_body > 0 ? body : "");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n_body);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, NULL);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, NULL);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, api);
    long status = 0;
    const mf_api_outcome outcome = call(api, true, &status, err);
    if (outcome != MF_API_OK)
        return outcome;
    return judge(api, status, api->excerpt, api->n_excerpt, err);
}

mf_api_outcome mf_api_respond(mf_api *api, const char *request_id, const char *body, size_t n_body,
                              mf_error *err)
{
    snprintf(api->url, sizeof api->url, "%s/invocation/%s/response", api->base, request_id);
    return post(api, api->headers, body, n_body, err);
}

mf_api_outcome mf_api_report(mf_api *api, const char *request_id, const char *type,
                             const char *body, size_t n_body, mf_error *err)
{
    if (request_id != NULL)
        snprintf(api->url, sizeof api->url, "%s/invocation/%s/error", api->base, request_id);
    else
        snprintf(api->url, sizeof api->url, "%s/init/error", api->base);
    char header[128];
    snprintf(header, sizeof header, "Lambda-Runtime-Function-Error-Type: %s", type);
    /* One header in front of those of every POST. */
    struct curl_slist first = {header, api->headers};
    return post(api, &first, body, n_body, err);
}
