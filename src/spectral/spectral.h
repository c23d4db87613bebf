/* spectral.h: the ranking model's trainer: a shrunk SVD of graded ratings, one step at a time.
 *
 *   y_ui = grade of u's rating of i (model/grade.h)      Y: users × items, sparse; with times
 *                                                        there are rows of windows too (part.h)
 *   YᵀY ≈ V Σ² Vᵀ                                        V: items × k, the k largest
 *   G    = diag(σ² / (σ² + λ))                           item vectors q_i = G v_i
 *   profile_u = Σ_j a_uj y_uj q_j + prior,  score_ui = profile_u · q_i
 *
 * This is PureSVD (Cremonesi, Koren, Turrin 2010), the k strongest directions of a linear
 * autoencoder, with the shrinkage that Jin, Li, Gao et al. (KDD 2021, "Towards a better
 * understanding of linear models for recommendation") derive for one with a ridge, squared: a
 * score has G once from the profile and once from the item. Measured, that is better than G alone
 * with a larger λ (choose.c). The stars enter by the grades, time by the age weights a.
 *
 *     mf_spectral *s = mf_spectral_create(&options, &input, &err);
 *     while (!mf_spectral_done(s))
 *         if (!mf_spectral_step(s, &err)) …
 *     mf_spectral_result_get(s, &result, &err);
 *
 * The vectors come from block subspace iteration on the smaller side of Y with a Chebyshev
 * filter (subspace.h) and a final Rayleigh–Ritz step. λ and the number of directions are chosen
 * on set-aside ratings unless they are given: one decomposition of a part of each user's ratings,
 * a grid on the others that needs diagonal work alone (choose.h), then the decomposition of
 * everything, which starts from the first one's vectors. Recency is chosen beside them, on the
 * newest of those set aside. The prior's strength has a default (choose.c).
 *
 * (1) The same input, options and seed give the same bits with any number of threads and on any
 *     CPU, also when the run was cut between any two steps and resumed.
 *     With a group of hosts all of them call every function with the same input; each multiplies by
 *     the rows of a part of the users (chain.h) and has what one host would have.
 * (2) A direction's sign is such that its largest component (the first of equal ones) is
 *     positive; directions come by falling σ², and a result has none whose σ² is below
 *     1e-7 of the largest.
 * (3) Reaching the step limit is no failure: the result says so (converged false). Vectors that
 *     are not finite or not orthonormal fail with MF_ERR_DIVERGED.
 *
 * Memory: the item vectors, 3 × the vectors of the smaller side (with an eighth more directions),
 * 6 bytes per rating (11 where there are more items than users and windows; 10 more where grades of
 * 0 have to be left out), 8 per window, 32 per item, 3 MB a thread.
 * Time: about 4 · ratings · 1.1 k operations a step, 8 to 13 steps, at 50 to 100 GFLOP/s with two
 * threads (bench/bench_spectral.c). Threads beyond one for each 16 directions are of no use.
 * Threads: one caller; the trainer starts options.n_threads of its own. */
#ifndef MF_SPECTRAL_SPECTRAL_H
#define MF_SPECTRAL_SPECTRAL_H

#include "base/error.h"
#include "hosts/group.h"
#include "model/grade.h"

#include <stdbool.h>
#include <stdint.h>

/* What there is to learn from: one grade for each pair, borrowed until destroy. */
typedef struct mf_spectral_input {
    uint32_t n_users;
    uint32_t n_items;
    const uint64_t *user_start; /* [n_users + 1] */
    const uint32_t *item;       /* [n] ascending per user, none twice */
    const uint8_t *grade;       /* [n] codes of grade.h; 0: the pair is left out of everything */
    const uint32_t *time_rank;  /* [n] as in mf_ratings, or NULL: no times are known */
    const uint8_t *relevant;    /* [n] 1: counts as liked when settings are chosen */
} mf_spectral_input;

#define MF_SPECTRAL_AUTO (-1.0) /* for the reals below: choose it, or its default */

