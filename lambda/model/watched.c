/* watched.c: one look is open or download, use, record. The version of a file comes from fstat on
 * the descriptor that is then read; that of an object from a conditional GET. */
#include "lambda/model/watched.h"

#include "base/clock.h"
#include "base/log.h"
#include "sagemaker/mapped_model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TIMES_AS_LONG = 2 };

bool mf_lambda_watched_start(mf_lambda_watched *place, const char *what, const char *uri,
                             mf_aws_client *s3, mf_lambda_watched_use *use, void *context,
                             mf_error *err)
{
    *place = (mf_lambda_watched){.what = what, .use = use, .context = context};
    const bool is_s3 = mf_aws_s3_uri_is(uri);
    if (is_s3 && !mf_aws_s3_uri_parse(uri, &place->location, err))
        return false;
    if (strlen(uri) >= sizeof place->uri)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "the place of the %s is too long", what);
    memcpy(place->uri, uri, strlen(uri) + 1);
    place->s3 = is_s3 ? s3 : NULL;
    return true;
}

/* True when a version of n_bytes can be used by the deadline. */
static bool has_time(const mf_lambda_watched *place, uint64_t n_bytes, int64_t deadline_ms,
                     mf_error *err)
{
    const double needed_ms = TIMES_AS_LONG * place->ms_per_byte * (double)n_bytes;
    const int64_t left_ms = deadline_ms - mf_clock_wall_ms();
    return deadline_ms == 0 || needed_ms < (double)left_ms ||
           mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                   "%s: %lld ms are left for a newer version of the %s, it may need %.0f: a longer "
                   "timeout of the function helps",
                   place->uri, (long long)left_ms, place->what, needed_ms);
}

/* -------------------------------------------------------------------------- a file */

static bool is_known(const mf_lambda_watched_version *known, const struct stat *status)
{
    return known->n_bytes == status->st_size && known->inode == status->st_ino &&
           known->changed.tv_sec == status->st_mtim.tv_sec &&
           known->changed.tv_nsec == status->st_mtim.tv_nsec;
}

