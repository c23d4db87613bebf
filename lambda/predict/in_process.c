/* in_process.c: promises in in_process.h. */
#include "lambda/predict/in_process.h"

#include "base/clock.h"
#include "base/memory.h"

enum {
    SLICE_US = 5000, /* between two looks at the clock */
    ANSWER_BYTES_KEPT = 1 << 20,
};

typedef struct in_process {
    const mf_lambda_model_source *source;
    mf_inference_limits limits;
    mf_text answer;
} in_process;

static bool work(mf_inference *inference, mf_workspace *workspace, int64_t deadline_ms,
                 mf_problem *problem)
{
    mf_error err = {0};
    mf_inference_progress progress;
    while ((progress = mf_inference_step(inference, workspace, SLICE_US, &err)) ==
           MF_INFERENCE_MORE)
        if (mf_clock_wall_ms() >= deadline_ms)
            return mf_problem_hide(problem, MF_PROBLEM_TIMEOUT, "the model was not done in time");
    return progress == MF_INFERENCE_DONE || mf_problem_of_error(problem, &err);
}

static bool ask(void *context, const char *question, size_t n_question, int64_t deadline_ms,
                const char **answer, size_t *n_answer, mf_problem *problem)
{
    in_process *p = context;
    const mf_lambda_model *held = mf_lambda_model_source_get(p->source);
    mf_error err = {0};
    mf_text_clear(&p->answer, ANSWER_BYTES_KEPT);
    mf_inference *inference =
        mf_inference_create(held->recommender, &p->limits, MF_INFERENCE_JSON, MF_INFERENCE_JSON,
                            question, n_question, &p->answer, &err);
    if (inference == NULL)
        return mf_problem_of_error(problem, &err);
    const bool ok = work(inference, held->workspace, deadline_ms, problem);
    mf_inference_destroy(inference);
    *answer = p->answer.bytes;
    *n_answer = p->answer.n_bytes;
    return ok;
}

static void destroy(void *context)
{
    in_process *p = context;
    mf_text_free(&p->answer);
    mf_free(p);
}

bool mf_in_process_predictor(mf_predictor *predictor, const mf_lambda_model_source *source,
                             const mf_inference_limits *limits, mf_error *err)
{
    in_process *p = mf_allocate(1, sizeof *p, "answers of a model", err);
    if (p == NULL)
        return false;
    p->source = source;
    p->limits = *limits;
    *predictor = (mf_predictor){.context = p, .ask = ask, .destroy = destroy};
    return true;
}