typedef struct mf_spectral_options {
    uint32_t n_factors;    /* directions at most; 0: chosen, up to 256 */
    double regularization; /* λ ≥ 0, or MF_SPECTRAL_AUTO */
    double recency;        /* 0 … 1, or MF_SPECTRAL_AUTO */
    double prior;          /* ≥ 0, or MF_SPECTRAL_AUTO */
    uint32_t max_steps;    /* of one decomposition, ≥ 1; 8 to 12 are usual, 5 after a choice */
    double tolerance; /* stop when the Ritz values, weighted by (σ²/(σ²+λ))², change less.
                       * 1e-3: the first ten of the lists are those of many more steps to
                       * 98 … 99 % (data/, planted ratings; 1e-2: 93 … 99 %) */
    uint64_t seed;
    uint32_t n_threads;    /* does not change the result */
    uint64_t fingerprint;  /* of everything that shapes input and options; names checkpoints */
    mf_hosts_group *group; /* NULL: one host. Borrowed until destroy */
} mf_spectral_options;

typedef enum mf_spectral_phase {
    MF_SPECTRAL_CHOOSING, /* decomposing a part of the ratings */
    MF_SPECTRAL_GRID,     /* comparing settings on those set aside */
    MF_SPECTRAL_LEARNING, /* decomposing everything */
    MF_SPECTRAL_DONE,
} mf_spectral_phase;

/* Where a run is, for logs, bars and metrics.json. */
typedef struct mf_spectral_progress {
    mf_spectral_phase phase;
    uint32_t step;     /* of this phase, steps done */
    uint32_t max_step; /* of this phase, at most */
    double change;     /* of the weighted Ritz values in the last step; 0 before the second, and
                      * after a step of the grid */
    double seconds;    /* of the last step */
} mf_spectral_progress;

/* A point of the grid. */
typedef struct mf_spectral_choice {
    double regularization; /* as applied to the part */
    uint32_t n_factors;
    double recency;
    double prior;
    double ndcg; /* at 10, on the set-aside ratings */
} mf_spectral_choice;

/* A recency that was compared. */
typedef struct mf_spectral_recency {
    double recency;
    double ndcg; /* at 10, on those of the set-aside ratings that are among the newest of a user */
} mf_spectral_recency;

/* A finished training, views into the trainer until destroy. Shapes as in mf_ranking_parts. */
typedef struct mf_spectral_result {
    uint32_t n_factors;
    float regularization; /* as applied to the whole */
    float recency;
    float prior;
    const float *item_vectors;
    const float *mean_profile;
    const float *spectrum;
    bool converged;
    uint32_t steps;                    /* of the decomposition of everything */
    const mf_spectral_choice *choices; /* [n_choices] the grid; NULL when nothing was chosen */
    uint32_t n_choices;
    uint32_t chosen;                      /* index of the best */
    const mf_spectral_recency *recencies; /* [n_recencies]; NULL when recency was not chosen */
    uint32_t n_recencies;
} mf_spectral_result;

typedef struct mf_spectral mf_spectral;

/* Fails MF_ERR_ARGUMENT (no grade at all), MF_ERR_MEMORY. */
mf_spectral *mf_spectral_create(const mf_spectral_options *options, const mf_spectral_input *input,
                                mf_error *err);

/* NULL is fine. */
void mf_spectral_destroy(mf_spectral *spectral);

bool mf_spectral_done(const mf_spectral *spectral);

/* One step: one multiplication by YᵀY with its orthonormalisation, or a stretch of the grid.
 * Fails MF_ERR_DIVERGED, MF_ERR_MEMORY; after a failure only destroy is of use. */
MF_MUST_CHECK bool mf_spectral_step(mf_spectral *spectral, mf_error *err);

mf_spectral_progress mf_spectral_progress_get(const mf_spectral *spectral);

/* The result. Before mf_spectral_done, in the phase of learning and after its first step, it
 * is that of the moment (converged false); MF_ERR_ARGUMENT when it is too early for that. */
MF_MUST_CHECK bool mf_spectral_result_get(mf_spectral *spectral, mf_spectral_result *result,
                                          mf_error *err);

/* As mf_trainer_save and mf_trainer_resume (sgd/trainer.h): everything that the rest of the run
 * depends on; MF_ERR_FORMAT when the file is damaged or of another fingerprint, and then nothing
 * has changed. With several hosts all have the same state: one may save it, and all resume it, or
 * none. */
MF_MUST_CHECK bool mf_spectral_save(const mf_spectral *spectral, const char *path, mf_error *err);
MF_MUST_CHECK bool mf_spectral_resume(mf_spectral *spectral, const char *path, mf_error *err);

#endif
