/* events.h: the newest events of a user (cache/feedback.h) beside an instance, as ratings that are
 * newer than the model.
 *
 *     {"userId":"2","top_n":5}  ─▶  {"userId":"2","top_n":5,"ratings":[{"item_id":"2959",…},…]}
 *
 * (1) A rating and a list for one userId have them; not with ratings of its own, and nothing closed
 *     (decode.h) has them. One command to Redis.
 * (2) Without Redis, or when it does not respond in time, the instance stays as it is.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_PREDICT_EVENTS_H
#define MF_LAMBDA_PREDICT_EVENTS_H

#include "cache/session.h"
#include "inference/instance.h"

/* Whether the instance can have events. */
bool mf_predict_takes_events(const mf_instance *instance);

/* Adds them to the JSON in *sent (mf_predict_decode), within budget_ms and the settings' time. True:
 * there are some. Without memory *sent has failed. */
MF_MUST_CHECK bool mf_predict_add_events(mf_cache_session *session, const mf_instance *instance,
                                         int64_t budget_ms, mf_text *sent);

/* Makes *sent again what it was with n_bytes before. */
void mf_predict_drop_events(mf_text *sent, size_t n_bytes);

#endif
