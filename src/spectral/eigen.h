/* eigen.h: small dense problems in double, with the same bits on every machine.
 *
 * Matrices are row by row, n × n, without padding. Nothing but + - * / and square roots is
 * used, each in a fixed order; LAPACK's results depend on the CPU.
 *
 * Threads: any, on different data. */
#ifndef MF_SPECTRAL_EIGEN_H
#define MF_SPECTRAL_EIGEN_H

#include "base/error.h"
#include "spectral/kernels.h"

#include <stdbool.h>
#include <stddef.h>

/* Doubles of scratch for the functions below. */
static inline size_t mf_eigen_scratch(size_t n)
{
    return 8 * n;
}

/* The eigenvalues of the symmetric matrix a, falling, and, unless vectors is NULL, an
 * eigenvector of length 1 for each as a row of vectors [n × n]. a is overwritten.
 *
 * Householder's reduction to a tridiagonal matrix, then the implicit QL method (Wilkinson,
 * Reinsch 1971). Errors of values are some units in the last place of the largest one.
 *
 * Fails MF_ERR_DIVERGED: an element is not finite (QL does not end otherwise than in a few
 * steps for a value; after 60 it is given up). Cost: 2 n³ + 5 n³ with vectors; n = 288: 8 ms
 * with AVX-512, 16 ms with SSE2, half of it without vectors. */
MF_MUST_CHECK bool mf_eigen_symmetric(const mf_spectral_kernel *kernel, double *a, size_t n,
                                      double *values, double *vectors, double *scratch,
                                      mf_error *err);

/* For a symmetric positive semidefinite gram matrix G of n columns: t, upper triangular, with
 * tᵀ G t = I, so that the columns of Z t are orthonormal when G = ZᵀZ. A column that depends
 * on those before it (what is left of it is below `least` of its length) becomes a zero column
 * of t. Returns how many columns are not zero. G is overwritten. Cost: 2/3 n³. */
size_t mf_orthonormalizer(const mf_spectral_kernel *kernel, double *gram, size_t n, double least,
                          double *t, double *scratch);

#endif
