/* movies_reader.h: movies.csv as a table, from pieces of any size as they come.
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
 *     (MF_ERR_PARSE), a line of more than MF_MOVIE_LINE_BYTES (MF_ERR_PARSE), a file of more
 *     than MF_MOVIES_FILE_BYTES (MF_ERR_LIMIT).
 *
 * Threads: one for each reader. Cost: 8 to 10 ns per byte. */
#ifndef MF_LAMBDA_PREDICT_MOVIES_READER_H
#define MF_LAMBDA_PREDICT_MOVIES_READER_H

#include "lambda/predict/movies.h"

enum {
    MF_MOVIE_LINE_BYTES = 64 << 10,
    MF_MOVIES_FILE_BYTES = 1 << 30,
};

typedef struct mf_movies_reader mf_movies_reader;

/* name stands in errors and is borrowed. NULL: MF_ERR_MEMORY. */
mf_movies_reader *mf_movies_reader_create(const char *name, mf_error *err);

/* NULL is fine. */
void mf_movies_reader_destroy(mf_movies_reader *reader);

/* Forgets what was read: a new file begins, which is the usual one after a failure too. */
bool mf_movies_reader_start(mf_movies_reader *reader, mf_error *err);

bool mf_movies_reader_feed(mf_movies_reader *reader, const char *bytes, size_t n, mf_error *err);

/* The file ends here. The table, the caller's to mf_movies_destroy; NULL on failure. */
mf_movies *mf_movies_reader_end(mf_movies_reader *reader, mf_error *err);

#endif
