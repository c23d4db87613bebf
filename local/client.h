/* client.h: an HTTP client with one connection and one request at a time, for containers and for
 * the stand-in for Kinesis.
 *
 *     mf_local_client_begin(client);
 *     mf_local_client_add_header(client, "Accept", 6, "text/csv", 8);
 *     mf_local_client_add_body(client, bytes, n);
 *     if (!mf_local_client_post(client, "/invocations", done, context)) …
 *
 * (1) A request on a kept connection that ends without a response is sent once more, on a new
 *     connection. Only requests that may be made twice belong here.
 * (2) Host and Content-Length are added.
 *
 * It is libevent's evhttp. Threads: one. */
#ifndef MF_LOCAL_CLIENT_H
#define MF_LOCAL_CLIENT_H

#include "base/error.h"
#include "local/local_settings.h"

struct event_base;

typedef struct mf_local_client mf_local_client;

typedef enum mf_local_client_result {
    MF_LOCAL_CLIENT_RESPONDED,
    MF_LOCAL_CLIENT_TIMED_OUT,
    MF_LOCAL_CLIENT_TOO_LONG,
    MF_LOCAL_CLIENT_UNREACHABLE,
} mf_local_client_result;

/* Valid while done runs. */
typedef struct mf_local_client_response {
    mf_local_client_result result;
    int status; /* 0 without a response */
    const char *body;
    size_t n_body;
    void *headers; /* see mf_local_client_header */
} mf_local_client_response;

typedef void mf_local_client_done(void *context, const mf_local_client_response *response);

/* NULL without memory. Connects with the first request. timeout_s: for a whole response;
 * max_body_bytes: of a response. */
MF_MUST_CHECK mf_local_client *mf_local_client_create(struct event_base *base,
                                                      const mf_local_address *to, double timeout_s,
                                                      size_t max_body_bytes);

/* Cancels a request under way without calling done. NULL is fine. Not from within done. */
void mf_local_client_destroy(mf_local_client *client);

/* A request is under way. */
bool mf_local_client_is_busy(const mf_local_client *client);

/* Not while it is busy. */
void mf_local_client_begin(mf_local_client *client);
void mf_local_client_add_header(mf_local_client *client, const char *name, size_t n_name,
                                const char *value, size_t n_value);
void mf_local_client_add_body(mf_local_client *client, const char *bytes, size_t n_bytes);

/* target: path and query. done is called once, never before this returns; it may begin the next
 * request. False without memory. */
MF_MUST_CHECK bool mf_local_client_post(mf_local_client *client, const char *target,
                                        mf_local_client_done *done, void *context);

/* The same for a request without a body. */
MF_MUST_CHECK bool mf_local_client_get(mf_local_client *client, const char *target,
                                       mf_local_client_done *done, void *context);

/* The value of a header of the response; NULL when it has none of that name. */
const char *mf_local_client_header(const mf_local_client_response *response, const char *name);

#endif
