/* remembered.h: the last requests whose results this process put on the stream.
 *
 * After a failure the event source mapping sends records again, mostly to the same process. Requests
 * among them that are remembered need no second result. The memory is bounded and forgets the
 * oldest. A request that it forgot gets one more result, under the same request_id.
 *
 * A request is known by 128 bits of its request_id, user, top_n and instance (XXH3 with a seed of the
 * process, so that no client can make two requests look like one).
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RECOMMEND_REMEMBERED_H
#define MF_LAMBDA_RECOMMEND_REMEMBERED_H

#include "lambda/recommend/batch.h"

typedef struct mf_recommend_remembered mf_recommend_remembered;

/* Remembers the last `most` requests at least, twice as many at most. NULL: MF_ERR_MEMORY. */
MF_MUST_CHECK mf_recommend_remembered *mf_recommend_remembered_create(size_t most, mf_error *err);

static inline bool mf_recommend_key_equals(mf_recommend_key a, mf_recommend_key b)
{
    return a.low == b.low && a.high == b.high;
}

mf_recommend_key mf_recommend_remembered_key(const mf_recommend_remembered *remembered,
                                             const mf_recommend_request *request);

bool mf_recommend_remembered_has(const mf_recommend_remembered *remembered, mf_recommend_key key);

void mf_recommend_remembered_add(mf_recommend_remembered *remembered, mf_recommend_key key);

/* NULL is fine. */
void mf_recommend_remembered_destroy(mf_recommend_remembered *remembered);

#endif
