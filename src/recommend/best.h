/* best.h: the n best of many, kept in a heap.
 *
 * Better is the higher score; of equal scores the lower item.
 *
 * (1) entries[0] is the worst one kept; nothing refused is better than it.
 * (2) What is kept does not depend on the order in which items are offered.
 * (3) Scores are not NaN.
 *
 * Threads: none of its own. No allocation. */
#ifndef MF_RECOMMEND_BEST_H
#define MF_RECOMMEND_BEST_H

#include "recommend/recommender.h"

#include <stdbool.h>
#include <stddef.h>

/* predicted_rating is NAN as yet: the list becomes the response (mf_search_step). */
typedef struct mf_best {
    mf_recommendation *entries; /* [capacity], the caller's */
    size_t n;
    size_t capacity; /* ≥ 1 */
    float threshold; /* no item whose score is below it can enter; -INFINITY while n < capacity */
} mf_best;

void mf_best_begin(mf_best *best, mf_recommendation *entries, size_t capacity);

/* Would it enter? */
bool mf_best_wants(const mf_best *best, float score, uint32_t item);

/* Takes it, in place of the worst one when it is full. The caller has called
 * mf_best_wants. O(log capacity). */
void mf_best_take(mf_best *best, float score, uint32_t item);

/* Best first. The heap is over. O(n log n). */
void mf_best_sort(mf_best *best);

#endif
