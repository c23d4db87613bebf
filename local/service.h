/* service.h: what the AWS services of local-cloud have in common: error responses, request
 * identifiers, JSON strings, times.
 *
 * Threads: one. */
#ifndef MF_LOCAL_SERVICE_H
#define MF_LOCAL_SERVICE_H

#include "base/error.h"
#include "base/text.h"
#include "http/server.h"

#include <string.h>
#include <sys/time.h>

struct event;  /* libevent's */
struct json_t; /* jansson's */

enum {
    MF_LOCAL_ALL_METHODS = MF_HTTP_GET | MF_HTTP_HEAD | MF_HTTP_POST | MF_HTTP_PUT |
                           MF_HTTP_DELETE | MF_HTTP_OPTIONS | MF_HTTP_OTHER,
};

/* A server with one route for every path, on the caller's loop. Heads may have 16 KiB. NULL and
 * MF_ERR_ARGUMENT, MF_ERR_IO, MF_ERR_MEMORY. */
MF_MUST_CHECK mf_http_server *mf_local_server_create(struct event_base *base, const char *address,
                                                     uint16_t port, const mf_http_route *route,
                                                     void *context, uint64_t max_body_bytes,
                                                     uint32_t max_connections, mf_error *err);

/* The user pointer of a request whose response is still to come, and the first member of the
 * state of that request. */
typedef struct mf_local_pending {
    void (*gone)(struct mf_local_pending *pending); /* the client went away */
} mf_local_pending;

/* Sends a response; its headers were added before. */
void mf_local_respond(mf_http_request *request, int status, const char *body, size_t n_body);

/* Adds a header to the response; one that is malformed is left out. */
void mf_local_add_header(mf_http_request *request, const char *name, const char *value);
void mf_local_add_header_bytes(mf_http_request *request, const char *name, const char *value,
                               size_t n_value);

/* Adds x-amzn-RequestId and Content-Type: application/json. */
void mf_local_service_add_headers(mf_http_request *request, const char *request_id);

static inline bool mf_local_equals(mf_http_view view, const char *text)
{
    return view.bytes != NULL && view.n_bytes == strlen(text) &&
           memcmp(view.bytes, text, view.n_bytes) == 0;
}

/* Cuts prefix off the view; false, and the view as it was, when it begins otherwise. */
static inline bool mf_local_take_prefix(mf_http_view *view, const char *prefix)
{
    const size_t n = strlen(prefix);
    if (view->n_bytes < n || memcmp(view->bytes, prefix, n) != 0)
        return false;
    *view = (mf_http_view){view->bytes + n, view->n_bytes - n};
    return true;
}

/* Responds with an error in the form of AWS's services: {"message":…} and the header
 * x-amzn-ErrorType. */
void mf_local_service_refuse(mf_http_request *request, int status, const char *type,
                             const char *message);

/* The same for a service whose message has the name `key` and whose body has more members:
 * members is JSON that ends with a comma, or empty. */
void mf_local_service_refuse_with(mf_http_request *request, int status, const char *type,
                                  const char *members, const char *key, const char *message);

/* NAME of the path PREFIX/NAME/suffix, percent-decoded. False when the path has another form or
 * the name is too long. */
MF_MUST_CHECK bool mf_local_service_name(mf_http_view path, const char *prefix, const char *suffix,
                                         char *name, size_t name_size);

enum {
    MF_LOCAL_UUID_BYTES = 37,
    MF_LOCAL_TRACE_BYTES = 80,
    MF_LOCAL_SHORT_ID_BYTES = 17,
};

/* A random UUID, version 4. Returns out. No identifier is a secret. */
char *mf_local_uuid(char out[MF_LOCAL_UUID_BYTES]);

/* An X-Ray header: Root=1-<time>-<96 bits>;Parent=<64 bits>;Sampled=0. Not sampled, because
 * there is no X-Ray here. Returns out. */
char *mf_local_trace(char out[MF_LOCAL_TRACE_BYTES]);

/* 16 random hexadecimal digits. Returns out. */
char *mf_local_short_id(char out[MF_LOCAL_SHORT_ID_BYTES]);

/* Appends a value of jansson's as compact JSON and releases it; a NULL value fails the text. */
void mf_local_json_append(mf_text *text, struct json_t *value);

/* The bytes as a JSON string of jansson's; each byte that is not UTF-8 becomes U+FFFD. NULL without
 * memory. */
MF_MUST_CHECK struct json_t *mf_local_json_text(const char *bytes, size_t n);

/* The timer's event comes once, after that time instead of a time that was set before; never after
 * INFINITY, at once after a negative one. */
void mf_local_start_timer(struct event *timer, double seconds);

/* Seconds for libevent. */
struct timeval mf_local_timeval(double seconds);

#endif
