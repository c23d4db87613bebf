/* movies_source.c: promises in movies_source.h. */
#include "lambda/predict/movies_source.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "lambda/aws/s3.h"
#include "lambda/predict/movies_reader.h"
#include "lambda/predict/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 128 << 10 };

/* What tells one state of the place from another. */
typedef struct version {
    char etag[MF_S3_ETAG_BYTES];
    struct timespec changed;
    off_t n_bytes;
    ino_t inode;
} version;

struct mf_movies_source {
    char uri[MF_S3_URI_BYTES];
    mf_aws_client *s3;
    mf_s3_location location;
    mf_movies *movies;
    version version;
    int64_t known_ms; /* wall clock: when the version was last seen at the place */
    int64_t asked_ms; /* when somebody last looked                               */
};

mf_movies_source *mf_movies_source_create(const char *uri, mf_aws_client *s3, mf_error *err)
{
    mf_s3_location location = {.bucket = ""};
    if (mf_predict_is_s3(uri) && !mf_s3_uri_parse(uri, &location, err))
        return NULL;
    mf_movies_source *source = mf_allocate(1, sizeof *source, "the source of movies", err);
    if (source == NULL)
        return NULL;
    snprintf(source->uri, sizeof source->uri, "%s", uri);
    source->s3 = mf_predict_is_s3(uri) ? s3 : NULL;
    source->location = location;
    return source;
}

void mf_movies_source_destroy(mf_movies_source *source)
{
    if (source == NULL)
        return;
    mf_movies_destroy(source->movies);
    mf_free(source);
}

/* ------------------------------------------------------------------------- files */

static bool feed_file(int fd, const char *path, mf_movies_reader *reader, mf_error *err)
{
    bool ok = false;
    char *piece = mf_allocate(PIECE_BYTES, 1, "a piece of a file", err);
    ssize_t n = -1;
    while (piece != NULL && (n = read(fd, piece, PIECE_BYTES)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            mf_fail_errno(err, errno, (mf_where){path, 0, 0}, "cannot be read");
            break;
        }
        if (!mf_movies_reader_feed(reader, piece, (size_t)n, err))
            break;
    }
    ok = n == 0;
    mf_free(piece);
    return ok;
}

/* The newer movies; NULL with err->code MF_OK when there are none. */
static mf_movies *read_file(const char *path, version *seen, mf_error *err)
{
    const mf_where where = {path, 0, 0};
    mf_movies *movies = NULL;
    mf_movies_reader *reader = NULL;
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        mf_fail_errno(err, errno, where, "the movies cannot be read");
        goto done;
    }
    if (S_ISDIR(status.st_mode)) {
        mf_fail(err, MF_ERR_IO, where, "expected the file movies.csv, found a folder");
        goto done;
    }
    if (seen->n_bytes == status.st_size && seen->inode == status.st_ino &&
        seen->changed.tv_sec == status.st_mtim.tv_sec &&
        seen->changed.tv_nsec == status.st_mtim.tv_nsec)
        goto done;
    reader = mf_movies_reader_create(path, err);
    if (reader != NULL && feed_file(fd, path, reader, err))
        movies = mf_movies_reader_end(reader, err);
    *seen = (version){.changed = status.st_mtim, .n_bytes = status.st_size, .inode = status.st_ino};
done:
    mf_movies_reader_destroy(reader);
    if (fd >= 0)
        close(fd);
    return movies;
}

/* --------------------------------------------------------------------------- S3 */

/* What the reader says has the line; the call's failure would say the place twice. */
typedef struct reading {
    mf_movies_reader *reader;
    mf_error err;
} reading;

static bool begin_object(void *context, uint64_t n_bytes, mf_error *err)
{
    (void)n_bytes;
    reading *r = context;
    mf_error_clear(&r->err);
    return mf_movies_reader_start(r->reader, err);
}

