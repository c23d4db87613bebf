/* popularity.h: the same list for everybody.
 *
 *   popularity(i) = b_i · c_i        c_i ratings of the item
 *
 * A model without ratings has no b_i; there the popularity is c_i.
 *
 * About Σ (r − μ − b_u) over the item's ratings: how many stars more it got, all in
 * all, than its raters give otherwise. What few rated is near zero however much they
 * liked it, and so is an item that all users rated and no user liked.
 *
 * Of visitors who were kept out of training (MovieLens, a fifth of the users at a
 * time, all five fifths), the same ten items for everybody, against the items that
 * they rated 4 or more:
 *
 *   order                  nDCG@10   hit    mean rating   rated below 3
 *   b_i                    0.203     0.69   4.33          0.8 %
 *   b_i · c / (c + 10)     0.277     0.77   4.27          1.5 %
 *   b_i · c / (c + 100)    0.329     0.83   4.24          2.0 %
 *   b_i · c                0.343     0.83   4.24          1.9 %
 *   (b_i + 0.5) · c        0.345     0.83   4.25          1.9 %
 *   c                      0.335     0.82   4.14          2.4 %
 *
 * (hit: at least one of the ten was liked.) Damping only helps as it grows, to the
 * limit b_i · c; a constant on top of the bias gains less than the noise. */
#ifndef MF_RECOMMEND_POPULARITY_H
#define MF_RECOMMEND_POPULARITY_H

#include "model/model.h"
#include "recommend/best.h"
#include "recommend/scan.h"

#include <stddef.h>
#include <stdint.h>

enum { MF_POPULAR_MAX = 4096 };

/* The most popular items of a model, best first: at most MF_POPULAR_MAX, or all. */
typedef struct mf_popular {
    mf_recommendation *list; /* [n] score: the popularity */
    size_t n;
} mf_popular;

/* Fails MF_ERR_MEMORY. Cost: one pass over biases and counts. */
MF_MUST_CHECK bool mf_popular_create(mf_popular *popular, const mf_model_parts *parts,
                                     mf_error *err);

void mf_popular_release(mf_popular *popular);

/* The best of all items by popularity, those that the scoring leaves out aside,
 * sorted. Cost: what is taken and left out, or a pass over all items when the list is
 * too short for that. */
void mf_popular_best(const mf_popular *popular, const mf_model_parts *parts,
                     const mf_scoring *scoring, mf_best *best);

/* The best of these, sorted; each in range, none twice. */
void mf_popular_best_of(const mf_model_parts *parts, const mf_scoring *scoring,
                        const uint32_t *items, size_t n, mf_best *best);

#endif
