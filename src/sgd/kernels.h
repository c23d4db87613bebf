/* kernels.h: one pass of SGD over one block of the grid, the hot loop. reference.c is the same in
 * plain loops.
 *
 * For a rating r of user u and item i, with everything in the units of parameters.h (Koren, Bell,
 * Volinsky 2009, "Matrix factorization techniques for recommender systems", equations 4 and 5):
 *
 *   e    = r - b_u - b_i - p_u·q_i
 *   q_i += rate (e p_u - λ (q_i - z_i))     b_i += rate_b (e - λ_bi b_i)
 *   p_u += rate (e q_i - λ p_u)             b_u += rate_b (e - λ_bu b_u)
 *
 * z_i is 0, or the item's prior (implicit.h).
 *
 * A segment is all ratings of one item in the block: the item's row stays in the first-level cache
 * while the users' rows pass by. Inside a segment ratings are processed in groups of MF_SGD_GROUP,
 * the last group shorter. All errors of a group are taken at the same q_i and b_i, which then move
 * by the sum of the group's gradients. A segment's users are distinct, so a group has no conflicts.
 * A single rating would wait for the one before it (dot product, sum of lanes, error, update: about
 * 100 cycles); eight at once fill that time.
 *
 * (1) Dot products are summed in 16 fixed lanes, then lanes l and l+8, l+4, l+2, l+1: the same bits
 *     on SSE2, AVX2, AVX-512 and NEON, with gcc and clang, because nothing here is compiled with
 *     fused multiply-add.
 * (2) Padding factors that are zero stay zero.
 * (3) ratings[] is read up to MF_SGD_AHEAD entries past the block, only to prefetch: those must
 *     exist and hold valid rows.
 *
 * Threads: blocks that share no user and no item may run side by side. */
#ifndef MF_SGD_KERNELS_H
#define MF_SGD_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { MF_SGD_GROUP = 8, MF_SGD_AHEAD = 16, MF_SGD_LANES = 16 };

/* A rating of the segment's item. */
typedef struct mf_grid_rating {
    uint32_t user_row;
    float value;
} mf_grid_rating;

/* `count` ratings of one item, one after another. */
typedef struct mf_grid_segment {
    uint32_t item_row;
    uint32_t count;
} mf_grid_segment;

/* The parameters and the rates of a pass. */
typedef struct mf_sgd_rates {
    float *user_factors; /* [rows × stride], 64-byte aligned */
    float *item_factors;
    const float *item_priors; /* z, the same shape, or NULL: all zero */
    float *user_bias;         /* [rows] */
    float *item_bias;
    size_t stride; /* a multiple of MF_SGD_LANES */
    float learning_rate;
    float bias_learning_rate;
    /* The factor by which regularization shrinks a parameter in n updates, (1 - rate λ)^n: for
     * users n is 1, for the segment's item 0 … MF_SGD_GROUP. */
    float user_decay;
    float user_bias_decay;
    float item_decay[MF_SGD_GROUP + 1];
    float item_bias_decay[MF_SGD_GROUP + 1];
} mf_sgd_rates;

/* Runs the segments in turn. Returns Σ e², each error taken before its own update. Cost: about 14
 * cycles per rating at stride 64 with AVX-512. */
typedef double mf_sgd_block(const mf_sgd_rates *rates, const mf_grid_segment *segments,
                            size_t n_segments, const mf_grid_rating *ratings);

/* For every rating of the block: to[its user's row] += from[its item's row], rows of `stride`
 * floats; then the same the other way round. Sums are added in the order of the segments. */
typedef void mf_sgd_add_rows(float *restrict to, const float *restrict from, size_t stride,
                             const mf_grid_segment *segments, size_t n_segments,
                             const mf_grid_rating *ratings);

typedef struct mf_sgd_kernel {
    const char *cpu; /* "sse2", "avx2", "avx512", "neon", "generic" */
    mf_sgd_block *block;
    mf_sgd_add_rows *items_to_users;
    mf_sgd_add_rows *users_to_items;
} mf_sgd_kernel;

/* The best one for this CPU. The environment variable MF_CPU names one instead, for tests; a name
 * that this CPU or build does not have is ignored. */
const mf_sgd_kernel *mf_sgd_kernel_choose(void);

#endif
