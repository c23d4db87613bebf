/* profiles.c: rounds of read, merge and replace, for one part of the users after the other.
 * (1) A user's events are merged while the value that was read is there, in the callback. */
#include "lambda/feedback/profiles.h"

#include "base/clock.h"

enum { BYTES_KEPT = 8 << 20 };

/* The user's value, unless it stays as it is. */
static void merge(mf_feedback_profiles *p, size_t i, const mf_feedback *old)
{
    mf_feedback_user *user = p->users[i];
    const size_t at = p->values.n_bytes;
    user->is_read = true;
    user->n_head = old->n_head;
    memcpy(user->head, old->head, old->n_head);
    const uint64_t generation =
        mf_feedback_merge(&p->values, &p->keys[i], old, p->batch->events + user->first, user->n,
                          user->forgotten_ms, p->settings->most);
    if (generation == 0)
        return; /* no memory: values.failed */
    p->outcome->n_foreign += old->is_foreign;
    user->value_at = at;
    user->n_value = p->values.n_bytes - at;
    if (generation != old->generation)
        return;
    p->values.n_bytes = at;
    user->state = MF_FEEDBACK_UNCHANGED;
}

static void take_old(void *argument, size_t i, const mf_feedback *feedback)
{
    merge(argument, i, feedback);
}

static uint32_t budget_ms(const mf_feedback_profiles *p, const mf_lambda_invocation *invocation)
{
    const int64_t left_ms = mf_lambda_budget_ms(invocation, p->settings->margin_ms);
    return left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX;
}

static void refuse(mf_feedback_profiles *p, mf_feedback_user *user, const char *why)
{
    user->state = MF_FEEDBACK_REFUSED;
    mf_fail(&p->outcome->failure, MF_ERR_IO, MF_NOWHERE, "Redis: %s",
            why[0] != '\0' ? why : "no connection within the time that is left");
}

/* Reads and merges the pending users of the part. False: no memory. */
static bool read_and_merge(mf_feedback_profiles *p, const mf_lambda_invocation *invocation,
                           mf_error *err)
{
    const mf_cache_wanted wanted = {.feedback = p->keys, .n = p->n};
    mf_feedback none;
    mf_feedback_clear(&none);
    none.capacity = 0;
    none.events = NULL;
    mf_text_clear(&p->values, BYTES_KEPT);
    for (size_t i = 0; i < p->n; i++)
        p->users[i]->is_read = false;
    const bool complete =
        mf_cache_session_look_up(p->session, &wanted, budget_ms(p, invocation), NULL, take_old, p);
    for (size_t i = 0; i < p->n; i++)
        if (!p->users[i]->is_read && complete)
            merge(p, i, &none);
        else if (!p->users[i]->is_read)
            refuse(p, p->users[i], mf_cache_session_reason(p->session));
    return !p->values.failed || mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for events");
}

/* What came of an update; a user that another writer changed stays pending. */
static void settle(mf_feedback_profiles *p, size_t u)
{
    mf_feedback_user *user = p->updated[u];
    switch (p->updates[u].state) {
    case MF_FEEDBACK_REPLACED:
        p->outcome->n_foreign++;
        user->state = MF_FEEDBACK_STORED;
        break;
    case MF_FEEDBACK_WRITTEN:
        user->state = MF_FEEDBACK_STORED;
        break;
    case MF_FEEDBACK_CHANGED:
        p->outcome->n_conflicts++;
        break;
    case MF_FEEDBACK_UNSENT:
    case MF_FEEDBACK_FAILED:
        refuse(p, user, mf_cache_session_reason(p->session));
        break;
    }
}

static void write_values(mf_feedback_profiles *p, const mf_lambda_invocation *invocation)
{
    p->n_updates = 0;
    for (size_t i = 0; i < p->n; i++) {
        mf_feedback_user *user = p->users[i];
        if (user->state != MF_FEEDBACK_PENDING)
            continue;
        p->updated[p->n_updates] = user;
        p->updates[p->n_updates++] =
            (mf_feedback_update){.key = &p->keys[i],
                                 .value = {p->values.bytes + user->value_at, user->n_value},
                                 .head = {user->head, user->n_head},
                                 .ttl_seconds = p->settings->ttl_seconds};
    }
    if (p->n_updates > 0)
        mf_cache_session_update(p->session, p->updates, p->n_updates, budget_ms(p, invocation));
    for (size_t u = 0; u < p->n_updates; u++)
        settle(p, u);
}

/* Chooses the next pending users, from *at on. */
static void choose(mf_feedback_profiles *p, mf_feedback_batch *batch, size_t at, size_t end)
{
    p->n = 0;
    for (; at < end; at++) {
        mf_feedback_user *user = &batch->users[at];
        if (user->state == MF_FEEDBACK_PENDING &&
            mf_feedback_key_make(&p->keys[p->n], user->id.bytes, user->id.n_bytes))
            p->users[p->n++] = user;
    }
}

bool mf_feedback_profiles_store(mf_feedback_profiles *profiles, mf_feedback_batch *batch,
                                const mf_lambda_invocation *invocation,
                                mf_feedback_outcome *outcome, mf_error *err)
{
    mf_feedback_profiles *p = profiles;
    const double start_s = mf_clock_seconds();
    bool ok = true;
    p->batch = batch;
    p->outcome = outcome;
    for (size_t at = 0; ok && at < batch->n_users; at += MF_FEEDBACK_PART) {
        const size_t left = batch->n_users - at;
        const size_t end = at + (left < MF_FEEDBACK_PART ? left : (size_t)MF_FEEDBACK_PART);
        choose(p, batch, at, end);
        for (int round = 0; ok && round < MF_FEEDBACK_ROUNDS && p->n > 0; round++) {
            ok = read_and_merge(p, invocation, err);
            if (ok)
                write_values(p, invocation);
            choose(p, batch, at, end);
        }
        for (size_t i = 0; i < p->n; i++)
            refuse(p, p->users[i], "other writers were faster each time");
    }
    outcome->cache_ms = (mf_clock_seconds() - start_s) * 1e3;
    for (size_t u = 0; u < batch->n_users; u++) {
        outcome->n_stored += batch->users[u].state == MF_FEEDBACK_STORED;
        outcome->n_unchanged += batch->users[u].state == MF_FEEDBACK_UNCHANGED;
    }
    return ok;
}

void mf_feedback_profiles_free(mf_feedback_profiles *profiles)
{
    mf_text_free(&profiles->values);
}
