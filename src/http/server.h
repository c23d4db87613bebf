/* server.h: an HTTP/1.1 server on libevent, one loop per thread.
 *
 * Every thread has an event loop and a listening socket of its own on the same
 * port (SO_REUSEPORT); the kernel spreads connections over them. A request is
 * read, handled and answered by the loop that accepted it, so that nothing on its
 * way needs a lock.
 *
 *     static const mf_http_route routes[] = {
 *         {"/ping", MF_HTTP_GET | MF_HTTP_HEAD | MF_HTTP_POST, answer_ping, .quiet = true},
 *         {"/invocations", MF_HTTP_POST, answer_invocations},
 *         {"/internal/recommend/{user_id}", MF_HTTP_GET, answer_recommend},
 *     };
 *
 * (1) Everything is bounded: connections, the head and the body of a request, all
 *     bodies together, work that waits, and the time for each of them. Over a
 *     limit the client gets a status that says which, never silence, and nobody
 *     else notices.
 * (2) A handler sees whole requests only: head and body checked against RFC 9112,
 *     chunks joined, gzip unpacked. What could be read in two ways (two lengths,
 *     a length and chunks, a blank before a colon, a bare CR) is refused with 400
 *     and the connection closed.
 * (3) Answers leave in the order of their requests (pipelining), each with
 *     Content-Length and a status; errors are JSON (mf_http_refuse).
 * (4) No connection delays another: reading is by what has come, writing by what
 *     the socket takes, and long work is done in slices between them.
 * (5) A request that was taken is answered before the server stops.
 *
 * Follows RFC 9110 and RFC 9112. HTTP/1.0 is understood, HTTP/2 is not.
 *
 * Threads: create, start, each_loop, drain and destroy belong to one thread; the
 * functions on a request to the handler that was given it. */
#ifndef MF_HTTP_SERVER_H
#define MF_HTTP_SERVER_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------------------ requests */

typedef enum mf_http_method { /* bits, so that a route can name several */
                              MF_HTTP_GET = 1,
                              MF_HTTP_HEAD = 2,
                              MF_HTTP_POST = 4,
                              MF_HTTP_PUT = 8,
                              MF_HTTP_DELETE = 16,
                              MF_HTTP_OPTIONS = 32,
                              MF_HTTP_OTHER = 64, /* a method that we have no name for */
} mf_http_method;

typedef struct mf_http_request mf_http_request;

/* A view into the request, valid until it is answered. bytes is NULL when there
 * is no such thing. */
typedef struct mf_http_view {
    const char *bytes;
    size_t n_bytes;
} mf_http_view;

mf_http_method mf_http_get_method(const mf_http_request *request);

/* The value of the first header of that name (any case), blanks around it
 * dropped. A list header that came several times is one value, joined by ", ". */
mf_http_view mf_http_get_header(const mf_http_request *request, const char *name);

/* The part of the path where the route has {…}, percent-decoded. */
mf_http_view mf_http_get_segment(const mf_http_request *request);

/* A parameter of the query string by its name, both percent-decoded and + as a
 * blank; the first when it came twice. A query that cannot be decoded never
 * reaches a handler (400). */
mf_http_view mf_http_get_parameter(const mf_http_request *request, const char *name);

/* Parameter i of the query string, for handlers that refuse what they do not
 * know. False when there are no more. */
bool mf_http_get_parameter_at(const mf_http_request *request, size_t i, mf_http_view *name,
                              mf_http_view *value);

/* The body, whole, without chunks and gzip. */
mf_http_view mf_http_get_body(const mf_http_request *request);

/* Which loop this is, 0 … n_threads - 1: for what a handler keeps per thread. */
uint32_t mf_http_get_loop(const mf_http_request *request);

/* ------------------------------------------------------------------- answers */

/* The body of the answer, empty at first. Append to it, then call mf_http_reply.
 * Its memory belongs to the loop and is used again. */
mf_text *mf_http_answer(mf_http_request *request);

/* A header of the answer. One whose value holds anything but visible ASCII and
 * inner blanks, or that is over 1,024 bytes, is left out: no value can add a line. */
void mf_http_set_header(mf_http_request *request, const char *name, const char *value,
                        size_t n_bytes);

/* Sends what mf_http_answer holds. content_type NULL: none (for empty bodies).
 * For HEAD the length is sent and the body is not. If the answer ran out of
 * memory a 503 is sent instead. The request is gone when this returns. */
void mf_http_reply(mf_http_request *request, int status, const char *content_type);

/* Throws away what mf_http_answer holds and sends
 *     {"error":{"code":"bad_request","message":"…"}}
 * with the code that belongs to the status. The message is one plain sentence
 * that says what to send instead, shorter than 960 bytes; it is made printable.
 * 405 takes its Allow header from the route. The request is gone. */
__attribute__((format(printf, 3, 4))) void mf_http_refuse(mf_http_request *request, int status,
                                                          const char *format, ...);

/* ---------------------------------------------------------------- long work */

/* One slice, about a millisecond. Returns false while more is to do; before it
 * returns true it has answered the request. */
typedef bool mf_http_slice(mf_http_request *request, void *state);

/* Instead of an answer: `slice` is called again and again, between everything
 * else that the loop has to do, oldest request first. `destroy` is called exactly
 * once, after the last slice, or early when the client goes away, the time
 * allowed for an answer is over (the server then answers 503) or the server must
 * stop. When too much waits already the request is refused with 503 at once and
 * state destroyed. */
