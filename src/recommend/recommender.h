/* recommender.h: the lists, ratings and similar items of a model.
 *
 * A recommender is a model and what is computed from it once so that top-N is fast: a compressed
 * copy of the rows that items are scored by, which finds the candidates (index.h). Lists are
 * exact: the copy only proves which items cannot be among the best, the others are scored by the
 * model's own numbers.
 *
 *   ranking model   score(u, i)      = vector_u · item vector_i      (profile.h)
 *   rating model    score(u, i)      = μ + b_u + b_i + p_u · q_i
 *                   predicted rating = clip(score, rating_min, rating_max)
 *
 * Lists are ordered by the score, not by the clipped rating, of which many may be equal; equal
 * scores by item index, lower first. The same query gives the same bits with any CPU, any number
 * of threads, with and without the index.
 *
 * Why an item stands in a list: explain.h. Lists for several people: group.h. Users for an item:
 * audience.h. Varied lists, and quotas: steer.h.
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

/* The index is of the item vectors where the model has a ranking model, else of the item factors.
 * Of the factors it takes about n_items × (n_factors / 2 + 4) bytes, an eighth of them; of the
 * vectors, n_items × (n_factors / 2 + 12 + 4 for each group of directions, index.h). When that is
 * more than max_index_bytes, or with more than 512 factors, there is none, and top-N reads the
 * model's floats: six times slower with 64 factors, as fast with many hundreds. SIZE_MAX: no
 * limit, the index follows the model; 0: no index. Beside the index codes of the same rows
 * (codes.h) take n_items × (n_factors + 8) bytes, n_factors rounded up to 64, where those are at
 * most 16 MiB and fit the limit, too; without them filters that leave few items, groups and reasons
 * take longer. Four more bytes per item are taken with or without all that. The model is borrowed
 * and must outlive the recommender.
 * Fails MF_ERR_MEMORY. Cost: one pass over the rows, and sorting their lengths. */
mf_recommender *mf_recommender_create(const mf_model *model, size_t max_index_bytes, mf_error *err);

/* NULL is fine. */
void mf_recommender_destroy(mf_recommender *recommender);

const mf_model *mf_recommender_model(const mf_recommender *recommender);

/* The fewest items that mf_top_n has for any user of the model, and any visitor with at most
 * n_ratings, when all items are candidates. */
size_t mf_recommender_least_list(const mf_recommender *recommender, size_t n_ratings);

/* Of the index and the codes; 0 when there is none. */
size_t mf_recommender_index_bytes(const mf_recommender *recommender);

/* Whether a pass over all items takes more than about a millisecond: it reads over 16 MiB.
 * That of a list in the default order or of similar items … */
bool mf_recommender_is_long(const mf_recommender *recommender);

/* Scratch memory of one thread: a row of factors, a heap, sorted lists, the equations of a
 * fold-in. Grows with the largest query so far. Not tied to a recommender. */
typedef struct mf_workspace mf_workspace;
mf_workspace *mf_workspace_create(mf_error *err);
void mf_workspace_destroy(mf_workspace *workspace);

/* Whom a request is about: a user of the model, a visitor folded in, or an anonymous user. */
typedef struct mf_profile {
    const float *factors;  /* rating model: [stride] 64-byte aligned; NULL: no factors known */
    float bias;            /* b_u; 0 when not known */
    bool known;            /* false: an anonymous user, who gets the mean profile's list */
    const uint32_t *rated; /* [n_rated] items to leave out, ascending; may be NULL */
    size_t n_rated;
    uint32_t user;         /* of the model, or MF_INDEX_NONE */
    const float *vector;   /* ranking model: a visitor's, [ranking stride] 64-byte aligned; NULL:
                          * mf_top_n computes that of `user` (or the mean profile) */
    const uint8_t *grades; /* ranking model: a visitor's, [n_rated] of `rated`, and … */
    const uint32_t *time_ranks; /* … where times are known (profile.h); for reasons (explain.h) */
    size_t n_members;           /* of a group of which the least score counts (group.h); 0: none */
    const float
        *member_vectors; /* [n_members × ranking stride] as vector, which is a mean of them */
    const float *member_factors; /* [n_members × stride] as factors, which are a mean of them */
    const float *member_bias;    /* [n_members]; bias is the least of them … */
    float mean_bias;             /* … and this the mean with the weights of factors */
} mf_profile;

/* Of a user index, or of MF_INDEX_NONE: the anonymous user. Views into the model; costs nothing:
 * the ranking vector is computed when a list needs it. */
