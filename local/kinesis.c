/* kinesis.c: promises in kinesis.h. */
#include "kinesis.h"

#include "kinesis_answer.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEAD_BYTES = 32 << 10, PATIENCE_S = 20 };

struct mf_kinesis {
    struct event_base *base;
    const mf_local_settings *settings;
    struct evhttp_connection *connection;
    struct event *again;
    bool busy, used_before, is_repeated, is_too_long;
    char operation[32];
    mf_text body;
    mf_kinesis_done *done;
    void *context;
};

static void finish(mf_kinesis *k, const mf_kinesis_answer *answer)
{
    k->busy = false;
    k->done(k->context, answer);
}

static bool send_request(mf_kinesis *k);

/* Outside of evhttp's callback, where a connection may be begun anew. */
static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    static const mf_kinesis_answer none = {.code = "", .body = ""};
    mf_kinesis *k = context;
    if (!send_request(k))
        finish(k, &none);
}

static void on_error(enum evhttp_request_error error, void *context)
{
    mf_kinesis *k = context;
    k->is_too_long = error == EVREQ_HTTP_DATA_TOO_LONG;
}

static void on_answer(struct evhttp_request *request, void *context)
{
    mf_kinesis *k = context;
    char code[MF_KINESIS_CODE_BYTES] = "";
    mf_kinesis_answer answer = {.code = code, .body = "", .is_too_long = k->is_too_long};
    if (request != NULL)
        answer.status = evhttp_request_get_response_code(request);
    if (answer.status == 0 && k->used_before && !k->is_repeated && !k->is_too_long) {
        k->is_repeated = true;
        event_active(k->again, 0, 0);
        return;
    }
    k->used_before = answer.status != 0;
    if (answer.status != 0) {
        struct evbuffer *body = evhttp_request_get_input_buffer(request);
        const size_t n = evbuffer_get_length(body);
        const char *bytes = n > 0 ? (const char *)evbuffer_pullup(body, -1) : NULL;
        if (bytes != NULL) {
            answer.body = bytes;
            answer.n_body = n;
        }
        if (answer.status != 200)
            mf_kinesis_read_code(answer.body, answer.n_body, code);
    }
    finish(k, &answer);
}

static bool send_request(mf_kinesis *k)
{
    char target[96], length[32], host[300];
    struct evhttp_request *request = evhttp_request_new(on_answer, k);
    if (request == NULL)
        return false;
    evhttp_request_set_error_cb(request, on_error);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    snprintf(target, sizeof target, "Kinesis_20131202.%s", k->operation);
    snprintf(length, sizeof length, "%zu", k->body.n_bytes);
    snprintf(host, sizeof host, "%s:%u", k->settings->kinesis_at.host,
             (unsigned)k->settings->kinesis_at.port);
    evhttp_add_header(headers, "Host", host);
    evhttp_add_header(headers, "Content-Type", "application/x-amz-json-1.1");
    evhttp_add_header(headers, "Content-Length", length);
    evhttp_add_header(headers, "X-Amz-Target", target);
    evhttp_add_header(headers, "X-Amz-Date", "20200101T000000Z");
    evhttp_add_header(headers, "Authorization",
                      "AWS4-HMAC-SHA256 Credential=local/20200101/us-east-1/kinesis/aws4_request, "
                      "SignedHeaders=host, Signature=00");
    evbuffer_add(evhttp_request_get_output_buffer(request), k->body.bytes, k->body.n_bytes);
    return evhttp_make_request(
               k->connection, request, EVHTTP_REQ_POST,
               k->settings->kinesis_at.base[0] != '\0' ? k->settings->kinesis_at.base : "/") == 0;
}

mf_kinesis *mf_kinesis_create(struct event_base *base, const mf_local_settings *settings)
{
    static const struct timeval patience = {PATIENCE_S, 0};
    mf_kinesis *k = calloc(1, sizeof *k);
    if (k == NULL)
        return NULL;
    k->base = base;
    k->settings = settings;
    k->connection = evhttp_connection_base_new(base, NULL, settings->kinesis_at.host,
                                               settings->kinesis_at.port);
    k->again = event_new(base, -1, 0, on_again, k);
    if (k->connection == NULL || k->again == NULL) {
        mf_kinesis_destroy(k);
        return NULL;
    }
    evhttp_connection_set_timeout_tv(k->connection, &patience);
    evhttp_connection_set_max_headers_size(k->connection, HEAD_BYTES);
    evhttp_connection_set_max_body_size(k->connection, MF_KINESIS_ANSWER_BYTES);
    return k;
}

/* evhttp tells a request of its connection's end. */
static void nobody(void *context, const mf_kinesis_answer *answer)
{
    (void)context;
    (void)answer;
}

void mf_kinesis_destroy(mf_kinesis *k)
{
    if (k == NULL)
        return;
    k->done = nobody;
    k->used_before = false;
    if (k->connection != NULL)
        evhttp_connection_free(k->connection);
    if (k->again != NULL)
        event_free(k->again);
    mf_text_free(&k->body);
    free(k);
}

bool mf_kinesis_call(mf_kinesis *k, const char *operation, mf_text *body, mf_kinesis_done *done,
                     void *context)
{
    if (k->busy || body->failed) {
        mf_text_free(body);
        return false;
    }
    snprintf(k->operation, sizeof k->operation, "%s", operation);
    mf_text_free(&k->body);
    k->body = *body;
    *body = MF_TEXT_EMPTY;
    k->done = done;
    k->context = context;
    k->busy = true;
    k->is_repeated = k->is_too_long = false;
    event_active(k->again, 0, 0);
    return true;
}

bool mf_kinesis_is_transient(const mf_kinesis_answer *answer)
{
    static const char *const codes[] = {"ProvisionedThroughputExceededException",
                                        "LimitExceededException", "KMSThrottlingException",
                                        "ThrottlingException"};
    if (answer->status == 0 || answer->status == 429 || answer->status >= 500)
        return true;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(answer->code, codes[i]) == 0)
            return true;
    return false;
}

uint32_t mf_kinesis_wait_ms(uint32_t n_failures)
{
    static const uint32_t FIRST_MS = 100, LONGEST_MS = 5000;
    return n_failures <= 6 ? FIRST_MS << (n_failures - 1) : LONGEST_MS;
}

char *mf_kinesis_reason(const mf_kinesis_answer *answer, char text[MF_KINESIS_REASON_BYTES])
{
    if (answer->status == 0)
        snprintf(text, MF_KINESIS_REASON_BYTES, "no answer");
    else if (answer->code[0] != '\0')
        snprintf(text, MF_KINESIS_REASON_BYTES, "%s", answer->code);
    else
        snprintf(text, MF_KINESIS_REASON_BYTES, "status %d", answer->status);
    return text;
}
