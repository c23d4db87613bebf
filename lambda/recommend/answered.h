/* answered.h: the requests that this process answered lately.
 *
 * After a failure the event source mapping sends records again whose requests were answered, mostly
 * to the same process. They need no second result. The memory is bounded and forgets the oldest: a
 * request that it forgot is answered once more, under the same request_id.
 *
 * A request is known by 128 bits of its request_id, user and top_n (XXH3, with a key of the
 * process's own, so that no client can make two requests look like one).
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RECOMMEND_ANSWERED_H
#define MF_LAMBDA_RECOMMEND_ANSWERED_H

#include "lambda/recommend/batch.h"

typedef struct mf_recommend_answered mf_recommend_answered;

/* Remembers the last `most` requests at least, twice as many at most. NULL: MF_ERR_MEMORY. */
mf_recommend_answered *mf_recommend_answered_create(size_t most, mf_error *err);

static inline bool mf_recommend_key_equals(mf_recommend_key a, mf_recommend_key b)
{
    return a.low == b.low && a.high == b.high;
}

mf_recommend_key mf_recommend_answered_key(const mf_recommend_answered *answered,
                                           const mf_recommend_request *request);

bool mf_recommend_answered_has(const mf_recommend_answered *answered, mf_recommend_key key);

void mf_recommend_answered_add(mf_recommend_answered *answered, mf_recommend_key key);

/* NULL is fine. */
void mf_recommend_answered_destroy(mf_recommend_answered *answered);

#endif
