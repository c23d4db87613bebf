/* codes.h: a second copy of the items' rows, at eight bits a number and row by row, to bound the
 * products of single items before they are computed.
 *
 *   q_i = s_i · w_i + e_i        w_i: whole numbers from −127 to 127, s_i ≥ max|q_i| / 127, ε_i ≥ |e_i|
 *   p   = s · v + d              v: whole numbers from −32767 to 32767, δ ≥ |d|
 *
 *   p · q_i ≤ s·s_i·(v·w_i) + |p|·ε_i + δ·|s_i·w_i|
 *
 * by Cauchy and Schwarz, and with what float arithmetic may add the bound holds for the rounded result
 * of mf_dot. The index (index.h) is a stream of all items at half the bytes; this copy is for items
 * here and there: what a scan leaves over, the items of a short filter, what a user rated. A row is a
 * quarter of the floats' bytes, and its bound about a hundredth of |p||q_i| above the product.
 *
 * Threads: any number may read. */
#ifndef MF_RECOMMEND_CODES_H
#define MF_RECOMMEND_CODES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With more factors v·w could leave 32 bits. */
enum { MF_CODES_FACTORS_MAX = 512 };

typedef struct mf_codes {
    uint32_t n_items;  /* 0: there are none */
    size_t stride;     /* of a row of codes; padding zero */
    size_t row_stride; /* of a row of floats */
    int8_t *rows;      /* [n_items × stride] 64-byte aligned */
    float *scales;     /* [n_items] s_i */
    float *norms;      /* [n_items] ≥ |q_i| and ≥ |s_i·w_i| */
    float error;       /* |e_i| ≤ s_i · error */
    float most;        /* norms[i] ≤ s_i · most */
    size_t n_bytes;    /* all of it */
} mf_codes;

/* What one would take. False when it is too large to count, or there are too many factors. */
bool mf_codes_size(uint32_t n_items, uint32_t n_factors, size_t *n_bytes);

/* Of rows as in model.h, whose lengths are at most 1e18. Fails MF_ERR_MEMORY. Cost: one pass over
 * the rows. */
MF_MUST_CHECK bool mf_codes_create(mf_codes *codes, uint32_t n_items, uint32_t n_factors,
                                   const float *rows, mf_error *err);

void mf_codes_release(mf_codes *codes);

/* A query ready for the kernel. What bounds it: an item's scale times slack, norm times per_norm. */
typedef struct mf_code_query {
    const int16_t *v; /* [stride] */
    float unit;       /* s */
    float slack;      /* |p| · error, and all of per_norm where it is small */
    float per_norm;   /* δ and rounding; 0: in slack */
    float constant;   /* underflow */
} mf_code_query;

/* v: [stride], 64-byte aligned, written. per_norm is 0. False when p is so large that bounds could
 * overflow (|p| > 1e18), or not finite. */
bool mf_codes_query(const mf_codes *codes, const float *p, int16_t *v, mf_code_query *query);

/* The same of an item's own row, from its codes. */
mf_code_query mf_codes_query_of_item(const mf_codes *codes, uint32_t item, int16_t *v);

/* At least the product of the query's row and the item's, as mf_dot rounds; product is v·w_i. */
static inline float mf_code_bound(const mf_codes *codes, const mf_code_query *query, uint32_t item,
                                  int32_t product)
{
    return codes->scales[item] * (query->unit * (float)product + query->slack) +
           (codes->norms[item] * query->per_norm + query->constant);
}

#endif
