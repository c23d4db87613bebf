/* scan.h: the best of all items, or of some. */
#ifndef MF_RECOMMEND_SCAN_H
#define MF_RECOMMEND_SCAN_H

#include "recommend/best.h"
#include "recommend/choice.h"
#include "recommend/codes.h"
#include "recommend/index.h"
#include "recommend/recommender.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of factors that items are scored by. */
typedef struct mf_space {
    const float *rows; /* [n_items × stride]; NULL: the model has no such space */
    uint32_t n_factors;
    size_t stride;
    mf_index index; /* n_items 0: none */
    mf_codes codes; /* only with an index; n_items 0: none */
} mf_space;

/* What items are ordered by:
 *
 *   score(i) = ((base + bias[i]) + query · q_i) · weight[i]
 *
 * each operation rounded to float, the product of rows as mf_dot does it; not a number
 * counts as -INFINITY. Minus zero counts as zero. With members it is the least
 * of their scores; query is a mean of their rows and base of theirs: none is above its bound. */
typedef struct mf_scoring {
    const mf_space *space;
    bool skips_zero;    /* items whose row is zero are left out */
    const float *query; /* [stride] 64-byte aligned, padding zero; NULL: no product */
    float base;
    const float *bias;        /* [n_items]; NULL: base is not added either */
    const float *weight;      /* [n_items] ≥ 0, where 0 leaves the item out; NULL: all 1 */
    size_t n_members;         /* 0: none */
    const float *members;     /* [n_members × stride] */
    const float *member_bias; /* [n_members] with bias: their b_u */
    const uint64_t *chosen;   /* choice.h: the other items are left out; NULL: none */
    const uint32_t *left_out; /* [n_left_out] items, ascending; may be NULL */
    size_t n_left_out;
} mf_scoring;

/* An item of the pool. */
typedef struct mf_steer_item {
    mf_recommendation entry;
    float cosines; /* the sum of those with the items of the list */
} mf_steer_item;

/* A varied list on its way (steer.h). */
typedef struct mf_steer_search {
    float diversity;
    const mf_quota *quotas; /* [n_quotas] */
    size_t n_quotas;
    size_t n;                /* places to fill; 0: the list is not of this kind */
    uint32_t *counts;        /* [Σ n_values] listed items of each value */
    mf_recommendation *list; /* [n and the unknown candidates] */
    size_t n_list;
    float *rows;         /* [n × stride] of the listed items, at length 1 */
    mf_steer_item *pool; /* [pool_size] in the order of the scores */
    size_t pool_size;
    size_t n_pool;
    size_t next; /* of the best items: the first that was not looked at */
    float top;   /* the best score … */
    float per_spread;
    uint32_t *numbers; /* [n or pool_size] to work in, as cosines */
    float *cosines;
} mf_steer_search;

/* A list on its way. */
typedef struct mf_search {
    const mf_recommender *recommender;
    mf_scoring scoring;
    mf_best best;
    bool under_way; /* the scan is not done */
    bool is_sorted; /* best is no heap any more */
    bool indexed;
    mf_index_query query;       /* of the index */
    const mf_code_query *codes; /* [1 + n_members] as in scan.c; NULL: none */
    size_t next;                /* item that was not looked at; with the index a block */
    size_t next_left_out;       /* of scoring.left_out, by the index */
    size_t n_scored;            /* by the rows themselves … */
    size_t n_bounded;           /* … and of how many a bound was computed */
    uint32_t item;      /* whose neighbours these are; MF_INDEX_NONE: a list for a profile */
    mf_order order;     /* of a list for a profile; not MF_ORDER_DEFAULT */
    mf_profile profile; /* of a list for a profile */
    size_t n;           /* entries at most, all kinds of candidates together */
    size_t offset;      /* of them to pass over */
    mf_choice choice;
    bool takes_bare;  /* items without a vector, last: candidates of a list by ranking */
    size_t n_unknown; /* unknown candidates that may stand in the list */
    bool unknown_last;
    mf_steer_search steering;
    const mf_recommendation *list; /* [n_list] when it is done: the response */
    size_t n_list;
} mf_search;

bool mf_scoring_leaves_out(const mf_scoring *scoring, uint32_t item);

/* The best of all items, in steps. begin takes the search's scoring and best, reserves
 * what is needed and scores nothing; fails MF_ERR_MEMORY. step continues until it is done, or
 * until mf_clock_seconds() has come to `until` (0: never); true when it is done. What it does
 * between two looks at the clock are a MiB of factors, or with the index 65,536 items. */
MF_MUST_CHECK bool mf_scan_begin(mf_search *search, mf_workspace *workspace, mf_error *err);
bool mf_scan_step(mf_search *search, mf_workspace *workspace, double until);

/* Whether the row is zero. */
bool mf_space_is_zero(const mf_space *space, uint32_t item);

/* Of these alone, each in range; ascending, none twice. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_scan_list(mf_search *search, mf_workspace *workspace, const uint32_t *items,
                                size_t n, mf_error *err);

#endif
