/* kernels.h: the loops in which training spends its time.
 *
 * Each output element is a sum of its own, taken in the order that its function states, so
 * neither the width of vectors nor the way in which work is cut can change a bit: the same
 * results on SSE2, AVX2, AVX-512 and NEON, with gcc and clang. Nothing here is compiled with
 * fused multiply-add.
 *
 * Pointers to floats and doubles need no alignment beyond their type's. Arrays do not overlap
 * unless a function says so.
 * Threads: any, on different outputs. */
#ifndef MF_SPECTRAL_KERNELS_H
#define MF_SPECTRAL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    MF_SPECTRAL_LANES = 16,   /* widths of blocks are multiples of it */
    MF_SPECTRAL_SLICE = 32,   /* columns of a slice: 32, or 16 of the last one */
    MF_SPECTRAL_WINDOWS = 64, /* of a row at most */
};

/* Sparse rows: row r has columns column[k] with grade codes grade[k] for k in
 * start[r] … start[r + 1] - 1. Where row_window is not NULL, row r is cut into the windows
 * w = row_window[r] … row_window[r + 1] - 1, at most MF_SPECTRAL_WINDOWS, or is not cut. The first
 * one begins with the row, each of the others where the one before ends, at window_end[w]. */
typedef struct mf_sparse_rows {
    uint32_t n_rows;
    const uint64_t *start;
    const uint32_t *column;
    const uint8_t *grade;
    const uint64_t *row_window;
    const uint64_t *window_end;
    float window_weight; /* ω: of a window's row in YᵀY beside the whole row's */
} mf_sparse_rows;

typedef struct mf_spectral_kernel {
    const char *cpu; /* "sse2", "avx2", "avx512", "neon", "generic" */

    /* z += YᵀY x for n columns, 16 or 32, of a slice: x, z [columns of Y × width], n ≤ width. For
     * each row of Y in turn: a = Σ y x[column] in the order of the entries, then
     * z[column] += y a. y = value[grade]. A row with windows: a_w of each window, a = Σ a_w in
     * their order, and z[column] += y (a + ω a_w), as if the windows were rows of their own.
     * Measured with two threads of an EPYC with AVX-512 (9.5 M ratings, 10,681 columns of Y, 128
     * columns of x): 0.048 s at width 32, 100 GFLOP/s; 0.060 s at 16; as at 32 with 64. With
     * 25 M ratings and 59,047 columns: 56 GFLOP/s, from the third-level cache. */
    void (*product)(const mf_sparse_rows *y, const float value[256], const float *x, float *z,
                    size_t width, size_t n);

    /* out[r] = Σ y x[column] for rows first … last - 1 of Y: x [columns × width], of which the
     * first n_out columns, a multiple of 16, are summed; out [n_rows × out_stride]. */
    void (*gather)(const mf_sparse_rows *y, const float value[256], const float *x, size_t width,
                   uint32_t first, uint32_t last, float *out, size_t out_stride, size_t n_out);

    /* gram[i][j] += Σ_r a[r][i] b[r][j] for i < n_a, j < n_b, both 16 or 32; rows in turn,
     * products exact. From row to row a_stride, b_stride floats and `stride` doubles. a may be
     * b. */
    void (*gram)(const float *a, size_t a_stride, size_t n_a, const float *b, size_t b_stride,
                 size_t n_b, size_t n_rows, double *gram, size_t stride);

    /* out[r][j] (+)= Σ_c a[r][c] t[c][j] for j < n_out, a multiple of 16; c in turn. Starts from
     * out as it is when `add`, else from zero. */
    void (*multiply)(const float *a, size_t a_stride, size_t n_rows, size_t n_c, const float *t,
                     size_t t_stride, float *out, size_t out_stride, size_t n_out, int add);

    /* out[i] = alpha a[i] + beta b[i], and + gamma c[i] unless c is NULL. out may be a, b, c. */
    void (*combine)(float *out, float alpha, const float *a, float beta, const float *b,
                    float gamma, const float *c, size_t n);

    /* to[j] += factor from[j] for j < n. */
    void (*add_row)(double *to, double factor, const double *from, size_t n);

    /* One step of tridiagonalisation: a[r][j] -= u[r] q[j] + q[r] u[j] for r, j < n, then
     * p[j] += x[r] a[r][j], rows in turn. */
    void (*update_rows)(double *a, size_t stride, size_t n, const double *u, const double *q,
                        const double *x, double *p);

    /* Rotates rows of n doubles, for i from last - 1 down to first:
     *   (z[i], z[i + 1]) = (c[i] z[i] - s[i] z[i + 1], s[i] z[i] + c[i] z[i + 1]) */
    void (*rotate_rows)(double *z, size_t stride, size_t n, size_t first, size_t last,
                        const double *c, const double *s);
} mf_spectral_kernel;

/* The best one for this CPU (base/cpu.h). */
const mf_spectral_kernel *mf_spectral_kernel_choose(void);

#endif
