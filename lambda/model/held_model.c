/* held_model.c: promises in held_model.h. */
#include "lambda/model/held_model.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "inference/inference.h"

#include <stdint.h>
#include <stdio.h>

static void log_model(const mf_held_model *held, double seconds)
{
    const mf_model_parts *parts = mf_model_get(held->model);
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "model");
    mf_log_text(&line, "uri", held->file.name);
    mf_log_text(&line, "version", held->version);
    mf_log_count(&line, "users", parts->n_users);
    mf_log_count(&line, "items", parts->n_items);
    mf_log_count(&line, "factors", parts->n_factors);
    mf_log_count(&line, "ranking_factors", parts->ranking.n_factors);
    mf_log_number(&line, "elapsed_ms", seconds * 1e3, 3);
    mf_log_end(&line);
    mf_inference_log_models(held->recommender);
}

mf_held_model *mf_held_model_open(mf_mapped_model *file, mf_error *err)
{
    const double start = mf_clock_seconds();
    mf_held_model *held = mf_allocate(1, sizeof *held, "a model", err);
    if (held == NULL) {
        mf_mapped_model_close(file);
        return NULL;
    }
    held->file = *file;
    *file = (mf_mapped_model){0};
    held->model = mf_model_open_bytes(held->file.bytes, held->file.n_bytes, held->file.name, err);
    if (held->model != NULL)
        held->recommender = mf_recommender_create(held->model, SIZE_MAX, err);
    if (held->recommender != NULL)
        held->workspace = mf_workspace_create(err);
    if (held->workspace == NULL) {
        mf_held_model_close(held);
        return NULL;
    }
    snprintf(held->version, sizeof held->version, "%016llx",
             (unsigned long long)mf_model_checksum(held->model));
    log_model(held, mf_clock_seconds() - start);
    return held;
}

void mf_held_model_close(mf_held_model *held)
{
    if (held == NULL)
        return;
    mf_workspace_destroy(held->workspace);
    mf_recommender_destroy(held->recommender);
    mf_model_close(held->model);
    mf_mapped_model_close(&held->file);
    mf_free(held);
}
