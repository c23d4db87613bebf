/* client.h: lists of recommendations from Redis and back, on the caller's event loop.
 *
 * One connection, on which commands follow each other without waiting (pipelining); the
 * pool of a server is one client for each of its loops. Redis handles a million commands
 * a second in order, so that more connections of one loop would gain nothing.
 *
 *   idle ──start──▶ opening ──AUTH, a first MGET──▶ ready
 *                      ▲  │                           │
 *             retry_ms │  ▼ failed                    │ failed, no reply in time, garbage
 *                     resting ◀──────────────────────┘
 *
 * (1) get never waits for a connection: while there is none, it returns NULL at once.
 * (2) A lookup ends within command_ms, whatever Redis does. After a reply that is late,
 *     wrong, or an error that concerns more than one command (LOADING, NOAUTH, MOVED, …),
 *     the connection is over and Redis is left alone for retry_ms, then tried again in the
 *     background, by a timer and not by a request.
 * (3) A connection that Redis closed is opened again at once, but not twice within
 *     retry_ms: it was restarted, or the process was frozen for long.
 * (4) Memory is bounded: at most MF_CACHE_COMMANDS_MAX commands and 4 MiB wait to be sent;
 *     a reply is handed on as it comes. What is too much is skipped.
 * (5) An error that concerns storing alone (OOM, NOPERM to a user who may only read, …) stops
 *     storing for retry_ms, and nothing else. After READONLY, the reply of a node that was demoted
 *     in a failover, the name is looked up again and another connection opened, as in (3); when
 *     the node there replies it too, storing stops for retry_ms.
 * (6) A value is an entry of its key (entry.h), or it is a miss.
 * (7) What is stored expires, always: value and time go in one command. A list's time is up to
 *     a tenth shorter or longer, so that what was stored together does not expire so.
 * (8) Events (feedback.h) are replaced by a script, which a connection sends once (EVAL) and then
 *     names (EVALSHA).
 * (9) A reply of a node of a cluster (MOVED, CROSSSLOT, …) is an error that names the cause: keys
 *     of one MGET would lie on several nodes.
 *
 * Threads: the event base's. */
#ifndef MF_CACHE_CLIENT_H
#define MF_CACHE_CLIENT_H

#include "base/error.h"
#include "cache/cache.h"
#include "cache/entry.h"
#include "cache/feedback.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;

enum {
    MF_CACHE_COMMANDS_MAX = 1024, /* without a reply yet */
    MF_CACHE_KEYS_MAX = 100,      /* of one MGET, even; more keys make more commands */
    MF_CACHE_REASON_BYTES = 256,
};

typedef struct mf_cache_client mf_cache_client;
typedef struct mf_cache_lookup mf_cache_lookup;

/* What to look up of n > 0 users. Views that stay until done or cancel. */
typedef struct mf_cache_wanted {
    const mf_cache_key *lists;       /* [n]; NULL: no lists  */
    const mf_feedback_key *feedback; /* [n]; NULL: no events. With both, of one user each */
    size_t n;
    size_t n_without_list; /* with both: of the last of them only the events */
} mf_cache_wanted;

/* From the loop, never from within get. entry and feedback are views for the time of the call. In
 * done the lookup is gone; complete is false when some keys have no response.
 *
 * Of user i first the events come, when there are any (or a foreign value, which is counted as an
 * error too), then the list. With events wanted, a list that was made for another generation
 * of them is a miss and does not come. */
typedef struct mf_cache_lookup_events {
    void (*found)(void *argument, size_t i, const mf_cache_entry *entry); /* or NULL */
    void (*done)(void *argument, bool complete);
    void (*feedback)(void *argument, size_t i, const mf_feedback *feedback); /* or NULL */
} mf_cache_lookup_events;

/* cache is borrowed. Nothing is done until start. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK mf_cache_client *mf_cache_client_create(mf_cache *cache, struct event_base *base,
                                                      mf_error *err);

/* Opens the connection, unless there is one, or Redis is to be left alone. */
void mf_cache_client_start(mf_cache_client *client);

typedef enum mf_cache_state {
    MF_CACHE_IDLE,
    MF_CACHE_OPENING,
    MF_CACHE_READY,
    MF_CACHE_RESTING
} mf_cache_state;

mf_cache_state mf_cache_client_state(const mf_cache_client *client);

/* Looks up everything at once, then calls done. NULL: not now (lists are counted as skipped);
 * nothing will be called. */
MF_MUST_CHECK mf_cache_lookup *mf_cache_client_get(mf_cache_client *client,
                                                   const mf_cache_wanted *wanted,
                                                   const mf_cache_lookup_events *events,
                                                   void *argument);

/* Nothing more is called for it. */
void mf_cache_client_cancel(mf_cache_client *client, mf_cache_lookup *lookup);

/* Stores a list; what becomes of it is only counted. False: not now, or it is not one
 * that can be stored. */
bool mf_cache_client_set(mf_cache_client *client, const mf_cache_key *key,
                         const mf_cache_entry *entry);

/* Replaces a user's events. True: it was sent; update->state is FAILED until its reply comes, and
 * *update stays until then, or until cancel_updates. False, with the state UNSENT: not now. */
MF_MUST_CHECK bool mf_cache_client_update(mf_cache_client *client, mf_feedback_update *update);

/* No update is touched any more; what was sent may still be done. */
void mf_cache_client_cancel_updates(mf_cache_client *client);

/* What failed last, as one printable line; "" when nothing has. */
const char *mf_cache_client_reason(const mf_cache_client *client);

/* Commands without a reply yet. */
size_t mf_cache_client_pending(const mf_cache_client *client);

/* Lookups must be done or cancelled. NULL is fine. The base must still be there, and its
 * thread be the caller's or have ended. */
void mf_cache_client_destroy(mf_cache_client *client);

/* ---- a circuit breaker, inside src/cache: after a failure Redis is left alone for a while ----
 *
 * (1) From fail on it rests for rest_ms by the wall clock: a Lambda function is frozen
 *     between events, and the monotonic clock stands still meanwhile.
 * (2) A wall clock that is set back does not make the rest longer: a failure that lies
 *     in the future is over.
 *
 * Threads: one at a time. */

typedef struct mf_breaker {
    int64_t failed_ms; /* wall clock */
    uint32_t rest_ms;
    bool failed;
} mf_breaker;

static inline void mf_breaker_fail(mf_breaker *breaker, int64_t wall_ms)
{
    breaker->failed = true;
    breaker->failed_ms = wall_ms;
}

static inline bool mf_breaker_is_resting(const mf_breaker *breaker, int64_t wall_ms)
{
    return breaker->failed && wall_ms >= breaker->failed_ms &&
           wall_ms - breaker->failed_ms < breaker->rest_ms;
}

#endif
