/* score.c: reads the cache, gives the scorer the lookups that are left, and writes its lists to the
 * cache. */
#include "lambda/recommend/score.h"

#include "base/clock.h"
#include "base/grow.h"

#include <stdio.h>
#include <string.h>

typedef struct work {
    mf_recommend_scoring *scoring;
    mf_recommend_lookups *lookups;
    mf_recommend_batch *batch;
} work;

/* The deadline of the lists: a quarter of the time is left for putting them. */
static int64_t score_deadline_ms(const mf_recommend_batch *batch)
{
    const int64_t budget_ms = mf_recommend_budget_ms(batch);
    return mf_clock_wall_ms() + budget_ms - budget_ms / 4;
}

/* Scores the first `most` pending lookups. */
static void call_scorer(const work *w, size_t most)
{
    mf_recommend_scorer *scorer = w->scoring->scorer;
    mf_recommend_lookup **chosen = w->scoring->chosen;
    size_t n = 0;
    for (size_t i = 0; i < w->lookups->n && n < most; i++)
        if (w->lookups->lookups[i].state == MF_LOOKUP_PENDING)
            chosen[n++] = &w->lookups->lookups[i];
    if (n == 0)
        return;
    const double start_s = mf_clock_seconds();
    scorer->score(scorer, w->lookups, chosen, n, score_deadline_ms(w->batch));
    w->batch->outcome->score_ms += (mf_clock_seconds() - start_s) * 1e3;
    w->batch->outcome->called_scorer = true;
}

/* ------------------------------------------------------------------------- the cache */

/* The longest time that the cache may take, or an eighth of what is left when that is less. */
static uint32_t cache_budget_ms(const work *w)
{
    const uint32_t worst_ms = mf_cache_session_worst_ms(w->scoring->cache);
    const int64_t share_ms = mf_recommend_budget_ms(w->batch) / 8;
    return share_ms < worst_ms ? (uint32_t)share_ms : worst_ms;
}

/* False: such a lookup is not cached. */
static bool make_key(mf_cache_key *key, const mf_recommend_lookup *lookup, const char *version)
{
    return lookup->instance.n_bytes == 0 && version[0] != '\0' &&
           mf_cache_key_make(key, lookup->user.bytes, lookup->user.n_bytes, lookup->top_n, version);
}

static void take_events(void *argument, size_t i, const mf_feedback *feedback)
{
    const work *w = argument;
    mf_recommend_lookup *lookup = w->scoring->chosen[i];
    mf_recommend_lookup_drop_events(lookup);
    if (mf_feedback_copy(feedback, &lookup->events, NULL))
        lookup->generation = feedback->generation;
}

static void take_hit(void *argument, size_t i, const mf_cache_entry *entry)
{
    const work *w = argument;
    mf_recommend_lookup *lookup = w->scoring->chosen[i];
    mf_text *text = &w->lookups->text;
    const size_t text_at = text->n_bytes;
    const mf_cache_key *key = &w->scoring->keys[i];
    mf_text_append(text, entry->list, entry->n_list);
    if (text->failed)
        return;
    mf_recommend_lookup_resolve(lookup, text_at, entry->n_list, entry->count, entry->known_user,
                                key->bytes + key->version_at);
    lookup->from_cache = true;
}

/* Chooses the next lookup when it has events, and a list in the cache or none, as wanted. */
static void choose(const work *w, mf_cache_wanted *wanted, mf_recommend_lookup *lookup,
                   const char *version, bool with_list)
{
    mf_recommend_scoring *s = w->scoring;
    const size_t n = wanted->n;
    if (lookup->state != MF_LOOKUP_PENDING || !lookup->wants_events ||
        make_key(&s->keys[n], lookup, version) != with_list ||
        !mf_feedback_key_make(&s->events_of[n], lookup->user.bytes, lookup->user.n_bytes))
        return;
    s->chosen[wanted->n++] = lookup;
    wanted->n_without_list += !with_list;
}

/* (1) */
static void read_cache(work *w, const char *version)
{
    mf_recommend_scoring *s = w->scoring;
    mf_cache_wanted wanted = {.lists = s->keys, .feedback = s->events_of};
    const double start_s = mf_clock_seconds();
    for (int with_list = 1; with_list >= 0; with_list--)
        for (size_t i = 0; i < w->lookups->n && wanted.n < w->lookups->n; i++)
            choose(w, &wanted, &w->lookups->lookups[i], version, with_list != 0);
    mf_cache_session_look_up(s->cache, &wanted, cache_budget_ms(w), take_hit, take_events, w);
    w->batch->outcome->cache_ms += (mf_clock_seconds() - start_s) * 1e3;
}