mf_profile mf_profile_of_user(const mf_recommender *recommender, uint32_t user);

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
 * (The ranking model needs no solver: the visitor's vector is the sum that a user's is,
 * profile.h; bit for bit the same when he sends what the user rated, with its times.)
 *
 *   items    [n] indexes of the model's items, or MF_INDEX_NONE for items that it
 *            does not know: those say nothing and are left out
 *   ratings  [n] in the units of the training file; outside its range they are clipped
 *   n        ≥ 1; an item that comes twice counts with its newest rating, of equally new ones with
 *            the last
 *
 * For the factors the newest of many ratings count (without times: the last), as many as about 5 ms
 * allow: n·(k + 1)·min(n, k + 1) ≤ 2^26 with k factors (ridge.h). That is 4032 ratings with 128
 * factors, 1016 with 256, 361 with 512, 255 with 1024, 127 with 4096. The others are left out of
 * lists all the same.
 *
 * The profile's factors and rated list live in the workspace until its next fold-in.
 * With no known item at all the profile is the anonymous one (known false).
 * Fails MF_ERR_ARGUMENT: index out of range, rating not finite, time infinite;
 * MF_ERR_MEMORY. Cost: O(n·m² + m³), m = min(n, n_factors + 1). */
typedef struct mf_visitor {
    const uint32_t *items; /* [n] */
    const float *ratings;  /* [n] NULL: pairs without a rating. Each is a liked item (grade 255), or
                            * a count of 1 where the model learned from counts; factors are NULL */
    const double *times;   /* [n] timestamps, NAN where there is none (older than any that has
                            * one); NULL: none at all, and age weights are 1 whatever the order */
    size_t n;
} mf_visitor;

MF_MUST_CHECK bool mf_fold_in(const mf_recommender *recommender, mf_workspace *workspace,
                              const mf_visitor *visitor, mf_profile *profile, mf_error *err);

/* How many of the visitor's ratings are outside the range of the training file, so that they are
 * clipped; 0 where the model learned without ratings. */
size_t mf_visitor_count_clipped(const mf_recommender *recommender, const mf_visitor *visitor);

/* A user with events that are newer than what the model learned from.
 *
 *   user     of the model, or MF_INDEX_NONE: the events are all that is known, as of a visitor
 *   events   as a visitor's; ratings may be NAN where there is none: a liked item
 *
 * For the ranking model an event replaces what the history has of its item, others are added, and all
 * are newer than the history, in the order of their times. They are left out of lists as rated items
 * are. A user's rating factors stay as they are; those of a visitor count a liked item as rating_max.
 * With no known item the profile is mf_profile_of_user's. Lives in the workspace as a fold-in does.
 * Fails as mf_fold_in. Cost: O(n log n + n_rated + (n + n_rated) · k). */
MF_MUST_CHECK bool mf_add_events(const mf_recommender *recommender, mf_workspace *workspace,
                                 uint32_t user, const mf_visitor *events, mf_profile *profile,
                                 mf_error *err);

/* Whether the model predicts ratings, and whether it has a ranking model. At least one. */
bool mf_recommender_has_ratings(const mf_recommender *recommender);
bool mf_recommender_has_ranking(const mf_recommender *recommender);

/* The predicted rating; item may be MF_INDEX_NONE (its bias and factors count as
 * zero). The same bits as mf_model_predict for a user of the model. Only with a rating model. */
float mf_predict(const mf_recommender *recommender, const mf_profile *profile, uint32_t item);

/* What a list is ordered by. */
typedef enum mf_order {
    MF_ORDER_DEFAULT, /* ranking where the model has a ranking model, else rating */
    MF_ORDER_RANKING, /* profile · item vector */
    MF_ORDER_RATING,  /* μ + b_u + b_i + p_u·q_i, not clipped; a known profile, else popularity */
    MF_ORDER_POPULARITY, /* popularity.h, the same for everybody */
    MF_ORDERS,
} mf_order;

/* Whether the model can order so: MF_ORDER_RANKING needs a ranking model, RATING a rating model. */
bool mf_recommender_can_order(const mf_recommender *recommender, mf_order order);

/* … or that of a list in this order, which the model has. MF_ORDER_RATING has no index where the
 * model has a ranking model. */
bool mf_recommender_order_is_long(const mf_recommender *recommender, mf_order order);

typedef struct mf_recommendation {
    uint32_t item; /* MF_INDEX_NONE: the next of the query's unknown candidates, in their order */
    float score;   /* what the list is ordered by; mf_similar: the similarity, −1 … 1; NAN: none
                    * (an unknown candidate of a ranking) */
    float predicted_rating; /* NAN without a rating model, and in mf_similar */
} mf_recommendation;

