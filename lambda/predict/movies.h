/* movies.h: titles and genres by movie id: a compact table, its reader for movies.csv, and the
 * place from which the newest table comes.
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
mf_predict_movies *mf_predict_movies_create(mf_error *err);

/* NULL is fine. */
void mf_predict_movies_destroy(mf_predict_movies *movies);

/* Copies the movie; all texts valid UTF-8. Fails MF_ERR_LIMIT (4 GiB of texts),
 * MF_ERR_MEMORY. */
bool mf_predict_movies_add(mf_predict_movies *movies, const mf_predict_movie *movie, mf_error *err);

/* After the last movie and before the first find. Gives back spare memory.
 * Fails MF_ERR_MEMORY. Cost: a hash and a cache miss per movie. */
bool mf_predict_movies_finish(mf_predict_movies *movies, mf_error *err);

/* Rows that were added, and how many of them have an id that came again later. */
uint32_t mf_predict_movies_count(const mf_predict_movies *movies);
uint32_t mf_predict_movies_n_repeated(const mf_predict_movies *movies);

/* False when there is no such movie; *movie is then untouched. */
bool mf_predict_movies_find(const mf_predict_movies *movies, const char *id, size_t n_id,
                            mf_predict_movie *movie);

/* The next genre of "Action|Crime" as genre[0 .. n); false after the last. *at is 0 at the
 * start. MovieLens' "(no genres listed)" and empty ones are none. */
bool mf_predict_genres_next(const mf_predict_movie *movie, size_t *at, const char **genre,
                            size_t *n);

/* --------------------------------------------------------- movies_reader.c: movies.csv
 *
 *     movieId,title,genres
 *     11,"American President, The (1995)",Comedy|Drama|Romance
 *
 * (1) libcsv reads it (csv/rows.h): quoted titles, any line ends, lines of blanks
 *     passed over; a byte order mark at the start is no part of the text.
 * (2) The first line names the columns, in any order and any case; columns of other names
 *     are passed over.
 * (3) How the pieces are cut changes nothing.
 * (4) Errors name the file, the line and what was expected: no header, a column missing,
 *     fewer or more fields than the header has, a quote that is not closed on its line, an
 *     id that can be none, bytes that are not UTF-8 (MF_ERR_PARSE), a file without movies
 *     (MF_ERR_PARSE), a line of more than MF_PREDICT_MOVIE_LINE_BYTES (MF_ERR_PARSE), a file of
 *     more than MF_PREDICT_MOVIES_FILE_BYTES (MF_ERR_LIMIT).
 *
 * Threads: one for each reader. Cost: 3 ns per byte. */

enum {
    MF_PREDICT_MOVIE_LINE_BYTES = 64 << 10,
    MF_PREDICT_MOVIES_FILE_BYTES = 1 << 30,
};

typedef struct mf_predict_movies_reader mf_predict_movies_reader;

/* Errors have `name`, which is borrowed. NULL: MF_ERR_MEMORY. */
mf_predict_movies_reader *mf_predict_movies_reader_create(const char *name, mf_error *err);

/* NULL is fine. */
void mf_predict_movies_reader_destroy(mf_predict_movies_reader *reader);

/* Forgets what was read: a new file begins, which is the usual one after a failure too. */
bool mf_predict_movies_reader_start(mf_predict_movies_reader *reader, mf_error *err);

bool mf_predict_movies_reader_feed(mf_predict_movies_reader *reader, const char *bytes, size_t n,
                                   mf_error *err);

/* The file ends here. The table, the caller's to mf_predict_movies_destroy; NULL on failure. */
mf_predict_movies *mf_predict_movies_reader_end(mf_predict_movies_reader *reader, mf_error *err);

/* ----------------------------------------------------- movies_source.c: the newest table
 *
 * The place is s3://bucket/key or the path of a file.
 *
 * (1) Once load went well there is always a table.
 * (2) refresh asks the place for a newer file: S3 by the ETag, a file by its size and times
 *     (watched.h). It is read whole before it replaces the old table; when that fails the old
 *     table stays, and the log says why.
 *
 * Threads: one. */

typedef struct mf_predict_movies_source mf_predict_movies_source;

/* uri and s3 as in watched.h. Reads nothing. NULL: MF_ERR_CONFIG, MF_ERR_MEMORY. */
mf_predict_movies_source *mf_predict_movies_source_create(const char *uri, mf_aws_client *s3,
                                                          mf_error *err);

/* NULL is fine. */
void mf_predict_movies_source_destroy(mf_predict_movies_source *source);

/* Reads the movies for the first time. deadline_ms: wall clock; 0: none (files ignore it).
 * Fails with the place and the reason. */
bool mf_predict_movies_source_load(mf_predict_movies_source *source, int64_t deadline_ms,
                                   mf_error *err);

/* Looks for newer ones. False when they could not be had (it is in the log). Views of the
 * old ones end. */
bool mf_predict_movies_source_refresh(mf_predict_movies_source *source, int64_t deadline_ms);

/* The movies; NULL before load. Valid until the next refresh. */
const mf_predict_movies *mf_predict_movies_source_get(const mf_predict_movies_source *source);

/* For its ages. */
const mf_lambda_watched *mf_predict_movies_source_place(const mf_predict_movies_source *source);

#endif
