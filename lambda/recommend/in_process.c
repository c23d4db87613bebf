/* in_process.c: promises in in_process.h. */
#include "lambda/recommend/in_process.h"

#include "base/clock.h"
#include "base/memory.h"
#include "inference/inference.h"

typedef struct in_process {
    const mf_lambda_model_source *source;
    mf_inference_limits limits;
} in_process;

static void answer(const in_process *p, mf_wishes *wishes, mf_wish *wish)
{
    const mf_lambda_model *held = mf_lambda_model_source_get(p->source);
    mf_error err = {.code = MF_OK};
    const size_t text_at = wishes->text.n_bytes;
    mf_inference_list listed;
    if (mf_inference_items(held->recommender, &p->limits, held->workspace, wish->user.bytes,
                           wish->user.n_bytes, wish->top_n, &wishes->text, &listed, &err))
        mf_wish_grant(wish, text_at, wishes->text.n_bytes - text_at, listed.count,
                      listed.known_user, held->version);
    else if (err.code == MF_ERR_MEMORY)
        mf_wish_fail(wishes, wish, &err);
    else
        mf_wish_refuse(wishes, wish, "the model refuses it: %s", err.text);
}

static void score(void *context, mf_wishes *wishes, mf_wish *const *chosen, size_t n,
                  int64_t deadline_ms)
{
    mf_error late = {.code = MF_OK};
    for (size_t i = 0; i < n; i++) {
        if (mf_clock_wall_ms() < deadline_ms) {
            answer(context, wishes, chosen[i]);
            continue;
        }
        mf_fail(&late, MF_ERR_IO, MF_NOWHERE, "the model was not done in time");
        mf_wish_fail(wishes, chosen[i], &late);
    }
}

static const char *version(void *context, int64_t max_age_ms)
{
    const in_process *p = context;
    (void)max_age_ms;
    return mf_lambda_model_source_get(p->source)->version;
}

static void destroy(void *context)
{
    mf_free(context);
}

bool mf_in_process_scorer(mf_scorer *scorer, const mf_lambda_model_source *source,
                          uint32_t max_top_n, mf_error *err)
{
    in_process *p = mf_allocate(1, sizeof *p, "answers of a model", err);
    if (p == NULL)
        return false;
    p->source = source;
    p->limits = (mf_inference_limits){.max_top_n = max_top_n};
    *scorer = (mf_scorer){.context = p, .score = score, .version = version, .destroy = destroy};
    return true;
}
