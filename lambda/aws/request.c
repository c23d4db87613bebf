/* request.c: each slot of the pool has one easy handle of libcurl, reset for every request; the
 * multi handle owns the connections and lets any slot use any of them.
 *
 *     start: set all options ─▶ curl_multi_add_handle ─▶ UNDER_WAY
 *     wait:  curl_multi_perform, curl_multi_poll … ─▶ done ─▶ read code, reset ─▶ IDLE
 *
 * A request that could not begin is FAILED until wait reports it. */
#include "lambda/aws/request.h"

#include "base/clock.h"
#include "base/memory.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { BUFFER_BYTES = 128 << 10 /* fewer system calls for an event of 6 MiB */ };

typedef enum slot_state { IDLE, UNDER_WAY, FAILED } slot_state;

typedef struct slot {
    CURL *easy;
    slot_state state;
    struct curl_slist *headers; /* of the request under way, as is response */
    mf_aws_response *response;
    char curl_message[CURL_ERROR_SIZE];
    bool once;
    unsigned n_sent; /* how often libcurl sent the request */
} slot;

struct mf_aws_connections {
    CURLM *multi;
    size_t n_slots;
    size_t n_under_way;
    int64_t used_ms; /* wall clock when the last request ended; 0: there was none */
    slot slots[];
};

/* ------------------------------------------------------------------------- options */

static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    return mf_aws_response_take_header(context, line, size * n) ? size * n : 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    return mf_aws_response_take_body(context, bytes, size * n) ? size * n : 0;
}

/* libcurl calls this before it sends a request, also before it sends it again. */
static int on_send(void *context, char *to, char *from, int to_port, int from_port)
{
    (void)to, (void)from, (void)to_port, (void)from_port;
    slot *s = context;
    return s->n_sent++ > 0 && s->once ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* Appends "name: value"; false without memory. */
static bool add_header(struct curl_slist **list, mf_text *line, const char *name, const char *value)
{
    mf_text_clear(line, SIZE_MAX);
    mf_text_append(line, name, strlen(name));
    mf_text_literal(line, ": ");
    mf_text_append(line, value, strlen(value));
    mf_text_append(line, "", 1);
    struct curl_slist *longer = line->failed ? NULL : curl_slist_append(*list, line->bytes);
    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

static bool make_headers(const mf_aws_request *request, struct curl_slist **list)
{
    mf_text line = MF_TEXT_EMPTY;
    /* libcurl 7.88 would sign this header, which removes "Expect: 100-continue". */
    bool ok = request->service[0] != '\0' || (*list = curl_slist_append(NULL, "Expect:")) != NULL;
    for (size_t i = 0; i < request->n_headers && ok; i++)
        ok = add_header(list, &line, request->headers[i].name, request->headers[i].value);
    if (ok && request->service[0] != '\0' && request->credentials->token != NULL)
        ok = add_header(list, &line, "X-Amz-Security-Token", request->credentials->token);
    mf_text_free(&line);
    return ok;
}

#define SET(option, value) (curl_easy_setopt(easy, CURLOPT_##option, (value)) == CURLE_OK)

static bool set_peer(CURL *easy, const mf_aws_request *request)
{
    const char *ca_bundle = mf_aws_ca_bundle();
    /* After a name that is not found libcurl keeps the buffer, which has this size already, and refuses
     * the option. */
    (void)SET(BUFFERSIZE, (long)BUFFER_BYTES);
    /* QUICK_EXIT: without it a name resolution that hangs is waited for after the timeout. */
    return SET(URL, request->url) && SET(PATH_AS_IS, 1L) && SET(PROTOCOLS_STR, "http,https") &&
           SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) && SET(FOLLOWLOCATION, 0L) &&
           SET(SSL_VERIFYPEER, 1L) && SET(SSL_VERIFYHOST, 2L) &&
           SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           (ca_bundle == NULL || SET(CAINFO, ca_bundle)) &&
           (strncasecmp(request->url, "https:", 6) == 0 || SET(PROXY, "")) &&
           SET(SUPPRESS_CONNECT_HEADERS, 1L) && SET(NOSIGNAL, 1L) && SET(QUICK_EXIT, 1L) &&
           SET(TIMEOUT_MS, (long)request->timeout_ms) &&
           SET(CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms) &&
           SET(MAXAGE_CONN, (long)MF_AWS_IDLE_MS / 1000);
}

static bool set_signature(CURL *easy, const mf_aws_request *request)
{
    char provider[160];
    if (request->service[0] == '\0')
        return true;
    const int n =
        snprintf(provider, sizeof provider, "aws:amz:%s:%s", request->region, request->service);
    /* USERNAME and PASSWORD, not USERPWD, which would split a key at a colon. */
    return n > 0 && (size_t)n < sizeof provider && SET(AWS_SIGV4, provider) &&
           SET(USERNAME, request->credentials->key_id) &&
           SET(PASSWORD, request->credentials->secret);
}

static bool set_content(slot *s, const mf_aws_request *request)
{
    CURL *easy = s->easy;
    const bool has_body = request->body != NULL;
    /* The handle was reset: a GET has no POSTFIELDS left to be hashed. */
    return SET(HTTPHEADER, s->headers) && SET(USERAGENT, "movie-recommender/" MF_VERSION) &&
           SET(ERRORBUFFER, s->curl_message) && SET(HEADERFUNCTION, on_header) &&
           SET(HEADERDATA, s->response) && SET(WRITEFUNCTION, on_body) &&
           SET(WRITEDATA, s->response) && SET(PREREQFUNCTION, on_send) && SET(PREREQDATA, s) &&
           (has_body ? SET(POST, 1L) && SET(POSTFIELDSIZE_LARGE, (curl_off_t)request->n_body) &&
                           SET(POSTFIELDS, request->n_body > 0 ? request->body : "") &&
                           SET(EXPECT_100_TIMEOUT_MS, 1L)
                     : SET(HTTPGET, 1L));
}

/* ------------------------------------------------------------------------- results */

static mf_aws_transfer transfer_of(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return MF_AWS_TRANSFER_NOT_CONNECTED;
    case CURLE_OPERATION_TIMEDOUT:
        return MF_AWS_TRANSFER_TIMED_OUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return MF_AWS_TRANSFER_UNTRUSTED;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return MF_AWS_TRANSFER_LOCAL;
    default: /* reset, cut off, not HTTP */
        return MF_AWS_TRANSFER_BROKEN;
    }
}

