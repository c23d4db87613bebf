/* score.h: the third stage: lookups to recommendations, from the cache or from the scorer.
 *
 * (1) Keys of the cache have the version of the model (scorer.h). When it is not known, the first
 *     lookup goes to the scorer, whose response has it. A cache that fails fails no lookup. Lookups of
 *     instances are computed.
 * (2) Items whose lookup is rejected are rejected. The first item whose lookup failed ends the
 *     part: batch->usable_end is its index.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RECOMMEND_SCORE_H
#define MF_LAMBDA_RECOMMEND_SCORE_H

#include "cache/session.h"
#include "lambda/recommend/scorer.h"

/* Zeroed but for scorer and cache; keeps its memory. */
typedef struct mf_recommend_scoring {
    mf_recommend_scorer *scorer;
    mf_cache_session *cache; /* NULL: there is none */

    mf_recommend_lookup **chosen; /* [lookups.n] */
    mf_cache_key *keys;           /* [lookups.n], with a cache */
    mf_cache_entry *entries;
    size_t chosen_capacity, keys_capacity, entries_capacity;
} mf_recommend_scoring;

/* The stage, within the invocation's time. No lookup is pending afterwards. False:
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_score(mf_recommend_scoring *scoring, mf_recommend_lookups *lookups,
                                      mf_recommend_batch *batch, mf_error *err);

void mf_recommend_scoring_free(mf_recommend_scoring *scoring);

#endif
