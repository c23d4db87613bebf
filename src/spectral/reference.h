/* reference.h: the ranking model's decomposition as plainly as it can be written, in double:
 * what tests hold the trainer to. Nothing else uses it. */
#ifndef MF_SPECTRAL_REFERENCE_H
#define MF_SPECTRAL_REFERENCE_H

#include <stddef.h>

/* Eigenvalues, falling, and eigenvectors (row by row, length 1) of the symmetric a [n × n],
 * by cyclic Jacobi rotations (Jacobi 1846). a is overwritten. Cost: some 30 n³. */
void mf_reference_eigen(double *a, size_t n, double *values, double *vectors);

/* y [n_users × n_items]: spectrum [n_items] = σ² and vectors [n_items × n_items] = Vᵀ of
 * YᵀY = V Σ² Vᵀ. gram is scratch [n_items × n_items]. */
void mf_reference_decompose(const double *y, size_t n_users, size_t n_items, double *spectrum,
                            double *vectors, double *gram);

/* scores[i] = Σ_f p_f σ_f²/(σ_f² + λ) v_fi with p_f = Σ_j weight_j v_fj, over the first k
 * directions: weight [n_items] is the user's row of a · y. */
void mf_reference_scores(const double *spectrum, const double *vectors, size_t n_items, size_t k,
                         double regularization, const double *weight, double *scores);

#endif
