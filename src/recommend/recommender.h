/* recommender.h: what a model answers.
 *
 * A recommender is a model and what is computed from it once so that top-N is
 * fast: a compressed copy of the item factors that finds the candidates (index.h).
 * Answers are exact: the copy only proves which items cannot be among the best,
 * the others are scored by the model's own numbers.
 *
 *   score(u, i)      = μ + b_u + b_i + p_u · q_i
 *   predicted rating = clip(score, rating_min, rating_max)
 *
 * Lists are ordered by the score, not by the clipped rating, of which many may be
 * equal; equal scores by item index, lower first. The same query gives the same
 * bits with any CPU, any number of threads, with and without the index.
 *
 * Threads: any number may use one recommender, each with a workspace of its own. */
#ifndef MF_RECOMMEND_RECOMMENDER_H
#define MF_RECOMMEND_RECOMMENDER_H

#include "base/error.h"
#include "model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_recommender mf_recommender;

/* The index takes about n_items × (n_factors / 2 + 4) bytes, an eighth of the item
 * factors (index.h); when that is more than max_index_bytes, or with more than 512
 * factors, there is none and top-N reads the model's floats: six times slower with 64
 * factors, as fast with many hundreds. Four more bytes per item are taken
 * with or without it. The model is borrowed and must outlive the recommender.
 * Fails MF_ERR_MEMORY. Cost: one pass over the item factors. */
mf_recommender *mf_recommender_create(const mf_model *model, size_t max_index_bytes, mf_error *err);

/* NULL is fine. */
void mf_recommender_destroy(mf_recommender *recommender);

const mf_model *mf_recommender_model(const mf_recommender *recommender);

/* 0 when there is none. */
size_t mf_recommender_index_bytes(const mf_recommender *recommender);

/* Whether a pass over all items takes more than about a millisecond: it reads over 16 MiB. */
bool mf_recommender_is_long(const mf_recommender *recommender);

/* What one thread needs while it answers: a row of factors, a heap, sorted lists,
 * the equations of a fold-in. Grows with the largest query so far. Not tied to a
 * recommender. */
typedef struct mf_workspace mf_workspace;
mf_workspace *mf_workspace_create(mf_error *err);
void mf_workspace_destroy(mf_workspace *workspace);

/* Who asks: a user of the model, a visitor folded in, or nobody we know. */
typedef struct mf_taste {
    const float *factors;  /* [stride] 64-byte aligned; NULL: no factors known */
    float bias;            /* b_u; 0 when not known */
    bool known;            /* false: lists are by popularity (mf_top_n) */
    const uint32_t *rated; /* [n_rated] items to leave out, ascending; may be NULL */
    size_t n_rated;
} mf_taste;

/* Of a user index, or of MF_INDEX_NONE: nobody. Views into the model. */
mf_taste mf_taste_of_user(const mf_recommender *recommender, uint32_t user);

/* A visitor the model never saw, from ratings of n items.
 *
 *   min over p, b   Σ_j (r_j − μ − b − b_j − p·q_j)² + (n + 40)·λ|p|² + (n·λ_b + 4) b²
 *
 * n·λ: SGD shrinks once per rating, so a folded-in user must too (Zhou et al. 2008,
 * weighted-λ regularization). λ and λ_b are the model's. 40 and 4 are what a visitor
 * with a few ratings needs on top: of users kept out of training (MovieLens, a fifth
 * of them), RMSE on their last fifth of ratings, folded in from
 *
 *                               1 rating   3       10      30      all before
 *   nothing (items' means)      0.988      0.988   0.988   0.988   0.988
 *   n·λ and n·λ_b               1.125      1.018   0.928   0.879   0.888
 *   as above                    0.976      0.928   0.897   0.877   0.889
 *   trained with the others                                        0.889
 *
 *   items    [n] indexes of the model's items, or MF_INDEX_NONE for items that it
 *            does not know: those say nothing and are left out
 *   ratings  [n] in the units of the training file; outside its range they are clipped
 *   n        ≥ 1; an item that comes twice counts with its last rating
 *
 * Of many ratings the last ones count (newest last), as many as about 5 ms allow:
 * n·(k + 1)·min(n, k + 1) ≤ 2^26 with k factors (ridge.h). That is 4032 ratings with
 * 128 factors, 1016 with 256, 361 with 512, 255 with 1024, 127 with 4096. The others
 * are left out of lists all the same.
 *
 * The taste's factors and rated list live in the workspace until its next fold-in.
 * With no known item at all the taste is nobody's (known false).
 * Fails MF_ERR_ARGUMENT: index out of range, rating not finite; MF_ERR_MEMORY.
 * Cost: O(n·m² + m³), m = min(n, n_factors + 1). */
bool mf_fold_in(const mf_recommender *recommender, mf_workspace *workspace, const uint32_t *items,
                const float *ratings, size_t n, mf_taste *taste, mf_error *err);

/* The predicted rating; item may be MF_INDEX_NONE (its bias and factors count as
 * zero). The same bits as mf_model_predict for a user of the model. */
float mf_predict(const mf_recommender *recommender, const mf_taste *taste, uint32_t item);

typedef struct mf_recommendation {
    uint32_t item;
    float predicted_rating; /* mf_similar: the similarity, −1 … 1 */
} mf_recommendation;

typedef struct mf_top_n_query {
    size_t n;                   /* how many; fewer come when there are no more */
    bool include_rated;         /* also what taste->rated lists */
    const uint32_t *candidates; /* [n_candidates] only these, in any order, repeats count once,
                                 * MF_INDEX_NONE is skipped; NULL: all items */
    size_t n_candidates;
} mf_top_n_query;

/* The best items for this taste, best first. A taste that is not known gets the
 * items that were best liked by many: ordered by b_i · c_i, c_i ratings of the item
 * (popularity.h); predicted_rating is then μ + b_i, clipped.
 * *best lives in the workspace until its next query; *n_best ≤ query->n.
 * Fails MF_ERR_ARGUMENT: candidate out of range; MF_ERR_MEMORY.
 * Cost: O(n_items); with the index an eighth of the factors' bytes are read. */
bool mf_top_n(const mf_recommender *recommender, mf_workspace *workspace, const mf_taste *taste,
              const mf_top_n_query *query, const mf_recommendation **best, size_t *n_best,
              mf_error *err);

/* The items most like this one, best first, itself left out: the cosine of the item
 * factors, damped for items with few ratings (similar.h). Items without factors (all
 * zero) or ratings never come. Fails MF_ERR_ARGUMENT: item out of range; MF_ERR_MEMORY.
 * *best, *n_best and cost as mf_top_n. */
bool mf_similar(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item, size_t n,
                const mf_recommendation **best, size_t *n_best, mf_error *err);

/* The same lists in steps, where a pass takes long (mf_recommender_is_long). begin fails as
 * the list does. step goes on about until mf_clock_seconds() is `until`, 0: to the end; true
 * when *best is there, which took one step or many. Between begin and then the workspace
 * (with the taste's fold-in, if there was one) serves nobody else. */
bool mf_top_n_begin(const mf_recommender *recommender, mf_workspace *workspace,
                    const mf_taste *taste, const mf_top_n_query *query, mf_error *err);
bool mf_similar_begin(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item,
                      size_t n, mf_error *err);
bool mf_search_step(mf_workspace *workspace, double until, const mf_recommendation **best,
                    size_t *n_best);

#endif
