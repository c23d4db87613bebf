/* state.h: what a run of the ranking model's trainer consists of between two steps. Inside of
 * the trainer and its checkpoints; no other module includes this. */
#ifndef MF_SPECTRAL_STATE_H
#define MF_SPECTRAL_STATE_H

#include "spectral/choose.h"
#include "spectral/part.h"
#include "spectral/spectral.h"
#include "spectral/subspace.h"

/* Where the run is; stored in checkpoints as it stands. */
typedef struct mf_spectral_position {
    uint64_t fingerprint;
    uint32_t phase;  /* mf_spectral_phase */
    uint32_t begun;  /* 1: the phase has done a step */
    uint32_t chosen; /* index into choices; of meaning from MF_SPECTRAL_LEARNING on */
    uint32_t n_factors;
    uint32_t width; /* of the iteration's block */
    uint32_t n_wanted;
    double regularization; /* for the whole, from MF_SPECTRAL_LEARNING on */
    double recency;        /* from then on too */
    mf_subspace_state subspace;
    mf_choose_grid grid; /* from the first step of MF_SPECTRAL_GRID on */
    mf_choose_sums sums;
} mf_spectral_position;

struct mf_spectral {
    mf_spectral_options options;
    mf_spectral_input input; /* without ratings of grade 0 */
    mf_spectral_input own;   /* the arrays of input that are not the caller's */
    const mf_spectral_kernel *kernel;
    bool choosing;          /* there are settings to choose, and ratings to choose them by */
    bool by_items;          /* the iteration's block has a row per item; else per user or window */
    bool has_windows;       /* part.h */
    double squares;         /* Σ y², windows as well */
    double squares_of_draw; /* of the users that the part is made of */

    mf_spectral_position at;
    mf_subspace *subspace;
    uint8_t *part;       /* [n] part.h; NULL once it is not needed */
    mf_sparse_rows rows; /* what the subspace multiplies by, when it is not the caller's */
    mf_choose *choose;   /* while the phase is the grid, after its first step */

    /* Of the part while the phase is the grid, else of the result. */
    uint32_t n_directions;
    double *variances;   /* [most directions] */
    float *item_vectors; /* [n_items × its stride] */
    float *mean_profile;
    float *spectrum;
    double prior;
    uint32_t result_steps; /* of which item_vectors and the others are; 0: of none */

    double seconds; /* of the last step, as change */
    double change;
    mf_spectral_choice choices[MF_CHOOSE_MAX];
    mf_spectral_recency recencies[MF_CHOOSE_RECENCIES];
};

/* λ that weighs the change of Ritz values in the present phase. */
double mf_spectral_weighing(const mf_spectral *spectral);

/* Makes what the phase of `at` needs beside the block: the part's or the whole's rows, and the
 * iteration's settings. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_spectral_prepare(mf_spectral *spectral, const mf_spectral_position *at,
                                       mf_error *err);

/* The rows that prepare made, or the caller's arrays. */
mf_sparse_rows mf_spectral_rows(const mf_spectral *spectral);

#endif
