/* steer.h: a list that is not simply the best: varied, and with quotas.
 *
 * Places are filled one after another (maximal marginal relevance; Carbonell, Goldstein 1998). Each
 * is taken by that item of the pool for which
 *
 *   (1 − d) · (score − best) / (9 σ)  −  d · Σ over the t items before of cos(x_i, x_j) / max(t, 10)
 *
 * is greatest; of equal ones by the one that the plain list has first. d is the query's diversity, x
 * the space of similar.h (without its damping), σ the standard deviation of the best MF_STEER_POOL
 * scores, so that d means the same on any scale. The pool are the MF_STEER_POOL best items that are
 * not in the list yet and that the quotas still allow; with d = 0 it is the best one alone. Neither n
 * nor offset has an influence on the order, so pages follow each other.
 *
 * MovieLens, random split (evaluate --diversity D): NDCG@10, and the mean cosine of two items of a list
 *
 *                                        d = 0.3             d = 0.7
 *   the sum by max(t, 10), 9 σ       +0.2 %  −10.1 %    −11.4 %  −44.4 %
 *   the mean (t), 0.7 of the range   +0.1 %   −9.1 %    −16.9 %  −42.9 %
 *   the greatest cosine, the range    0.0 %   −7.8 %    −17.8 %  −41.1 %
 *
 * The first places decide NDCG and the pairs of a list grow with its length: so similarity counts little
 * in the first places and more in the later ones. From the tenth on it is the mean. */
#ifndef MF_RECOMMEND_STEER_H
#define MF_RECOMMEND_STEER_H

#include "recommend/recommender.h"
#include "recommend/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the query is for such a list. */
bool mf_steer_applies(const mf_top_n_query *query);

/* How many of the best items to look for first, when `n` places are to be filled. */
size_t mf_steer_lookahead(const mf_top_n_query *query, size_t n);

/* search has all but its best; n places are to be filled. Fails MF_ERR_ARGUMENT: see
 * mf_top_n_query; MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_steer_begin(mf_search *search, mf_workspace *workspace,
                                  const mf_top_n_query *query, size_t n, mf_error *err);

typedef enum mf_steer_state {
    MF_STEER_DONE,  /* the list stands in search->steering.list */
    MF_STEER_LATER, /* `until` has come */
    MF_STEER_SHORT, /* more of the best items are needed than search->best has */
} mf_steer_state;

/* search->best is sorted. */
mf_steer_state mf_steer_step(mf_search *search, double until);

#endif
