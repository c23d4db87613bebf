/* cache_call.c: src/cache without a loop (cache/session.h) for tests, by commands (commands.h).
 * test_cache_session.py drives it.
 *
 *     {"do":"open"}                     settings from the environment
 *     {"do":"get","users":["1","2"],"top_n":5,"version":"v","budget_ms":1000}
 *     {"do":"set","users":["1"],"list":"[7,8]","count":2,"known":true,"top_n":5, …}
 *     {"do":"merge","user":"1","events":[["item",time_ms,rating or null], …],"forgotten_ms":5,
 *      "most":200,"head":"…","ttl":60}     reads, merges and replaces; head: instead of what was read
 *     {"do":"events","users":["1","2"]}
 *     {"do":"counts"}
 *
 * The log is on standard error. */
#include "commands.h"

#include "base/clock.h"
#include "cache/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mf_cache *cache;
static mf_cache_session *session;

static bool open_session(json_t *result)
{
    static mf_cache_settings values;
    mf_settings settings;
    mf_error err = {0};
    if (mf_cache_settings_read(&settings, &values, &err) &&
        (cache = mf_cache_open(&values, &err)) != NULL &&
        (session = mf_cache_session_open(cache, &err)) != NULL)
        return true;
    json_object_set_new(result, "text", json_string(err.text));
    return false;
}

/* To be freed. */
static mf_cache_key *keys_of(const json_t *command, size_t *n)
{
    const json_t *users = json_object_get(command, "users");
    *n = json_array_size(users);
    mf_cache_key *keys = calloc(*n + 1, sizeof *keys);
    for (size_t i = 0; i < *n; i++) {
        const char *user = json_string_value(json_array_get(users, i));
        if (!mf_cache_key_make(&keys[i], user, strlen(user), (uint32_t)count_of(command, "top_n"),
                               text_of(command, "version")))
            abort();
    }
    return keys;
}

static void take(void *argument, size_t i, const mf_cache_entry *entry)
{
    char name[24];
    snprintf(name, sizeof name, "%zu", i);
    if (json_object_get(argument, name) != NULL)
        abort(); /* once */
    json_object_set_new(argument, name,
                        json_pack("{s:s%, s:i, s:b}", "list", entry->list, entry->n_list, "count",
                                  (int)entry->count, "known", entry->known_user));
}

static bool get(const json_t *command, json_t *result)
{
    size_t n;
    mf_cache_key *keys = keys_of(command, &n);
    json_t *found = json_object();
    const double start = mf_clock_seconds();
    const bool ok = mf_cache_session_get(session, keys, n, (uint32_t)count_of(command, "budget_ms"),
                                         take, found);
    json_object_set_new(result, "seconds", json_real(mf_clock_seconds() - start));
    json_object_set_new(result, "found", found);
    free(keys);
    return ok;
}

static bool set(const json_t *command, json_t *result)
{
    size_t n;
    mf_cache_key *keys = keys_of(command, &n);
    mf_cache_entry *entries = calloc(n + 1, sizeof *entries);
    const char *list = text_of(command, "list");
    for (size_t i = 0; i < n; i++)
        entries[i] =
            (mf_cache_entry){.list = list,
                             .n_list = strlen(list),
                             .count = (uint32_t)count_of(command, "count"),
                             .known_user = json_is_true(json_object_get(command, "known"))};
    const size_t given =
        mf_cache_session_set(session, keys, entries, n, (uint32_t)count_of(command, "budget_ms"));
    json_object_set_new(result, "given", json_integer((json_int_t)given));
    free(entries);
    free(keys);
    return given == n;
}

/* ---------------------------------------------------------------------- events */

static mf_feedback_key feedback_key_of(const json_t *user)
{
    mf_feedback_key key;
    const char *id = json_string_value(user);
    if (!mf_feedback_key_make(&key, id, strlen(id)))
        abort();
    return key;
}

static void take_events(void *argument, size_t i, const mf_feedback *feedback)
{
    char name[24];
    json_t *events = json_array();
    snprintf(name, sizeof name, "%zu", i);
    for (size_t e = 0; e < feedback->n; e++) {
        const mf_feedback_event *event = &feedback->events[e];
        json_array_append_new(
            events, json_pack("[s%, I, o]", event->item.bytes, event->item.n_bytes,
                              (json_int_t)event->time_ms,
                              isnan(event->rating) ? json_null() : json_real(event->rating)));
    }
    json_object_set_new(argument, name,
                        json_pack("{s:o, s:b, s:s%}", "events", events, "foreign",
                                  feedback->is_foreign, "head", feedback->head,
                                  (size_t)(feedback->is_foreign ? 0 : feedback->n_head)));
}

static bool events(const json_t *command, json_t *result)
{
    const json_t *users = json_object_get(command, "users");
    const size_t n = json_array_size(users);
    mf_feedback_key *keys = calloc(n + 1, sizeof *keys);
    json_t *found = json_object();
    for (size_t i = 0; i < n; i++)
        keys[i] = feedback_key_of(json_array_get(users, i));
    const mf_cache_wanted wanted = {.feedback = keys, .n = n};
    const bool ok = mf_cache_session_look_up(
        session, &wanted, (uint32_t)count_of(command, "budget_ms"), NULL, take_events, found);
    json_object_set_new(result, "found", found);
    free(keys);
    return ok;
}

