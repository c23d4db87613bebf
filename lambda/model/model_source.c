/* model_source.c: promises in model_source.h. */
#include "lambda/model/model_source.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "sagemaker/mapped_model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Lambda's largest /tmp. */
#define OBJECT_BYTES ((uint64_t)10 << 30)

enum { TAR_MAGIC_AT = 257, TIMES_AS_LONG = 2 };

_Static_assert(sizeof((mf_mapped_model *)0)->name > MF_AWS_S3_URI_BYTES, "a URI is a model's name");

struct mf_model_source {
    mf_watched place;
    mf_held_model *held;
    double ms_per_byte; /* of what lies at the place, once it is here; 0: not known yet */
};

mf_model_source *mf_model_source_create(const char *uri, mf_aws_client *s3, mf_error *err)
{
    mf_model_source *source = mf_allocate(1, sizeof *source, "the source of the model", err);
    if (source == NULL)
        return NULL;
    if (!mf_watched_start(&source->place, "model", uri, s3, err)) {
        mf_free(source);
        return NULL;
    }
    return source;
}

void mf_model_source_destroy(mf_model_source *source)
{
    if (source == NULL)
        return;
    mf_held_model_close(source->held);
    mf_free(source);
}

/* True when n_bytes can be made ready by the deadline. */
static bool has_time(const mf_model_source *source, uint64_t n_bytes, int64_t deadline_ms,
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

/* ---------------------------------------------------------------------- S3, files */

typedef struct download {
    const mf_model_source *source;
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

/* A file with what is newer; -1 with err->code MF_OK when nothing is. */
static int open_newer(const mf_model_source *source, int64_t deadline_ms,
                      mf_watched_version *version, mf_error *err)
{
    const mf_watched *place = &source->place;
    bool is_newer = false;
    mf_aws_failure failure;
    int fd = place->s3 != NULL ? mf_nameless_file_open(err)
                               : mf_watched_open_file(place, version, &is_newer, err);
    if (fd >= 0 && place->s3 != NULL) {
        download target = {source, deadline_ms, fd};
        const mf_aws_sink sink = {begin_download, take_download, &target};
        if (!mf_watched_get_object(place, &sink, OBJECT_BYTES, deadline_ms, version, &is_newer,
                                   &failure))
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

/* The archive's model takes the archive's place. */
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

/* -------------------------------------------------------------------------- both */

/* From a file that is here to a model that takes the old one's place. */
static bool make_ready(mf_model_source *source, int fd, int64_t deadline_ms, mf_error *err)
{
    const double start = mf_clock_seconds();
    mf_mapped_model model = {0};
    memcpy(model.name, source->place.uri, sizeof source->place.uri);
    if (!mf_mapped_model_map(&model, fd, err))
        return false;
    const size_t n_bytes = model.n_bytes;
    if (!has_time(source, n_bytes, deadline_ms, err)) {
        mf_mapped_model_close(&model);
        return false;
    }
    if (is_archive(&model) && !unpack(&model, deadline_ms, err))
        return false;
    mf_held_model *held = mf_held_model_open(&model, err);
    if (held == NULL)
        return false;
    mf_held_model_close(source->held);
    source->held = held;
    source->ms_per_byte = (mf_clock_seconds() - start) * 1e3 / (double)n_bytes;
    return true;
}

/* Reads what is newer than the version known, and takes it. */
static bool update(mf_model_source *source, int64_t deadline_ms, mf_error *err)
{
    const int64_t start_ms = mf_clock_wall_ms();
    mf_watched_version version;
    const int fd = open_newer(source, deadline_ms, &version, err);
    if (fd >= 0) {
        make_ready(source, fd, deadline_ms, err);
        close(fd);
    }
    const bool ok = err->code == MF_OK;
    mf_watched_seen(&source->place, start_ms, ok ? &version : NULL);
    return ok;
}

bool mf_model_source_load(mf_model_source *source, int64_t deadline_ms, mf_error *err)
{
    mf_error why = {0};
    return update(source, deadline_ms, &why) || mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
}

bool mf_model_source_refresh(mf_model_source *source, int64_t deadline_ms)
{
    mf_error err = {0};
    if (update(source, deadline_ms, &err))
        return true;
    mf_log_message(MF_LOG_WARNING, "model_not_refreshed", "%s; the old model stays", err.text);
    return false;
}

void mf_model_source_refresh_before(mf_model_source *source, uint32_t every_seconds,
                                    int64_t event_ms)
{
    if (source == NULL)
        return;
    const int64_t until_ms = mf_watched_ask_until_ms(mf_model_source_place(source), every_seconds,
                                                     event_ms / 2, MF_MODEL_REFRESH_MS);
    if (until_ms > 0)
        mf_model_source_refresh(source, until_ms);
}

mf_held_model *mf_model_source_get(const mf_model_source *source)
{
    return source->held;
}

const mf_watched *mf_model_source_place(const mf_model_source *source)
{
    return &source->place;
}