static void explain(const slot *s, CURLcode code)
{
    mf_aws_response *response = s->response;
    if (code == CURLE_OK || response->has_enough)
        return;
    if (response->transfer == MF_AWS_TRANSFER_COMPLETE)
        response->transfer = transfer_of(code);
    if (code == CURLE_ABORTED_BY_CALLBACK && s->n_sent > 1)
        mf_fail(&response->why, MF_ERR_IO, MF_NOWHERE,
                "the connection ended before a response came");
    mf_fail(&response->why, response->transfer == MF_AWS_TRANSFER_LOCAL ? MF_ERR_MEMORY : MF_ERR_IO,
            MF_NOWHERE, "curl error %d (%s)%s%s", (int)code, curl_easy_strerror(code),
            s->curl_message[0] != '\0' ? ": " : "", s->curl_message);
}

static void end(mf_aws_connections *connections, slot *s, CURLcode code)
{
    curl_off_t before_sending_us = 0;
    if (s->state == UNDER_WAY)
        curl_multi_remove_handle(connections->multi, s->easy);
    curl_easy_getinfo(s->easy, CURLINFO_PRETRANSFER_TIME_T, &before_sending_us);
    s->response->was_sent = before_sending_us > 0;
    explain(s, code);
    /* The handle keeps neither the secret nor pointers into the caller's memory. */
    curl_easy_reset(s->easy);
    curl_slist_free_all(s->headers);
    s->headers = NULL;
    s->response = NULL;
    s->state = IDLE;
    connections->n_under_way--;
    connections->used_ms = mf_clock_wall_ms();
}

/* ---------------------------------------------------------------------------- pool */

static bool open_multi(mf_aws_connections *connections)
{
    connections->multi = curl_multi_init();
    return connections->multi != NULL && curl_multi_setopt(connections->multi, CURLMOPT_MAXCONNECTS,
                                                           (long)connections->n_slots) == CURLM_OK;
}

