/* shared.h: what clients say to the cache that they share (inside cache).
 *
 * Threads: any. */
#ifndef MF_CACHE_SHARED_H
#define MF_CACHE_SHARED_H

#include "cache/cache.h"
#include "cache/tls.h"

#include <stdbool.h>

/* NULL: without TLS. */
mf_tls *mf_cache_get_tls(const mf_cache *cache);

void mf_cache_add(mf_cache *cache, mf_cache_count what, uint64_t n);

/* A client's state changed: is_ready and is_resting count clients. */
void mf_cache_change_ready(mf_cache *cache, bool ready);
void mf_cache_change_resting(mf_cache *cache, bool resting);

/* A connection failed, or one works. */
void mf_cache_say_down(mf_cache *cache, const char *why);
void mf_cache_say_up(mf_cache *cache);

/* Redis answers, but does not take values. At most a line a minute. */
void mf_cache_say_full(mf_cache *cache, const char *why);

#endif
