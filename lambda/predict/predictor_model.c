/* predictor_model.c: the predictor that computes with a model in this process. */
#include "lambda/predict/predictor.h"

#include "base/clock.h"
#include "base/memory.h"

enum {
    SLICE_US = 5000, /* between two looks at the clock */
    RESPONSE_BYTES_KEPT = 1 << 20,
};

typedef struct model_predictor {
    const mf_lambda_model_source *source;
    mf_inference_limits limits;
    mf_text response;
} model_predictor;

static bool work(mf_inference *inference, mf_workspace *workspace, int64_t deadline_ms,
                 mf_predict_problem *problem)
{
    mf_error err = {0};
    mf_inference_progress progress;
    while ((progress = mf_inference_step(inference, workspace, SLICE_US, &err)) ==
           MF_INFERENCE_MORE)
        if (mf_clock_wall_ms() >= deadline_ms)
            return mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_TIMEOUT,
                                           "the model was not done in time");
    return progress == MF_INFERENCE_DONE || mf_predict_problem_of_error(problem, &err);
}

static bool ask(void *context, const char *question, size_t n_question, int64_t deadline_ms,
                const char **response, size_t *n_response, mf_predict_problem *problem)
{
    model_predictor *p = context;
    const mf_lambda_model *held = mf_lambda_model_source_get(p->source);
    mf_error err = {0};
    mf_text_clear(&p->response, RESPONSE_BYTES_KEPT);
    mf_inference *inference =
        mf_inference_create(held->recommender, &p->limits, MF_INFERENCE_JSON, MF_INFERENCE_JSON,
                            question, n_question, &p->response, &err);
    if (inference == NULL)
        return mf_predict_problem_of_error(problem, &err);
    const bool ok = work(inference, held->workspace, deadline_ms, problem);
    mf_inference_destroy(inference);
    *response = p->response.bytes;
    *n_response = p->response.n_bytes;
    return ok;
}

static void destroy(void *context)
{
    model_predictor *p = context;
    mf_text_free(&p->response);
    mf_free(p);
}

bool mf_predict_model_predictor(mf_predict_predictor *predictor,
                                const mf_lambda_model_source *source,
                                const mf_inference_limits *limits, mf_error *err)
{
    model_predictor *p = mf_allocate(1, sizeof *p, "a predictor", err);
    if (p == NULL)
        return false;
    p->source = source;
    p->limits = *limits;
    *predictor = (mf_predict_predictor){.context = p, .ask = ask, .destroy = destroy};
    return true;
}
