/* events.c: the last brace of the instance makes way for the ratings. */
#include "lambda/predict/events.h"

bool mf_predict_takes_events(const mf_instance *instance)
{
    return (instance->kind == MF_INSTANCE_LIST || instance->kind == MF_INSTANCE_RATING) &&
           instance->user.id.bytes != NULL && instance->rated.n == 0;
}

/* NUL-terminated; the terminator is not counted. */
static void close_object(mf_text *sent)
{
    mf_text_append(sent, "}", 2);
    if (!sent->failed)
        sent->n_bytes--;
}

static void take_events(void *argument, size_t i, const mf_feedback *feedback)
{
    mf_text *sent = argument;
    mf_user_events events;
    (void)i;
    if (!mf_feedback_copy(feedback, &events, NULL) || events.n == 0)
        return;
    sent->n_bytes--;
    mf_inference_add_events(sent, &events);
    close_object(sent);
    mf_user_events_free(&events);
}

bool mf_predict_add_events(mf_cache_session *session, const mf_instance *instance,
                           int64_t budget_ms, mf_text *sent)
{
    const uint32_t worst_ms = mf_cache_session_worst_ms(session);
    const size_t n_before = sent->n_bytes;
    mf_feedback_key key;
    if (!mf_feedback_key_make(&key, instance->user.id.bytes, instance->user.id.n_bytes))
        return false;
    const mf_cache_wanted wanted = {.feedback = &key, .n = 1};
    mf_cache_session_look_up(session, &wanted,
                             budget_ms < worst_ms ? (uint32_t)budget_ms : worst_ms, NULL,
                             take_events, sent);
    return sent->n_bytes != n_before;
}

void mf_predict_drop_events(mf_text *sent, size_t n_bytes)
{
    sent->n_bytes = n_bytes - 1;
    close_object(sent);
}
