/* profiles.h: the events of a batch into Redis: read, merged, replaced (cache/feedback.h).
 *
 * (1) Users are handled MF_FEEDBACK_PART at a time: an MGET of each hundred, then one script each,
 *     without waiting between them. A user whose value does not change is not written.
 * (2) A user that another writer changed meanwhile is read again, at most MF_FEEDBACK_ROUNDS times.
 * (3) A foreign value is replaced and counted.
 * (4) What Redis does not take for now is refused, with its reason in the outcome: the records come
 *     again. Everything ends within the invocation's budget.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_FEEDBACK_PROFILES_H
#define MF_LAMBDA_FEEDBACK_PROFILES_H

#include "cache/session.h"
#include "lambda/feedback/events.h"

enum { MF_FEEDBACK_PART = 256, MF_FEEDBACK_ROUNDS = 32 };

/* Zeroed but for the first part; keeps its memory. */
typedef struct mf_feedback_profiles {
    mf_cache_session *session;
    const mf_feedback_settings *settings;

    /* Of the part that is handled. */
    mf_feedback_key keys[MF_FEEDBACK_PART];
    mf_feedback_update updates[MF_FEEDBACK_PART];
    mf_feedback_user *users[MF_FEEDBACK_PART];
    mf_feedback_user *updated[MF_FEEDBACK_PART];
    size_t n, n_updates;
    mf_text values;
    const mf_feedback_batch *batch;
    mf_feedback_outcome *outcome;
} mf_feedback_profiles;

/* Gives each user a state. False: MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_feedback_profiles_store(mf_feedback_profiles *profiles,
                                              mf_feedback_batch *batch,
                                              const mf_lambda_invocation *invocation,
                                              mf_feedback_outcome *outcome, mf_error *err);

void mf_feedback_profiles_free(mf_feedback_profiles *profiles);

#endif
