/* model_source.h: the model in the function's own process: where it comes from, and the newest
 * version of it, ready to use.
 *
 *     s3://bucket/key       downloaded into an unnamed file in $TMPDIR or /tmp
 *     a path                mapped in place: replace it by renaming, never write into it
 *     model.tar.gz          of either: the output of a training job (mapped_model.h)
 *
 * (1) The first bytes decide what a file is, not its name.
 * (2) Once load succeeded there is always a model. refresh looks for a newer version
 *     (watched.h). When that cannot be read, is not a model, or would take too long, the old one
 *     stays and the log says why.
 * (3) refresh ends by its deadline. Its steps that cannot be interrupted, checking every byte and
 *     building the index of top-N, begin only when twice the time is left that the last model
 *     took per byte.
 * (4) During a refresh both models exist: twice the space in /tmp, and with an archive the
 *     archive's too.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_MODEL_MODEL_SOURCE_H
#define MF_LAMBDA_MODEL_MODEL_SOURCE_H

#include "lambda/model/watched.h"
#include "recommend/recommender.h"
#include "sagemaker/mapped_model.h"

enum {
    MF_LAMBDA_MODEL_VERSION_BYTES = 17,
    MF_LAMBDA_MODEL_REFRESH_MS = 5000, /* the most of an event's time for a newer model */
};

/* A checked model and one thread's workspace for it. */
typedef struct mf_lambda_model {
    mf_mapped_model file;
    mf_model *model;
    mf_recommender *recommender;
    mf_workspace *workspace;
    char version[MF_LAMBDA_MODEL_VERSION_BYTES]; /* as in serve: the file's checksum */
} mf_lambda_model;

/* Takes the file over, also on failure, and checks every byte of it. Logs one line. NULL: fails
 * as mf_model_open_bytes and mf_recommender_create do. */
mf_lambda_model *mf_lambda_model_open(mf_mapped_model *file, mf_error *err);

/* NULL is fine. */
void mf_lambda_model_close(mf_lambda_model *model);

typedef struct mf_lambda_model_source mf_lambda_model_source;

/* uri and s3 as in watched.h. Reads nothing. NULL: MF_ERR_CONFIG, MF_ERR_MEMORY. */
mf_lambda_model_source *mf_lambda_model_source_create(const char *uri, mf_aws_client *s3,
                                                      mf_error *err);

/* NULL is fine. */
void mf_lambda_model_source_destroy(mf_lambda_model_source *source);

/* Reads the model for the first time. deadline_ms: wall clock; 0: none. Fails with the place
 * and the reason: MF_ERR_IO, MF_ERR_FORMAT (not a model, or an archive without one),
 * MF_ERR_LIMIT, MF_ERR_MEMORY. */
bool mf_lambda_model_source_load(mf_lambda_model_source *source, int64_t deadline_ms,
                                 mf_error *err);

/* Looks for a newer model and replaces the old one, which is then closed. False when the newer
 * one could not be used (the log says why). */
bool mf_lambda_model_source_refresh(mf_lambda_model_source *source, int64_t deadline_ms);

/* The same before an event, when the last look is every_seconds ago (0: never); takes half of
 * event_ms and MF_LAMBDA_MODEL_REFRESH_MS at most. NULL is fine. */
void mf_lambda_model_source_refresh_before(mf_lambda_model_source *source, uint32_t every_seconds,
                                           int64_t event_ms);

/* The newest model, valid until the next refresh; NULL before load. */
mf_lambda_model *mf_lambda_model_source_get(const mf_lambda_model_source *source);

/* Its place, for the ages in watched.h. */
const mf_lambda_watched *mf_lambda_model_source_place(const mf_lambda_model_source *source);

#endif
