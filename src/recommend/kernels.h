/* kernels.h: the loops that look at every item, or at many, and the one that solves equations.
 *
 * Compiled once for each instruction set (base/cpu.h). All copies give the same
 * bits: sums of floats have 16 fixed lanes, and sums of whole numbers have no
 * rounding.
 *
 * Threads: any. */
#ifndef MF_RECOMMEND_KERNELS_H
#define MF_RECOMMEND_KERNELS_H

#include "recommend/codes.h"
#include "recommend/index.h"

#include <stddef.h>
#include <stdint.h>

enum {
    MF_LINE_U16 = 32,  /* one cache line */
    MF_TILE_SIDE = 16, /* a tile is this many rows of as many doubles, 64-byte aligned */
    MF_TILE = MF_TILE_SIDE * MF_TILE_SIDE,
};

typedef struct mf_recommend_kernel {
    const char *cpu;

    /* How many lines of query->lines each quad takes. */
    size_t lines_per_quad;

    /* Spreads codes[n_quads × 4] into lines. */
    void (*spread)(const int8_t *codes, size_t n_quads, uint16_t *lines);

    /* The bounds of blocks first … first + n - 1, one after another, and the largest
     * of each block. Places past the last item get −INFINITY or a small number. */
    void (*bounds)(const mf_index *index, const mf_index_query *query, size_t first, size_t n,
                   float *bounds, float *largest);

    /* Bit k is set when bounds[k] ≥ floor, of the 64 bounds of a block. */
    uint64_t (*at_least)(const float *bounds, float floor);

    /* products[k] = mf_dot(p, row k, stride), the same bits, for n rows one after another … */
    void (*products)(const float *p, const float *rows, size_t stride, size_t n, float *products);

    /* … or for the rows at items[0 .. n). */
    void (*products_of)(const float *p, const float *rows, size_t stride, const uint32_t *items,
                        size_t n, float *products);

    /* products[k] = Σ v·w of row items[k] (codes.h); v and rows have stride whole numbers, a multiple
     * of 64 … */
    void (*code_products)(const int16_t *v, const int8_t *rows, size_t stride,
                          const uint32_t *items, size_t n, int32_t *products);

    /* … and bounds[k] = mf_code_bound of items[k], the same bits, of a query without per_norm. */
    void (*code_bounds)(const mf_codes *codes, const mf_code_query *query, const uint32_t *items,
                        size_t n, float *bounds);

    /* sum[f] += weights[k] * row items[k][f] for k = 0 … n - 1, one after another. */
    void (*add_rows)(const float *rows, size_t stride, const uint32_t *items, const float *weights,
                     size_t n, float *sum);

    /* tile += sign · aᵀ b, all three tiles; sign is 1 or −1. Rows of a and b are added
     * one after the other. */
    void (*add_product)(double *tile, const double *a, const double *b, double sign);
} mf_recommend_kernel;

const mf_recommend_kernel *mf_recommend_kernel_choose(void);

#endif
