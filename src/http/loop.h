/* loop.h: what the files of the server share. Not for callers; they have server.h.
 *
 * Who calls whom, downwards:
 *
 *     server.c      settings, threads, drain
 *     loop.c        one thread: its events, calls from outside, its turn
 *     listener.c    sockets that accept
 *     connection.c  reading, and what a connection waits for
 *     dispatch.c    from bytes to a handler or a refusal
 *     work.c        slices          deadlines.c  who waited too long
 *     answer.c      replies         request.c    what a handler may ask
 *     output.c      writing         stats.c      counters
 *
 * (1) A connection, its request and its loop belong to one thread; the counters
 *     (relaxed atomics), the mailbox (a mutex) and mf_http_server's atomics are all
 *     that others touch.
 * (2) Nothing below connection.c frees a connection: it is marked dead and freed by
 *     mf_connection_settle, which every event ends with. */
#ifndef MF_HTTP_LOOP_H
#define MF_HTTP_LOOP_H

#include "http/access_log.h"
#include "http/body.h"
#include "http/head.h"
#include "http/routes.h"
#include "http/server.h"
#include "http/uri.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

typedef struct mf_http_loop mf_http_loop;
typedef struct mf_connection mf_connection;

enum {
    MF_READ_BYTES = 64 * 1024,     /* taken from a socket at once */
    MF_PIPELINE_BYTES = 16 * 1024, /* read ahead while a request is being worked on */
    MF_BACKLOG = 4096,
    MF_HANDLED_US = 1000,        /* handling and unpacking in a round; others come later */
    MF_TICK_MS = 100,            /* how late a deadline may be noticed */
    MF_LINGER_MS = 5000,         /* for a client to read an answer that closes */
    MF_DRAIN_LINGER_MS = 1000,   /* the same while the server stops */
    MF_DRAIN_FINISHED_MS = 2000, /* then, for work whose client may have gone */
};

/* ------------------------------------------------------------------ requests */

/* What was read out of a head; behind a pointer, because getters take const requests
 * and join headers when they are asked for. */
typedef struct mf_request_table {
    mf_head head;
    size_t n_joined; /* bytes behind the head that joined headers take */
    int n_parameters;
    mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX];
} mf_request_table;

TAILQ_HEAD(mf_request_queue, mf_http_request);

struct mf_http_request { /* request.c */
    mf_connection *connection;
    mf_http_loop *loop;
    STAILQ_ENTRY(mf_http_request) free;

    char *bytes; /* [room] the head, its target decoded in place; joined headers follow */
    size_t room;
    size_t n_head;
    mf_request_table *table;
    mf_http_method method;
    uint32_t route; /* n_routes: none */
    unsigned allowed;
    mf_http_view segment;
    mf_http_view path; /* as sent; of routes "*" only */
    mf_http_view query;
    void *user;
    mf_body body;

    mf_text answer;
    mf_text headers;  /* whole lines, from mf_http_set_header */
    int64_t whole_us; /* when its last byte had come */
    uint64_t counted; /* of its memory, in the server's buffered_bytes */
    bool answered;
    bool pending; /* passed on_head; the handler has not responded */

    /* Of a suspended request: the response is sent in the loop's turn, because another
     * connection's responses may stand in loop->out when the handler calls. */
    bool suspended;
    int later_status; /* 0: no response yet */
    const char *later_type;

    bool deferred; /* in the loop's queue of whole requests */
    bool waits;    /* for its slices: in one of the loop's queues below, or called for */
    struct mf_request_queue *queue; /* work or woken; NULL while it waits for mf_http_go_on */
    TAILQ_ENTRY(mf_http_request) work;
    mf_http_slice *slice;
    void *state;
    void (*destroy)(void *state);
};

/* The route that it matched, or NULL. */
const mf_http_route *mf_request_route(const mf_http_request *request);

/* Ends a pending request without a response of the handler: calls on_disconnect. */
void mf_request_abort(mf_http_request *request);

