/* score.h: the third stage: lookups to recommendations, from the cache or from the scorer.
 *
 * (1) One command looks up lists and the events of their users (cache/client.h). Lookups of
 *     instances are computed, with the events.
 * (2) Keys of the cache have the version of the model (scorer.h), as far as it is known. When it was
 *     not learned lately, the first lookup goes to the scorer, whose response has it; lists of another
 *     version are not taken, and those of this version are looked up.
 * (3) A cache that fails fails no lookup: lists are those of the model alone.
 * (4) Items whose lookup is rejected are rejected. The first item whose lookup failed ends the
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
    mf_cache_key *keys;           /* these: [lookups.n], with a cache */
    mf_feedback_key *events_of;
    mf_cache_entry *entries;
    size_t chosen_capacity, keys_capacity, events_capacity, entries_capacity;
} mf_recommend_scoring;

/* The stage, within the invocation's time. No lookup is pending afterwards. False:
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_score(mf_recommend_scoring *scoring, mf_recommend_lookups *lookups,
                                      mf_recommend_batch *batch, mf_error *err);

void mf_recommend_scoring_free(mf_recommend_scoring *scoring);

#endif
