/* rating_file.h: the ratings of a file, read as train reads them; times: ranked for a ranking model,
 * unused for a rating model alone and for validation data. Errors end the program. */
#ifndef MF_BENCH_RATING_FILE_H
#define MF_BENCH_RATING_FILE_H

#include "bench.h"
#include "ratings/ratings.h"

static inline mf_ratings *read_ratings(const char *path, uint32_t n_threads, mf_times times)
{
    const mf_ratings_options options = {.n_threads = n_threads, .times = times};
    mf_error err = {0};
    mf_ratings_content content;
    char reason[MF_RATINGS_REASON_BYTES];
    mf_ratings_reader *reader = mf_ratings_reader_create(&options, &err);
    if (reader == NULL || !mf_ratings_reader_add(reader, path, &content, reason, &err))
        die(path, err.text);
    if (content != MF_RATINGS_READ)
        die(path, reason);
    mf_ratings *ratings = mf_ratings_reader_finish(reader, &err);
    if (ratings == NULL)
        die(path, err.text);
    mf_ratings_reader_destroy(reader);
    return ratings;
}

#endif