mf_aws_connections *mf_aws_connections_create(size_t n, mf_error *err)
{
    const size_t n_slots = n < MF_AWS_CONNECTIONS_MOST ? n : MF_AWS_CONNECTIONS_MOST;
    mf_aws_connections *connections =
        mf_allocate(1, sizeof *connections + n_slots * sizeof(slot), "connections to AWS", err);
    if (connections == NULL)
        return NULL;
    connections->n_slots = n_slots;
    bool ok = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    for (size_t i = 0; ok && i < n_slots; i++)
        ok = (connections->slots[i].easy = curl_easy_init()) != NULL;
    if (!ok || !open_multi(connections)) {
        mf_aws_connections_destroy(connections);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "libcurl cannot start");
        return NULL;
    }
    return connections;
}

void mf_aws_connections_destroy(mf_aws_connections *connections)
{
    if (connections == NULL)
        return;
    for (size_t i = 0; i < connections->n_slots; i++)
        mf_aws_connections_abort(connections, i);
    /* Before the easy handles: the multi closes connections through a handle of its own. */
    curl_multi_cleanup(connections->multi);
    for (size_t i = 0; i < connections->n_slots; i++)
        curl_easy_cleanup(connections->slots[i].easy);
    curl_global_cleanup();
    mf_free(connections);
}

void mf_aws_connections_abort(mf_aws_connections *connections, size_t i)
{
    if (connections->slots[i].state != IDLE)
        end(connections, &connections->slots[i], CURLE_ABORTED_BY_CALLBACK);
}

/* Promise (6). The multi owns the connections: they close with it. */
static bool drop_stale(mf_aws_connections *connections)
{
    const int64_t idle_ms = mf_clock_wall_ms() - connections->used_ms;
    const bool is_fresh = connections->n_under_way > 0 || connections->used_ms == 0 ||
                          (idle_ms >= 0 && idle_ms < MF_AWS_IDLE_MS);
    if (is_fresh && connections->multi != NULL)
        return true;
    curl_multi_cleanup(connections->multi);
    return open_multi(connections);
}

void mf_aws_connections_start(mf_aws_connections *connections, size_t i,
                              const mf_aws_request *request, mf_aws_response *response)
{
    slot *s = &connections->slots[i];
    const bool is_ready = drop_stale(connections);
    s->curl_message[0] = '\0';
    s->response = response;
    s->once = request->once;
    s->n_sent = 0;
    const bool has_begun = is_ready && make_headers(request, &s->headers) &&
                           set_peer(s->easy, request) && set_signature(s->easy, request) &&
                           set_content(s, request) &&
                           curl_multi_add_handle(connections->multi, s->easy) == CURLM_OK;
    s->state = has_begun ? UNDER_WAY : FAILED;
    connections->n_under_way++;
}

/* Ends one request that is complete by now and returns its slot. */
static size_t end_one(mf_aws_connections *connections)
{
    for (size_t i = 0; i < connections->n_slots; i++)
        if (connections->slots[i].state == FAILED) {
            end(connections, &connections->slots[i], CURLE_OUT_OF_MEMORY);
            return i;
        }
    int n_left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(connections->multi, &n_left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        for (size_t i = 0; i < connections->n_slots; i++)
            if (connections->slots[i].easy == message->easy_handle) {
                end(connections, &connections->slots[i], message->data.result);
                return i;
            }
    }
    return MF_AWS_NO_CONNECTION;
}

size_t mf_aws_connections_wait(mf_aws_connections *connections, int64_t timeout_ms, int stop_fd)
{
    enum { LONGEST_POLL_MS = 3600 * 1000 };
    const int64_t until_ms = mf_clock_us() / 1000 + timeout_ms;
    struct curl_waitfd stop = {.fd = stop_fd, .events = CURL_WAIT_POLLIN};
    while (connections->n_under_way > 0) {
        int n_running;
        curl_multi_perform(connections->multi, &n_running);
        const size_t done = end_one(connections);
        const int64_t left_ms = until_ms - mf_clock_us() / 1000;
        if (done != MF_AWS_NO_CONNECTION || left_ms <= 0 || stop.revents != 0)
            return done;
        curl_multi_poll(connections->multi, &stop, stop_fd >= 0 ? 1 : 0,
                        (int)(left_ms < LONGEST_POLL_MS ? left_ms : LONGEST_POLL_MS), NULL);
    }
    return MF_AWS_NO_CONNECTION;
}
