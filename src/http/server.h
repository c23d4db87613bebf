/* server.h: an HTTP/1.1 server on libevent, one loop per thread.
 *
 * Every thread has an event loop and a listening socket of its own on the same
 * port (SO_REUSEPORT); the kernel spreads connections over them. A request is
 * read and handled by the loop that accepted it, and its response leaves from there: no
 * locks.
 *
 *     static const mf_http_route routes[] = {
 *         {.path = "/ping", .methods = MF_HTTP_GET, .handle = handle_ping, .quiet = true},
 *         {.path = "/users/{user_id}", .methods = MF_HTTP_GET, .handle = handle_user},
 *     };
 *
 * (1) Everything is bounded: connections, the head and the body of a request, all
 *     bodies together, work that waits, and the time for each of them. Over a limit the
 *     client gets a status that says which; other clients are not affected.
 * (2) A handler sees whole requests only: head and body checked against RFC 9112,
 *     chunks joined, gzip unpacked. What could be read in two ways (two lengths,
 *     a length and chunks, a blank before a colon, a bare CR) is refused with 400
 *     and the connection is closed.
 * (3) Responses leave in the order of their requests (pipelining), each with
 *     Content-Length and a status; errors are JSON (mf_http_refuse).
 * (4) No connection delays another: sockets are non-blocking, and long work is done in
 *     slices between them.
 * (5) A request that was accepted gets its response before the server stops.
 *
 * What is refused, always with JSON:
 *
 *     400  anything that RFC 9112 does not allow; no Host, or two; a bare LF as line end (which it
 *          allows a server to take); a path or query that cannot be decoded or
 *          holds %00; over 32 parameters; bad chunks, bad gzip
 *     404  no such path             405  not with this method (with Allow)
 *     408  too slow                 413  body too large, also unpacked
 *     414  request line too long    415  Content-Encoding other than gzip
 *     417  Expect other than 100-continue
 *     431  head too long, over 100 headers
 *     501  Transfer-Encoding other than chunked
 *     503  too much at once         505  not HTTP/1
 *
 * After 404, 405, 413, 415 and a bad path or query the connection stays open when the body
 * is known to be 64 KiB or less, which is then read and dropped. After all others of the
 * list that come before a whole request, it is closed, with a few seconds for the client to
 * read the response. A path may end in one slash more than its route.
 *
 * Responses carry Date, Server, Content-Length and X-Request-Id; the latter is the
 * client's X-Amzn-RequestId or X-Request-Id when that is 1 to 39 visible characters.
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

struct event_base; /* libevent's */

/* ------------------------------------------------------------------ requests */

/* Bits, so that a route can name several. */
typedef enum mf_http_method {
    MF_HTTP_GET = 1,
    MF_HTTP_HEAD = 2,
    MF_HTTP_POST = 4,
    MF_HTTP_PUT = 8,
    MF_HTTP_DELETE = 16,
    MF_HTTP_OPTIONS = 32,
    MF_HTTP_OTHER = 64, /* a method that we have no name for */
} mf_http_method;

typedef struct mf_http_request mf_http_request;

/* A view into the request, valid until its response. bytes is NULL when there is
 * no such thing. */
typedef struct mf_http_view {
    const char *bytes;
    size_t n_bytes;
} mf_http_view;

/* The value of the header of that name (any case), blanks around it dropped. One
 * that came several times is one value, joined by ", " (RFC 9110, 5.3). */
mf_http_view mf_http_get_header(const mf_http_request *request, const char *name);

/* The part of the path where the route has {…}, percent-decoded. */
mf_http_view mf_http_get_segment(const mf_http_request *request);

/* Parameter i of the query string, in its order; name and value percent-decoded and + as
 * a blank. False when there are no more. A query that cannot be decoded never reaches a
 * handler (400). */
bool mf_http_get_parameter_at(const mf_http_request *request, size_t i, mf_http_view *name,
                              mf_http_view *value);

/* The whole body, without chunks and gzip. bytes is never NULL; NUL-terminated, the terminator
 * is not counted. */
mf_http_view mf_http_get_body(const mf_http_request *request);

/* Header i of the request in the order in which they came, name and value as sent, blanks
 * around the value dropped. False when there are no more. One that mf_http_get_header has
 * joined holds the joined value, and those that were joined to it have empty names. */
bool mf_http_get_header_at(const mf_http_request *request, size_t i, mf_http_view *name,
                           mf_http_view *value);

