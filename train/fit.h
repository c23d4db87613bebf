/* fit.h: ratings in memory become a model in memory, without checkpoints, progress bars and files.
 *
 * Threads: one caller. */
#ifndef MF_TRAIN_FIT_H
#define MF_TRAIN_FIT_H

#include "base/error.h"
#include "model/model.h"
#include "ranking.h"
#include "ratings/ratings.h"
#include "settings.h"
#include "sgd/trainer.h"

#include <stdbool.h>
#include <stdint.h>

/* Times and steps of a fit. */
typedef struct mf_fit_report {
    double rating_seconds;   /* the rating model: all epochs, the cut into blocks included */
    double choosing_seconds; /* the ranking model: decomposing a part, and the grid */
    double learning_seconds; /* the ranking model: decomposing everything */
    uint32_t steps;          /* of that */
    bool converged;
} mf_fit_report;

/* A trained model and the owners of its arrays. */
typedef struct mf_fit {
    mf_model *model; /* a view (mf_model_view): ids are not found in it */
    mf_trainer *trainer;
    mf_ranking ranking;
    mf_rated rated;
    uint32_t *item_count;
    mf_fit_report report;
} mf_fit;

/* Trains as a training job with these settings (after mf_train_settings_finish), without
 * validation. With implicit feedback, or one value for all ratings, there is no rating model. The
 * rated items of the model are those of `train`, which must stay valid until release. Fails as
 * mf_trainer_step and mf_spectral_step; MF_ERR_ARGUMENT without a rating. *fit is to be released in
 * any case. */
MF_MUST_CHECK bool mf_fit_model(const mf_train_settings *values, const mf_ratings *train,
                                mf_fit *fit, mf_error *err);

void mf_fit_release(mf_fit *fit);

#endif
