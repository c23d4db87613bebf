/* held_model.h: a model in this process, checked and ready to answer, with what one thread
 * needs to ask it.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_MODEL_HELD_MODEL_H
#define MF_LAMBDA_MODEL_HELD_MODEL_H

#include "recommend/recommender.h"
#include "sagemaker/mapped_model.h"

enum { MF_HELD_MODEL_VERSION_BYTES = 17 };

typedef struct mf_held_model {
    mf_mapped_model file;
    mf_model *model;
    mf_recommender *recommender;
    mf_workspace *workspace;
    char version[MF_HELD_MODEL_VERSION_BYTES]; /* as serve has it: the file's checksum */
} mf_held_model;

/* Takes the file over, also on failure, and checks every byte of it. One line in the log. NULL:
 * as mf_model_open_bytes and mf_recommender_create fail. */
mf_held_model *mf_held_model_open(mf_mapped_model *file, mf_error *err);

/* NULL is fine. */
void mf_held_model_close(mf_held_model *held);

#endif
