/* answered.h: which requests this process has answered lately.
 *
 * After a failure a stream's mapping brings records again that had been answered, mostly to
 * the same process. They need not be answered again. The memory is of bounded size and forgets
 * the oldest: what it does not know is answered once more, under the same request_id.
 *
 * A request is known by 128 bits of its request_id, user and top_n (XXH3, with a key of the
 * process's own, so that nobody can make two requests look like one).
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RECOMMEND_ANSWERED_H
#define MF_LAMBDA_RECOMMEND_ANSWERED_H

#include "lambda/recommend/request.h"

typedef struct mf_answered mf_answered;

typedef struct mf_answered_key {
    uint64_t low, high;
} mf_answered_key;

/* Remembers the last `most` requests at least, twice as many at most. NULL: MF_ERR_MEMORY. */
mf_answered *mf_answered_create(size_t most, mf_error *err);

static inline bool mf_answered_is_same(mf_answered_key a, mf_answered_key b)
{
    return a.low == b.low && a.high == b.high;
}

mf_answered_key mf_answered_key_of(const mf_answered *answered,
                                   const mf_recommend_request *request);

bool mf_answered_has(const mf_answered *answered, mf_answered_key key);

void mf_answered_add(mf_answered *answered, mf_answered_key key);

/* NULL is fine. */
void mf_answered_destroy(mf_answered *answered);

#endif
