/* watched.c: for a file the version comes from fstat on the descriptor that is then read; for an
 * object from a conditional GET. */
#include "lambda/model/watched.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool mf_lambda_watched_start(mf_lambda_watched *place, const char *what, const char *uri,
                             mf_aws_client *s3, mf_error *err)
{
    *place = (mf_lambda_watched){.what = what};
    const bool is_s3 = mf_aws_s3_uri_is(uri);
    if (is_s3 && !mf_aws_s3_uri_parse(uri, &place->location, err))
        return false;
    if (strlen(uri) >= sizeof place->uri)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "the place of the %s is too long", what);
    memcpy(place->uri, uri, strlen(uri) + 1);
    place->s3 = is_s3 ? s3 : NULL;
    return true;
}

static bool is_known(const mf_lambda_watched_version *known, const struct stat *status)
{
    return known->n_bytes == status->st_size && known->inode == status->st_ino &&
           known->changed.tv_sec == status->st_mtim.tv_sec &&
           known->changed.tv_nsec == status->st_mtim.tv_nsec;
}

int mf_lambda_watched_open_file(const mf_lambda_watched *place, mf_lambda_watched_version *version,
                                bool *is_newer, mf_error *err)
{
    const mf_where where = {place->uri, 0, 0};
    struct stat status;
    const int fd = open(place->uri, O_RDONLY | O_CLOEXEC);
    bool ok = false;
    if (fd < 0 || fstat(fd, &status) != 0)
        mf_fail_errno(err, errno, where, "the %s cannot be read", place->what);
    else if (S_ISDIR(status.st_mode))
        mf_fail(err, MF_ERR_IO, where, "expected a file with the %s, found a folder", place->what);
    else
        ok = true;
    if (!ok) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *is_newer = !is_known(&place->version, &status);
    *version = (mf_lambda_watched_version){
        .changed = status.st_mtim, .n_bytes = status.st_size, .inode = status.st_ino};
    return fd;
}

bool mf_lambda_watched_get_object(const mf_lambda_watched *place, const mf_aws_sink *sink,
                                  uint64_t max_bytes, int64_t deadline_ms,
                                  mf_lambda_watched_version *version, bool *is_newer,
                                  mf_aws_failure *failure)
{
    const mf_aws_s3_get get = {
        .location = &place->location,
        .if_none_match = place->version.etag,
        .sink = *sink,
        .max_bytes = max_bytes,
        .deadline_ms = deadline_ms,
    };
    mf_aws_s3_object object;
    if (!mf_aws_s3_get_object(place->s3, &get, &object, failure))
        return false;
    *is_newer = !object.is_not_modified;
    *version = place->version;
    if (*is_newer)
        memcpy(version->etag, object.etag, sizeof version->etag);
    return true;
}

void mf_lambda_watched_seen(mf_lambda_watched *place, int64_t start_ms,
                            const mf_lambda_watched_version *version)
{
    /* The end of the look counts: a place that hangs delays one event per period. */
    place->asked_ms = mf_clock_wall_ms();
    if (version == NULL)
        return;
    place->known_ms = start_ms;
    place->version = *version;
}

int64_t mf_lambda_watched_age_ms(const mf_lambda_watched *place)
{
    const int64_t ms = mf_clock_wall_ms() - place->known_ms;
    return ms > 0 ? ms : 0;
}

int64_t mf_lambda_watched_asked_ms(const mf_lambda_watched *place)
{
    const int64_t ms = mf_clock_wall_ms() - place->asked_ms;
    return ms >= 0 ? ms : INT64_MAX;
}

int64_t mf_lambda_watched_ask_until_ms(const mf_lambda_watched *place, uint32_t every_seconds,
                                       int64_t share_ms, int64_t most_ms)
{
    if (every_seconds == 0 || mf_lambda_watched_asked_ms(place) < (int64_t)every_seconds * 1000)
        return 0;
    const int64_t budget_ms = share_ms < most_ms ? share_ms : most_ms;
    return budget_ms > 0 ? mf_clock_wall_ms() + budget_ms : 0;
}
