/* breaker.h: after a failure the cache is left alone for a while.
 *
 * (1) From fail on it rests for rest_ms by the wall clock: a Lambda function is frozen
 *     between events, and the monotonic clock stands still meanwhile.
 * (2) A wall clock that is set back does not make the rest longer: a failure that lies
 *     in the future is over.
 *
 * Threads: one at a time. */
#ifndef MF_CACHE_BREAKER_H
#define MF_CACHE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

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
