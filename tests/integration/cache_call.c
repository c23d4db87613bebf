/* cache_call.c: src/cache without a loop (cache/session.h) for tests, by commands (commands.h).
 * test_cache_session.py drives it.
 *
 *     {"do":"open"}                     settings from the environment
 *     {"do":"get","users":["1","2"],"top_n":5,"version":"v","budget_ms":1000}
 *     {"do":"set","users":["1"],"list":"[7,8]","count":2,"known":true,"top_n":5, …}
 *     {"do":"counts"}
 *
 * The log is on standard error. */
#include "commands.h"

#include "base/clock.h"
#include "cache/session.h"

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
