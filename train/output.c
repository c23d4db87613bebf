/* output.c: the parts of model.bin come from the trainers and from the ratings. */
#include "output.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/model.h"

#include <string.h>
#include <sys/stat.h>

bool mf_output_probe(const char *path, mf_error *err)
{
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return mf_fail(err, MF_ERR_IO, (mf_where){.path = path},
                       "is a folder, but a file is to be written there");
    mf_file_writer *probe = mf_file_writer_create(path, err);
    mf_file_writer_destroy(probe);
    return probe != NULL;
}

bool mf_output_parts(const mf_output *output, mf_model_parts *parts, uint32_t **item_count,
                     uint32_t *best_epoch, mf_error *err)
{
    const mf_ratings *all = output->all;
    const mf_rated *rated = output->rated;
    mf_trainer_result result = {0};
    *best_epoch = 0;
    if (output->trainer != NULL && !mf_trainer_result_get(output->trainer, &result, err))
        return false;
    *item_count = mf_allocate(all->n_items, sizeof **item_count, "counts of ratings", err);
    if (*item_count == NULL)
        return false;
    for (uint64_t k = 0; k < rated->start[all->n_users]; k++)
        (*item_count)[rated->items[k]]++;
    *parts = (mf_model_parts){
        .n_users = all->n_users,
        .n_items = all->n_items,
        .n_rated = rated->start[all->n_users],
        .users = all->users,
        .items = all->items,
        .rated_start = rated->start,
        .rated_items = rated->items,
        .item_count = *item_count,
        .ranking = *output->ranking,
    };
    if (output->attributes != NULL)
        parts->attributes = *output->attributes;
    if (output->trainer == NULL)
        return true;
    parts->n_factors = output->n_factors;
    parts->global_mean = result.global_mean;
    parts->rating_min = result.rating_min;
    parts->rating_max = result.rating_max;
    /* Of factors in rating units: a factor there is √scale of one inside. */
    parts->regularization = (float)output->user_regularization * result.rating_scale;
    parts->bias_regularization = (float)output->user_bias_regularization;
    parts->user_bias = result.user_bias;
    parts->item_bias = result.item_bias;
    parts->user_factors = result.user_factors;
    parts->item_factors = result.item_factors;
    *best_epoch = result.best_epoch;
    return true;
}

bool mf_output_write_model(const char *path, mf_model_parts *parts, const mf_run_facts *facts,
                           uint32_t best_epoch, mf_error *err)
{
    char *metadata = mf_metrics_model_metadata(facts, best_epoch, err);
    if (metadata == NULL)
        return false;
    parts->metadata = metadata;
    parts->metadata_bytes = strlen(metadata);
    const bool ok = mf_model_write(path, parts, err);
    if (ok) {
        mf_log_line line;
        mf_log_begin(&line, MF_LOG_INFO, "model");
        mf_log_text(&line, "file", path);
        mf_log_count(&line, "users", parts->n_users);
        mf_log_count(&line, "items", parts->n_items);
        mf_log_count(&line, "n_factors", parts->n_factors);
        mf_log_count(&line, "epoch", best_epoch);
        mf_log_count(&line, "ranking_factors", parts->ranking.n_factors);
        mf_log_end(&line);
    }
    parts->metadata = NULL;
    parts->metadata_bytes = 0;
    mf_free(metadata);
    return ok;
}
