/* model_source.c: a load or a refresh gets the file (download or open), maps it, unpacks an archive,
 * checks the model and only then replaces the old one. */
#include "lambda/model/model_source.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "inference/inference.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The largest /tmp that Lambda offers. */
#define OBJECT_BYTES ((uint64_t)10 << 30)

enum { TAR_MAGIC_AT = 257, TIMES_AS_LONG = 2 };

_Static_assert(sizeof((mf_mapped_model *)0)->name > MF_AWS_S3_URI_BYTES, "a URI is a model's name");

struct mf_lambda_model_source {
    mf_lambda_watched place;
    mf_lambda_model *model;
    double ms_per_byte; /* of the last model, from mapped to ready; 0: unknown */
};

/* -------------------------------------------------------------------------- a model */

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

mf_lambda_model *mf_lambda_model_open(mf_mapped_model *file, mf_error *err)
{
    const int64_t start_us = mf_clock_us();
    mf_lambda_model *model = mf_allocate(1, sizeof *model, "a model", err);
    if (model == NULL) {
        mf_mapped_model_close(file);
        return NULL;
    }
    model->file = *file;
    *file = (mf_mapped_model){0};
    model->model =
        mf_model_open_bytes(model->file.bytes, model->file.n_bytes, model->file.name, err);
    if (model->model != NULL)
        model->recommender = mf_recommender_create(model->model, SIZE_MAX, err);
    if (model->recommender != NULL)
        model->workspace = mf_workspace_create(err);
    if (model->workspace == NULL) {
        mf_lambda_model_close(model);
        return NULL;
    }
    snprintf(model->version, sizeof model->version, "%016llx",
             (unsigned long long)mf_model_checksum(model->model));
    log_model(model, (double)(mf_clock_us() - start_us) / 1e3);
    return model;
}

void mf_lambda_model_close(mf_lambda_model *model)
{
    if (model == NULL)
        return;
    mf_workspace_destroy(model->workspace);
    mf_recommender_destroy(model->recommender);
    mf_model_close(model->model);
    mf_mapped_model_close(&model->file);
    mf_free(model);
}

/* ----------------------------------------------------------------------- the source */

mf_lambda_model_source *mf_lambda_model_source_create(const char *uri, mf_aws_client *s3,
                                                      mf_error *err)
{
    mf_lambda_model_source *source = mf_allocate(1, sizeof *source, "the source of the model", err);
    if (source == NULL)
        return NULL;
    if (!mf_lambda_watched_start(&source->place, "model", uri, s3, err)) {
        mf_free(source);
        return NULL;
    }
    return source;
}

void mf_lambda_model_source_destroy(mf_lambda_model_source *source)
{
    if (source == NULL)
        return;
    mf_lambda_model_close(source->model);
    mf_free(source);
}

/* True when a model of n_bytes can be ready by the deadline. */
static bool has_time(const mf_lambda_model_source *source, uint64_t n_bytes, int64_t deadline_ms,
                     mf_error *err)
{
    const double needed_ms = TIMES_AS_LONG * source->ms_per_byte * (double)n_bytes;
    const int64_t left_ms = deadline_ms - mf_clock_wall_ms();
    return deadline_ms == 0 || needed_ms < (double)left_ms ||
           mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                   "%s: %lld ms are left for a newer model, it may need %.0f: a longer timeout of "
                   "the function helps",
                   source->place.uri, (long long)left_ms, needed_ms);
}

/* ------------------------------------------------------------------------ S3, files */

typedef struct download {
    const mf_lambda_model_source *source;
    int64_t deadline_ms;
    int fd;
} download;

static bool begin_download(void *context, uint64_t n_bytes, mf_error *err)
{
    const download *d = context;
    if (ftruncate(d->fd, 0) != 0 || lseek(d->fd, 0, SEEK_SET) != 0)
        return mf_fail_errno(err, errno, MF_NOWHERE, "a temporary file cannot be emptied");
    return n_bytes == UINT64_MAX || has_time(d->source, n_bytes, d->deadline_ms, err);
}

static bool take_download(void *context, const char *bytes, size_t n, mf_error *err)
{
    const download *d = context;
    return mf_nameless_file_append(d->fd, bytes, n, err);
}

