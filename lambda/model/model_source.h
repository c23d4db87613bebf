/* model_source.h: the model in the function's own process: where it comes from, and the newest
 * version of it, ready to use.
 *
 *     mf_lambda_model_source source;
 *     if (!mf_lambda_model_source_start(&source, "s3://models/model.tar.gz", s3, err) ||
 *         !mf_lambda_watched_load(&source.place, deadline_ms, err)) …
 *     source.model->recommender …                       until the next refresh of source.place
 *
 * (1) The place has a model.bin or an archive with one, the output of a training job
 *     (mapped_model.h). The first bytes decide what a file is, not its name.
 * (2) Once the load succeeded there is always a model. Every byte of a newer one is checked, and its
 *     index of top-N is built, before it replaces the old one.
 * (3) During a refresh both models exist: twice the space in /tmp, and with an archive the
 *     archive's too.
 *
 * (4) Its lists of items (named_lists.h) are the files lists/NAME.csv beside model.bin: in the archive, or
 *     in the folder of a path. A model.bin in S3 has none.
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
    struct mf_named_lists *lists;
    mf_workspace *workspace;
    char version[MF_LAMBDA_MODEL_VERSION_BYTES]; /* as in serve: the file's checksum */
} mf_lambda_model;

typedef struct mf_lambda_model_source {
    mf_lambda_watched place;
    mf_lambda_model *model; /* the newest; NULL before the load */
} mf_lambda_model_source;

/* uri and s3 as in watched.h. Reads nothing; *source must not move afterwards. Fails MF_ERR_CONFIG.
 * Loads fail as watched.h says, and MF_ERR_FORMAT (not a model, or an archive without one),
 * MF_ERR_LIMIT, MF_ERR_MEMORY, and as mf_named_lists_load does. */
MF_MUST_CHECK bool mf_lambda_model_source_start(mf_lambda_model_source *source, const char *uri,
                                                mf_aws_client *s3, mf_error *err);

/* Looks for a newer model before an event, when the last look is every_seconds ago (0: never);
 * takes half of event_ms and MF_LAMBDA_MODEL_REFRESH_MS at most. A source that was not started is
 * fine. */
void mf_lambda_model_source_refresh_before(mf_lambda_model_source *source, uint32_t every_seconds,
                                           int64_t event_ms);

/* A zeroed one is fine. */
void mf_lambda_model_source_end(mf_lambda_model_source *source);

#endif