/* At most so many items of a list have one value: two of a genre, one of a brand. */
typedef struct mf_quota {
    const uint32_t *start; /* [n_items + 1] item i has the values at start[i] … start[i + 1] − 1 */
    const uint32_t *values; /* < n_values, none twice for an item */
    uint32_t n_values;
    uint32_t most; /* items of each value */
} mf_quota;

enum {
    MF_STEER_POOL = 100, /* steer.h */
    MF_STEER_MAX = 1000, /* offset + n with diversity: each place is compared with all before */
};

typedef struct mf_top_n_query {
    size_t n;      /* how many; fewer come when there are no more */
    size_t offset; /* how many of the best to pass over first: n = 10 with offset 0, 10, 20, … are
                    * the pages of one list, in which nothing stands twice */
    mf_order order;
    bool include_rated;         /* also what profile->rated lists */
    const uint32_t *candidates; /* [n_candidates] only these, in any order, repeats count once,
                                 * MF_INDEX_NONE is skipped; NULL: all items */
    size_t n_candidates;
    const uint64_t *allowed; /* [n_items / 64, rounded up] of them only the items whose bit i % 64
                              * of word i / 64 is set; NULL: all */
    const uint32_t *exclude; /* [n_exclude] not these, in any order, repeats and MF_INDEX_NONE are
                              * nothing special; may be NULL */
    size_t n_exclude;
    float diversity;        /* 0 … 1: how much an item like those before it is put behind others
                             * (steer.h); 0: not at all */
    const mf_quota *quotas; /* [n_quotas] an item comes only if it is within all of them, which are
                             * used up from the first place on; their arrays must live until the
                             * list is there; may be NULL */
    size_t n_quotas;
    size_t n_unknown;  /* different candidates that the model does not know: they stand in the
                        * list with item MF_INDEX_NONE, ordered by ranking last with score NAN;
                        * by rating where μ + b_u stands, by popularity where 0 does; with
                        * diversity or quotas last. Neither allowed nor exclude is about them */
    bool unknown_last; /* … or last in any order, with NAN for score and rating (strict) */
} mf_top_n_query;

/* The best items for this profile, best first; equal scores: the lower item first. Ordered by
 * ranking, items without a vector (no user has a grade for them) are listed only if they are candidates:
 * after all others, before unknown ones, with score 0. An anonymous profile has the
 * mean profile. Ordered by rating, an anonymous profile gets the order of popularity.
 * predicted_rating is clipped to the scale of the ratings.
 * *best lives in the workspace until its next query; *n_best ≤ query->n.
 * Fails MF_ERR_ARGUMENT: candidate or excluded item out of range, an order that the model does not
 * have, a diversity that is not from 0 to 1, more than MF_STEER_MAX items with one; MF_ERR_MEMORY.
 * Cost: O(n_items · k), with the index an eighth of the vectors' bytes are read; for a user of the
 * model and MF_ORDER_RANKING also O(n_rated · k) for the profile. Where the query leaves few items
 * (choice.c), those alone are read. */
MF_MUST_CHECK bool mf_top_n(const mf_recommender *recommender, mf_workspace *workspace,
                            const mf_profile *profile, const mf_top_n_query *query,
                            const mf_recommendation **best, size_t *n_best, mf_error *err);

/* The items most like this one, best first, itself left out, in the space of similar.h. Items
 * without a vector or ratings never come. Fails MF_ERR_ARGUMENT: item out of range;
 * MF_ERR_MEMORY. *best, *n_best and cost as mf_top_n. */
MF_MUST_CHECK bool mf_similar(const mf_recommender *recommender, mf_workspace *workspace,
                              uint32_t item, size_t n, const mf_recommendation **best,
                              size_t *n_best, mf_error *err);

/* The cosine of two items in that space, without the damping: what diversity is about (steer.h). 0
 * where an item has no direction. Both in range. Cost: O(k). */
double mf_item_cosine(const mf_recommender *recommender, uint32_t a, uint32_t b);

/* The same lists in steps, where a pass takes long (mf_recommender_is_long). begin fails as
 * the list does. step continues until mf_clock_seconds() is about `until`, 0: to the end; it returns
 * true when *best is there, after one step or many. From begin until then the workspace (with the
 * profile's fold-in, if there was one) must not be used for anything else. */
MF_MUST_CHECK bool mf_top_n_begin(const mf_recommender *recommender, mf_workspace *workspace,
                                  const mf_profile *profile, const mf_top_n_query *query,
                                  mf_error *err);
MF_MUST_CHECK bool mf_similar_begin(const mf_recommender *recommender, mf_workspace *workspace,
                                    uint32_t item, size_t n, mf_error *err);
bool mf_search_step(mf_workspace *workspace, double until, const mf_recommendation **best,
                    size_t *n_best);

#endif
