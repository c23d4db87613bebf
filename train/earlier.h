/* earlier.h: going on from an earlier model (incremental training).
 *
 * Its users and items keep their places and go on from where they were; new ones
 * are added behind them. Users and items that the new data does not mention stay
 * in the model as they are, but for rounding. */
#ifndef MF_TRAIN_EARLIER_H
#define MF_TRAIN_EARLIER_H

#include "base/error.h"
#include "model/model.h"
#include "sagemaker/channels.h"
#include "sagemaker/mapped_model.h"
#include "settings.h"

#include <stdbool.h>

typedef struct mf_earlier {
    mf_mapped_model mapped;
    mf_model *model; /* NULL: there is none */
} mf_earlier;

/* Opens the model channel's model. n_factors, unless it was given, becomes the
 * model's; given and different is MF_ERR_CONFIG. */
MF_MUST_CHECK bool mf_earlier_open(mf_earlier *earlier, const mf_channel *channel,
                                   const mf_settings *settings, mf_train_settings *values,
                                   mf_error *err);

void mf_earlier_close(mf_earlier *earlier);

#endif