static bool take_bytes(void *context, const char *bytes, size_t n, mf_error *err)
{
    reading *r = context;
    return mf_movies_reader_feed(r->reader, bytes, n, &r->err) ||
           mf_fail(err, r->err.code, MF_NOWHERE, "%s", r->err.text);
}

static mf_movies *read_object(const mf_movies_source *source, version *seen, int64_t deadline_ms,
                              mf_error *err)
{
    mf_movies *movies = NULL;
    reading r = {.reader = mf_movies_reader_create(source->uri, err)};
    if (r.reader == NULL)
        return NULL;
    const mf_s3_get get = {
        .location = &source->location,
        .if_none_match = seen->etag,
        .sink = {begin_object, take_bytes, &r},
        .max_bytes = MF_MOVIES_FILE_BYTES,
        .deadline_ms = deadline_ms,
    };
    mf_s3_object object;
    mf_aws_failure failure;
    if (!mf_s3_get_object(source->s3, &get, &object, &failure)) {
        mf_fail(err, r.err.code != MF_OK ? r.err.code : failure.error.code, MF_NOWHERE, "%s",
                r.err.code != MF_OK ? r.err.text : failure.error.text);
    } else if (!object.is_not_modified) {
        movies = mf_movies_reader_end(r.reader, err);
        *seen = (version){.n_bytes = 0};
        memcpy(seen->etag, object.etag, sizeof seen->etag);
    }
    mf_movies_reader_destroy(r.reader);
    return movies;
}

/* ------------------------------------------------------------------------- both */

static void log_movies(const mf_movies_source *source, double seconds)
{
    mf_log_line line;
    const uint32_t n_repeated = mf_movies_n_repeated(source->movies);
    mf_log_begin(&line, n_repeated > 0 ? MF_LOG_WARNING : MF_LOG_INFO, "movies");
    mf_log_text(&line, "uri", source->uri);
    mf_log_count(&line, "movies", mf_movies_count(source->movies) - n_repeated);
    if (n_repeated > 0)
        mf_log_count(&line, "repeated_ids", n_repeated);
    mf_log_number(&line, "elapsed_ms", seconds * 1e3, 3);
    mf_log_end(&line);
}

/* Reads what is newer than the version known, and takes it. */
static bool update(mf_movies_source *source, int64_t deadline_ms, mf_error *err)
{
    const double start = mf_clock_seconds();
    version seen = source->version;
    const int64_t start_ms = mf_clock_wall_ms();
    mf_movies *movies = source->s3 != NULL ? read_object(source, &seen, deadline_ms, err)
                                           : read_file(source->uri, &seen, err);
    /* The end counts: a place that hangs may cost its share of an event once per period. */
    source->asked_ms = mf_clock_wall_ms();
    if (err->code != MF_OK)
        return false;
    source->known_ms = start_ms;
    if (movies == NULL)
        return true;
    mf_movies_destroy(source->movies);
    source->movies = movies;
    source->version = seen;
    log_movies(source, mf_clock_seconds() - start);
    return true;
}

bool mf_movies_source_load(mf_movies_source *source, int64_t deadline_ms, mf_error *err)
{
    mf_error why = {0};
    return update(source, deadline_ms, &why) || mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
}

bool mf_movies_source_refresh(mf_movies_source *source, int64_t deadline_ms)
{
    mf_error err = {0};
    if (update(source, deadline_ms, &err))
        return true;
    mf_log_message(MF_LOG_WARNING, "movies_not_refreshed", "%s; the old movies stay", err.text);
    return false;
}

const mf_movies *mf_movies_source_get(const mf_movies_source *source)
{
    return source->movies;
}

int64_t mf_movies_source_age_ms(const mf_movies_source *source)
{
    const int64_t ms = mf_clock_wall_ms() - source->known_ms;
    return ms > 0 ? ms : 0;
}

int64_t mf_movies_source_asked_ms(const mf_movies_source *source)
{
    const int64_t ms = mf_clock_wall_ms() - source->asked_ms;
    return ms >= 0 ? ms : INT64_MAX;
}
