/* scorer_model.c: computes one lookup after the other with the model in this process, until the
 * deadline. */
#include "lambda/recommend/scorer.h"

#include "base/clock.h"
#include "lambda/recommend/response_line.h"

enum { RATINGS_MOST = 1000 /* of a visitor, as in serve */, BYTES_KEPT = 1 << 20 };

/* The response to an instance is that of /invocations to a body of this one line. */
static bool respond(mf_recommend_scorer *scorer, const mf_recommend_lookup *lookup, mf_error *err)
{
    const mf_lambda_model *held = scorer->source->model;
    mf_inference_progress progress = MF_INFERENCE_MORE;
    mf_id instance = lookup->instance;
    scorer->limits.lists = held->lists;
    if (lookup->events.n > 0) {
        mf_text_clear(&scorer->instance, BYTES_KEPT);
        mf_recommend_lookup_write(lookup, &scorer->instance);
        mf_text_append(&scorer->instance, "", 1);
        if (scorer->instance.failed)
            return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for an instance");
        instance = (mf_id){scorer->instance.bytes, scorer->instance.n_bytes - 1};
    }
    mf_text_clear(&scorer->response, BYTES_KEPT);
    mf_inference *inference = mf_inference_create(
        held->recommender, &scorer->limits, MF_INFERENCE_JSON_LINES, MF_INFERENCE_JSON_LINES,
        instance.bytes, instance.n_bytes, &scorer->response, err);
    while (inference != NULL && progress == MF_INFERENCE_MORE)
        progress = mf_inference_step(inference, held->workspace, 0, err);
    mf_inference_destroy(inference);
    return progress == MF_INFERENCE_DONE &&
           (!scorer->response.failed ||
            mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a response"));
}

static bool compute_instance(mf_recommend_scorer *scorer, mf_recommend_lookups *lookups,
                             mf_recommend_lookup *lookup, mf_error *err)
{
    const mf_text *response = &scorer->response;
    if (!respond(scorer, lookup, err))
        return false;
    return mf_recommend_line_read(&scorer->json, lookups, lookup, response->bytes,
                                  response->n_bytes - 1, scorer->source->model->version) ||
           mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a response");
}

static bool compute_list(const mf_recommend_scorer *scorer, mf_recommend_lookups *lookups,
                         mf_recommend_lookup *lookup, mf_error *err)
{
    const mf_lambda_model *held = scorer->source->model;
    const size_t text_at = lookups->text.n_bytes;
    mf_inference_list listed;
    if (!mf_inference_items(held->recommender, &scorer->limits, held->workspace, lookup->user.bytes,
                            lookup->user.n_bytes, lookup->top_n, &lookup->events, &lookups->text,
                            &listed, err))
        return false;
    mf_recommend_lookup_resolve(lookup, text_at, lookups->text.n_bytes - text_at, listed.count,
                                listed.known_user, held->version);
    return true;
}

static void compute(mf_recommend_scorer *scorer, mf_recommend_lookups *lookups,
                    mf_recommend_lookup *lookup)
{
    mf_error err = {.code = MF_OK};
    if (lookup->instance.n_bytes > 0 ? compute_instance(scorer, lookups, lookup, &err)
                                     : compute_list(scorer, lookups, lookup, &err))
        return;
    if (err.code == MF_ERR_MEMORY)
        mf_recommend_lookup_fail(lookups, lookup, &err);
    else
        mf_recommend_lookup_reject(lookups, lookup, "the model refuses it: %s", err.text);
}

static void score(mf_recommend_scorer *scorer, mf_recommend_lookups *lookups,
                  mf_recommend_lookup *const *chosen, size_t n, int64_t deadline_ms)
{
    mf_error late = {.code = MF_OK};
    for (size_t i = 0; i < n; i++) {
        if (mf_clock_wall_ms() < deadline_ms) {
            compute(scorer, lookups, chosen[i]);
            continue;
        }
        mf_fail(&late, MF_ERR_IO, MF_NOWHERE, "the model was not done in time");
        mf_recommend_lookup_fail(lookups, chosen[i], &late);
    }
}

static const char *version(const mf_recommend_scorer *scorer, int64_t max_age_ms)
{
    (void)max_age_ms;
    return scorer->source->model->version;
}

void mf_recommend_scorer_model(mf_recommend_scorer *scorer, const mf_lambda_model_source *source,
                               uint32_t max_top_n)
{
    *scorer =
        (mf_recommend_scorer){.score = score,
                              .version = version,
                              .source = source,
                              .limits = {.max_top_n = max_top_n, .max_fold_in = RATINGS_MOST}};
}
