/* trainer.h: stochastic gradient descent over the grid, one step at a time.
 *
 *     mf_trainer *trainer = mf_trainer_create(&hyperparameters, &input, &err);
 *     while (!mf_trainer_done(trainer)) {
 *         bool epoch_ended;
 *         if (!mf_trainer_step(trainer, &epoch_ended, &err)) …
 *     }
 *     mf_trainer_result_get(trainer, &result, &err);
 *
 * A step is some rounds of the grid (sweep.h). Between steps the caller can check the clock and
 * SIGTERM, draw a bar, or write a checkpoint. On two cores a step takes about a second at most, or
 * one round if that is longer.
 *
 * (1) The same input, hyperparameters and seed give the same bits with any number of threads and on
 *     any CPU, on any number of hosts, also when the run was cut anywhere and resumed from a
 *     checkpoint.
 * (2) With validation data the result is the best epoch, else the last one.
 * (3) Parameters that are not finite end the run with MF_ERR_DIVERGED and advice; a result never
 *     has a NaN.
 *
 * With a group of hosts all of them call every function that can fail, with the same input, and
 * decide alike. Each learns from the ratings of its own range of users, the item-blocks go round
 * (lap.h), and a step is an epoch. What comes of it has the same bits as on one host. Each needs 1/H
 * of the memory for ratings and users, and all of that for items.
 *
 * Threads: one caller; the trainer starts hyperparameters.n_threads of its own. */
#ifndef MF_SGD_TRAINER_H
#define MF_SGD_TRAINER_H

#include "base/error.h"
#include "hosts/group.h"
#include "model/model.h"
#include "ratings/ratings.h"
#include "sgd/evaluate.h"

#include <stdbool.h>
#include <stdint.h>

/* The settings of a training run. Steps and regularization are per rating, in units of the ratings'
 * standard deviation (parameters.h), so they do not depend on the scale of the ratings. The names
 * are those of hyperparameters.json; train/settings.c has the defaults and checks the ranges. */
typedef struct mf_hyperparameters {
    uint32_t n_factors;
    uint32_t n_epochs;
    double learning_rate;       /* factors, first epoch */
    double bias_learning_rate;  /* biases, first epoch  */
    double learning_rate_decay; /* both rates decay linearly, over n_epochs to this fraction of the
                                 * initial rates: 1 is constant */
    double user_regularization; /* λ on user factors  */
    double item_regularization; /* λ on item factors  */
    double user_bias_regularization;
    double item_bias_regularization;
    double implicit_rate;             /* step of the item priors (implicit.h); 0: no priors */
    double implicit_damping;          /* pseudo-count of an item's prior (implicit.h) */
    double init_scale;                /* of the users' starting factors (parameters.h) */
    uint32_t early_stopping_patience; /* epochs without a better validation RMSE; 0: off */
    uint64_t seed;
    uint32_t n_threads; /* does not change the result */
} mf_hyperparameters;

/* The input of a training. Everything is borrowed until create returns. */
typedef struct mf_trainer_input {
    const mf_ratings *ratings;         /* at least one rating */
    const mf_ratings_rows *validation; /* or NULL */
    /* Warm start, or NULL: a base model whose users and items are the first ones of `ratings` in
     * the same order and whose n_factors is the same. Its global mean is kept, so that its biases
     * keep their meaning. */
    const mf_model_parts *base;
    /* A hash of all settings that shape the result (train/settings.h). It becomes part of the run's
     * fingerprint, and the trainer adds none of the hyperparameters: runs that differ in them need
     * different values. 0 is a value like any other. */
    uint64_t settings_fingerprint;
    mf_hosts_group *group; /* NULL: one host. Borrowed until destroy */
} mf_trainer_input;

/* One epoch, for logs and metrics.json. */
typedef struct mf_epoch {
    uint32_t epoch;         /* from 1 */
    uint32_t is_best;       /* 1: the best so far (validation), else 0 */
    double train_rmse;      /* of the errors before each update */
    double validation_rmse; /* 0 without validation data */
    double validation_mae;
    double seconds;            /* updates only */
    double validation_seconds; /* evaluation */
    uint64_t sent_bytes;       /* by this host to others; 0 with one host */
} mf_epoch;