/* The file, if it is newer; -1 with err->code MF_OK if it is not. */
static int open_file(const mf_lambda_watched *place, mf_lambda_watched_version *version,
                     mf_error *err)
{
    const mf_where where = {place->uri, 0, 0};
    struct stat status;
    const int fd = open(place->uri, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        mf_fail_errno(err, errno, where, "the %s cannot be read", place->what);
    } else if (S_ISDIR(status.st_mode)) {
        mf_fail(err, MF_ERR_IO, where, "expected a file with the %s, found a folder", place->what);
    } else if (!is_known(&place->version, &status)) {
        *version = (mf_lambda_watched_version){
            .changed = status.st_mtim, .n_bytes = status.st_size, .inode = status.st_ino};
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ------------------------------------------------------------------------ an object */

typedef struct download {
    const mf_lambda_watched *place;
    int64_t deadline_ms;
    int fd;
    uint64_t n_bytes; /* of the object; UINT64_MAX: not known */
    uint64_t n_taken;
} download;

static bool begin_download(void *context, uint64_t n_bytes, mf_error *err)
{
    download *d = context;
    d->n_bytes = n_bytes;
    d->n_taken = 0;
    if (ftruncate(d->fd, 0) != 0 || lseek(d->fd, 0, SEEK_SET) != 0)
        return mf_fail_errno(err, errno, MF_NOWHERE, "a temporary file cannot be emptied");
    return n_bytes == UINT64_MAX || has_time(d->place, n_bytes, d->deadline_ms, err);
}

static bool take_download(void *context, const char *bytes, size_t n, mf_error *err)
{
    download *d = context;
    char first[MF_LAMBDA_WATCHED_START];
    const bool had_start = d->n_taken >= sizeof first;
    d->n_taken += n;
    if (!mf_nameless_file_append(d->fd, bytes, n, err))
        return false;
    return had_start || d->n_taken < sizeof first || d->n_bytes == UINT64_MAX ||
           d->place->check == NULL || pread(d->fd, first, sizeof first, 0) != sizeof first ||
           d->place->check(first, d->n_bytes, d->place->uri, err);
}

/* The object in a file, if it is newer; -1 with err->code MF_OK if it is not. */
static int get_object(const mf_lambda_watched *place, int64_t deadline_ms,
                      mf_lambda_watched_version *version, mf_error *err)
{
    download target = {place, deadline_ms, mf_nameless_file_open(err), 0, 0};
    const mf_aws_s3_get get = {
        .location = &place->location,
        .if_none_match = place->version.etag,
        .sink = {begin_download, take_download, &target},
        .max_bytes = MF_LAMBDA_WATCHED_BYTES,
        .deadline_ms = deadline_ms,
    };
    mf_aws_s3_object object;
    mf_aws_failure failure;
    if (target.fd < 0)
        return -1;
    if (!mf_aws_s3_get_object(place->s3, &get, &object, &failure)) {
        mf_aws_failure_to_error(&failure, err);
    } else if (!object.is_not_modified) {
        memcpy(version->etag, object.etag, sizeof version->etag);
        if (lseek(target.fd, 0, SEEK_SET) == 0)
            return target.fd;
        mf_fail_errno(err, errno, MF_NOWHERE, "a temporary file cannot be read");
    }
    close(target.fd);
    return -1;
}

/* --------------------------------------------------------------------------- a look */

static bool use(mf_lambda_watched *place, int fd, int64_t deadline_ms, mf_error *err)
{
    struct stat status;
    const int64_t start_us = mf_clock_us();
    const uint64_t n_bytes = fstat(fd, &status) == 0 ? (uint64_t)status.st_size : 0;
    if (!has_time(place, n_bytes, deadline_ms, err) ||
        !place->use(place->context, fd, place->uri, deadline_ms, err))
        return false;
    if (n_bytes > 0)
        place->ms_per_byte = (double)(mf_clock_us() - start_us) / 1e3 / (double)n_bytes;
    return true;
}

bool mf_lambda_watched_load(mf_lambda_watched *place, int64_t deadline_ms, mf_error *err)
{
    const int64_t start_ms = mf_clock_wall_ms();
    mf_lambda_watched_version version = place->version;
    mf_error why = {0};
    const int fd = place->s3 != NULL ? get_object(place, deadline_ms, &version, &why)
                                     : open_file(place, &version, &why);
    const bool ok = fd < 0 ? why.code == MF_OK : use(place, fd, deadline_ms, &why);
    if (fd >= 0)
        close(fd);
    /* The end of the look counts: a place that hangs delays one event per period. */
    place->looked_ms = mf_clock_wall_ms();
    place->failure = why;
    if (!ok)
        return mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
    place->known_ms = start_ms;
    place->version = version;
    return true;
}

bool mf_lambda_watched_refresh(mf_lambda_watched *place, int64_t deadline_ms)
{
    mf_error err = {0};
    char event[64];
    if (mf_lambda_watched_load(place, deadline_ms, &err))
        return true;
    snprintf(event, sizeof event, "%s_not_refreshed", place->what);
    mf_log_message(MF_LOG_WARNING, event, "%s; %s %s", err.text,
                   place->known_ms > 0 ? "keeping the old" : "there are still no", place->what);
    return false;
}

void mf_lambda_watched_refresh_if_due(mf_lambda_watched *place, uint32_t every_seconds,
                                      int64_t share_ms, int64_t most_ms)
{
    const int64_t now_ms = mf_clock_wall_ms();
    const int64_t since_ms = now_ms - place->looked_ms; /* negative: the clock was set back */
    const int64_t budget_ms = share_ms < most_ms ? share_ms : most_ms;
    if (every_seconds > 0 && (since_ms < 0 || since_ms >= (int64_t)every_seconds * 1000) &&
        budget_ms > 0)
        mf_lambda_watched_refresh(place, now_ms + budget_ms);
}

int64_t mf_lambda_watched_age_ms(const mf_lambda_watched *place)
{
    const int64_t ms = mf_clock_wall_ms() - place->known_ms;
    return ms > 0 ? ms : 0;
}
