/* web.h: an HTTP/1.1 server on one event loop, whose answers may come at any time.
 *
 * Why not libevent's evhttp, as on the client's side (endpoints.c): the Runtime API moves
 * its state when the head of a response is there, before its body; and a `next` that is
 * held for hours must notice that its client has gone. evhttp hands out whole requests only
 * and does not look at a connection that waits for its answer. The grammar is that of
 * src/http (head.h, chunks.h).
 *
 *     begin    the head is there, the body may not be: may be NULL. For decisions that
 *              must not wait for the body; it does not answer
 *     handle   the request is whole. Answer it now or keep the pointer and answer later
 *     gone     the client went away before it was answered; the pointer is good for nothing
 *              after this. Called for requests with a user pointer only
 *
 * (1) One request of a connection at a time; what a client sends behind it waits.
 * (2) What begin and handle see stays where it is until the answer.
 * (3) Heads over max_head_bytes, and what is no HTTP, are refused with {"message":…} and
 *     the connection is closed. A body over max_body_bytes is read and thrown away, and
 *     handle is told (mf_local_web_overflowed): who refuses it is still understood.
 * (4) At most max_connections; more are closed at once.
 *
 * Threads: one, that of the event loop. */
#ifndef MF_LOCAL_WEB_H
#define MF_LOCAL_WEB_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;

typedef struct mf_local_web_server mf_local_web_server;
typedef struct mf_local_web_request mf_local_web_request;

/* bytes is NULL when there is no such thing. */
typedef struct mf_local_web_view {
    const char *bytes;
    size_t n_bytes;
} mf_local_web_view;

typedef struct mf_local_web_handler {
    void (*begin)(void *context, mf_local_web_request *request);
    void (*handle)(void *context, mf_local_web_request *request);
    void (*gone)(void *context, mf_local_web_request *request);
    void *context;
    bool ends_at_fin; /* a client that has ended its side is gone; else it may still read */
} mf_local_web_handler;

typedef struct mf_local_web_limits {
    size_t max_head_bytes;
    size_t max_body_bytes;
    uint32_t max_connections;
} mf_local_web_limits;

/* Listens on a numeric address; port 0 is any free one. NULL and MF_ERR_IO, MF_ERR_MEMORY. */
mf_local_web_server *mf_local_web_create(struct event_base *base, const char *address,
                                         uint16_t port, const mf_local_web_handler *handler,
                                         const mf_local_web_limits *limits, mf_error *err);

uint16_t mf_local_web_port(const mf_local_web_server *server);

/* Ends every connection; gone is not called. Not from begin, handle or gone. */
void mf_local_web_drop(mf_local_web_server *server);

/* Ends every connection, with gone where there is something to tell, and stops listening. NULL
 * is fine. */
void mf_local_web_destroy(mf_local_web_server *server);

/* ------------------------------------------------------------------ requests */

mf_local_web_view mf_local_web_method(const mf_local_web_request *request);
mf_local_web_view mf_local_web_path(const mf_local_web_request *request); /* as sent */
mf_local_web_view
mf_local_web_query(const mf_local_web_request *request); /* as sent, without '?' */

/* The first header of that name (given in lower case). */
mf_local_web_view mf_local_web_header(const mf_local_web_request *request, const char *name);

/* Header i as it was sent; false when there are no more. */
bool mf_local_web_header_at(const mf_local_web_request *request, size_t i, mf_local_web_view *name,
                            mf_local_web_view *value);

/* Bytes of the request line and all headers. */
size_t mf_local_web_head_bytes(const mf_local_web_request *request);

/* The whole body, without chunks; empty when it overflowed. Only in handle and later. */
mf_local_web_view mf_local_web_body(const mf_local_web_request *request);
bool mf_local_web_overflowed(const mf_local_web_request *request);

/* The client's numeric address. */
const char *mf_local_web_peer(const mf_local_web_request *request);

/* What belongs to the request; NULL at first. */
void mf_local_web_set_user(mf_local_web_request *request, void *user);
void *mf_local_web_user(const mf_local_web_request *request);

static inline bool mf_local_web_equals(mf_local_web_view view, const char *text)
{
    return view.bytes != NULL && view.n_bytes == strlen(text) &&
           memcmp(view.bytes, text, view.n_bytes) == 0;
}

/* ------------------------------------------------------------------- answers */

/* Appends "name: value". One whose value could add a line or is no field value is left
 * out, and false returned. */
bool mf_local_web_add_header(mf_text *headers, const char *name, const char *value, size_t n_value);

/* Sends the answer; the request is over. headers may be NULL, body is copied. Content-Length
 * is added, and nothing else. */
void mf_local_web_reply(mf_local_web_request *request, int status, const mf_text *headers,
                        const char *body, size_t n_body);

#endif