/* The method as sent, also one that mf_http_method has no name for. */
mf_http_view mf_http_get_method(const mf_http_request *request);

/* Path and query (without '?'; bytes NULL without one) as sent. For a route "*" only: other
 * routes have them decoded in place. */
mf_http_view mf_http_get_path(const mf_http_request *request);
mf_http_view mf_http_get_query(const mf_http_request *request);

/* Bytes of the request line and all headers, with their line ends and the empty line. */
size_t mf_http_get_head_bytes(const mf_http_request *request);

/* The client's numeric address, "127.0.0.1" or "::1"; empty when it is unknown. */
enum { MF_HTTP_PEER_BYTES = 46 };
void mf_http_get_peer(const mf_http_request *request, char peer[MF_HTTP_PEER_BYTES]);

/* True on a raw_body route when the body was larger than max_body_bytes: it was read and
 * dropped, and mf_http_get_body is empty. */
bool mf_http_is_body_too_large(const mf_http_request *request);

/* A pointer of the handler's own, NULL at first. on_head, handle and on_disconnect share it. */
void mf_http_set_user(mf_http_request *request, void *user);
void *mf_http_get_user(const mf_http_request *request);

/* Which loop this is, 0 … n_threads - 1: for what a handler keeps per thread. */
uint32_t mf_http_get_loop(const mf_http_request *request);

/* ----------------------------------------------------------------- responses */

/* The body of the response, empty at first. Append to it, then call mf_http_respond. The
 * pointer and what was appended stay valid through all slices; the memory is reused
 * afterwards. */
mf_text *mf_http_response(mf_http_request *request);

/* A header of the response. One whose value is empty, over 1,024 bytes, or anything
 * but visible ASCII and inner blanks, is left out: no value can add a line. So is
 * what goes beyond 16 KiB of headers. name is a literal. */
void mf_http_set_header(mf_http_request *request, const char *name, const char *value,
                        size_t n_bytes);

/* A header for a caller that passes on headers of another program: name is any token, value
 * any field value (RFC 9110, 5.5), also an empty one or one of UTF-8. False, and no header,
 * when either is malformed or the headers of the response would exceed 64 KiB. */
MF_MUST_CHECK bool mf_http_add_header(mf_http_request *request, const char *name, const char *value,
                                      size_t n_bytes);

/* Adds "name":value to the request's line in the access log, after its other fields. name is a literal; at
 * most two of them. Call it before the response. */
void mf_http_log_count(mf_http_request *request, const char *name, uint64_t value);

/* Sends what mf_http_response holds. content_type is a literal; NULL: none (for empty bodies).
 * For HEAD the length is sent and the body is not; 204 and 304 have neither. If the
 * response ran out of memory a 503 is sent instead. Do not use the request
 * after this call; a second response to it does nothing. */
void mf_http_respond(mf_http_request *request, int status, const char *content_type);

/* Drops what mf_http_response holds and sends
 *     {"error":{"code":"bad_request","message":"…"}}
 * with the code that belongs to the status. The message is one plain sentence
 * that says what to send instead, shorter than 960 bytes; it is made printable.
 * 405 takes its Allow header from the route. */
__attribute__((format(printf, 3, 4))) void mf_http_refuse(mf_http_request *request, int status,
                                                          const char *format, ...);

/* ---------------------------------------------------------------- long work */

/* One slice, about a millisecond. Returns false while more is to do; before it
 * returns true it has responded to the request. */
typedef bool mf_http_slice(mf_http_request *request, void *state);

/* Instead of a response: `slice` is called again and again, in turn with the other events of
 * the loop and the work of other requests. `destroy` is called exactly once: after the last
 * slice, or early when the client disconnects, response_ms are over (the server then responds
 * 503) or the server must stop. Over max_working the request is refused with 503 at once and
 * state destroyed. Call it as the last thing from a handler, or from a slice of mf_http_wait, which
 * then returns false, and whose state has been destroyed.
 *
 * A client has disconnected when its connection is reset. The end of what it sends (FIN) may
 * be a half-closed connection, gets "100 Continue" to find out, and does not end the work, unless the route has
 * fin_disconnects; two seconds into a drain it does, with a 503. */
void mf_http_work(mf_http_request *request, mf_http_slice *slice, void *state,
                  void (*destroy)(void *state));

