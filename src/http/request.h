/* request.h: one request: its memory, what was read of it, and the head of its response. The
 * getters and header functions of server.h are in request.c.
 *
 * (1) Views stay where they are until the response: the head is copied once, and values of
 *     headers are joined after that copy, in memory that is reserved for it.
 * (2) Every response has a status, a length (but 204 and 304), a Date and an X-Request-Id: the
 *     client's own when it sent a usable one, else a new one.
 * (3) No value can add a line to a head: control characters are refused in every header. */
#ifndef MF_HTTP_REQUEST_H
#define MF_HTTP_REQUEST_H

#include "base/error.h"
#include "http/access_log.h"
#include "http/loop.h"
#include "http/parse/body.h"
#include "http/parse/head.h"

/* From READING to SUSPENDED the request is pending: its handler owes a response. */
typedef enum mf_request_state {
    MF_REQUEST_UNCLAIMED,  /* without a route, or given up: the server itself responds */
    MF_REQUEST_READING,    /* on_head has been called, the body has not come */
    MF_REQUEST_DEFERRED,   /* whole, and waits for its turn in loop->deferred */
    MF_REQUEST_IN_HANDLER, /* handle is running */
    MF_REQUEST_WORKING,    /* mf_http_work */
    MF_REQUEST_WAITING,    /* mf_http_wait */
    MF_REQUEST_SUSPENDED,  /* mf_http_suspend */
    MF_REQUEST_READY,      /* was suspended; its response leaves in the next turn */
    MF_REQUEST_RESPONDED,
} mf_request_state;

struct mf_http_request {
    struct mf_connection *connection;
    mf_http_loop *loop;
    STAILQ_ENTRY(mf_http_request) free;

    char *bytes; /* [capacity] the head, its target decoded in place; joined headers follow */
    size_t capacity;
    size_t n_head;
    mf_head head;
    size_t n_joined; /* bytes of joined headers, after the head */
    int n_parameters;
    mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX];
    mf_http_method method;
    uint32_t route; /* n_routes: none */
    unsigned allowed;
    mf_http_view segment;
    mf_http_view path; /* as sent; of routes "*" only */
    mf_http_view query;
    void *user;
    mf_body body;

    mf_text response;
    mf_text headers;  /* whole lines, from mf_http_set_header */
    int64_t whole_us; /* when its last byte had come */
    mf_access_count log_counts[MF_ACCESS_COUNTS];
    uint64_t counted; /* of its memory, in the server's buffered_bytes */

    mf_request_state state;
    int ready_status; /* READY: the response */
    const char *ready_type;
    struct mf_request_queue *queue; /* deferred, work or woken; NULL: in none */
    TAILQ_ENTRY(mf_http_request) link;
    mf_http_slice *slice;
    void *slice_state;
    void (*destroy)(void *state); /* NULL: nothing to destroy */
};

static inline bool mf_request_is_pending(const mf_http_request *request)
{
    return request->state >= MF_REQUEST_READING && request->state <= MF_REQUEST_SUSPENDED;
}

/* The handler has responded, or the server. */
static inline bool mf_request_has_response(const mf_http_request *request)
{
    return request->state >= MF_REQUEST_READY;
}

/* Pooled. NULL without memory. */
MF_MUST_CHECK mf_http_request *mf_request_acquire(mf_http_loop *loop,
                                                  struct mf_connection *connection);
void mf_request_release(mf_http_request *request);
void mf_request_pool_free(mf_http_loop *loop);

/* Makes the request own a copy of its head. False without memory. */
MF_MUST_CHECK bool mf_request_keep_head(mf_http_request *request, const char *bytes,
                                        size_t n_bytes);

/* The route that it matched, or NULL. */
const mf_http_route *mf_request_route(const mf_http_request *request);

/* Ends a pending request without a response of the handler: calls on_disconnect. */
void mf_request_abort(mf_http_request *request);

/* Brings the server's buffered_bytes up to date with the memory that this request holds.
 * False when that is over the limit. */
bool mf_request_count(mf_http_request *request);

/* Before its response is counted as unsent. */
void mf_request_uncount(mf_http_request *request);

/* Replaces the response by the JSON of an error. */
void mf_request_write_error(mf_http_request *request, int status, const char *message);

/* Appends the head of the response to loop->out, then counts the response and puts it into the
 * access log. closes: with Connection: close. */
void mf_request_write_head(const mf_http_request *request, int status, const char *content_type,
                           bool closes);

#endif
