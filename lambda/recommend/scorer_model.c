/* scorer_model.c: computes one lookup after the other with the model in this process, until the
 * deadline. */
#include "lambda/recommend/scorer.h"

#include "base/clock.h"

static void compute(const mf_recommend_scorer *scorer, mf_recommend_lookups *lookups,
                    mf_recommend_lookup *lookup)
{
    const mf_lambda_model *held = scorer->source->model;
    mf_error err = {.code = MF_OK};
    const size_t text_at = lookups->text.n_bytes;
    mf_inference_list listed;
    if (mf_inference_items(held->recommender, &scorer->limits, held->workspace, lookup->user.bytes,
                           lookup->user.n_bytes, lookup->top_n, &lookups->text, &listed, &err))
        mf_recommend_lookup_resolve(lookup, text_at, lookups->text.n_bytes - text_at, listed.count,
                                    listed.known_user, held->version);
    else if (err.code == MF_ERR_MEMORY)
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
    *scorer = (mf_recommend_scorer){
        .score = score, .version = version, .source = source, .limits = {.max_top_n = max_top_n}};
}
