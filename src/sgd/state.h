/* state.h: the state of a training run between two steps. Private to trainer.c, ring.c and
 * checkpoint.c. */
#ifndef MF_SGD_STATE_H
#define MF_SGD_STATE_H

#include "sgd/evaluate.h"
#include "sgd/grid.h"
#include "sgd/implicit.h"
#include "sgd/kernels.h"
#include "sgd/parameters.h"
#include "sgd/trainer.h"

#include <stdbool.h>
#include <stdint.h>

/* The progress of the run; checkpoints store these bytes. */
typedef struct mf_position {
    uint64_t fingerprint;
    uint32_t epochs_done;
    uint32_t round;      /* of the epoch that is running, 0: not begun */
    uint32_t best_epoch; /* 0: none yet */
    uint32_t stopped;    /* 1: early stopping has ended the run */
    double best_rmse;
    double epoch_seconds; /* spent on the running epoch so far */
} mf_position;

struct mf_trainer {
    mf_hyperparameters h;
    mf_hosts_group *group;    /* NULL: one host */
    mf_sgd_held_out held_out; /* the validation ratings; n == 0: none */
    const mf_sgd_kernel *kernel;
    mf_grid grid;
    mf_parameters parameters;
    mf_implicit implicit; /* user_vectors NULL: no priors */
    /* In the form of a model, no rows; with validation data the best epoch, else filled by
     * mf_trainer_result_get. With several hosts, validation data alone: its rows of users and items
     * are those of `parameters`, in rating units. */
    mf_parameters best;
    mf_parameters whole; /* with several hosts, on the first: filled by mf_trainer_result_get */
    mf_position at;
    mf_epoch *epochs;   /* [n_epochs] */
    double *block_loss; /* [blocks of this host] Σ e² of the running epoch */
    uint64_t n_ratings;
    bool is_released; /* done, and the result was taken: grid, parameters' arrays, implicit,
                       * held_out and block_loss are freed; best is not */
};

#endif