/* Instead of a response: the request waits for an event on the same loop (a response of
 * another server: mf_http_server_base) and uses no time. After each mf_http_resume `slice` is
 * called once, soon and not from within that call; it returns false to wait again. `destroy`
 * is called as for mf_http_work, possibly while the request waits: cancel there what would
 * call mf_http_resume. As many may wait as there are connections. Call it from a handler, as
 * the last thing. */
void mf_http_wait(mf_http_request *request, mf_http_slice *slice, void *state,
                  void (*destroy)(void *state));

/* On the loop of a request that waits. A second call before the slice changes nothing. */
void mf_http_resume(mf_http_request *request);

/* Instead of a response: the request stays pending until mf_http_respond or mf_http_refuse is
 * called for it, from whatever runs on the loop's thread (a timer, a child that ended, the
 * handler of another request). The response leaves in the loop's next turn. When the request
 * ends otherwise, on_disconnect of its route says so. Call it from a handler, as the last
 * thing. As many may be suspended as there are connections. */
void mf_http_suspend(mf_http_request *request);

/* -------------------------------------------------------------------- routes */

/* A request passes on_head, its body is read, and then it passes handle. Every request that
 * passed on_head (or would have, where that is NULL) gets either a response of the handler or
 * one call of on_disconnect, never both.
 *
 * on_head        The head is checked, the body may not have come. For decisions that must not
 *                wait for the body. It may use the getters, but not that of the body, and
 *                mf_http_set_user. It does not respond. NULL: none
 * on_disconnect  The request ends without a response of the handler: the client has gone, the
 *                body was malformed or late, response_ms are over, or the server stops. It may
 *                come before handle. It does not respond; the request is gone when it returns.
 *                A mf_http_slice's state is destroyed after it. NULL: none
 * no_deadline    response_ms does not apply: for long polling. A drain ends such a request with
 *                503 as soon as it waits
 * fin_disconnects  A client that ends its side of the connection (FIN) while its request is
 *                pending has disconnected. Otherwise it may be half-closed, and gets its
 *                response
 * raw_body       The handler gets the body as it was sent, whatever its Content-Encoding. One
 *                over max_body_bytes is read to its end and dropped instead of refused with
 *                413: see mf_http_is_body_too_large */

typedef struct mf_http_route {
    const char *path; /* exact; its last segment may be in braces: "/x/{id}"; or "*", the last
                       * route: every path, and neither path nor query is decoded */
    unsigned methods; /* mf_http_method bits; others get 405 with Allow */
    void (*handle)(mf_http_request *request, void *context);
    bool quiet; /* responses below 400 are not logged (health checks) */
    bool no_deadline;
    bool fin_disconnects;
    bool raw_body;
    void (*on_head)(mf_http_request *request, void *context);
    void (*on_disconnect)(mf_http_request *request, void *context);
} mf_http_route;

enum { MF_HTTP_ROUTES_MAX = 31 };

/* ------------------------------------------------------------------ settings */

typedef struct mf_http_settings {
    const char *address; /* numeric, "0.0.0.0" or "127.0.0.1" */
    uint16_t port;       /* 0: any free one, see mf_http_server_port */
    uint32_t n_threads;  /* 1 … 256 */

    uint32_t max_connections; /* of all loops together; more get 503 and are closed. May
                               * be lowered: see mf_http_server_create */
    uint32_t max_head_bytes;  /* request line and headers; more gets 431 */
    uint64_t max_body_bytes;  /* after unpacking; more gets 413 */
    /* All bodies that are incomplete or being worked on, and all unsent responses. Over it,
     * the clients of the same loop that have been reading their responses for longest, and
     * for a second at least, are cut off. If there are none, a body that exceeds it gets 503
     * and a client whose unsent response exceeds it is cut off. */
    uint64_t max_buffered_bytes;
    uint32_t max_working; /* requests of one loop in mf_http_work; more get 503 */

    uint32_t head_ms;     /* from a request's first byte to the end of its head; then 408 */
    uint32_t body_ms;     /* from there to the end of its body; then 408 */
    uint32_t idle_ms;     /* a connection without a request; then closed */
    uint32_t response_ms; /* from a whole request to its response; then 503 */
    /* For the client to read a MiB of its response, or what is left of it; then closed. A
     * quarter of it while unsent responses and bodies fill half of max_buffered_bytes. */
    uint32_t write_ms;

    const char *server; /* value of the Server header, or NULL */
    void *context;      /* handed to every handler */

    /* Not NULL: the server lives on this loop of the caller's instead of on threads of its
     * own. n_threads is 1, it serves whenever the caller runs the loop, and start, each_loop
     * and drain are not called. The loop must outlive the server. */
    struct event_base *base;
    bool bare_responses; /* no Server, Date, X-Request-Id: the handler's headers alone */
    /* Writes the body of a response that refuses a request, as JSON; NULL: as mf_http_refuse
     * says. message is valid UTF-8. */
    void (*write_error)(mf_text *body, int status, const char *message);

    /* Gets a record of each response, quiet routes below 400 left out; NULL
     * for none. Opened for n_threads loops, closed after the server is destroyed. */
    struct mf_http_access_log *access_log;
} mf_http_settings;

