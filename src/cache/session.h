/* session.h: the cache for a program without an event loop: a call sends, waits at most so
 * long, and returns.
 *
 *     mf_cache_session *session = mf_cache_session_open(cache, err);
 *     const uint32_t budget_ms = mf_cache_session_worst_ms(session);
 *     mf_cache_session_get(session, keys, n, budget_ms, found, argument);   … one MGET, or a few
 *     mf_cache_session_set(session, keys, entries, n, budget_ms);
 *
 * The promises of client.h hold, and:
 *
 * (1) A call returns within budget_ms, whatever Redis does. It opens the connection when
 *     there is none; REDIS_CONNECT_MS and REDIS_COMMAND_MS still count.
 * (2) The process may be frozen between two calls. A connection that has died meanwhile is
 *     opened once more and the lookup repeated, within the budget; then its keys count as
 *     skipped.
 * (3) Nothing happens between two calls.
 *
 * Threads: one at a time. */
#ifndef MF_CACHE_SESSION_H
#define MF_CACHE_SESSION_H

#include "base/error.h"
#include "cache/client.h"

typedef struct mf_cache_session mf_cache_session;

/* cache is borrowed. Does not connect yet. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK mf_cache_session *mf_cache_session_open(mf_cache *cache, mf_error *err);

/* The budget when the settings alone limit a call: REDIS_CONNECT_MS for a connection, which may
 * have to be opened, and REDIS_COMMAND_MS for the commands on it. */
uint32_t mf_cache_session_worst_ms(const mf_cache_session *session);

/* Key i is in the cache. entry is a view for the time of the call. */
typedef void mf_cache_session_found(void *argument, size_t i, const mf_cache_entry *entry);

/* The events of user i, or a foreign value; the same. */
typedef void mf_cache_session_feedback(void *argument, size_t i, const mf_feedback *feedback);

/* Looks up what is wanted (client.h), also nothing. Neither callback is called for the same i
 * twice; each may be NULL. False as get. */
bool mf_cache_session_look_up(mf_cache_session *session, const mf_cache_wanted *wanted,
                              uint32_t budget_ms, mf_cache_session_found *found,
                              mf_cache_session_feedback *feedback, void *argument);

/* Looks up n lists; found comes for each that is there, once. False: some have no response
 * (as when the cache is left alone): they count as skipped. */
bool mf_cache_session_get(mf_cache_session *session, const mf_cache_key *keys, size_t n,
                          uint32_t budget_ms, mf_cache_session_found *found, void *argument);

/* Stores n lists and waits until Redis has taken them. Returns how many were given to it;
 * the counters say how many it took. */
size_t mf_cache_session_set(mf_cache_session *session, const mf_cache_key *keys,
                            const mf_cache_entry *entries, size_t n, uint32_t budget_ms);

/* Replaces the events of n different users, and waits until each update has its state. */
void mf_cache_session_update(mf_cache_session *session, mf_feedback_update *updates, size_t n,
                             uint32_t budget_ms);

/* What failed last, as one printable line; "" when nothing has. */
const char *mf_cache_session_reason(const mf_cache_session *session);

/* NULL is fine. Before the cache is closed. */
void mf_cache_session_close(mf_cache_session *session);

#endif
