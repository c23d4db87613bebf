/* fuzz_predict_movies.c: any bytes as movies.csv.
 *
 * The first byte is not used. What is not accepted has an error that names the file; every movie
 * that is found is valid UTF-8, and its genres end. */
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

static void check_text(const char *text, size_t n)
{
    for (size_t at = 0, length; at < n; at += length) {
        length = mf_utf8_length(text + at, n - at);
        require(length > 0);
    }
}

/* What the table has of an id, if anything, is valid. */
static void check_movie(const mf_predict_movies *movies, const char *id, size_t n_id)
{
    mf_predict_movie movie;
    if (!mf_predict_movies_find(movies, id, n_id, &movie))
        return;
    require(movie.n_id == n_id && memcmp(movie.id, id, n_id) == 0);
    check_text(movie.title, movie.n_title);
    check_text(movie.genres, movie.n_genres);
    const char *genre;
    size_t at = 0, n;
    while (mf_predict_genres_next(&movie, &at, &genre, &n))
        require(n > 0 && genre + n <= movie.genres + movie.n_genres);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes == 0)
        return 0;
    const char *csv = (const char *)bytes + 1;
    const size_t n = n_bytes - 1;
    mf_error err = {0};
    mf_predict_movies *movies = mf_predict_movies_read("movies.csv", csv, n, &err);
    require((movies != NULL) == (err.code == MF_OK));
    if (movies == NULL) {
        require(strncmp(err.text, "movies.csv:", 11) == 0);
        return 0;
    }
    require(mf_predict_movies_count(movies) > 0);
    /* Ids are somewhere in the text, between what separates fields. */
    for (size_t at = 0; at < n;) {
        size_t n_id = 0;
        while (at + n_id < n && memchr(",\"\n\r \t", csv[at + n_id], 6) == NULL)
            n_id++;
        check_movie(movies, csv + at, n_id);
        at += n_id + 1;
    }
    mf_predict_movies_destroy(movies);
    return 0;
}