/* Every field but port and context at a sensible value: all addresses, one
 * thread per CPU of the affinity mask, 10,000 connections, 32 KiB head, 25 MiB
 * bodies and 512 MiB of them together, 128 working, 10 s for a head, 60 s for a
 * body, 60 s for a response, 30 s for each MiB of it to be read, 75 s idle. */
mf_http_settings mf_http_settings_default(void);

/* -------------------------------------------------------------------- server */

typedef struct mf_http_server mf_http_server;

/* Checks settings and routes, binds the sockets, listens (clients that connect wait
 * for start), and raises the limit of open files as far as the connections need
 * and the system lets it. Where that is not far enough max_connections becomes what
 * the limit allows, less 32 + 6 n_threads files for everything else; a warning says
 * so. Settings are copied; what they point to and the routes must outlive the server.
 * Fails MF_ERR_ARGUMENT; MF_ERR_IO: port taken, no such address, a limit under
 * 16 + 6 n_threads open files, … ; MF_ERR_MEMORY. */
MF_MUST_CHECK mf_http_server *mf_http_server_create(const mf_http_settings *settings,
                                                    const mf_http_route *routes, size_t n_routes,
                                                    mf_error *err);

/* The port that it listens on. */
uint16_t mf_http_server_port(const mf_http_server *server);

/* libevent's base of a loop, for clients of other servers that live on it. Its thread runs
 * between start and drain, and it lasts until destroy. */
struct event_base *mf_http_server_base(const mf_http_server *server, uint32_t loop);

/* Starts the threads, which handle requests from here on. They block all signals. */
MF_MUST_CHECK bool mf_http_server_start(mf_http_server *server, mf_error *err);

/* Calls fn(loop, argument) once on every loop's own thread, between requests,
 * and returns when all have. How a handler's per-thread data is changed without
 * a lock. Only between start and drain. */
void mf_http_server_each_loop(mf_http_server *server, void (*fn)(uint32_t loop, void *argument),
                              void *argument);

/* Stops accepting, closes idle connections, responds to what was accepted (with Connection:
 * close) and ends the threads; what is not done after deadline_ms is cut off. Returns how many
 * requests were. Accepted are connections in the kernel's backlog and requests whose first byte
 * had come; what a client sends after the request whose response has Connection: close is not.
 * After two seconds work whose client has sent its FIN ends with a 503: the client may still
 * read, but has more probably gone. */
uint32_t mf_http_server_drain(mf_http_server *server, uint32_t deadline_ms);

/* Closes every connection at once, without on_disconnect, and keeps listening. Only on a loop
 * of the caller's; not from a handler or hook of this server. */
void mf_http_server_drop_connections(mf_http_server *server);

/* After drain, or instead of start. Requests that are pending end with on_disconnect. NULL is
 * fine. */
void mf_http_server_destroy(mf_http_server *server);

/* ---------------------------------------------------------------- statistics */

enum {
    MF_HTTP_STATUSES = 6, /* 1xx … 5xx by their first digit; [0] is not used */
    MF_HTTP_BUCKETS = 16, /* latency: bounds in mf_http_bucket_bounds, the last one is +inf */
};

/* Upper bounds of the latency buckets in microseconds, ascending; [MF_HTTP_BUCKETS - 1]. */
extern const uint32_t mf_http_bucket_bounds[MF_HTTP_BUCKETS - 1];

/* From a request's last byte to its response handed to the kernel. */
typedef struct mf_http_route_stats {
    uint64_t responses[MF_HTTP_STATUSES];
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
    uint64_t connections;    /* open now */
    uint64_t working;        /* requests in mf_http_work now */
    uint64_t buffered_bytes; /* now */
} mf_http_stats;

/* Sums the loops' counters. Any thread, any time; each figure is exact, the
 * figures may be from slightly different moments. */
void mf_http_server_stats(const mf_http_server *server, mf_http_stats *stats);

#endif
