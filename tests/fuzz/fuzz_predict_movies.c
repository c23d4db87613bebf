/* fuzz_predict_movies.c: any bytes as movies.csv.
 *
 * The first byte is the size of the pieces. Held to: read in pieces it is the same table or
 * the same error as read at once; what is refused names the file; every movie is valid UTF-8
 * and its genres end. */
#include "base/error.h"
#include "base/utf8.h"
#include "lambda/predict/movies.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static mf_predict_movies *read_movies(const char *csv, size_t n, size_t piece, mf_error *err)
{
    mf_predict_movies *movies = NULL;
    bool ok = true;
    mf_predict_movies_reader *reader = mf_predict_movies_reader_create("movies.csv", err);
    require(reader != NULL);
    for (size_t at = 0; at < n && ok; at += piece)
        ok = mf_predict_movies_reader_feed(reader, csv + at, n - at < piece ? n - at : piece, err);
    if (ok)
        movies = mf_predict_movies_reader_end(reader, err);
    mf_predict_movies_reader_destroy(reader);
    return movies;
}

static void check_text(const char *text, size_t n)
{
    for (size_t at = 0, length; at < n; at += length) {
        length = mf_utf8_length(text + at, n - at);
        require(length > 0);
    }
}

/* Both tables have the same of an id, if anything. */
static void compare(const mf_predict_movies *a, const mf_predict_movies *b, const char *id,
                    size_t n_id)
{
    mf_predict_movie x, y;
    const bool found = mf_predict_movies_find(a, id, n_id, &x);
    require(found == mf_predict_movies_find(b, id, n_id, &y));
    if (!found)
        return;
    require(x.n_title == y.n_title && memcmp(x.title, y.title, x.n_title) == 0);
    require(x.n_genres == y.n_genres && memcmp(x.genres, y.genres, x.n_genres) == 0);
    check_text(x.title, x.n_title);
    check_text(x.genres, x.n_genres);
    const char *genre;
    size_t at = 0, n;
    while (mf_predict_genres_next(&x, &at, &genre, &n))
        require(n > 0 && genre + n <= x.genres + x.n_genres);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes == 0)
        return 0;
    const char *csv = (const char *)bytes + 1;
    const size_t n = n_bytes - 1;
    mf_error whole_err = {0}, err = {0};
    mf_predict_movies *whole = read_movies(csv, n, SIZE_MAX / 2, &whole_err);
    mf_predict_movies *pieces = read_movies(csv, n, (size_t)bytes[0] + 1, &err);
    require(whole_err.code == err.code && strcmp(whole_err.text, err.text) == 0);
    require((whole != NULL) == (err.code == MF_OK) && (pieces != NULL) == (whole != NULL));
    require(whole != NULL || strncmp(err.text, "movies.csv:", 11) == 0);
    if (whole != NULL) {
        require(mf_predict_movies_count(whole) == mf_predict_movies_count(pieces) &&
                mf_predict_movies_count(whole) > 0);
        /* Ids are somewhere in the text, between what separates fields. */
        for (size_t at = 0; at < n;) {
            size_t n_id = 0;
            while (at + n_id < n && memchr(",\"\n\r \t", csv[at + n_id], 6) == NULL)
                n_id++;
            compare(whole, pieces, csv + at, n_id);
            at += n_id + 1;
        }
    }
    mf_predict_movies_destroy(whole);
    mf_predict_movies_destroy(pieces);
    return 0;
}
