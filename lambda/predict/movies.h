/* movies.h: titles and genres by movie id, compact.
 *
 * All texts stand in one block, one after the other; a movie takes its texts and 12
 * bytes, and the hash table 8 to 16 more: 90,000 movies of MovieLens are 7 MB.
 *
 * (1) Texts are valid UTF-8.
 * (2) Of movies with the same id the last one counts.
 *
 * Threads: building one; then any number may read. */
#ifndef MF_LAMBDA_PREDICT_MOVIES_H
#define MF_LAMBDA_PREDICT_MOVIES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view into the table. */
typedef struct mf_movie {
    const char *id;
    size_t n_id;
    const char *title;
    size_t n_title;
    const char *genres; /* as the file has them: "Action|Crime"; see mf_genres_next */
    size_t n_genres;
} mf_movie;

typedef struct mf_movies mf_movies;

/* An empty table. NULL: MF_ERR_MEMORY. */
mf_movies *mf_movies_create(mf_error *err);

/* NULL is fine. */
void mf_movies_destroy(mf_movies *movies);

/* Copies the movie; all texts valid UTF-8. Fails MF_ERR_LIMIT (4 GiB of texts),
 * MF_ERR_MEMORY. */
bool mf_movies_add(mf_movies *movies, const mf_movie *movie, mf_error *err);

/* After the last movie and before the first find. Gives back spare memory.
 * Fails MF_ERR_MEMORY. Cost: a hash and a cache miss per movie. */
bool mf_movies_finish(mf_movies *movies, mf_error *err);

/* Rows that were added, and how many of them have an id that came again later. */
uint32_t mf_movies_count(const mf_movies *movies);
uint32_t mf_movies_n_repeated(const mf_movies *movies);

/* False when there is no such movie; *movie is then untouched. */
bool mf_movies_find(const mf_movies *movies, const char *id, size_t n_id, mf_movie *movie);

/* The next genre of "Action|Crime" as genre[0 .. n); false after the last. *at is 0 at the
 * start. MovieLens' "(no genres listed)" and empty ones are none. */
bool mf_genres_next(const mf_movie *movie, size_t *at, const char **genre, size_t *n);

#endif
