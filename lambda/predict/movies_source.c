/* movies_source.c: a file or an object of S3, in pieces, through the reader. */
#include "lambda/predict/movies.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE_BYTES = 128 << 10 };

struct mf_predict_movies_source {
    mf_lambda_watched place;
    mf_predict_movies *movies;
};

mf_predict_movies_source *mf_predict_movies_source_create(const char *uri, mf_aws_client *s3,
                                                          mf_error *err)
{
    mf_predict_movies_source *source = mf_allocate(1, sizeof *source, "the source of movies", err);
    if (source == NULL)
        return NULL;
    if (!mf_lambda_watched_start(&source->place, "movies", uri, s3, err)) {
        mf_free(source);
        return NULL;
    }
    return source;
}

void mf_predict_movies_source_destroy(mf_predict_movies_source *source)
{
    if (source == NULL)
        return;
    mf_predict_movies_destroy(source->movies);
    mf_free(source);
}

/* ------------------------------------------------------------------------- files */

static bool feed_file(int fd, const char *path, mf_predict_movies_reader *reader, mf_error *err)
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
        if (!mf_predict_movies_reader_feed(reader, piece, (size_t)n, err))
            break;
    }
    ok = n == 0;
    mf_free(piece);
    return ok;
}

/* The newer movies; NULL with err->code MF_OK when there are none. */
static mf_predict_movies *read_file(const mf_lambda_watched *place,
                                    mf_lambda_watched_version *version, mf_error *err)
{
    mf_predict_movies *movies = NULL;
    mf_predict_movies_reader *reader = NULL;
    bool is_newer;
    const int fd = mf_lambda_watched_open_file(place, version, &is_newer, err);
    if (fd >= 0 && is_newer)
        reader = mf_predict_movies_reader_create(place->uri, err);
    if (reader != NULL && feed_file(fd, place->uri, reader, err))
        movies = mf_predict_movies_reader_end(reader, err);
    mf_predict_movies_reader_destroy(reader);
    if (fd >= 0)
        close(fd);
    return movies;
}

/* --------------------------------------------------------------------------- S3 */

/* What the reader says has the line; the call's failure would say the place twice. */
typedef struct reading {
    mf_predict_movies_reader *reader;
    mf_error err;
} reading;

static bool begin_object(void *context, uint64_t n_bytes, mf_error *err)
{
    (void)n_bytes;
    reading *r = context;
    mf_error_clear(&r->err);
    return mf_predict_movies_reader_start(r->reader, err);
}

static bool take_bytes(void *context, const char *bytes, size_t n, mf_error *err)
{
    reading *r = context;
    return mf_predict_movies_reader_feed(r->reader, bytes, n, &r->err) ||
           mf_fail(err, r->err.code, MF_NOWHERE, "%s", r->err.text);
}

static mf_predict_movies *read_object(const mf_lambda_watched *place,
                                      mf_lambda_watched_version *version, int64_t deadline_ms,
                                      mf_error *err)
{
    mf_predict_movies *movies = NULL;
    reading r = {.reader = mf_predict_movies_reader_create(place->uri, err)};
    if (r.reader == NULL)
        return NULL;
    const mf_aws_sink sink = {begin_object, take_bytes, &r};
    mf_aws_failure failure;
    bool is_newer;
    if (!mf_lambda_watched_get_object(place, &sink, MF_PREDICT_MOVIES_FILE_BYTES, deadline_ms,
                                      version, &is_newer, &failure))
        mf_fail(err, r.err.code != MF_OK ? r.err.code : failure.error.code, MF_NOWHERE, "%s",
                r.err.code != MF_OK ? r.err.text : failure.error.text);
    else if (is_newer)
        movies = mf_predict_movies_reader_end(r.reader, err);
    mf_predict_movies_reader_destroy(r.reader);
    return movies;
}

/* ------------------------------------------------------------------------- both */

static void log_movies(const mf_predict_movies_source *source, double seconds)
{
    mf_log_line line;
    const uint32_t n_repeated = mf_predict_movies_n_repeated(source->movies);
    mf_log_begin(&line, n_repeated > 0 ? MF_LOG_WARNING : MF_LOG_INFO, "movies");
    mf_log_text(&line, "uri", source->place.uri);
    mf_log_count(&line, "movies", mf_predict_movies_count(source->movies) - n_repeated);
    if (n_repeated > 0)
        mf_log_count(&line, "repeated_ids", n_repeated);
    mf_log_number(&line, "elapsed_ms", seconds * 1e3, 3);
    mf_log_end(&line);
}

/* Reads what is newer than the version known, and takes it. */
static bool update(mf_predict_movies_source *source, int64_t deadline_ms, mf_error *err)
{
    mf_lambda_watched *place = &source->place;
    const double start = mf_clock_seconds();
    const int64_t start_ms = mf_clock_wall_ms();
    mf_lambda_watched_version version;
    mf_predict_movies *movies = place->s3 != NULL ? read_object(place, &version, deadline_ms, err)
                                                  : read_file(place, &version, err);
    const bool ok = err->code == MF_OK;
    mf_lambda_watched_seen(place, start_ms, ok ? &version : NULL);
    if (movies == NULL)
        return ok;
    mf_predict_movies_destroy(source->movies);
    source->movies = movies;
    log_movies(source, mf_clock_seconds() - start);
    return true;
}

bool mf_predict_movies_source_load(mf_predict_movies_source *source, int64_t deadline_ms,
                                   mf_error *err)
{
    mf_error why = {0};
    return update(source, deadline_ms, &why) || mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
}

bool mf_predict_movies_source_refresh(mf_predict_movies_source *source, int64_t deadline_ms)
{
    mf_error err = {0};
    if (update(source, deadline_ms, &err))
        return true;
    mf_log_message(MF_LOG_WARNING, "movies_not_refreshed", "%s; the old movies stay", err.text);
    return false;
}

const mf_predict_movies *mf_predict_movies_source_get(const mf_predict_movies_source *source)
{
    return source->movies;
}

const mf_lambda_watched *mf_predict_movies_source_place(const mf_predict_movies_source *source)
{
    return &source->place;
}
