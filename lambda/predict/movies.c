/* movies.c: movie i's id, title and genres are bytes[start[3i] .. start[3i+1] .. start[3i+2] ..
 * start[3i+3]). slots is an open hash table of indexes, at most half full. */
#include "lambda/predict/movies.h"

#include "base/grow.h"
#include "base/id_list.h"

#include <string.h>

enum { TEXTS = 3 };

static const char what[] = "the movies";

struct mf_predict_movies {
    char *bytes;
    size_t n_bytes;
    uint32_t *start; /* [TEXTS · n + 1] */
    uint32_t n;
    size_t bytes_capacity, start_capacity;
    uint32_t *slots; /* [n_slots] MF_INDEX_NONE where empty */
    uint64_t n_slots;
    uint32_t n_repeated;
};

mf_predict_movies *mf_predict_movies_create(mf_error *err)
{
    return mf_allocate(1, sizeof(mf_predict_movies), what, err);
}

void mf_predict_movies_destroy(mf_predict_movies *movies)
{
    if (movies == NULL)
        return;
    mf_free(movies->bytes);
    mf_free(movies->start);
    mf_free(movies->slots);
    mf_free(movies);
}

static void append(mf_predict_movies *movies, size_t text, const char *bytes, size_t n)
{
    if (n > 0)
        memcpy(movies->bytes + movies->n_bytes, bytes, n);
    movies->n_bytes += n;
    movies->start[(size_t)TEXTS * movies->n + text + 1] = (uint32_t)movies->n_bytes;
}

bool mf_predict_movies_add(mf_predict_movies *movies, const mf_predict_movie *movie, mf_error *err)
{
    const size_t n_bytes = movies->n_bytes + movie->n_id + movie->n_title + movie->n_genres;
    if (n_bytes > UINT32_MAX || movies->n == MF_INDEX_NONE - 1)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "over 4 GiB of movies");
    if (!MF_GROW(movies->bytes, movies->bytes_capacity, n_bytes, what, err) ||
        !MF_GROW(movies->start, movies->start_capacity, TEXTS * ((size_t)movies->n + 1) + 1, what,
                 err))
        return false;
    append(movies, 0, movie->id, movie->n_id);
    append(movies, 1, movie->title, movie->n_title);
    append(movies, 2, movie->genres, movie->n_genres);
    movies->n++;
    return true;
}

static mf_predict_movie movie_of(const mf_predict_movies *movies, uint32_t index)
{
    const uint32_t *start = movies->start + (size_t)TEXTS * index;
    const char *bytes = movies->bytes;
    return (mf_predict_movie){
        .id = bytes + start[0],
        .n_id = start[1] - start[0],
        .title = bytes + start[1],
        .n_title = start[2] - start[1],
        .genres = bytes + start[2],
        .n_genres = start[3] - start[2],
    };
}

/* The slot that holds this id, or the empty one where it belongs. */
static uint32_t *slot_of(const mf_predict_movies *movies, const char *id, size_t n_id)
{
    uint64_t slot = mf_id_hash(id, n_id) & (movies->n_slots - 1);
    for (;;) {
        uint32_t *index = &movies->slots[slot];
        if (*index == MF_INDEX_NONE)
            return index;
        const mf_predict_movie movie = movie_of(movies, *index);
        if (movie.n_id == n_id && memcmp(movie.id, id, n_id) == 0)
            return index;
        slot = (slot + 1) & (movies->n_slots - 1);
    }
}

bool mf_predict_movies_finish(mf_predict_movies *movies, mf_error *err)
{
    const size_t n_start = TEXTS * (size_t)movies->n + 1;
    void *bytes = movies->bytes, *start = movies->start;
    movies->n_slots = mf_id_table_slots(movies->n);
    movies->slots = mf_allocate(movies->n_slots, sizeof *movies->slots, "the table of movies", err);
    if (movies->slots == NULL ||
        !mf_reallocate(&bytes, movies->bytes_capacity, movies->n_bytes, 1, what, err))
        return false;
    movies->bytes = bytes;
    movies->bytes_capacity = movies->n_bytes;
    if (!mf_reallocate(&start, movies->start_capacity, n_start, sizeof *movies->start, what, err))
        return false;
    movies->start = start;
    movies->start_capacity = n_start;
    memset(movies->slots, 0xFF, movies->n_slots * sizeof *movies->slots);
    for (uint32_t i = 0; i < movies->n; i++) {
        const mf_predict_movie movie = movie_of(movies, i);
        uint32_t *slot = slot_of(movies, movie.id, movie.n_id);
        movies->n_repeated += *slot != MF_INDEX_NONE;
        *slot = i;
    }
    return true;
}

uint32_t mf_predict_movies_count(const mf_predict_movies *movies)
{
    return movies->n;
}

uint32_t mf_predict_movies_n_repeated(const mf_predict_movies *movies)
{
    return movies->n_repeated;
}

bool mf_predict_movies_find(const mf_predict_movies *movies, const char *id, size_t n_id,
                            mf_predict_movie *movie)
{
    char number[MF_INTEGER_ID_BYTES + 2];
    uint32_t index = *slot_of(movies, id, n_id);
    const size_t n = index == MF_INDEX_NONE ? mf_id_write_integer(id, n_id, number) : 0;
    if (n > 0) {
        index = *slot_of(movies, number, n);
        number[n] = '.';
        number[n + 1] = '0';
    }
    if (n > 0 && index == MF_INDEX_NONE)
        index = *slot_of(movies, number, n + 2);
    if (index == MF_INDEX_NONE)
        return false;
    *movie = movie_of(movies, index);
    return true;
}

bool mf_predict_genres_next(const mf_predict_movie *movie, size_t *at, const char **genre,
                            size_t *n)
{
    static const char none[] = "(no genres listed)";
    while (*at < movie->n_genres) {
        const char *begin = movie->genres + *at;
        const size_t left = movie->n_genres - *at;
        const char *bar = memchr(begin, '|', left);
        *genre = begin;
        *n = bar != NULL ? (size_t)(bar - begin) : left;
        *at += *n + 1;
        if (*n > 0 && (*n != sizeof none - 1 || memcmp(begin, none, *n) != 0))
            return true;
    }
    return false;
}
