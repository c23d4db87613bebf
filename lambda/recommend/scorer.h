/* scorer.h: whoever knows the model: a service, an endpoint, or this process.
 *
 * Threads: one for each scorer. */
#ifndef MF_LAMBDA_RECOMMEND_SCORER_H
#define MF_LAMBDA_RECOMMEND_SCORER_H

#include "lambda/recommend/wish.h"

typedef struct mf_scorer {
    void *context;

    /* Grants, refuses or fails each of chosen[0 .. n), which are wishes of `wishes` and are
     * open. Ends by deadline_ms (wall clock). */
    void (*score)(void *context, mf_wishes *wishes, mf_wish *const *chosen, size_t n,
                  int64_t deadline_ms);

    /* The version of the model that would answer now, as far as is known without asking, and
     * not longer ago than max_age_ms; "" when it is not. Lives until the next call. */
    const char *(*version)(void *context, int64_t max_age_ms);

    void (*destroy)(void *context);
} mf_scorer;

/* A zeroed one is fine. */
static inline void mf_scorer_destroy(mf_scorer *scorer)
{
    if (scorer->destroy != NULL)
        scorer->destroy(scorer->context);
    *scorer = (mf_scorer){0};
}

#endif
