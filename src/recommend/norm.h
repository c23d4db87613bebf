/* norm.h: the length of a row of factors.
 *
 * Threads: any. */
#ifndef MF_RECOMMEND_NORM_H
#define MF_RECOMMEND_NORM_H

#include "model/model.h"

#include <math.h>
#include <stddef.h>

/* Sixteen factors, eight sums. Squares of floats are exact in double. */
typedef float mf_lanes __attribute__((vector_size(MF_MODEL_LANES * sizeof(float))));
typedef float mf_half_lanes __attribute__((vector_size(MF_MODEL_LANES / 2 * sizeof(float))));
typedef double mf_sums __attribute__((vector_size(MF_MODEL_LANES / 2 * sizeof(double))));

/* *sums += the squares of x, lane l and l + 8 together. */
static inline void mf_add_squares(mf_sums *sums, const mf_lanes *x)
{
    const mf_half_lanes *half = (const mf_half_lanes *)x;
    const mf_sums low = __builtin_convertvector(half[0], mf_sums);
    const mf_sums high = __builtin_convertvector(half[1], mf_sums);
    *sums += low * low + high * high;
}

static inline double mf_sum(const mf_sums *sums)
{
    const mf_sums s = *sums;
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* √Σ q[f]², the sum in double and in a fixed order: the same bits on every CPU.
 * q: a row as in model.h, 64-byte aligned, padding zero. */
static inline double mf_norm(const float *q, size_t stride)
{
    mf_sums sums = {0};
    for (size_t f = 0; f < stride; f += MF_MODEL_LANES)
        mf_add_squares(&sums, (const mf_lanes *)(const void *)(q + f));
    return sqrt(mf_sum(&sums));
}

#endif
