/* dot.h: p · q for two rows of factors.
 *
 * Threads: any. */
#ifndef MF_MODEL_DOT_H
#define MF_MODEL_DOT_H

#include <stddef.h>

/* Σ_f p[f]·q[f] over a row: stride is a multiple of 16 (model.h, mf_model_stride), both rows
 * 64-byte aligned, padding zero. Sixteen partial sums, then their halves: every CPU adds in the
 * same order and gives the same bits (compiled with -ffp-contract=off). Error: at most (stride / 16
 * + 4) · 2^-24 · Σ|p·q|, first order. */
float mf_dot(const float *restrict p, const float *restrict q, size_t stride);

#endif