/* Pooled: NULL without memory. */
mf_http_request *mf_request_acquire(mf_connection *connection);
void mf_request_release(mf_http_request *request);
void mf_request_pool_free(mf_http_loop *loop);

/* Makes the request own a copy of its head. False without memory. */
bool mf_request_keep_head(mf_http_request *request, const char *bytes, size_t n_bytes);

/* Brings the server's buffered_bytes up to date with the memory that this request
 * holds while it waits. False when that is over the limit. */
bool mf_request_count(mf_http_request *request);
/* Before its answer is counted as unsent. */
void mf_request_uncount(mf_http_request *request);

/* --------------------------------------------------------------- connections */

typedef enum mf_connection_state {
    MF_CONNECTION_HEAD,    /* waits for a request, or has a part of its head */
    MF_CONNECTION_BODY,    /* has a request and waits for the rest of its body */
    MF_CONNECTION_SKIP,    /* throws away the small body of a refused request */
    MF_CONNECTION_WORKING, /* a handler has the request */
    MF_CONNECTION_CLOSING, /* the last answer is on its way */
    MF_CONNECTION_LINGER,  /* it has left; reads on so that the client can too */
} mf_connection_state;

/* What a connection waits for; each has a constant time. */
typedef enum mf_deadline {
    MF_DEADLINE_IDLE,
    MF_DEADLINE_HEAD,
    MF_DEADLINE_BODY,
    MF_DEADLINE_ANSWER,
    MF_DEADLINE_UNLIMITED, /* the answer of a no_deadline route; never over */
    MF_DEADLINE_WRITE,
    MF_DEADLINE_LINGER,
    MF_DEADLINES,
    MF_DEADLINE_NONE = MF_DEADLINES,
} mf_deadline;

struct mf_connection { /* connection.c */
    struct event readable;
    struct event writable;
    mf_http_loop *loop;
    mf_http_request *request;           /* in BODY and WORKING */
    TAILQ_ENTRY(mf_connection) waiting; /* in one of the loop's deadline lists */
    TAILQ_ENTRY(mf_connection) ready_link;
    int64_t deadline_ms;

    char *in; /* [in_bytes] read and not used yet; NULL when there are none */
    uint32_t in_bytes;
    uint32_t scanned; /* of in: see mf_head_find_end */
    mf_text out;      /* what the socket did not take, from out_at on */
    size_t out_at;
    size_t taken;  /* of out, since its deadline started */
    uint64_t skip; /* bytes of a body still to throw away; in LINGER: thrown away */

    uint8_t state;    /* mf_connection_state */
    uint8_t deadline; /* mf_deadline */
    uint8_t empty_lines;
    bool reading; /* its events are added */
    bool writing;
    bool ready;       /* can go on although its socket may be silent */
    bool queued;      /* in the loop's list of such connections */
    bool restart;     /* the deadline starts anew at the next settle */
    bool close;       /* after the answer that is being made */
    bool must_linger; /* the client may still be sending */
    bool finished;    /* the client will send no more */
    bool dead;
    bool over_limit; /* there were too many connections already */
};

/* Takes over a connected socket; NULL (and closed) without memory. */
mf_connection *mf_connection_create(mf_http_loop *loop, int fd, bool over_limit);

/* Reads what has come and goes on. Ends with settle. */
void mf_connection_read(mf_connection *connection);

/* Goes on with what was read before. Ends with settle. */
void mf_connection_resume(mf_connection *connection);

/* Decides from the state what to wait for, for how long, or that it is over; frees
 * the connection then. */
void mf_connection_settle(mf_connection *connection);

/* Frees it at once, and the work on its request. */
void mf_connection_destroy(mf_connection *connection);

/* Takes a connection whose request was answered to its next state. */
void mf_connection_finish_request(mf_connection *connection);

static inline bool mf_connection_is_unsent(const mf_connection *connection)
{
    return connection->out.n_bytes > connection->out_at;
}

