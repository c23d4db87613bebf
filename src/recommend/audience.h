/* audience.h: the users who would like an item most: a list of users for an item.
 *
 * Exact: scores and their order are those that the item has in the users' own lists, bit for bit.
 * Users who rated the item are left out; equal scores: the lower user first. */
#ifndef MF_RECOMMEND_AUDIENCE_H
#define MF_RECOMMEND_AUDIENCE_H

#include "recommend/recommender.h"

/* The n best users; entry.item is a user's index, predicted_rating is NAN without a rating model.
 * By ranking an item without a vector has no audience. *best lives in the workspace until its next
 * query.
 * Fails MF_ERR_ARGUMENT: item out of range, an order that the model does not have, the order of
 * popularity, which is the same for all users; MF_ERR_MEMORY.
 * Cost: by ranking O(n_items · k + n_rated) for the pass, which finds who may be among the best, and
 * the vectors of those; by rating O(n_users · k). Memory: 4 bytes a user and 8 an item. */
MF_MUST_CHECK bool mf_audience(const mf_recommender *recommender, mf_workspace *workspace,
                               uint32_t item, size_t n, mf_order order,
                               const mf_recommendation **best, size_t *n_best, mf_error *err);

/* In steps, as mf_top_n_begin and mf_search_step. */
MF_MUST_CHECK bool mf_audience_begin(const mf_recommender *recommender, mf_workspace *workspace,
                                     uint32_t item, size_t n, mf_order order, mf_error *err);
bool mf_audience_step(mf_workspace *workspace, double until, const mf_recommendation **best,
                      size_t *n_best);

#endif
