/* scorer.h: what resolves lookups with a model: serve at a URL, a SageMaker endpoint, or this
 * process.
 *
 * Threads: one for each scorer. */
#ifndef MF_LAMBDA_RECOMMEND_SCORER_H
#define MF_LAMBDA_RECOMMEND_SCORER_H

#include "lambda/model/model_source.h"
#include "lambda/recommend/lookup.h"

typedef struct mf_recommend_scorer {
    void *context;

    /* Resolves, rejects or fails each of chosen[0 .. n), which are pending lookups of `lookups`.
     * Ends by deadline_ms (wall clock). */
    void (*score)(void *context, mf_recommend_lookups *lookups, mf_recommend_lookup *const *chosen,
                  size_t n, int64_t deadline_ms);

    /* The version of the model that would compute now, as far as is known without asking, and
     * learned at most max_age_ms ago; "" when it is not known. Lives until the next call. */
    const char *(*version)(void *context, int64_t max_age_ms);

    void (*destroy)(void *context);
} mf_recommend_scorer;

/* A zeroed one is fine. */
static inline void mf_recommend_scorer_destroy(mf_recommend_scorer *scorer)
{
    if (scorer->destroy != NULL)
        scorer->destroy(scorer->context);
    *scorer = (mf_recommend_scorer){0};
}

/* Computes with the newest model of the source, which is borrowed, from its load on. The code is
 * that of /internal/recommend of serve, so the same request has the same response, byte for byte.
 * Fails MF_ERR_MEMORY. */
bool mf_recommend_scorer_model(mf_recommend_scorer *scorer, const mf_lambda_model_source *source,
                               uint32_t max_top_n, mf_error *err);

/* Asks serve at `url`, or a SageMaker endpoint: exactly one of url and endpoint_name is not "".
 *
 *     POST …/invocations, application/jsonlines
 *     {"userId":"123","top_n":20}
 *     {"userId":"7","top_n":5}
 *
 * A request has many users, and `concurrency` requests are under way at once: a request for each
 * user would cost both sides more than the computation (script/bench recommend).
 *
 * (1) A request that the model refuses (400, 413, 424 with such a status inside) is repeated user
 *     by user; a user who is refused then is rejected. So is one on which the model breaks (500),
 *     after the retries: a user on whom it breaks alone, fails alone.
 * (2) A request that is throttled, broken or late is repeated by lambda/aws within the deadline,
 *     and then has failed.
 * (3) A response that does not fit its request is a failure of all of its users.
 * (4) The response's custom attributes have the model's version (model_version=…), which the
 *     request asks serve for. Lists of a container that sends none are not cached.
 *
 * Opens no connection. Fails MF_ERR_CONFIG naming the variable, MF_ERR_MEMORY. */
bool mf_recommend_scorer_remote(mf_recommend_scorer *scorer, const char *url,
                                const char *endpoint_name, uint32_t concurrency, mf_error *err);

#endif