/* What was read of one user, with events that outlive the call. */
typedef struct read_user {
    const mf_feedback_key *key;
    mf_feedback feedback;
    mf_text bytes;
} read_user;

static void take_read(void *argument, size_t i, const mf_feedback *feedback)
{
    read_user *r = argument;
    mf_error err = {0};
    mf_feedback_event copy[MF_FEEDBACK_MOST];
    (void)i;
    /* Written again it is the same, so that its bytes are there to be read again. */
    if (feedback->n > 0)
        memcpy(copy, feedback->events, feedback->n * sizeof *copy);
    if (feedback->is_foreign) {
        memcpy(r->feedback.head, feedback->head, feedback->n_head);
        r->feedback.n_head = feedback->n_head;
        return;
    }
    mf_feedback none;
    mf_feedback_clear(&none);
    if (mf_feedback_merge(&r->bytes, r->key, &none, copy, feedback->n, feedback->forgotten_ms,
                          MF_FEEDBACK_MOST) != feedback->generation ||
        !mf_feedback_read(&r->feedback, r->key, r->bytes.bytes, r->bytes.n_bytes, &err))
        abort();
}

static bool merge(const json_t *command, json_t *result)
{
    static const char *const states[] = {"unsent", "failed", "changed", "written", "replaced"};
    const uint32_t budget_ms = (uint32_t)count_of(command, "budget_ms");
    const json_t *list = json_object_get(command, "events");
    const json_t *forgotten = json_object_get(command, "forgotten_ms");
    const char *head = text_of(command, "head");
    const mf_feedback_key key = feedback_key_of(json_object_get(command, "user"));
    const size_t n = json_array_size(list);
    mf_feedback_event *new_events = calloc(n + 1, sizeof *new_events);
    read_user r = {.key = &key};
    mf_text value = MF_TEXT_EMPTY;
    mf_feedback_clear(&r.feedback);
    for (size_t i = 0; i < n; i++) {
        const json_t *event = json_array_get(list, i);
        const json_t *rating = json_array_get(event, 2);
        const json_t *item = json_array_get(event, 0);
        new_events[i] = (mf_feedback_event){
            .item = {json_string_value(item), json_string_length(item)},
            .time_ms = json_integer_value(json_array_get(event, 1)),
            .rating = json_is_number(rating) ? (float)json_number_value(rating) : NAN};
    }
    const mf_cache_wanted wanted = {.feedback = &key, .n = 1};
    bool ok = mf_cache_session_look_up(session, &wanted, budget_ms, NULL, take_read, &r);
    const uint64_t generation = mf_feedback_merge(
        &value, &key, &r.feedback, new_events, n,
        json_is_integer(forgotten) ? json_integer_value(forgotten) : MF_FEEDBACK_NEVER,
        (uint32_t)count_of(command, "most"));
    mf_feedback_update update = {.key = &key,
                                 .value = {value.bytes, value.n_bytes},
                                 .head = {r.feedback.head, r.feedback.n_head},
                                 .ttl_seconds = (uint32_t)count_of(command, "ttl")};
    if (head != NULL)
        update.head = (mf_id){head, strlen(head)};
    if (ok)
        mf_cache_session_update(session, &update, 1, budget_ms);
    json_object_set_new(result, "same", json_boolean(generation == r.feedback.generation));
    json_object_set_new(result, "state", json_string(states[update.state]));
    json_object_set_new(result, "reason", json_string(mf_cache_session_reason(session)));
    ok = ok && update.state >= MF_FEEDBACK_WRITTEN;
    free(new_events);
    mf_feedback_free(&r.feedback);
    mf_text_free(&r.bytes);
    mf_text_free(&value);
    return ok;
}

static bool count(json_t *result)
{
    static const char *const names[MF_CACHE_COUNTS] = {"hits",        "misses",     "skipped",
                                                       "stored",      "not_stored", "errors",
                                                       "connections", "ready",      "resting"};
    for (int i = 0; i < MF_CACHE_COUNTS; i++)
        json_object_set_new(result, names[i],
                            json_integer((json_int_t)mf_cache_counted(cache, (mf_cache_count)i)));
    return true;
}

static bool run(const json_t *command, json_t *result)
{
    const char *what = text_of(command, "do");
    if (strcmp(what, "open") == 0)
        return open_session(result);
    if (strcmp(what, "get") == 0)
        return get(command, result);
    if (strcmp(what, "set") == 0)
        return set(command, result);
    if (strcmp(what, "merge") == 0)
        return merge(command, result);
    if (strcmp(what, "events") == 0)
        return events(command, result);
    if (strcmp(what, "counts") != 0)
        abort();
    return count(result);
}

int main(void)
{
    obey_commands(run);
    mf_cache_session_close(session);
    mf_cache_close(cache);
    return 0;
}
