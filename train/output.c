/* output.c: promises in output.h. */
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

bool mf_output_write_model(const char *path, mf_trainer *trainer, const mf_run_facts *facts,
                           const mf_train_settings *values, const mf_earlier *earlier,
                           mf_error *err)
{
    bool ok = false;
    const mf_ratings *all = facts->all;
    uint64_t *own_start = NULL;
    uint32_t *own_items = NULL;
    uint32_t *item_count = NULL;
    char *metadata = NULL;
    mf_trainer_result result;
    if (!mf_trainer_result_get(trainer, &result, err))
        goto done;
    metadata = mf_metrics_model_metadata(facts, result.best_epoch, err);
    item_count = mf_allocate(all->n_items, sizeof *item_count, "counts of ratings", err);
    if (metadata == NULL || item_count == NULL)
        goto done;
    if (earlier->model != NULL && !mf_earlier_rated(earlier, all, &own_start, &own_items, err))
        goto done;
    const uint64_t *rated_start = own_start != NULL ? own_start : all->user_start;
    const uint32_t *rated_items = own_items != NULL ? own_items : all->item;
    for (uint64_t k = 0; k < rated_start[all->n_users]; k++)
        item_count[rated_items[k]]++;

    const mf_model_parts parts = {
        .n_users = all->n_users,
        .n_items = all->n_items,
        .n_factors = values->h.n_factors,
        .n_rated = rated_start[all->n_users],
        .global_mean = result.global_mean,
        .rating_min = result.rating_min,
        .rating_max = result.rating_max,
        /* Of factors in rating units: a factor there is √scale of one inside. */
        .regularization = (float)values->h.user_regularization * result.rating_scale,
        .bias_regularization = (float)values->h.user_bias_regularization,
        .user_bias = result.user_bias,
        .item_bias = result.item_bias,
        .user_factors = result.user_factors,
        .item_factors = result.item_factors,
        .users = all->users,
        .items = all->items,
        .rated_start = rated_start,
        .rated_items = rated_items,
        .item_count = item_count,
        .metadata = metadata,
        .metadata_bytes = strlen(metadata),
    };
    ok = mf_model_write(path, &parts, err);
    if (ok) {
        mf_log_line line;
        mf_log_begin(&line, MF_LOG_INFO, "model");
        mf_log_text(&line, "file", path);
        mf_log_count(&line, "users", parts.n_users);
        mf_log_count(&line, "items", parts.n_items);
        mf_log_count(&line, "n_factors", parts.n_factors);
        mf_log_count(&line, "epoch", result.best_epoch);
        mf_log_end(&line);
    }
done:
    mf_free(own_start);
    mf_free(own_items);
    mf_free(item_count);
    mf_free(metadata);
    return ok;
}
