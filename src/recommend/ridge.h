/* ridge.h: the factors and the bias that explain a few ratings best.
 *
 *   min over p, b   Σ_j (y_j − b − p·q_j)² + λ|p|² + λ_b b²
 *
 * With a_j = (q_j / √λ, 1 / √λ_b), A their matrix and x = (√λ p, √λ_b b) that is one
 * of two systems, whichever is smaller, solved by Cholesky in double:
 *
 *   (AᵀA + I) x = Aᵀy                n_factors + 1 unknowns
 *   (AAᵀ + I) α = y,  x = Aᵀα        n unknowns
 *
 * Sums are taken in a fixed order: the same bits on every CPU. So that there is one
 * solution and it is finite, λ counts as at least 1e-9 · Σ|q_j|² and 1e-12, λ_b
 * as at least 1e-9 · n.
 *
 * Tiles of 16 × 16 and kernels for each instruction set (ridge.c) against plain loops over rows,
 * EPYC with AVX-512: 64 factors and 100 ratings 0.032 ms (plain 0.042), 1,000 ratings 0.18 (0.36);
 * 256 factors and 1,000 ratings 1.3 (7.4).
 *
 * Threads: any. */
#ifndef MF_RECOMMEND_RIDGE_H
#define MF_RECOMMEND_RIDGE_H

#include "recommend/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_ridge {
    size_t n; /* ≥ 1 */
    uint32_t n_factors;
    size_t stride;         /* floats from one row to the next */
    const float *rows;     /* q_j is the row at items[j] */
    const uint32_t *items; /* [n] */
    const float *y;        /* [n] finite */
    double regularization; /* λ */
    double bias_regularization;
    const mf_recommend_kernel *kernel;
} mf_ridge;

/* The most ratings, k factors each, that a server should solve in one go, because it
 * does nothing else meanwhile: n·(k + 1)·min(n, k + 1) ≤ 2^26, which takes about 5 ms;
 * at least 1. */
size_t mf_ridge_n_max(uint32_t n_factors);

/* How many doubles mf_ridge_solve works in. False when they are too many to count. */
bool mf_ridge_doubles(size_t n, uint32_t n_factors, size_t *n_doubles);

/* Writes p[n_factors] and *b. work: 64-byte aligned. Cost: O(n·k·m + m³), m = min(n, k + 1), k
 * factors. */
void mf_ridge_solve(const mf_ridge *ridge, double *work, float *p, float *b);

#endif
