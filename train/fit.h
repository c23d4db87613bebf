/* fit.h: a model from ratings in memory to a model in memory, without a job around it:
 * no checkpoints, no bars, no files that stay. */
#ifndef MF_TRAIN_FIT_H
#define MF_TRAIN_FIT_H

#include "base/error.h"
#include "model/model.h"
#include "ratings/ratings.h"
#include "settings.h"

#include <stdbool.h>
#include <stdint.h>

/* How it went. */
typedef struct mf_fit_report {
    double rating_seconds;   /* the rating model: all epochs, the cut into blocks included */
    double choosing_seconds; /* the ranking model: decomposing the older part, and the grid */
    double learning_seconds; /* the ranking model: decomposing everything */
    uint32_t steps;          /* of that */
    bool converged;
} mf_fit_report;

/* Learns both models from `train` as a training job does, under `values`
 * (mf_train_settings_finish was called), without validation; implicit feedback has no rating
 * model. *model is the caller's: mf_model_close. report may be NULL.
 *
 * What the model has rated is `train` alone. The file it comes from lies for a moment in $TMPDIR,
 * /dev/shm or /tmp, the first of them that takes it.
 * Fails as mf_trainer_step, mf_spectral_step, mf_model_write and mf_model_load; MF_ERR_ARGUMENT
 * without a rating; then *model is NULL. Threads: one caller. */
bool mf_fit_model(const mf_train_settings *values, const mf_ratings *train, mf_model **model,
                  mf_fit_report *report, mf_error *err);

#endif
