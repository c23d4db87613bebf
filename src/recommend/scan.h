/* scan.h: the best of all items, or of some. */
#ifndef MF_RECOMMEND_SCAN_H
#define MF_RECOMMEND_SCAN_H

#include "recommend/best.h"
#include "recommend/recommender.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What items are ordered by:
 *
 *   score(i) = ((base + bias[i]) + query · q_i) · weight[i]
 *
 * each operation rounded to float, the product of rows as mf_dot does it; not a number
 * counts as -INFINITY. Minus zero counts as zero. */
typedef struct mf_ranking {
    const float *query; /* [stride] 64-byte aligned, padding zero; NULL: no product */
    float base;
    const float *bias;        /* [n_items]; NULL: base is not added either */
    const float *weight;      /* [n_items] ≥ 0, where 0 leaves the item out; NULL: all 1 */
    const uint32_t *left_out; /* [n_left_out] items, ascending; may be NULL */
    size_t n_left_out;
} mf_ranking;

bool mf_ranking_leaves_out(const mf_ranking *ranking, uint32_t item);

/* The best of all items. Fails MF_ERR_MEMORY. */
bool mf_scan(const mf_recommender *recommender, mf_workspace *workspace, const mf_ranking *ranking,
             mf_best *best, mf_error *err);

/* Of these alone, each in range; ascending, none twice. */
void mf_scan_list(const mf_recommender *recommender, const mf_ranking *ranking,
                  const uint32_t *items, size_t n, mf_best *best);

#endif
