/* movies_source.h: where the movies come from, and the newest that came from there.
 *
 * The place is s3://bucket/key or the path of a file.
 *
 * (1) There are movies once load went well, and from then on always.
 * (2) refresh asks the place for something newer: S3 by the ETag, a file by its size and
 *     times (watched.h). What is newer is read whole before it takes the old one's place; when it
 *     cannot be had or is not sound the old movies stay, and the log says why.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_PREDICT_MOVIES_SOURCE_H
#define MF_LAMBDA_PREDICT_MOVIES_SOURCE_H

#include "lambda/model/watched.h"
#include "lambda/predict/movies.h"

typedef struct mf_movies_source mf_movies_source;

/* uri and s3 as in watched.h. Reads nothing. NULL: MF_ERR_CONFIG, MF_ERR_MEMORY. */
mf_movies_source *mf_movies_source_create(const char *uri, mf_aws_client *s3, mf_error *err);

/* NULL is fine. */
void mf_movies_source_destroy(mf_movies_source *source);

/* Reads the movies for the first time. deadline_ms: wall clock; 0: none (files ignore it).
 * Fails with the place and the reason. */
bool mf_movies_source_load(mf_movies_source *source, int64_t deadline_ms, mf_error *err);

/* Looks for newer ones. False when they could not be had (it is in the log). Views of the
 * old ones end. */
bool mf_movies_source_refresh(mf_movies_source *source, int64_t deadline_ms);

/* The movies; NULL before load. Valid until the next refresh. */
const mf_movies *mf_movies_source_get(const mf_movies_source *source);

/* For its ages. */
const mf_lambda_watched *mf_movies_source_place(const mf_movies_source *source);

#endif
