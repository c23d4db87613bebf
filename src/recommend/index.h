/* index.h: a copy of the items' rows (item factors, or vectors of the ranking model) at four bits
 * a number, to prove which items cannot be among the best.
 *
 * An item's factors are its scale times whole numbers from −7 to 7, and what that
 * leaves out is known by its length:
 *
 *   q_i = s_i · w_i + e_i        w_i: 4 bits each, s_i ≥ max|q_i| / 7, ε_i ≥ |e_i|
 *   p   = s · v + d              v: 7 bits and a sign each, δ ≥ |d|
 *
 *   p · q_i ≤ s·s_i·(v·w_i) + |p|·ε_i + δ·|q_i|
 *
 * by Cauchy and Schwarz. v·w_i is a sum of whole numbers, so the order in which it is
 * added and the instruction set do not matter. To that comes what float arithmetic
 * may add (index.c), and the bound holds for mf_dot's rounded result, not only for
 * what it should be. Then
 *
 *   bound(i) = ((base + bias[i]) + bound of the product) · weight[i]
 *
 * in the order and rounding of the score itself (scan.h): rounding is monotone, so
 * score(i) ≤ bound(i) needs no further allowance.
 *
 * Trained ranking vectors have few strong directions and many weak ones, strong first. One scale
 * for all of a vector is then too coarse for most of it, so they are cut into groups of
 * directions (0 … 3, 4 … 15, 16 … 63, 64 … 127, 128 … 255, the rest), each with its own s, s_i,
 * ε_i, and the bounds of the groups are added. Of MovieLens' 9,066 items, that many have to be
 * scored for a list of ten:
 *
 *   directions                   128    256     bytes an item more
 *   one scale                    153    379     0
 *   one scale, rotated           122    254     0
 *   groups of 4, 12, 48, 192      63    135     12
 *   the groups above              63    116     12, 16
 *   16 exact, one scale           52    140     56
 *   16 exact, the rest rotated    50    114     56
 *   32 at 8 bits, one scale       40    108     20
 *   64 at 8 bits, one scale              60     36
 *
 * An item costs 40 to 80 ns to score and a byte more of every item 0.03 ns for each, so to leave
 * fewer over for more bytes than that is no gain. The lengths of such vectors differ, too: popular
 * items are long. So they stand in the index by falling length, and a scan ends where |p||q_i|
 * alone is below the n-th best score: after a third to a half of MovieLens' items.
 *
 * With independent normal factors ε_i is about 0.11 |q_i|. At 64 factors the bound
 * is 0.8 to 0.9 standard deviations of the scores above the score: of 60,000 items
 * about 200 are left when the ten best are looked for.
 *
 * One block holds 64 items, so that a scan is one stream: for every four factors 64
 * codes of 16 bits, then 64 sizes. A code is w + 8 for factors 0, 2, 1, 3 of the four,
 * lowest bits first; as bytes, the low halves are factors 0 and 1, the high ones 2 and
 * 3. A size is the upper half of the float s_i, then that of the float ε_i: both are
 * rounded up to the 8 bits that this leaves them. With several groups there are 64 sizes for each.
 *
 * Threads: any number may read one index. */
#ifndef MF_RECOMMEND_INDEX_H
#define MF_RECOMMEND_INDEX_H

#include "base/error.h"
#include "model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_INDEX_BLOCK = 64, /* items */
    MF_INDEX_QUAD = 4,   /* factors in 16 bits */
    MF_INDEX_RUN = 64,   /* quads whose products are added in 16 bits */
    MF_INDEX_GROUPS = 6, /* at most */
};

typedef struct mf_index {
    uint32_t n_items; /* 0: there is none */
    size_t n_blocks;
    size_t n_quads;
    size_t n_groups;
    size_t group_quads[MF_INDEX_GROUPS + 1]; /* group g: quads group_quads[g] … [g + 1] − 1 */
    size_t n_runs;                           /* of all groups, each with its own last one */
    size_t block_bytes;
    size_t n_bytes;        /* all of it */
    unsigned char *blocks; /* [n_blocks × block_bytes] 64-byte aligned: uint16_t
                            * codes[n_quads][64], uint32_t sizes[n_groups][64] */
    float *norm;        /* [n_blocks] ≥ |q_i| and ≥ |s_i·w_i| of the block's items; with places
                         * not rising */
    uint32_t *item_at;  /* [n_items] the item at each place; NULL: item i is at place i */
    uint32_t *place_of; /* [n_items] the other way round; or NULL */
    float *weight_at;   /* [n_items] rows.weight by place; or NULL */
    double typical_norm; /* the mean of norm */
    float most_bias;     /* the largest |rows.bias[i]| */
} mf_index;

/* What an index is made of. */
typedef struct mf_index_rows {
    uint32_t n_items;
    uint32_t n_factors;
    const float *rows;   /* [n_items × stride] as in model.h */
    const float *bias;   /* [n_items], or NULL when there never is one in a query */
    bool is_spectral;    /* strong directions come first: groups, and items by falling length */
    const float *weight; /* [n_items] of is_spectral: what queries with a weight have; or NULL */
} mf_index_rows;

/* The size of an index of these rows. False when it is too large to count. */
bool mf_index_size(const mf_index_rows *rows, size_t *n_bytes);

/* Fills *index. With numbers so large that the bound itself could overflow
 * (|q_i| > 1e18, |b_i| > 1e30) there is none: n_items stays 0. Fails MF_ERR_MEMORY.
 * Cost: one pass over the rows. */
MF_MUST_CHECK bool mf_index_create(mf_index *index, const mf_index_rows *rows, mf_error *err);

void mf_index_release(mf_index *index);

/* A query ready for the kernel. */
typedef struct mf_index_query {
    const uint16_t *lines;             /* kernels.h: v as the kernel wants it */
    const uint16_t *start;             /* [n_runs] −8 · Σ v of a run's factors, mod 2^16 */
    float unit[MF_INDEX_GROUPS];       /* s of each group */
    float group_norm[MF_INDEX_GROUPS]; /* ≥ |p| of each group */
    float norm;                        /* ≥ |p| */
    float per_norm;                    /* δ and rounding, for each unit of the block's norm */
    float constant;                    /* underflow */
    float base;
    const float *bias;   /* [n_items] by place, or NULL: neither bias nor base */
    const float *weight; /* [n_items] by place, ≥ 0; or NULL */
} mf_index_query;

/* v and s of p, its length δ: everything but lines, base, bias and weight. codes:
 * [n_quads × 4], written; start: [n_runs], written. False when p is so large that
 * bounds could overflow (|p| > 1e18), or not finite. */
bool mf_index_query_prepare(const mf_index *index, const float *p, uint32_t n_factors,
                            int8_t *codes, uint16_t *start, mf_index_query *query);

/* No product of the query and an item at or after this block is above it, as mf_dot rounds; only
 * of an index with places. */
float mf_index_limit(const mf_index *index, const mf_index_query *query, size_t block);

#endif