static void write_cache(const work *w)
{
    mf_recommend_scoring *s = w->scoring;
    size_t n = 0;
    const double start_s = mf_clock_seconds();
    for (size_t i = 0; i < w->lookups->n; i++) {
        const mf_recommend_lookup *lookup = &w->lookups->lookups[i];
        if (lookup->state != MF_LOOKUP_RESOLVED || lookup->from_cache ||
            !make_key(&s->keys[n], lookup, lookup->version))
            continue;
        const mf_id list = mf_recommend_lookup_text(w->lookups, lookup);
        s->entries[n++] = (mf_cache_entry){.list = list.bytes,
                                           .n_list = list.n_bytes,
                                           .count = lookup->count,
                                           .known_user = lookup->known_user,
                                           .generation = lookup->generation};
    }
    if (n > 0)
        mf_cache_session_set(s->cache, s->keys, s->entries, n, cache_budget_ms(w));
    w->batch->outcome->cache_ms += (mf_clock_seconds() - start_s) * 1e3;
}

static void forget_hit(mf_recommend_lookup *lookup)
{
    if (!lookup->from_cache)
        return;
    lookup->state = MF_LOOKUP_PENDING;
    lookup->from_cache = false;
}

/* (2) */
static void score_with_cache(work *w)
{
    mf_recommend_scorer *scorer = w->scoring->scorer;
    const int64_t max_age_ms = (int64_t)w->batch->settings->version_seconds * 1000;
    const bool is_fresh = scorer->version(scorer, max_age_ms)[0] != '\0';
    char version[MF_RECOMMEND_VERSION_BYTES];
    snprintf(version, sizeof version, "%s", scorer->version(scorer, INT64_MAX));
    read_cache(w, version);
    if (!is_fresh) {
        forget_hit(&w->lookups->lookups[0]);
        call_scorer(w, 1);
        const char *now = scorer->version(scorer, max_age_ms > 0 ? max_age_ms : INT64_MAX);
        const bool is_other = strcmp(now, version) != 0;
        for (size_t i = 0; is_other && i < w->lookups->n; i++)
            forget_hit(&w->lookups->lookups[i]);
        snprintf(version, sizeof version, "%s", now);
        if (is_other && version[0] != '\0')
            read_cache(w, version);
    }
    call_scorer(w, SIZE_MAX);
    write_cache(w);
}

/* --------------------------------------------------------------------------- items */

/* (4) */
static void settle_items(const work *w)
{
    mf_recommend_batch *b = w->batch;
    const mf_recommend_lookup *lookups = w->lookups->lookups;
    size_t i = b->first;
    for (; i < b->end; i++) {
        mf_recommend_item *item = &b->items[i];
        if (item->state != MF_RECOMMEND_PENDING)
            continue;
        const mf_recommend_lookup *lookup = &lookups[item->lookup];
        if (lookup->state == MF_LOOKUP_REJECTED) {
            const mf_id reason = mf_recommend_lookup_text(w->lookups, lookup);
            b->outcome->n_requests--;
            mf_recommend_reject(b, item, reason.bytes, reason.n_bytes);
        } else if (lookup->state != MF_LOOKUP_RESOLVED) {
            break;
        }
    }
    b->usable_end = i;
    if (i < b->end)
        b->outcome->failure = w->lookups->failure;
    for (; i < b->end; i++)
        b->outcome->n_failed_lookups += b->items[i].state == MF_RECOMMEND_PENDING &&
                                        lookups[b->items[i].lookup].state == MF_LOOKUP_FAILED;
}

bool mf_recommend_score(mf_recommend_scoring *scoring, mf_recommend_lookups *lookups,
                        mf_recommend_batch *batch, mf_error *err)
{
    mf_recommend_scoring *s = scoring;
    work w = {s, lookups, batch};
    const size_t n = lookups->n;
    if (!MF_GROW(s->chosen, s->chosen_capacity, n, "a batch", err) ||
        (s->cache != NULL && (!MF_GROW(s->keys, s->keys_capacity, n, "a batch", err) ||
                              !MF_GROW(s->events_of, s->events_capacity, n, "a batch", err) ||
                              !MF_GROW(s->entries, s->entries_capacity, n, "a batch", err))))
        return false;
    if (s->cache == NULL || n == 0)
        call_scorer(&w, SIZE_MAX);
    else
        score_with_cache(&w);
    settle_items(&w);
    return true;
}

void mf_recommend_scoring_free(mf_recommend_scoring *scoring)
{
    mf_free(scoring->chosen);
    mf_free(scoring->keys);
    mf_free(scoring->events_of);
    mf_free(scoring->entries);
}
