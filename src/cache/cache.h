/* cache.h: what all connections of a process to one Redis share: settings, trusted
 * certificates, counters, and whether the cache is out of order.
 *
 *     mf_cache *cache = mf_cache_open(&settings, err);
 *     mf_cache_client_create(cache, base, err)     on an event loop (client.h)
 *     mf_cache_session_open(cache, err)            in a program without one (session.h)
 *
 * (1) An outage is one line of the log when it begins (cache_down, a warning) and one
 *     when it ends (cache_up), however many requests and connections meet it.
 * (2) The process ignores SIGPIPE from open on, unless it handles it: a Redis that closes
 *     a connection ends nothing.
 *
 * Threads: open and close in one; counting and reading in any. */
#ifndef MF_CACHE_CACHE_H
#define MF_CACHE_CACHE_H

#include "base/error.h"
#include "cache/settings.h"

#include <stdint.h>

typedef struct mf_cache mf_cache;

/* What became of it so far. Questions are keys: hits + misses + skipped of them. */
typedef enum mf_cache_count {
    MF_CACHE_HITS,
    MF_CACHE_MISSES,      /* Redis had nothing, or nothing usable */
    MF_CACHE_SKIPPED,     /* not asked, or no answer in time */
    MF_CACHE_STORED,      /* lists that Redis has taken */
    MF_CACHE_NOT_STORED,  /* lists that it was not given or did not take */
    MF_CACHE_ERRORS,      /* connections and commands that failed, values that are not ours */
    MF_CACHE_CONNECTIONS, /* made since the start, AUTH included */
    MF_CACHE_COUNTS
} mf_cache_count;

/* Settings are copied; what is in them was checked (mf_cache_settings_read). Fails
 * MF_ERR_CONFIG: certificates; MF_ERR_MEMORY. */
mf_cache *mf_cache_open(const mf_cache_settings *settings, mf_error *err);

const mf_cache_settings *mf_cache_get_settings(const mf_cache *cache);

uint64_t mf_cache_counted(const mf_cache *cache, mf_cache_count what);

/* Clients that may be asked now, and clients that leave Redis alone after a failure. */
uint32_t mf_cache_ready(const mf_cache *cache);
uint32_t mf_cache_resting(const mf_cache *cache);

/* NULL is fine. After the last client and session. */
void mf_cache_close(mf_cache *cache);

#endif
