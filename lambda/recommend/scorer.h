/* scorer.h: what resolves lookups with a model: serve at a URL, a SageMaker endpoint, or this
 * process.
 *
 * Threads: one for each scorer. */
#ifndef MF_LAMBDA_RECOMMEND_SCORER_H
#define MF_LAMBDA_RECOMMEND_SCORER_H

#include "inference/inference.h"
#include "lambda/model/model_source.h"
#include "lambda/recommend/lookup.h"

typedef struct mf_recommend_scorer mf_recommend_scorer;

struct mf_recommend_scorer {
    /* Resolves, rejects or fails each of chosen[0 .. n), which are pending lookups of `lookups`.
     * Ends by deadline_ms (wall clock). */
    void (*score)(mf_recommend_scorer *scorer, mf_recommend_lookups *lookups,
                  mf_recommend_lookup *const *chosen, size_t n, int64_t deadline_ms);

    /* The version of the model that would compute now, as far as it is known without a request and
     * was learned at most max_age_ms ago; else "". Lives until the next call. */
    const char *(*version)(const mf_recommend_scorer *scorer, int64_t max_age_ms);

    /* Of a model in this process. */
    const mf_lambda_model_source *source;
    mf_inference_limits limits;
    mf_text instance; /* with events */
    mf_text response; /* to an instance */
    mf_stream_json json;

    void *context; /* of a service or an endpoint */
};

/* Computes with the newest model of the source, which is borrowed and loaded. The code is that of
 * /internal/recommend of serve, so the same request has the same response, byte for byte. */
void mf_recommend_scorer_model(mf_recommend_scorer *scorer, const mf_lambda_model_source *source,
                               uint32_t max_top_n);

/* Calls serve at `url`, or a SageMaker endpoint: exactly one of url and endpoint_name is not "".
 *
 *     POST …/invocations, application/jsonlines
 *     {"userId":"123","top_n":20}
 *     {"userId":"7","top_n":5,"ratings":[{"item_id":"2959","rating":4.5,"timestamp":1}]}    with events
 *     {"user_id":2,"item_id":2959}                an instance
 *
 * A request has many users, and `concurrency` requests are under way at once: a request for each
 * user would cost both sides more than the computation (script/bench recommend).
 *
 * (1) A request that the model rejects (400, 413, 424 with such a status inside), or on which it
 *     breaks (500, after the retries), is repeated user by user. A user whose own request is
 *     rejected then is requested without events, which an earlier `serve` and one with a low
 *     SERVE_MAX_FOLD_IN do not take, and is rejected if that is; one on whom the model breaks fails
 *     alone.
 * (2) A request that is throttled, broken or late is repeated by lambda/aws within the deadline,
 *     and then fails.
 * (3) A response that does not fit its request fails all of its users.
 * (4) The response's custom attributes have the model's version (model_version=…), which the
 *     request wants from serve. Lists of a container that sends none are not cached.
 *
 * Opens no connection. Fails MF_ERR_CONFIG naming the variable, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_scorer_remote(mf_recommend_scorer *scorer, const char *url,
                                              const char *endpoint_name, uint32_t concurrency,
                                              mf_error *err);

/* A zeroed one is fine. */
void mf_recommend_scorer_end(mf_recommend_scorer *scorer);

#endif
