/* subspace.h: the strongest directions of A = YᵀY by block subspace iteration.
 *
 * The block X has `width` columns: the directions that are wanted and some more, which make
 * the last wanted ones converge. It is stored slice by slice (kernels.h): all rows of columns
 * 0 … 31, then all rows of the next 32, so that a row of a slice is two cache lines and each
 * thread owns whole columns: A x needs no transposed copy, no intermediate and no lock, and a
 * column's sums have one order.
 *
 * Steps come in pairs, one multiplication by A each:
 *
 *   Ritz     Z = A X, H = XᵀZ; the eigenvalues θ of H estimate σ². Converged?
 *   filter   X ← T₂(A) X = (2/e) (A − c) X₁ − …, X₁ = (Z − c X) / e, then orthonormal again
 *
 * T₂ is the Chebyshev polynomial on [0, b], b = 2c = 2e the smallest θ (Zhou, Saad, Tiago,
 * Chelikowsky 2006): what is weaker than the whole block stays below 1 and the rest grows by
 * about (4 θ/b)²/2. Measured on data/ (k = 128, error of θ weighted): after 8 multiplications
 * 7e-5, a plain power 1e-3, with a dynamic shift (Feng et al. 2018) 2e-4; and it needs half as
 * many orthonormalizations. Where θ₁ > 1e4 b floats do not bear the square, so one shifted
 * multiplication (Z − c X) takes its place.
 *
 * Change of a Ritz step: Σ w |θ − θ'| / θ over Σ w, w = (θ / (θ + λ))², θ' those of the Ritz step
 * before. The error of θ after the step is a fifth to a tenth of it.
 *
 * Columns that depend on others (rank below the width) become zero and stay so.
 * All of it has the same bits with any number of threads and on any CPU. With several hosts each
 * multiplies by a part of the rows of Y (chain.h), and all do the rest alike.
 * Memory: 3 n · width floats and some 6 width² doubles. Threads: one caller. */
#ifndef MF_SPECTRAL_SUBSPACE_H
#define MF_SPECTRAL_SUBSPACE_H

#include "base/error.h"
#include "hosts/group.h"
#include "spectral/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_subspace_stage {
    MF_SUBSPACE_START,       /* X is the block to start from */
    MF_SUBSPACE_ORTHONORMAL, /* X is orthonormal */
    MF_SUBSPACE_RITZ,        /* and Z, H, θ belong to it */
} mf_subspace_stage;

/* Where an iteration is; stored in checkpoints as it stands. */
typedef struct mf_subspace_state {
    uint32_t stage;     /* mf_subspace_stage */
    uint32_t steps;     /* multiplications by A that were done */
    uint32_t n_ritz;    /* Ritz steps among them */
    uint32_t converged; /* 1: the last change was below the tolerance, or X is all there is */
    double change;      /* of the last Ritz step; 0 before the second */
} mf_subspace_state;

typedef struct mf_subspace {
    mf_hosts_group *group; /* NULL: one host; the caller sets it after mf_subspace_create */
    const mf_spectral_kernel *kernel;
    mf_sparse_rows y; /* borrowed; its columns are the smaller side */
    float value[256]; /* of a grade code */
    size_t n;         /* columns of Y = rows of X */
    size_t n_wanted;  /* directions */
    size_t n_most;    /* of them, by what was allocated */
    size_t width;     /* columns of X, a multiple of 16 */
    uint32_t n_threads;
    double regularization; /* in the weights of the change */
    double tolerance;
    mf_subspace_state at;
    float *x; /* [n × width] in slices, as z and spare */
    float *z;
    float *spare;
    double *h;        /* [width × width] XᵀAX at a Ritz step */
    double *ritz;     /* [width] θ, falling */
    double *before;   /* [width] θ' */
    double *values;   /* [width] of the last Rayleigh–Ritz */
    double *small[4]; /* [width × width] */
    double *scratch;
    float *t; /* [width × width] */
} mf_subspace;

/* For tests: threads are started for as many operations each from now on (1: always). Returns
 * what was before. */
double mf_subspace_least_work(double operations);

/* Columns of a block for n_wanted directions out of n. */
size_t mf_subspace_width(size_t n_wanted, size_t n);

/* Only mf_subspace_start makes it of use. NULL: MF_ERR_MEMORY. */
mf_subspace *mf_subspace_create(const mf_spectral_kernel *kernel, size_t n, size_t n_wanted,
                                uint32_t n_threads, mf_error *err);

/* NULL is fine. */
void mf_subspace_destroy(mf_subspace *subspace);

/* Begins with a random block of Y's columns. */
void mf_subspace_start(mf_subspace *subspace, const mf_sparse_rows *y, uint64_t seed);

/* Begins anew with the first n_wanted directions, and the spare ones, of the iteration that was,
 * rotated to its Ritz vectors. y may be changed afterwards. Fails MF_ERR_DIVERGED. */
MF_MUST_CHECK bool mf_subspace_restart(mf_subspace *subspace, size_t n_wanted, mf_error *err);

/* One multiplication by A. Fails MF_ERR_DIVERGED, and with several hosts as chain.h. */
MF_MUST_CHECK bool mf_subspace_step(mf_subspace *subspace, mf_error *err);

/* The directions of the moment, after Rayleigh–Ritz; does not change the iteration. At a
 * stage without Z it is multiplied once more, and spare is used.
 *
 *   by_columns  true: vectors belong to the columns of Y; false: to its rows (v = Y u / σ)
 *   spectrum    [n_wanted] σ², falling; those up to 1e-7 of the largest are left out
 *   vectors     [columns or rows × stride], stride the number of directions rounded up to 16;
 *               padding zero. Allocated for n_wanted directions.
 *
 * Returns how many directions, or 0 and MF_ERR_DIVERGED: not finite, not orthonormal, or A is
 * zero. */
size_t mf_subspace_directions(mf_subspace *subspace, bool by_columns, double *spectrum,
                              float *vectors, mf_error *err);

#endif