static inline bool mf_connection_is_idle(const mf_connection *connection)
{
    return connection->state == MF_CONNECTION_HEAD && connection->in_bytes == 0 &&
           !connection->ready && !mf_connection_is_unsent(connection);
}

/* ---------------------------------------------------- from bytes to handlers */

/* dispatch.c: uses bytes as far as they make requests; *used says how many. Stops
 * early, with connection->ready set, after a fair share of work. */
void mf_dispatch(mf_connection *connection, const char *bytes, size_t n_bytes, size_t *used);

/* Refuses what stands on a connection that has no request to refuse, or one whose
 * body has not come; the connection closes afterwards. */
__attribute__((format(printf, 3, 4))) void mf_dispatch_refuse(mf_connection *connection, int status,
                                                              const char *format, ...);

/* Refuses a request that has begun and of which nothing more will come. */
void mf_dispatch_refuse_rest(mf_connection *connection);

/* Calls the handler of a whole request, and finishes it if that answered it. */
void mf_dispatch_handle(mf_http_request *request);

/* output.c: sends loop->out and then body, both empty afterwards. What the socket
 * does not take is kept by the connection; body's memory goes with it if it is
 * large. A broken connection becomes dead. */
void mf_output_send(mf_connection *connection, mf_text *body);

/* Tries the rest again, after the socket became writable. */
void mf_output_resume(mf_connection *connection);

/* Forgets the rest. */
void mf_output_drop(mf_connection *connection);

/* Cuts off those of the loop's clients that have been taking their answers for
 * longest, until buffered_bytes is within its limit; true then. */
bool mf_output_make_room(mf_http_loop *loop);

/* --------------------------------------------------------------------- loops */

/* A call to be made on a loop's thread. */
typedef struct mf_http_call {
    STAILQ_ENTRY(mf_http_call) next;
    void (*run)(mf_http_loop *loop, void *argument);
    void *argument;
} mf_http_call;

/* Written by the loop alone, read by anyone. */
typedef struct mf_http_counters {
    struct {
        atomic_uint_least64_t answers[MF_HTTP_STATUSES];
        atomic_uint_least64_t buckets[MF_HTTP_BUCKETS];
        atomic_uint_least64_t microseconds;
    } routes[MF_HTTP_ROUTES_MAX + 1];
    atomic_uint_least64_t accepted;
    atomic_uint_least64_t refused;
    atomic_uint_least64_t timed_out;
    atomic_uint_least64_t bytes_in;
    atomic_uint_least64_t bytes_out;
    atomic_uint_least32_t working;
} mf_http_counters;

