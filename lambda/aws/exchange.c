/* exchange.c: promises in exchange.h. */
#include "lambda/aws/exchange.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lambda/aws/exchange_steps.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

mf_aws_exchange *mf_aws_exchange_create(mf_error *err)
{
    mf_aws_exchange *exchange = mf_allocate(1, sizeof *exchange, "a connection to AWS", err);
    if (exchange == NULL)
        return NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        mf_free(exchange);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "libcurl cannot start");
        return NULL;
    }
    exchange->easy = curl_easy_init();
    if (exchange->easy == NULL) {
        mf_aws_exchange_destroy(exchange);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "libcurl cannot start");
        return NULL;
    }
    return exchange;
}

void mf_aws_exchange_destroy(mf_aws_exchange *exchange)
{
    if (exchange == NULL)
        return;
    curl_easy_cleanup(exchange->easy);
    curl_global_cleanup();
    mf_free(exchange);
}

static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    return mf_aws_answer_take_header(context, line, size * n) ? size * n : 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    return mf_aws_answer_take_body(context, bytes, size * n) ? size * n : 0;
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
    bool ok = true;
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
    /* QUICK_EXIT: or a look-up of a name that hangs is waited for after the timeout. */
    return SET(URL, request->url) && SET(PATH_AS_IS, 1L) && SET(PROTOCOLS_STR, "http,https") &&
           SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) && SET(FOLLOWLOCATION, 0L) &&
           SET(SSL_VERIFYPEER, 1L) && SET(SSL_VERIFYHOST, 2L) &&
           SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           (ca_bundle == NULL || SET(CAINFO, ca_bundle)) &&
           (strncasecmp(request->url, "https:", 6) == 0 || SET(PROXY, "")) &&
           SET(SUPPRESS_CONNECT_HEADERS, 1L) && SET(NOSIGNAL, 1L) && SET(QUICK_EXIT, 1L) &&
           SET(TIMEOUT_MS, (long)request->timeout_ms) &&
           SET(CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
}

/* One connection is kept: when a new one takes the place of an old one, the old one is
 * closed and cannot come back. */
static bool set_connection(mf_aws_exchange *exchange, const mf_aws_request *request)
{
    CURL *easy = exchange->easy;
    const int64_t idle_ms = mf_clock_wall_ms() - exchange->used_ms;
    const bool is_stale = idle_ms < 0 || idle_ms >= MF_AWS_IDLE_MS;
    return SET(MAXCONNECTS, 1L) && SET(MAXAGE_CONN, (long)MF_AWS_IDLE_MS / 1000) &&
           SET(FRESH_CONNECT, request->once || is_stale ? 1L : 0L);
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

static bool set_content(mf_aws_exchange *exchange, const mf_aws_request *request,
                        const struct curl_slist *headers, mf_aws_answer *answer)
{
    CURL *easy = exchange->easy;
    const bool has_body = request->body != NULL;
    /* The handle was reset: a GET has no POSTFIELDS left to be hashed. */
    return SET(HTTPHEADER, headers) && SET(USERAGENT, "movie-recommender/" MF_VERSION) &&
           SET(ERRORBUFFER, exchange->words) && SET(HEADERFUNCTION, on_header) &&
           SET(HEADERDATA, answer) && SET(WRITEFUNCTION, on_body) && SET(WRITEDATA, answer) &&
           (has_body ? SET(POST, 1L) && SET(POSTFIELDSIZE_LARGE, (curl_off_t)request->n_body) &&
                           SET(POSTFIELDS, request->n_body > 0 ? request->body : "") &&
                           SET(EXPECT_100_TIMEOUT_MS, 1L)
                     : SET(HTTPGET, 1L));
}

static mf_aws_ending ending_of(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return MF_AWS_ENDED_UNCONNECTED;
    case CURLE_OPERATION_TIMEDOUT:
        return MF_AWS_ENDED_TIMED_OUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return MF_AWS_ENDED_UNTRUSTED;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return MF_AWS_ENDED_LOCALLY;
    default: /* reset, cut off, not HTTP */
        return MF_AWS_ENDED_LOST;
    }
}

static void explain(mf_aws_exchange *exchange, CURLcode code, mf_aws_answer *answer)
{
    if (code == CURLE_OK || answer->has_enough)
        return;
    if (answer->ending == MF_AWS_ENDED_WHOLE)
        answer->ending = ending_of(code);
    mf_fail(&answer->why, answer->ending == MF_AWS_ENDED_LOCALLY ? MF_ERR_MEMORY : MF_ERR_IO,
            MF_NOWHERE, "curl error %d (%s)%s%s", (int)code, curl_easy_strerror(code),
            exchange->words[0] != '\0' ? ": " : "", exchange->words);
}

bool mf_aws_exchange_begin(mf_aws_exchange *exchange, const mf_aws_request *request,
                           mf_aws_answer *answer)
{
    curl_easy_reset(exchange->easy); /* all options, but not the connection */
    exchange->words[0] = '\0';
    exchange->answer = answer;
    return make_headers(request, &exchange->headers) && set_peer(exchange->easy, request) &&
           set_connection(exchange, request) && set_signature(exchange->easy, request) &&
           set_content(exchange, request, exchange->headers, answer);
}

void mf_aws_exchange_end(mf_aws_exchange *exchange, CURLcode code)
{
    curl_off_t before_sending_us = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_PRETRANSFER_TIME_T, &before_sending_us);
    exchange->answer->was_sent = before_sending_us > 0;
    explain(exchange, code, exchange->answer);
    exchange->used_ms = mf_clock_wall_ms();
    /* Neither the secret nor pointers to what is the caller's stay behind. */
    curl_easy_reset(exchange->easy);
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
    exchange->answer = NULL;
}

void mf_aws_exchange_run(mf_aws_exchange *exchange, const mf_aws_request *request,
                         mf_aws_answer *answer)
{
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (mf_aws_exchange_begin(exchange, request, answer))
        code = curl_easy_perform(exchange->easy);
    mf_aws_exchange_end(exchange, code);
}
