/* base_model.h: the base model of incremental training (warm start).
 *
 * Its users and items keep their indexes and start from its factors; new ones are appended. Users
 * and items that the new data does not contain stay in the model unchanged, except for rounding. */
#ifndef MF_TRAIN_BASE_MODEL_H
#define MF_TRAIN_BASE_MODEL_H

#include "base/error.h"
#include "model/model.h"
#include "sagemaker/channels.h"
#include "sagemaker/mapped_model.h"
#include "settings.h"

#include <stdbool.h>

typedef struct mf_base_model {
    mf_mapped_model mapped;
    mf_model *model; /* NULL: none */
} mf_base_model;

/* Opens the model of the channel. values->h.n_factors becomes the model's. Fails MF_ERR_CONFIG when
 * the user gave another n_factors. */
MF_MUST_CHECK bool mf_base_model_open(mf_base_model *base, const mf_channel *channel,
                                      const mf_settings *settings, mf_train_settings *values,
                                      mf_error *err);

void mf_base_model_close(mf_base_model *base);

#endif