/* One writer: no locked instruction is needed. */
static inline void mf_count(atomic_uint_least64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

void mf_stats_answer(mf_http_loop *loop, uint32_t route, int status, uint64_t microseconds);

TAILQ_HEAD(mf_connection_list, mf_connection);
STAILQ_HEAD(mf_request_stack, mf_http_request);
STAILQ_HEAD(mf_call_list, mf_http_call);

struct mf_http_loop { /* loop.c */
    mf_http_server *server;
    const mf_http_settings *settings;
    struct event_base *base;
    uint32_t index;

    int listen_fd; /* -1 when closed */
    struct event *acceptable;

    struct event *tick;
    struct event *turn; /* ready connections and one slice of work */

    int64_t now_us;         /* monotonic, when the current event began */
    int64_t wall_offset_ms; /* since 1970, minus now */
    int64_t fixed_second;   /* that of the Date in fixed */
    mf_text fixed;          /* header lines that are the same in every answer */

    struct mf_connection_list waiting[MF_DEADLINES];
    struct mf_connection_list ready;
    struct mf_request_queue deferred; /* whole requests that had no time in their round */
    struct mf_request_queue work;
    struct mf_request_queue woken; /* those that mf_http_go_on was called for */
    int64_t handled_us;            /* in handlers and unpacking since the last turn */
    struct mf_request_stack free_requests;
    uint32_t duration_ms[MF_DEADLINES];
    uint32_t n_work;
    uint32_t n_free_requests;
    uint32_t n_connections;
    uint32_t n_over_limit;

    /* [n_kept + MF_READ_BYTES] Sockets are read into it, behind what the connection
     * kept: of a connection that is read, an incomplete head or MF_PIPELINE_BYTES. */
    char *scratch;
    size_t n_kept;
    mf_text out; /* answers on their way to one connection */
    uint64_t id_seed;
    uint64_t n_ids;

    pthread_mutex_t mailbox_lock;
    struct mf_call_list mailbox;
    struct event *wake;
    int wake_fd;

    int64_t drain_us; /* now_us when draining began */
    uint32_t n_cut;
    bool accept_paused; /* no file descriptors: until the next tick */
    bool accept_warned; /* and said so */
    bool gathering;     /* more requests of this connection follow: do not send yet */
    bool draining;

    mf_http_counters counters;
    pthread_t thread;
};

bool mf_loop_open(mf_http_loop *loop, mf_http_server *server, uint32_t index, mf_error *err);
void mf_loop_close(mf_http_loop *loop);
void *mf_loop_run(void *loop);

/* Any thread. The call must live until it has run. */
void mf_loop_post(mf_http_loop *loop, mf_http_call *call);

/* Reads the clock into now_us. */
void mf_loop_touch(mf_http_loop *loop);

/* Has the turn come after the events that are due now. */
void mf_loop_want_turn(mf_http_loop *loop);

/* Has deadlines looked at from now on. */
void mf_loop_want_tick(mf_http_loop *loop);

/* Destroys every connection. */
void mf_loop_drop_connections(mf_http_loop *loop);

/* Ends the loop when it drains and has nothing left. */
void mf_loop_check_drained(mf_http_loop *loop);

/* Calls to post. Stops accepting and lets the last requests finish; cut drops them
 * and counts them in n_cut. */
void mf_loop_drain(mf_http_loop *loop, void *unused);
void mf_loop_cut(mf_http_loop *loop, void *unused);

/* work.c: one slice of the request whose turn it is. */
void mf_work_run(mf_http_loop *loop);
/* Whole requests that wait for their handlers, for about MF_HANDLED_US. */
void mf_work_defer(mf_http_request *request);
void mf_work_run_deferred(mf_http_loop *loop);
/* Requests that waited for something that has come, for about MF_HANDLED_US. */
void mf_work_run_woken(mf_http_loop *loop);
/* Takes it out of the queue, if it is there, and destroys its state. */
void mf_work_cancel(mf_http_request *request);
/* The handler of a suspended request has responded: the response leaves in the next turn. */
void mf_work_respond_later(mf_http_request *request, int status, const char *content_type);
/* Sends it now. */
void mf_work_respond(mf_http_request *request);

/* deadlines.c */
void mf_deadline_set(mf_connection *connection, mf_deadline deadline);
void mf_deadline_remove(mf_connection *connection);
void mf_deadlines_check(mf_http_loop *loop);

/* listener.c: one listening socket per loop on the same port; *port 0 becomes the
 * one that the kernel chose. */
bool mf_listener_open(mf_http_loop *loops, uint32_t n_loops, const char *address, uint16_t *port,
                      mf_error *err);
/* On the loop's thread. */
bool mf_listener_start(mf_http_loop *loop);
/* Accepts what has come, at most n of it. */
void mf_listener_accept(mf_http_loop *loop, int n);
void mf_listener_go_on(mf_http_loop *loop);
/* Closes the socket. */
void mf_listener_close(mf_http_loop *loop);

/* ------------------------------------------------------------------- servers */

struct mf_http_server { /* server.c */
    mf_http_settings settings;
    mf_routes routes;
    uint16_t port;
    uint32_t max_over_limit; /* connections of one loop that are being sent away */
    uint32_t n_loops;
    uint32_t n_running;
    mf_http_loop *loops;
    atomic_uint_least32_t connections;
    atomic_uint_least64_t buffered_bytes;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t done;
    uint32_t n_visited; /* loops that made the call of each_loop */
    uint32_t n_ended;
};

#endif