/* A finished training, views into the trainer until destroy. With several hosts only the first one
 * has the four arrays, the others NULL. */
typedef struct mf_trainer_result {
    float global_mean;
    float rating_scale; /* the unit of the hyperparameters (parameters.h) */
    float rating_min;
    float rating_max;
    const float *user_bias; /* shapes as in mf_model_parts, rating units */
    const float *item_bias;
    const float *user_factors;
    const float *item_factors;
    uint32_t best_epoch; /* the epoch these are from */
} mf_trainer_result;

typedef struct mf_trainer mf_trainer;

/* Fails MF_ERR_ARGUMENT (no rating, wrong base model), MF_ERR_MEMORY. Memory: 8 bytes per rating,
 * 12 per validation rating, and two sets of parameters; with validation data and item priors
 * (implicit.h) three. */
MF_MUST_CHECK mf_trainer *mf_trainer_create(const mf_hyperparameters *hyperparameters,
                                            const mf_trainer_input *input, mf_error *err);

void mf_trainer_destroy(mf_trainer *trainer);

/* True when all epochs are done or early stopping has ended the run. */
bool mf_trainer_done(const mf_trainer *trainer);

/* One step. *epoch_ended says that mf_trainer_epochs has grown by one. Fails MF_ERR_DIVERGED,
 * MF_ERR_MEMORY; after a failure only destroy is of use. */
MF_MUST_CHECK bool mf_trainer_step(mf_trainer *trainer, bool *epoch_ended, mf_error *err);

/* The epochs done, oldest first; *n of them. Views until the next step. */
const mf_epoch *mf_trainer_epochs(const mf_trainer *trainer, uint32_t *n);

/* How much of the running epoch is done, 0 … 1. */
double mf_trainer_fraction(const mf_trainer *trainer);

/* The blocks into which the users are cut, and how many of them this host has: none when there are
 * more hosts than blocks. */
typedef struct mf_trainer_share {
    uint32_t own;
    uint32_t all;
} mf_trainer_share;

mf_trainer_share mf_trainer_share_get(const mf_trainer *trainer);

/* True when early stopping has ended the run. */
bool mf_trainer_stopped_early(const mf_trainer *trainer);

/* The instruction set in use: "sse2", "avx2", "avx512", "neon" or "generic". */
const char *mf_trainer_cpu(const mf_trainer *trainer);

/* The result so far. At least one epoch must be done (MF_ERR_ARGUMENT). Without validation data, in
 * the middle of an epoch, it is the present state.
 * When the training is done, all memory but that of the result and of the epochs is freed.
 * mf_trainer_save and mf_trainer_resume fail from then on (MF_ERR_ARGUMENT), so a last checkpoint
 * has to be saved before. */
MF_MUST_CHECK bool mf_trainer_result_get(mf_trainer *trainer, mf_trainer_result *result,
                                         mf_error *err);

/* The hash of this run's data and settings (fingerprint.h). */
uint64_t mf_trainer_fingerprint(const mf_trainer *trainer);

/* Writes the state that the rest of the run depends on (base/file.h: complete or not at all). With
 * several hosts, at the end of an epoch, each writes a file of its own: the rows of its users and of
 * the item-blocks that are at home with it. */
MF_MUST_CHECK bool mf_trainer_save(const mf_trainer *trainer, const char *path, mf_error *err);

/* Continues from a checkpoint of the same fingerprint; the trainer must be new. MF_ERR_FORMAT when
 * the file is damaged or of another run ("other data or other hyperparameters"); the trainer is
 * unchanged then. */
MF_MUST_CHECK bool mf_trainer_resume(mf_trainer *trainer, const char *path, mf_error *err);

/* The same from the n files of n hosts, by rank. This run may have another number of hosts. A file
 * of one host is a set of one; several hosts continue from it when it is of the end of an epoch.
 * With several hosts all call, each can read all files, and all continue or none. */
MF_MUST_CHECK bool mf_trainer_resume_set(mf_trainer *trainer, const char *const *paths, size_t n,
                                         mf_error *err);

#endif
