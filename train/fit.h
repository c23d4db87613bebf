/* fit.h: a model from ratings in memory to a model in memory, without a job around it:
 * no checkpoints, no bars, no files.
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

/* How it went. */
typedef struct mf_fit_report {
    double rating_seconds;   /* the rating model: all epochs, the cut into blocks included */
    double choosing_seconds; /* the ranking model: decomposing a part, and the grid */
    double learning_seconds; /* the ranking model: decomposing everything */
    uint32_t steps;          /* of that */
    bool converged;
} mf_fit_report;

/* A learned model and what holds its arrays. */
typedef struct mf_fit {
    mf_model *model; /* a view (mf_model_view): ids are not found in it */
    mf_trainer *trainer;
    mf_ranking ranking;
    mf_rated rated;
    uint32_t *item_count;
    mf_fit_report report;
} mf_fit;

/* Learns from `train` what a training job would under these settings (mf_train_settings_finish
 * was called), without validation; implicit feedback, or one rating for everything, has no rating
 * model. What the model has rated is `train` alone, which stays until release.
 * Fails as mf_trainer_step and mf_spectral_step; MF_ERR_ARGUMENT without a rating. *fit is to be
 * released in any case. */
MF_MUST_CHECK bool mf_fit_model(const mf_train_settings *values, const mf_ratings *train,
                                mf_fit *fit, mf_error *err);

void mf_fit_release(mf_fit *fit);

#endif
