/* in_process.c: promises in in_process.h. */
#include "lambda/predict/in_process.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdio.h>

enum {
    SLICE_US = 5000, /* between two looks at the clock */
    INDEX_BYTES = 48 << 20,
    ANSWER_BYTES_KEPT = 1 << 20,
};

typedef struct in_process {
    mf_mapped_model file;
    mf_model *model;
    mf_recommender *recommender;
    mf_workspace *workspace;
    mf_inference_limits limits;
    mf_text answer;
} in_process;

static bool work(in_process *p, mf_inference *inference, int64_t deadline_ms, mf_problem *problem)
{
    mf_error err = {0};
    mf_inference_progress progress;
    while ((progress = mf_inference_step(inference, p->workspace, SLICE_US, &err)) ==
           MF_INFERENCE_MORE)
        if (mf_clock_wall_ms() >= deadline_ms)
            return mf_problem_hide(problem, MF_PROBLEM_TIMEOUT, "the model was not done in time");
    return progress == MF_INFERENCE_DONE || mf_problem_of_error(problem, &err);
}

static bool ask(void *context, const char *question, size_t n_question, int64_t deadline_ms,
                const char **answer, size_t *n_answer, mf_problem *problem)
{
    in_process *p = context;
    mf_error err = {0};
    mf_text_clear(&p->answer, ANSWER_BYTES_KEPT);
    mf_inference *inference =
        mf_inference_create(p->recommender, &p->limits, MF_INFERENCE_JSON, MF_INFERENCE_JSON,
                            question, n_question, &p->answer, &err);
    if (inference == NULL)
        return mf_problem_of_error(problem, &err);
    const bool ok = work(p, inference, deadline_ms, problem);
    mf_inference_destroy(inference);
    *answer = p->answer.bytes;
    *n_answer = p->answer.n_bytes;
    return ok;
}

static void destroy(void *context)
{
    in_process *p = context;
    mf_text_free(&p->answer);
    mf_workspace_destroy(p->workspace);
    mf_recommender_destroy(p->recommender);
    mf_model_close(p->model);
    mf_mapped_model_close(&p->file);
    mf_free(p);
}

static void log_model(const in_process *p, double seconds)
{
    const mf_model_parts *parts = mf_model_get(p->model);
    char version[17];
    snprintf(version, sizeof version, "%016llx", (unsigned long long)mf_model_checksum(p->model));
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "model");
    mf_log_text(&line, "uri", p->file.name);
    mf_log_text(&line, "version", version);
    mf_log_count(&line, "users", parts->n_users);
    mf_log_count(&line, "items", parts->n_items);
    mf_log_count(&line, "factors", parts->n_factors);
    mf_log_number(&line, "elapsed_ms", seconds * 1e3, 3);
    mf_log_end(&line);
}

bool mf_in_process_predictor(mf_predictor *predictor, mf_mapped_model *file,
                             const mf_inference_limits *limits, mf_error *err)
{
    const double start = mf_clock_seconds();
    in_process *p = mf_allocate(1, sizeof *p, "a model", err);
    if (p == NULL) {
        mf_mapped_model_close(file);
        return false;
    }
    p->file = *file;
    *file = (mf_mapped_model){0};
    p->limits = *limits;
    p->model = mf_model_open_bytes(p->file.bytes, p->file.n_bytes, p->file.name, err);
    if (p->model != NULL)
        p->recommender = mf_recommender_create(p->model, INDEX_BYTES, err);
    if (p->recommender != NULL)
        p->workspace = mf_workspace_create(err);
    if (p->workspace == NULL) {
        destroy(p);
        return false;
    }
    *predictor = (mf_predictor){.context = p, .ask = ask, .destroy = destroy};
    log_model(p, mf_clock_seconds() - start);
    return true;
}
