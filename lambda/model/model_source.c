/* model_source.c: maps a file, takes the model out of an archive, checks it and only then replaces
 * the old one. */
#include "lambda/model/model_source.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "inference/inference.h"
#include "lambda/model/packed_lists.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TAR_MAGIC_AT = 257 };

_Static_assert(sizeof((mf_mapped_model *)0)->name > MF_AWS_S3_URI_BYTES, "a URI is a model's name");

static void log_model(const mf_lambda_model *model, double elapsed_ms)
{
    const mf_model_parts *parts = mf_model_get(model->model);
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "model");
    mf_log_text(&line, "uri", model->file.name);
    mf_log_text(&line, "version", model->version);
    mf_log_count(&line, "users", parts->n_users);
    mf_log_count(&line, "items", parts->n_items);
    mf_log_count(&line, "factors", parts->n_factors);
    mf_log_count(&line, "ranking_factors", parts->ranking.n_factors);
    mf_log_number(&line, "elapsed_ms", elapsed_ms, 3);
    mf_log_end(&line);
    mf_inference_log_models(model->recommender);
}

static void close_model(mf_lambda_model *model)
{
    if (model == NULL)
        return;
    mf_workspace_destroy(model->workspace);
    mf_named_lists_destroy(model->lists);
    mf_recommender_destroy(model->recommender);
    mf_model_close(model->model);
    mf_mapped_model_close(&model->file);
    mf_free(model);
}

/* Where a model's lists are. */
typedef struct beside {
    const char *place;                /* of the model or its archive */
    char folder[MF_AWS_S3_URI_BYTES]; /* "": none */
    mf_lambda_packed_lists packed;
} beside;

static mf_named_lists *read_lists(const beside *b, const mf_lambda_model *model, mf_error *err)
{
    const char *name = model->file.name; /* "…/model.tar.gz: m/model.bin" */
    const size_t n_place = strlen(b->place) + sizeof ": " - 1;
    return b->folder[0] != '\0'
               ? mf_named_lists_load(b->folder, model->model, err)
               : mf_lambda_packed_lists_read(
                     &b->packed, strlen(name) > n_place ? name + n_place : "", model->model, err);
}

/* Takes the file over, also on failure. */
static mf_lambda_model *open_model(mf_mapped_model *file, const beside *b, mf_error *err)
{
    const int64_t start_us = mf_clock_us();
    mf_lambda_model *model = mf_allocate(1, sizeof *model, "a model", err);
    if (model == NULL) {
        mf_mapped_model_close(file);
        return NULL;
    }
    model->file = *file;
    model->model =
        mf_model_open_bytes(model->file.bytes, model->file.n_bytes, model->file.name, err);
    if (model->model != NULL)
        model->recommender = mf_recommender_create(model->model, SIZE_MAX, err);
    if (model->recommender != NULL)
        model->lists = read_lists(b, model, err);
    if (model->lists != NULL)
        model->workspace = mf_workspace_create(err);
    if (model->workspace == NULL) {
        close_model(model);
        return NULL;
    }
    snprintf(model->version, sizeof model->version, "%016llx",
             (unsigned long long)mf_model_checksum(model->model));
    log_model(model, (double)(mf_clock_us() - start_us) / 1e3);
    return model;
}

static bool is_archive(const unsigned char *bytes, uint64_t n_bytes)
{
    if (n_bytes >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B)
        return true;
    return n_bytes > TAR_MAGIC_AT + 5 && memcmp(bytes + TAR_MAGIC_AT, "ustar", 5) == 0;
}

static bool check_start(const void *first, uint64_t n_bytes, const char *name, mf_error *err)
{
    return is_archive(first, n_bytes) || mf_model_check_start(first, n_bytes, name, err);
}

/* Replaces an archive by the model inside. */
static bool unpack(mf_mapped_model *file, mf_lambda_packed_lists *lists, int64_t deadline_ms,
                   mf_error *err)
{
    const mf_unpack_others others = {mf_lambda_packed_lists_take, lists};
    mf_mapped_model packed = *file;
    *file = (mf_mapped_model){0};
    mf_tar *tar =
        mf_tar_open_bytes(packed.bytes, packed.n_bytes, packed.name, MF_LAMBDA_WATCHED_BYTES, err);
    const bool ok =
        tar != NULL && mf_mapped_model_unpack(file, tar, packed.name, &others, deadline_ms, err);
    mf_tar_close(tar);
    mf_mapped_model_close(&packed);
    return ok;
}

/* The folder of a path. */
static void name_folder(const char *path, char *folder)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        memcpy(folder, ".", sizeof ".");
    else
        snprintf(folder, MF_AWS_S3_URI_BYTES, "%.*s", (int)(slash - path) + 1, path);
}

static bool use_model(void *context, int fd, const char *name, int64_t deadline_ms, mf_error *err)
{
    mf_lambda_model_source *source = context;
    mf_lambda_model *model = NULL;
    mf_mapped_model file = {0};
    beside b = {.place = name};
    snprintf(file.name, sizeof file.name, "%s", name);
    if (!mf_mapped_model_map(&file, fd, err))
        return false;
    if (is_archive(file.bytes, file.n_bytes)) {
        if (!unpack(&file, &b.packed, deadline_ms, err))
            goto done;
    } else if (source->place.s3 == NULL) {
        name_folder(name, b.folder);
    }
    model = open_model(&file, &b, err);
    if (model != NULL) {
        close_model(source->model);
        source->model = model;
    }
done:
    mf_lambda_packed_lists_free(&b.packed);
    return model != NULL;
}

bool mf_lambda_model_source_start(mf_lambda_model_source *source, const char *uri,
                                  mf_aws_client *s3, mf_error *err)
{
    source->model = NULL;
    const bool ok =
        mf_lambda_watched_start(&source->place, "model", uri, s3, use_model, source, err);
    source->place.check = check_start;
    return ok;
}

void mf_lambda_model_source_refresh_before(mf_lambda_model_source *source, uint32_t every_seconds,
                                           int64_t event_ms)
{
    if (source->place.use != NULL)
        mf_lambda_watched_refresh_if_due(&source->place, every_seconds, event_ms / 2,
                                         MF_LAMBDA_MODEL_REFRESH_MS);
}

void mf_lambda_model_source_end(mf_lambda_model_source *source)
{
    close_model(source->model);
    source->model = NULL;
}
