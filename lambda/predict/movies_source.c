/* movies_source.c: reads a file whole, makes a table of it and replaces the old one. */
#include "lambda/predict/movies.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "sagemaker/packed.h"

#include <errno.h>
#include <unistd.h>

enum { PIECE_BYTES = 128 << 10 };

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

/* By read(), not by a mapping: someone may write into a movies.csv while it is read. */
static bool read_file(int fd, const char *name, mf_text *csv, mf_error *err)
{
    while (mf_text_reserve(csv, PIECE_BYTES)) {
        const ssize_t n = read(fd, csv->bytes + csv->n_bytes, PIECE_BYTES);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return mf_fail_errno(err, errno, (mf_where){name, 0, 0}, "cannot be read");
        csv->n_bytes += n > 0 ? (size_t)n : 0;
        if (csv->n_bytes > MF_PREDICT_MOVIES_FILE_BYTES)
            return mf_fail(err, MF_ERR_LIMIT, (mf_where){name, 0, 0}, "over %d bytes of movies",
                           MF_PREDICT_MOVIES_FILE_BYTES);
    }
    return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory to read the movies");
}

static bool unpack(const char *name, mf_text *csv, mf_error *err)
{
    mf_text packed = *csv;
    if (!mf_packed_is_gzip(packed.bytes, packed.n_bytes))
        return true;
    *csv = (mf_text)MF_TEXT_EMPTY;
    const bool ok = mf_packed_append(csv, packed.bytes, packed.n_bytes, name,
                                     MF_PREDICT_MOVIES_FILE_BYTES, err);
    mf_text_free(&packed);
    return ok;
}

static bool use_movies(void *context, int fd, const char *name, int64_t deadline_ms, mf_error *err)
{
    mf_predict_movies_source *source = context;
    mf_predict_movies *movies = NULL;
    mf_text csv = MF_TEXT_EMPTY;
    const double start = mf_clock_seconds();
    (void)deadline_ms;
    if (read_file(fd, name, &csv, err) && unpack(name, &csv, err))
        movies = mf_predict_movies_read(name, csv.bytes, csv.n_bytes, err);
    mf_text_free(&csv);
    if (movies == NULL)
        return false;
    mf_predict_movies_destroy(source->movies);
    source->movies = movies;
    log_movies(source, mf_clock_seconds() - start);
    return true;
}

bool mf_predict_movies_source_start(mf_predict_movies_source *source, const char *uri,
                                    mf_aws_client *s3, mf_error *err)
{
    source->movies = NULL;
    return mf_lambda_watched_start(&source->place, "movies", uri, s3, use_movies, source, err);
}

void mf_predict_movies_source_end(mf_predict_movies_source *source)
{
    mf_predict_movies_destroy(source->movies);
    source->movies = NULL;
}
