/* movies.h: titles and genres by movie id: a compact table, the reader of movies.csv that makes it,
 * and the place of the newest file.
 *
 * All texts are in one block, one after the other; a movie takes its texts and 12 bytes, and the
 * hash table 8 to 16 more: 90,000 movies of MovieLens are 7 MB. */
#ifndef MF_LAMBDA_PREDICT_MOVIES_H
#define MF_LAMBDA_PREDICT_MOVIES_H

#include "lambda/model/watched.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------------------ movies.c: the table
 *
 * (1) Texts are valid UTF-8.
 * (2) Of movies with the same id the last one counts.
 *
 * Threads: building one; then any number may read. */

/* A view into the table. */
typedef struct mf_predict_movie {
    const char *id;
    size_t n_id;
    const char *title;
    size_t n_title;
    const char *genres; /* as the file has them: "Action|Crime"; see mf_predict_genres_next */
    size_t n_genres;
} mf_predict_movie;

typedef struct mf_predict_movies mf_predict_movies;

/* An empty table. NULL: MF_ERR_MEMORY. */
MF_MUST_CHECK mf_predict_movies *mf_predict_movies_create(mf_error *err);

/* NULL is fine. */
void mf_predict_movies_destroy(mf_predict_movies *movies);

/* Copies the movie; all texts valid UTF-8. Fails MF_ERR_LIMIT (4 GiB of texts),
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_predict_movies_add(mf_predict_movies *movies, const mf_predict_movie *movie,
                                         mf_error *err);

/* After the last movie and before the first find. Gives back spare memory.
 * Fails MF_ERR_MEMORY. Cost: a hash and a cache miss per movie. */
MF_MUST_CHECK bool mf_predict_movies_finish(mf_predict_movies *movies, mf_error *err);

/* The rows that were added, and those of them whose id came again later. */
uint32_t mf_predict_movies_count(const mf_predict_movies *movies);
uint32_t mf_predict_movies_n_repeated(const mf_predict_movies *movies);

/* An id that is not there is looked up in another notation, as in a model (mf_id_write_integer). False
 * when there is no such movie; *movie is then untouched. */
bool mf_predict_movies_find(const mf_predict_movies *movies, const char *id, size_t n_id,
                            mf_predict_movie *movie);

/* The next genre of "Action|Crime" as genre[0 .. n); false after the last. *at is 0 at the
 * start. Empty genres and MovieLens' "(no genres listed)" are left out. */
bool mf_predict_genres_next(const mf_predict_movie *movie, size_t *at, const char **genre,
                            size_t *n);

/* --------------------------------------------------------- movies_reader.c: movies.csv
 *
 *     movieId,title,genres
 *     11,"American President, The (1995)",Comedy|Drama|Romance
 *
 * (1) Fields are separated by comma, semicolon, tab or "::", which the first line tells. Quoted
 *     titles (csv/split_row.h; not with "::"), any line ends, lines of blanks passed over; a byte order
 *     mark at the start is no part of the text.
 * (2) The first line names the columns, in any order and any case; columns of other names
 *     are passed over. Three fields with "::" need no header (MovieLens' movies.dat).
 * (3) Errors name the file, the line and what was expected. MF_ERR_PARSE: no header, a column
 *     missing, fewer or more fields than the header has, a quote that is not closed on its line,
 *     an invalid id, bytes that are not UTF-8, a line of more than MF_PREDICT_MOVIE_LINE_BYTES,
 *     a file without movies. */

enum {
    MF_PREDICT_MOVIE_LINE_BYTES = 64 << 10,
    MF_PREDICT_MOVIES_FILE_BYTES = 1 << 30,
};

/* The table of the file bytes[0 .. n), the caller's to mf_predict_movies_destroy. name is that of
 * the file, for errors. NULL: MF_ERR_PARSE, MF_ERR_LIMIT (4 GiB of texts), MF_ERR_MEMORY.
 * Cost: 0.8 s for a million movies (47 MB), the table included. */
MF_MUST_CHECK mf_predict_movies *mf_predict_movies_read(const char *name, const char *bytes,
                                                        size_t n, mf_error *err);

/* ----------------------------------------------------- movies_source.c: the newest table
 *
 * The place is s3://bucket/key or the path of a file of at most MF_PREDICT_MOVIES_FILE_BYTES
 * (watched.h), which may be gzip. Once the load of source.place succeeded there is always a table.
 *
 * Threads: one. */

typedef struct mf_predict_movies_source {
    mf_lambda_watched place;
    mf_predict_movies *movies; /* the newest; NULL before the load */
} mf_predict_movies_source;

/* uri and s3 as in watched.h. Reads nothing; *source must not move afterwards. Fails
 * MF_ERR_CONFIG. */
MF_MUST_CHECK bool mf_predict_movies_source_start(mf_predict_movies_source *source, const char *uri,
                                                  mf_aws_client *s3, mf_error *err);

/* A zeroed one is fine. */
void mf_predict_movies_source_end(mf_predict_movies_source *source);

#endif
