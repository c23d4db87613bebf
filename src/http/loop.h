/* loop.h: one thread's event loop, and what all loops of a server share. Not for callers; they
 * have server.h.
 *
 *     threads.c     settings, sockets that accept, threads, drain
 *     connection.c  one connection: reading, its state, handlers, responses, deadlines
 *     request.c     one request: its getters; the head of its response
 *     loop.c        events, the clock, calls from other threads, counters
 *
 * Each file calls those below it only. What loop.c runs above itself (the turn, the tick) are
 * callbacks.
 *
 * (1) A connection, its request and its loop belong to one thread. Other threads touch the
 *     counters (relaxed atomics), the mailbox (a mutex) and mf_http_server's atomics only.
 * (2) In each round of the loop events of sockets come first, then the turn.
 * (3) The tick runs only while there are connections. */
#ifndef MF_HTTP_LOOP_H
#define MF_HTTP_LOOP_H

#include "base/error.h"
#include "http/parse/target.h"
#include "http/server.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

typedef struct mf_http_loop mf_http_loop;

enum {
    MF_READ_BYTES = 64 * 1024,     /* taken from a socket at once */
    MF_PIPELINE_BYTES = 16 * 1024, /* read ahead while a request is handled */
    MF_LINGER_MS = 5000,           /* for a client to read a response that closes */
};

/* What a connection waits for; each kind has one constant time. */
typedef enum mf_deadline {
    MF_DEADLINE_IDLE,
    MF_DEADLINE_HEAD,
    MF_DEADLINE_BODY,
    MF_DEADLINE_RESPONSE,
    MF_DEADLINE_UNLIMITED, /* the response of a no_deadline route; never over */
    MF_DEADLINE_WRITE,
    MF_DEADLINE_LINGER,
    MF_DEADLINES,
    MF_DEADLINE_NONE = MF_DEADLINES,
} mf_deadline;

TAILQ_HEAD(mf_connection_list, mf_connection);
TAILQ_HEAD(mf_request_queue, mf_http_request);
STAILQ_HEAD(mf_request_stack, mf_http_request);

/* A call to be made on a loop's thread. */
typedef struct mf_http_call {
    STAILQ_ENTRY(mf_http_call) next;
    void (*run)(mf_http_loop *loop, void *argument);
    void *argument;
} mf_http_call;

STAILQ_HEAD(mf_call_list, mf_http_call);

struct mf_http_loop {
    mf_http_server *server;
    const mf_http_settings *settings;
    struct event_base *base;
    uint32_t index;

    int listen_fd;            /* -1 when closed */
    struct event *acceptable; /* threads.c */
    bool accept_paused;       /* no file descriptors: until the next tick */
    bool accept_warned;       /* and logged */

    struct event *tick; /* deadlines */
    struct event *turn; /* connections and requests that can resume */

    int64_t now_us;         /* monotonic, when the current event began */
    int64_t wall_offset_ms; /* since 1970, minus now */
    int64_t fixed_second;   /* that of the Date in fixed */
    mf_text fixed;          /* header lines that are the same in every response */
    uint64_t id_seed;
    uint64_t n_ids;

    /* Every connection is in one of the first, in the order in which it began to wait. */
    struct mf_connection_list waiting[MF_DEADLINES];
    struct mf_connection_list runnable; /* have input left: see is_runnable */
    struct mf_request_queue deferred;   /* whole requests whose round had no time for them */
    struct mf_request_queue work;
    struct mf_request_queue woken; /* resumed by mf_http_resume, or READY */
    struct mf_request_stack free_requests;
    int64_t handled_us; /* in handlers and unpacking since the last turn */
    uint32_t duration_ms[MF_DEADLINES];
    uint32_t n_free_requests;
    uint32_t n_connections;
    uint32_t n_turned_away; /* of them, over the limit of connections */

    /* [n_kept + MF_READ_BYTES] Sockets are read into it, after what the connection kept: an
     * incomplete head or MF_PIPELINE_BYTES. */
    char *scratch;
    size_t n_kept;
    mf_text out; /* responses on their way to one connection */
    bool corked; /* more requests of this connection follow: do not send yet */

    pthread_mutex_t mailbox_lock;
    struct mf_call_list mailbox;
    struct event *wake;
    int wake_fd;

    bool draining;
    int64_t drain_us; /* now_us when draining began */
    uint32_t n_cut;

    mf_http_stats counters; /* written by the loop alone (mf_count), read by all threads */
    pthread_t thread;
};

struct mf_http_server {
    mf_http_settings settings;
    mf_routes routes;
    uint16_t port;
    uint32_t max_turned_away; /* connections of one loop */
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

/* Opens a loop whose listen_fd and mailbox_lock are ready. The callbacks get the loop. */
MF_MUST_CHECK bool mf_loop_open(mf_http_loop *loop, mf_http_server *server, uint32_t index,
                                event_callback_fn on_turn, event_callback_fn on_tick,
                                mf_error *err);

/* The connections have been dropped, and the requests freed. */
void mf_loop_close(mf_http_loop *loop);

/* A thread's function: runs the loop until it ends. */
void *mf_loop_run(void *loop);

/* Any thread. The call must live until it has run. */
void mf_loop_post(mf_http_loop *loop, mf_http_call *call);

/* Reads the clock into now_us. */
void mf_loop_touch(mf_http_loop *loop);

/* Schedules the turn after the events that are due now. */
void mf_loop_want_turn(mf_http_loop *loop);

/* Schedules the tick, MF_TICK_MS from now. */
enum { MF_TICK_MS = 100 };
void mf_loop_want_tick(mf_http_loop *loop);

/* Ends it, unless it is the caller's. */
void mf_loop_end(mf_http_loop *loop);

/* Relaxed and atomic, for other threads that read. There is one writer, so no locked instruction is
 * needed. */
static inline void mf_count(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Counts a response. route: n_routes for none. */
void mf_loop_count_response(mf_http_loop *loop, uint32_t route, int status, uint64_t microseconds);

#endif