void mf_http_work(mf_http_request *request, mf_http_slice *slice, void *state,
                  void (*destroy)(void *state));

/* -------------------------------------------------------------------- routes */

typedef struct mf_http_route {
    const char *path; /* exact, or ending in one segment in braces: "/x/{id}" */
    unsigned methods; /* mf_http_method bits; others get 405 with Allow */
    void (*handle)(mf_http_request *request, void *context);
    bool quiet; /* answers below 400 are not logged (health checks) */
} mf_http_route;

enum { MF_HTTP_ROUTES_MAX = 31 };

/* ------------------------------------------------------------------ settings */

typedef struct mf_http_settings {
    const char *address; /* numeric, "0.0.0.0" or "127.0.0.1" */
    uint16_t port;       /* 0: any free one, see mf_http_server_port */
    uint32_t n_threads;  /* 1 … 256 */

    uint32_t max_connections;    /* of all loops together; more get 503 and are closed */
    uint32_t max_head_bytes;     /* request line and headers; more gets 431 */
    uint64_t max_body_bytes;     /* after unpacking; more gets 413 */
    uint64_t max_buffered_bytes; /* all bodies and unsent answers together; more gets 503 */
    uint32_t max_working;        /* requests of one loop in mf_http_work; more get 503 */

    uint32_t head_ms;   /* from a request's first byte to the end of its head; then 408 */
    uint32_t body_ms;   /* from there to the end of its body; then 408 */
    uint32_t idle_ms;   /* a connection without a request; then closed */
    uint32_t answer_ms; /* from a whole request to its answer; then 503 */
    uint32_t write_ms;  /* no byte of an answer taken by the client; then closed */

    const char *server; /* value of the Server header, or NULL */
    void *context;      /* handed to every handler */

    /* Called on the loop for each answered request, after its answer was handed
     * to the kernel; NULL for none. Quiet routes below 400 are left out. */
    struct mf_http_access_log *access_log;
} mf_http_settings;

/* Every field but port and context at a sensible value: all addresses, one
 * thread per CPU of the affinity mask, 10,000 connections, 32 KiB head, 25 MiB
 * bodies, 60 s for an answer. */
mf_http_settings mf_http_settings_default(void);

/* -------------------------------------------------------------------- server */

typedef struct mf_http_server mf_http_server;

/* Checks settings and routes, binds the sockets and raises the limit of open
 * files as far as the connections need and the system lets it. Settings and
 * routes must outlive the server.
 * Fails MF_ERR_ARGUMENT; MF_ERR_IO: port taken, no such address, … ; MF_ERR_MEMORY. */
mf_http_server *mf_http_server_create(const mf_http_settings *settings, const mf_http_route *routes,
                                      size_t n_routes, mf_error *err);

/* The port that it listens on. */
uint16_t mf_http_server_port(const mf_http_server *server);

/* Starts the threads; requests are answered from here on. They block all signals. */
bool mf_http_server_start(mf_http_server *server, mf_error *err);

/* Calls fn(loop, argument) once on every loop's own thread, between requests,
 * and returns when all have. How a handler's per-thread data is changed without
 * a lock. Only between start and drain. */
void mf_http_server_each_loop(mf_http_server *server, void (*fn)(uint32_t loop, void *argument),
                              void *argument);

/* Stops accepting, closes idle connections, answers what was taken (with
 * Connection: close) and ends the threads; what is not done after deadline_ms is
 * cut off. Returns how many requests were. */
uint32_t mf_http_server_drain(mf_http_server *server, uint32_t deadline_ms);

/* After drain, or instead of start. NULL is fine. */
void mf_http_server_destroy(mf_http_server *server);

/* ---------------------------------------------------------------- statistics */

enum {
    MF_HTTP_STATUSES = 6, /* 1xx … 5xx by their first digit; [0] is not used */
    MF_HTTP_BUCKETS = 16, /* latency: bounds in mf_http_bucket_bounds, the last one is +inf */
};

/* Upper bounds of the latency buckets in microseconds, ascending; [MF_HTTP_BUCKETS - 1]. */
extern const uint32_t mf_http_bucket_bounds[MF_HTTP_BUCKETS - 1];

/* From a request's last byte to its answer handed to the kernel. */
typedef struct mf_http_route_stats {
    uint64_t answers[MF_HTTP_STATUSES];
    uint64_t buckets[MF_HTTP_BUCKETS]; /* not cumulative */
    uint64_t microseconds;             /* sum */
} mf_http_route_stats;

typedef struct mf_http_stats {
    mf_http_route_stats
        routes[MF_HTTP_ROUTES_MAX + 1]; /* [n_routes]: no such route, bad requests */
    uint64_t accepted;                  /* connections since the start */
    uint64_t refused;                   /* of them over max_connections */
    uint64_t timed_out;                 /* closed for head_ms, body_ms or write_ms */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t connections;    /* open now */
    uint32_t working;        /* requests in mf_http_work now */
    uint64_t buffered_bytes; /* now */
} mf_http_stats;

/* Sums the loops' counters. Any thread, any time; each figure is exact, the
 * figures may be from slightly different moments. */
void mf_http_server_stats(const mf_http_server *server, mf_http_stats *stats);

#endif
