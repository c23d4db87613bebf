/* explain.h: why an item stands in a list.
 *
 * A score of the ranking model is a sum over what the user rated (profile.h):
 *
 *   score(u, i) = Σ_j a_j·y_j · (q_j · q_i)  +  w(n) · (mean profile · q_i)
 *
 * Its terms are the reasons: they are exact, and add up to the score but for rounding. The last term
 * is that of the prior; an anonymous profile, and a list by popularity, have that one alone.
 *
 * A user without the rating that is an item's first reason gives it a lower score: of all items
 * listed for MovieLens' first 200 users (bench_steer). */
#ifndef MF_RECOMMEND_EXPLAIN_H
#define MF_RECOMMEND_EXPLAIN_H

#include "recommend/recommender.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_score_term {
    uint32_t item; /* that the user rated */
    float term;    /* > 0 */
    float share;   /* term / score; NAN where the score is not above 0 */
} mf_score_term;

/* score = Σ terms of the reasons + popular + rest. */
typedef struct mf_explanation {
    const mf_score_term *reasons; /* [n_reasons] greatest first; equal ones: the lower item first */
    size_t n_reasons;
    float popular;       /* the prior's term; by popularity the score */
    float popular_share; /* popular / score; NAN as in mf_score_term */
    float rest;          /* what they leave of the score: all other terms, negative ones too */
} mf_explanation;

/* Explains each entry of the list that mf_top_n or mf_search_step has just returned in this
 * workspace, with n_reasons at most; an unknown candidate has neither reasons nor terms. Both
 * live in the workspace until its next query.
 * Fails MF_ERR_ARGUMENT: a list by predicted rating, of similar items, or for a profile without a
 * history (a group); MF_ERR_MEMORY. Cost: O(n_list · n_rated · k), of codes (codes.h). */
MF_MUST_CHECK bool mf_explain(mf_workspace *workspace, size_t n_reasons,
                              const mf_explanation **explanations, mf_error *err);

#endif