/* Opens a newer file; -1 with err->code MF_OK when there is none. */
static int open_newer(const mf_lambda_model_source *source, int64_t deadline_ms,
                      mf_lambda_watched_version *version, mf_error *err)
{
    const mf_lambda_watched *place = &source->place;
    bool is_newer = false;
    mf_aws_failure failure;
    int fd = place->s3 != NULL ? mf_nameless_file_open(err)
                               : mf_lambda_watched_open_file(place, version, &is_newer, err);
    if (fd >= 0 && place->s3 != NULL) {
        download target = {source, deadline_ms, fd};
        const mf_aws_sink sink = {begin_download, take_download, &target};
        if (!mf_lambda_watched_get_object(place, &sink, OBJECT_BYTES, deadline_ms, version,
                                          &is_newer, &failure))
            mf_aws_failure_to_error(&failure, err);
    }
    if (fd >= 0 && !is_newer) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* ----------------------------------------------------------------------- archives */

static bool is_archive(const mf_mapped_model *file)
{
    const unsigned char *bytes = file->bytes;
    if (file->n_bytes >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B)
        return true;
    return file->n_bytes > TAR_MAGIC_AT + 5 && memcmp(bytes + TAR_MAGIC_AT, "ustar", 5) == 0;
}

/* Replaces an archive by the model inside. */
static bool unpack(mf_mapped_model *file, int64_t deadline_ms, mf_error *err)
{
    mf_mapped_model packed = *file;
    *file = (mf_mapped_model){0};
    mf_tar *tar = mf_tar_open_bytes(packed.bytes, packed.n_bytes, packed.name, OBJECT_BYTES, err);
    const bool ok = tar != NULL && mf_mapped_model_unpack(file, tar, packed.name, deadline_ms, err);
    mf_tar_close(tar);
    mf_mapped_model_close(&packed);
    return ok;
}

/* -------------------------------------------------------------------------- refresh */

/* Makes a model of the file and replaces the old one by it. */
static bool make_ready(mf_lambda_model_source *source, int fd, int64_t deadline_ms, mf_error *err)
{
    const int64_t start_us = mf_clock_us();
    mf_mapped_model file = {0};
    memcpy(file.name, source->place.uri, sizeof source->place.uri);
    if (!mf_mapped_model_map(&file, fd, err))
        return false;
    const size_t n_bytes = file.n_bytes;
    if (!has_time(source, n_bytes, deadline_ms, err)) {
        mf_mapped_model_close(&file);
        return false;
    }
    if (is_archive(&file) && !unpack(&file, deadline_ms, err))
        return false;
    mf_lambda_model *model = mf_lambda_model_open(&file, err);
    if (model == NULL)
        return false;
    mf_lambda_model_close(source->model);
    source->model = model;
    source->ms_per_byte = (double)(mf_clock_us() - start_us) / 1e3 / (double)n_bytes;
    return true;
}

/* Reads a version newer than the known one and uses it. */
static bool update(mf_lambda_model_source *source, int64_t deadline_ms, mf_error *err)
{
    const int64_t start_ms = mf_clock_wall_ms();
    mf_lambda_watched_version version;
    const int fd = open_newer(source, deadline_ms, &version, err);
    if (fd >= 0) {
        make_ready(source, fd, deadline_ms, err);
        close(fd);
    }
    const bool ok = err->code == MF_OK;
    mf_lambda_watched_seen(&source->place, start_ms, ok ? &version : NULL);
    return ok;
}

bool mf_lambda_model_source_load(mf_lambda_model_source *source, int64_t deadline_ms, mf_error *err)
{
    mf_error why = {0};
    return update(source, deadline_ms, &why) || mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
}

bool mf_lambda_model_source_refresh(mf_lambda_model_source *source, int64_t deadline_ms)
{
    mf_error err = {0};
    if (update(source, deadline_ms, &err))
        return true;
    mf_log_message(MF_LOG_WARNING, "model_not_refreshed", "%s; the old model stays", err.text);
    return false;
}

void mf_lambda_model_source_refresh_before(mf_lambda_model_source *source, uint32_t every_seconds,
                                           int64_t event_ms)
{
    if (source == NULL)
        return;
    const int64_t until_ms =
        mf_lambda_watched_ask_until_ms(mf_lambda_model_source_place(source), every_seconds,
                                       event_ms / 2, MF_LAMBDA_MODEL_REFRESH_MS);
    if (until_ms > 0)
        mf_lambda_model_source_refresh(source, until_ms);
}

mf_lambda_model *mf_lambda_model_source_get(const mf_lambda_model_source *source)
{
    return source->model;
}

const mf_lambda_watched *mf_lambda_model_source_place(const mf_lambda_model_source *source)
{
    return &source->place;
}
