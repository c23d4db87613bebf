/* test_cache_client.c: a client of the cache and a Redis for tests on one event base: what is sent,
 * what comes back, and every way in which a connection ends. */
#include "redis_testing.h"

#include "cache/client.h"

#include <limits.h>
#include <time.h>

static struct event_base *base;
static redis server;
static mf_cache_settings settings;
static mf_cache *cache;
static mf_cache_client *client;

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    assert_non_null(base);
    redis_open(&server, base);
    settings = redis_settings(&server);
    return 0;
}

static void open_cache(void)
{
    mf_error err = {0};
    cache = mf_cache_open(&settings, &err);
    client = cache != NULL ? mf_cache_client_create(cache, base, &err) : NULL;
    if (client == NULL)
        fail_msg("%s", err.text);
}

static int tear_down(void **state)
{
    (void)state;
    mf_cache_client_destroy(client);
    mf_cache_close(cache);
    redis_close(&server);
    event_base_free(base);
    client = NULL;
    cache = NULL;
    return 0;
}

/* Runs the loop until the condition holds. */
#define run_until(condition)                                                                       \
    do {                                                                                           \
        const time_t end = time(NULL) + 20;                                                        \
        while (!(condition)) {                                                                     \
            if (time(NULL) > end)                                                                  \
                fail_msg("never: %s", #condition);                                                 \
            event_base_loop(base, EVLOOP_ONCE);                                                    \
        }                                                                                          \
    } while (0)

static void run_to(mf_cache_state state)
{
    run_until(mf_cache_client_state(client) == state);
}

static void open_ready(void)
{
    open_cache();
    mf_cache_client_start(client);
    run_to(MF_CACHE_READY);
}

static mf_cache_key key_of(const char *user)
{
    mf_cache_key key;
    assert_true(mf_cache_key_make(&key, user, strlen(user), 5, "0123456789abcdef"));
    return key;
}

static uint64_t count(mf_cache_count what)
{
    return mf_cache_counted(cache, what);
}

/* What came of a lookup. */
typedef struct looked_up {
    bool done, complete;
    unsigned n_found;
    size_t last_index;
    char list[100];
    bool known_user;
} looked_up;

static void take_found(void *argument, size_t i, const mf_cache_entry *entry)
{
    looked_up *l = argument;
    l->n_found++;
    l->last_index = i;
    l->known_user = entry->known_user;
    snprintf(l->list, sizeof l->list, "%.*s", (int)entry->n_list, entry->list);
}

static void take_done(void *argument, bool complete)
{
    looked_up *l = argument;
    assert_false(l->done);
    l->done = true;
    l->complete = complete;
}

static mf_cache_lookup *look_up(const mf_cache_key *keys, size_t n, looked_up *l)
{
    static const mf_cache_lookup_events events = {.found = take_found, .done = take_done};
    const mf_cache_wanted wanted = {.lists = keys, .n = n};
    *l = (looked_up){0};
    return mf_cache_client_get(client, &wanted, &events, l);
}

static bool store(const char *user, const char *list, uint32_t n, bool known_user)
{
    const mf_cache_key key = key_of(user);
    const mf_cache_entry entry = {
        .list = list, .n_list = strlen(list), .count = n, .known_user = known_user};
    return mf_cache_client_set(client, &key, &entry);
}

/* ------------------------------------------------------------------- fine days */

static void a_stored_list_is_found_and_another_key_is_a_miss(void **state)
{
    (void)state;
    open_ready();
    assert_string_equal(server.last, "MGET rec:user: ");
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_CLIENTS_READY), 1);
    assert_true(store("7", "[1,\"b\",3]", 3, true));
    assert_int_equal(mf_cache_client_pending(client), 1);
    run_until(mf_cache_client_pending(client) == 0);
    assert_int_equal(count(MF_CACHE_STORED), 1);

    const mf_cache_key keys[] = {key_of("8"), key_of("7")};
    looked_up l;
    assert_non_null(look_up(keys, 2, &l));
    run_until(l.done);
    assert_true(l.complete);
    assert_int_equal(l.n_found, 1);
    assert_int_equal(l.last_index, 1);
    assert_string_equal(l.list, "[1,\"b\",3]");
    assert_true(l.known_user);
    assert_int_equal(count(MF_CACHE_HITS), 1);
    assert_int_equal(count(MF_CACHE_MISSES), 1);
    assert_int_equal(count(MF_CACHE_ERRORS), 0);
    assert_int_equal(count(MF_CACHE_CONNECTIONS), 1);
}

static unsigned long expiry(void)
{
    const char *ex = strstr(server.last, " EX ");
    assert_non_null(ex);
    return strtoul(ex + 4, NULL, 10);
}

static void lists_expire_within_a_tenth_of_their_time(void **state)
{
    (void)state;
    unsigned long lowest = ULONG_MAX, highest = 0;
    open_ready();
    for (int i = 0; i < 50; i++) {
        assert_true(store("7", "[1]", 1, true));
        run_until(mf_cache_client_pending(client) == 0);
        assert_true(expiry() >= 3240 && expiry() <= 3960);
        lowest = expiry() < lowest ? expiry() : lowest;
        highest = expiry() > highest ? expiry() : highest;
    }
    assert_true(highest - lowest > 100);
    assert_true(store("8", "[1]", 1, false));
    run_until(mf_cache_client_pending(client) == 0);
    assert_true(expiry() >= 54 && expiry() <= 66);
}

static void many_keys_are_several_commands(void **state)
{
    (void)state;
    enum { N = 250 };
    static mf_cache_key keys[N];
    open_ready();
    for (size_t i = 0; i < N; i++) {
        char user[8];
        snprintf(user, sizeof user, "%zu", i);
        keys[i] = key_of(user);
    }
    assert_true(store("249", "[9]", 1, true));
    run_until(mf_cache_client_pending(client) == 0);
    looked_up l;
    assert_non_null(look_up(keys, N, &l));
    assert_int_equal(mf_cache_client_pending(client), 3);
    run_until(l.done);
    assert_true(l.complete);
    assert_int_equal(l.n_found, 1);
    assert_int_equal(l.last_index, 249);
    assert_int_equal(count(MF_CACHE_MISSES), N - 1);
}

static void user_and_password_are_the_first_command(void **state)
{
    (void)state;
    snprintf(settings.username, sizeof settings.username, "reader");
    snprintf(settings.password, sizeof settings.password, "secret word");
    open_ready();
    assert_string_equal(server.auth, "AUTH reader secret word ");
    mf_cache_client_destroy(client);
    mf_cache_close(cache);
    settings.username[0] = '\0';
    open_ready();
    assert_string_equal(server.auth, "AUTH secret word ");
}

static void a_name_is_looked_up_on_a_thread(void **state)
{
    (void)state;
    snprintf(settings.host, sizeof settings.host, "localhost");
    open_ready();
    assert_int_equal(server.n_connections, 1);
}

static void a_cancelled_lookup_is_not_called_back(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("7");
    looked_up cancelled, other;
    open_ready();
    assert_true(store("7", "[1]", 1, true));
    mf_cache_lookup *lookup = look_up(&key, 1, &cancelled);
    assert_non_null(lookup);
    assert_non_null(look_up(&key, 1, &other));
    mf_cache_client_cancel(client, lookup);
    run_until(other.done);
    assert_int_equal(other.n_found, 1);
    assert_false(cancelled.done);
    assert_int_equal(cancelled.n_found, 0);
}

static void a_value_that_is_no_entry_is_a_miss_and_an_error(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("7");
    looked_up l;
    open_ready();
    redis_store(&server, key.bytes, key.n_bytes, "[1,2,3]", 7);
    assert_non_null(look_up(&key, 1, &l));
    run_until(l.done);
    assert_true(l.complete);
    assert_int_equal(l.n_found, 0);
    assert_int_equal(count(MF_CACHE_MISSES), 1);
    assert_int_equal(count(MF_CACHE_ERRORS), 1);
    assert_int_equal(mf_cache_client_state(client), MF_CACHE_READY);
}

static void a_list_that_is_none_is_not_sent(void **state)
{
    (void)state;
    open_ready();
    const unsigned n = server.n_commands;
    assert_false(store("7", "[1,2]", 3, true));
    assert_false(store("7", "not a list", 1, true));
    assert_int_equal(count(MF_CACHE_NOT_STORED), 2);
    assert_int_equal(mf_cache_client_pending(client), 0);
    assert_int_equal(server.n_commands, n);
}

/* ------------------------------------------------------------------- bad days */

static void before_it_is_ready_everything_is_skipped(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("7");
    looked_up l;
    open_cache();
    assert_int_equal(mf_cache_client_state(client), MF_CACHE_IDLE);
    assert_null(look_up(&key, 1, &l));
    assert_false(store("7", "[1]", 1, true));
    assert_int_equal(count(MF_CACHE_SKIPPED), 1);
    assert_int_equal(count(MF_CACHE_NOT_STORED), 1);
}

static void without_a_server_it_rests(void **state)
{
    (void)state;
    redis_close(&server);
    open_cache();
    mf_cache_client_start(client);
    run_to(MF_CACHE_RESTING);
    assert_int_equal(count(MF_CACHE_ERRORS), 1);
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_CLIENTS_RESTING), 1);
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_CLIENTS_READY), 0);
    mf_cache_client_start(client); /* the time of rest is not over */
    assert_int_equal(mf_cache_client_state(client), MF_CACHE_RESTING);
}

static void it_tries_again_after_the_time_of_rest(void **state)
{
    (void)state;
    settings.retry_ms = 10;
    server.fault = REDIS_CLOSES;
    open_cache();
    mf_cache_client_start(client);
    run_until(server.n_connections >= 3);
    server.fault = REDIS_FINE;
    run_to(MF_CACHE_READY);
    assert_true(count(MF_CACHE_ERRORS) >= 2);
    assert_int_equal(count(MF_CACHE_CONNECTIONS), 1);
}

static void a_wrong_password_is_no_connection(void **state)
{
    (void)state;
    snprintf(settings.password, sizeof settings.password, "wrong");
    server.fault = REDIS_ERROR;
    server.error_to = "AUTH";
    server.error = "WRONGPASS invalid username-password pair";
    open_cache();
    mf_cache_client_start(client);
    run_to(MF_CACHE_RESTING);
    assert_int_equal(count(MF_CACHE_CONNECTIONS), 0);
}

static void a_password_file_that_is_gone_is_no_connection(void **state)
{
    (void)state;
    snprintf(settings.password_file, sizeof settings.password_file, "/no/such/file");
    open_cache();
    mf_cache_client_start(client);
    run_to(MF_CACHE_RESTING);
    assert_int_equal(server.n_commands, 0);
}

/* The faults that end a connection with a lookup under way. */
static void a_fault_ends_the_lookup_and_the_connection(void **state)
{
    (void)state;
    static const redis_fault faults[] = {REDIS_SILENT, REDIS_ERROR, REDIS_WRONG_TYPE, REDIS_TALKS};
    server.error_to = "MGET";
    server.error = "LOADING Redis is loading the dataset in memory";
    settings.command_ms = 100;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const mf_cache_key keys[] = {key_of("7"), key_of("8")};
        looked_up l;
        server.fault = REDIS_FINE;
        open_ready();
        server.fault = faults[i];
        assert_non_null(look_up(keys, 2, &l));
        run_to(MF_CACHE_RESTING);
        assert_true(l.done);
        assert_int_equal(l.complete, faults[i] == REDIS_TALKS);
        assert_int_equal(count(MF_CACHE_SKIPPED), faults[i] == REDIS_TALKS ? 0 : 2);
        assert_int_equal(count(MF_CACHE_ERRORS), 1);
        mf_cache_client_destroy(client);
        mf_cache_close(cache);
        client = NULL;
        cache = NULL;
    }
}

static void a_connection_that_redis_closed_is_opened_again_at_once_but_not_twice(void **state)
{
    (void)state;
    open_ready();
    redis_drop(&server, NULL);
    run_to(MF_CACHE_OPENING);
    run_to(MF_CACHE_READY);
    assert_int_equal(server.n_connections, 2);
    redis_drop(&server, NULL);
    run_to(MF_CACHE_RESTING);
    assert_int_equal(count(MF_CACHE_CONNECTIONS), 2);
}

static void an_error_of_storing_stops_storing_alone(void **state)
{
    (void)state;
    static const char *const errors[] = {"OOM command not allowed", "NOREPLICAS Not enough",
                                         "MISCONF Redis is configured",
                                         "NOPERM this user has no permissions"};
    const mf_cache_key key = key_of("7");
    server.error_to = "SET";
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        looked_up l;
        server.fault = REDIS_ERROR;
        server.error = errors[i];
        open_ready();
        assert_true(store("7", "[1]", 1, true));
        run_until(mf_cache_client_pending(client) == 0);
        assert_int_equal(count(MF_CACHE_NOT_STORED), 1);
        const unsigned n = server.n_commands;
        assert_false(store("7", "[1]", 1, true)); /* not tried again so soon */
        assert_int_equal(server.n_commands, n);
        assert_int_equal(count(MF_CACHE_NOT_STORED), 2);
        assert_non_null(look_up(&key, 1, &l));
        run_until(l.done);
        assert_true(l.complete);
        assert_int_equal(mf_cache_client_state(client), MF_CACHE_READY);
        mf_cache_client_destroy(client);
        mf_cache_close(cache);
        client = NULL;
        cache = NULL;
    }
}

static void a_node_that_became_a_replica_is_left_but_not_twice(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("7");
    looked_up l;
    server.fault = REDIS_ERROR;
    server.error = "READONLY You can't write";
    server.error_to = "SET";
    open_ready();
    assert_true(store("7", "[1]", 1, true));
    assert_true(store("8", "[1]", 1, true));
    run_to(MF_CACHE_OPENING);
    assert_int_equal(count(MF_CACHE_NOT_STORED), 2);
    run_to(MF_CACHE_READY);
    assert_int_equal(server.n_connections, 2);
    assert_true(store("7", "[1]", 1, true));
    run_until(mf_cache_client_pending(client) == 0);
    assert_int_equal(mf_cache_client_state(client), MF_CACHE_READY);
    assert_false(store("7", "[1]", 1, true));
    assert_non_null(look_up(&key, 1, &l));
    run_until(l.done);
    assert_true(l.complete);
    assert_int_equal(server.n_connections, 2);
}

static void more_commands_than_the_ring_holds_are_skipped(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("7");
    static looked_up l[MF_CACHE_COMMANDS_MAX];
    looked_up one_more;
    open_ready();
    for (size_t i = 0; i < MF_CACHE_COMMANDS_MAX; i++)
        assert_non_null(look_up(&key, 1, &l[i]));
    assert_int_equal(mf_cache_client_pending(client), MF_CACHE_COMMANDS_MAX);
    assert_null(look_up(&key, 1, &one_more));
    assert_false(store("7", "[1]", 1, true));
    assert_int_equal(count(MF_CACHE_SKIPPED), 1);
    run_until(mf_cache_client_pending(client) == 0);
    for (size_t i = 0; i < MF_CACHE_COMMANDS_MAX; i++)
        assert_true(l[i].done && l[i].complete);
}

static void trusted_certificates_must_be_a_file_of_them(void **state)
{
    (void)state;
    mf_error err = {0};
    settings.tls = true;
    snprintf(settings.ca_file, sizeof settings.ca_file, "/no/such/file");
    assert_null(mf_cache_open(&settings, &err));
    assert_error(&err, MF_ERR_CONFIG, "/no/such/file: cannot be read as certificates");
}

/* ---------------------------------------------------------------------- events */

static mf_feedback_key feedback_key_of(const char *user)
{
    mf_feedback_key key;
    assert_true(mf_feedback_key_make(&key, user, strlen(user)));
    return key;
}

/* The value of a user who rated `item`; its generation begins it. */
static uint64_t write_events(mf_text *value, const char *user, const char *item)
{
    const mf_feedback_key key = feedback_key_of(user);
    mf_feedback_event event = {.item = {item, strlen(item)}, .time_ms = 1000, .rating = 4};
    mf_feedback none;
    mf_feedback_clear(&none);
    return mf_feedback_merge(value, &key, &none, &event, 1, MF_FEEDBACK_NEVER, 200);
}

/* Replaces what begins with head; returns when Redis has replied. */
static mf_feedback_state update(const char *user, const char *item, const char *head)
{
    const mf_feedback_key key = feedback_key_of(user);
    mf_text value = MF_TEXT_EMPTY;
    write_events(&value, user, item);
    mf_feedback_update u = {.key = &key,
                            .value = {value.bytes, value.n_bytes},
                            .head = {head, strnlen(head, MF_FEEDBACK_HEAD)},
                            .ttl_seconds = 77};
    const bool sent = mf_cache_client_update(client, &u);
    assert_int_equal(u.state, sent ? MF_FEEDBACK_FAILED : MF_FEEDBACK_UNSENT);
    run_until(mf_cache_client_pending(client) == 0);
    mf_text_free(&value);
    return u.state;
}

/* What a lookup of events, or of both, found of each user. */
typedef struct both {
    bool done, complete;
    unsigned n_lists, n_feedback, n_foreign;
    size_t last_list, last_feedback;
    uint64_t generation;
} both;

static void take_list_of_both(void *argument, size_t i, const mf_cache_entry *entry)
{
    both *b = argument;
    (void)entry;
    b->n_lists++;
    b->last_list = i;
    assert_true(b->n_feedback == 0 || i >= b->last_feedback); /* a user's events come first */
}

static void take_feedback_of_both(void *argument, size_t i, const mf_feedback *feedback)
{
    both *b = argument;
    b->n_feedback++;
    b->n_foreign += feedback->is_foreign;
    b->last_feedback = i;
    b->generation = feedback->generation;
}

static void take_done_of_both(void *argument, bool complete)
{
    both *b = argument;
    b->done = true;
    b->complete = complete;
}

static both look_up_wanted(const mf_cache_wanted *wanted)
{
    static const mf_cache_lookup_events events = {take_list_of_both, take_done_of_both,
                                                  take_feedback_of_both};
    both b = {.done = false};
    assert_non_null(mf_cache_client_get(client, wanted, &events, &b));
    run_until(b.done);
    assert_true(b.complete);
    return b;
}

static both look_up_both(const mf_cache_key *lists, const mf_feedback_key *feedback, size_t n)
{
    return look_up_wanted(&(mf_cache_wanted){.lists = lists, .feedback = feedback, .n = n});
}

static void store_for(const char *user, uint64_t generation)
{
    const mf_cache_key key = key_of(user);
    const mf_cache_entry entry = {
        .list = "[1]", .n_list = 3, .count = 1, .known_user = true, .generation = generation};
    assert_true(mf_cache_client_set(client, &key, &entry));
    run_until(mf_cache_client_pending(client) == 0);
}

static void a_list_and_the_events_of_its_user_are_one_command(void **state)
{
    (void)state;
    const mf_cache_key lists[] = {key_of("a"), key_of("b"), key_of("c")};
    const mf_feedback_key feedback[] = {feedback_key_of("a"), feedback_key_of("b"),
                                        feedback_key_of("c")};
    mf_text value = MF_TEXT_EMPTY;
    const uint64_t generation = write_events(&value, "b", "x");
    open_ready();
    assert_int_equal(update("b", "x", ""), MF_FEEDBACK_WRITTEN);
    store_for("a", 0);
    store_for("b", generation);
    store_for("c", generation); /* c has no events, so that this list is out of date */
    const unsigned n = server.n_commands;
    both b = look_up_both(lists, feedback, 3);
    assert_int_equal(server.n_commands, n + 1);
    assert_string_equal(server.last, "MGET fb:user:a rec:user:a:top5:v3:0123456789abcdef "
                                     "fb:user:b rec:user:b:top5:v3:0123456789abcdef "
                                     "fb:user:c rec:user:c:top5:v3:0123456789abcdef ");
    assert_int_equal(b.n_lists, 2);
    assert_int_equal(b.last_list, 1);
    assert_int_equal(b.n_feedback, 1);
    assert_int_equal(b.last_feedback, 1);
    assert_true(b.generation == generation);
    assert_int_equal(count(MF_CACHE_HITS), 2);
    assert_int_equal(count(MF_CACHE_MISSES), 1);
    assert_int_equal(count(MF_CACHE_SKIPPED), 0);

    /* Of the last ones the events alone. */
    const mf_cache_wanted wanted = {
        .lists = lists, .feedback = feedback, .n = 3, .n_without_list = 2};
    b = look_up_wanted(&wanted);
    assert_string_equal(server.last, "MGET fb:user:a rec:user:a:top5:v3:0123456789abcdef "
                                     "fb:user:b fb:user:c ");
    assert_int_equal(b.n_lists, 1);
    assert_int_equal(b.last_feedback, 1);
    assert_int_equal(count(MF_CACHE_HITS), 3);

    /* Another event: the list of b is out of date. */
    assert_int_equal(update("b", "y", value.bytes), MF_FEEDBACK_WRITTEN);
    b = look_up_both(lists, feedback, 3);
    assert_int_equal(b.n_lists, 1);
    assert_int_equal(b.last_list, 0);

    /* The events alone count as no list. */
    b = look_up_both(NULL, feedback, 3);
    assert_int_equal(b.n_feedback, 1);
    assert_int_equal(count(MF_CACHE_HITS) + count(MF_CACHE_MISSES), 7);
    assert_int_equal(count(MF_CACHE_ERRORS), 0);
    mf_text_free(&value);
}

static void many_users_events_are_several_commands(void **state)
{
    (void)state;
    enum { N = 120 };
    static mf_cache_key lists[N];
    static mf_feedback_key feedback[N];
    for (size_t i = 0; i < N; i++) {
        char user[8];
        snprintf(user, sizeof user, "%zu", i);
        lists[i] = key_of(user);
        feedback[i] = feedback_key_of(user);
    }
    open_ready();
    assert_int_equal(update("119", "x", ""), MF_FEEDBACK_WRITTEN);
    store_for("70", 0);
    const unsigned n = server.n_commands;
    both b = look_up_both(lists, feedback, N);
    assert_int_equal(server.n_commands, n + 3);
    assert_int_equal(b.last_list, 70);
    assert_int_equal(b.last_feedback, 119);
    b = look_up_wanted(
        &(mf_cache_wanted){.lists = lists, .feedback = feedback, .n = N, .n_without_list = N - 71});
    assert_int_equal(b.last_list, 70);
    assert_int_equal(b.last_feedback, 119);
    b = look_up_wanted(
        &(mf_cache_wanted){.lists = lists, .feedback = feedback, .n = N, .n_without_list = N - 70});
    assert_int_equal(b.n_lists, 0);
    assert_int_equal(b.last_feedback, 119);
}

static void an_update_replaces_what_was_read_and_nothing_else(void **state)
{
    (void)state;
    mf_text value = MF_TEXT_EMPTY;
    write_events(&value, "7", "x");
    open_ready();
    assert_int_equal(update("7", "x", ""), MF_FEEDBACK_WRITTEN);
    assert_int_equal(strncmp(server.last, "EVAL local head", 15), 0);
    assert_int_equal(update("7", "y", ""), MF_FEEDBACK_CHANGED);
    assert_int_equal(strncmp(server.last, "EVALSHA ", 8), 0);
    assert_int_equal(update("7", "y", value.bytes), MF_FEEDBACK_WRITTEN);
    assert_non_null(strstr(server.last, "fb:user:7"));
    assert_string_equal(server.stored[0].key, "fb:user:7");
    mf_text_clear(&value, SIZE_MAX);
    write_events(&value, "7", "y");
    assert_memory_equal(server.stored[0].value, value.bytes, value.n_bytes);
    mf_text_free(&value);
}

static void a_foreign_value_is_shown_and_can_be_replaced(void **state)
{
    (void)state;
    const mf_feedback_key feedback = feedback_key_of("7");
    open_ready();
    redis_store(&server, "fb:user:7", 9, "somebody else's", 15);
    const both b = look_up_both(NULL, &feedback, 1);
    assert_int_equal(b.n_foreign, 1);
    assert_int_equal(b.generation, 0);
    assert_int_equal(count(MF_CACHE_ERRORS), 1);
    assert_int_equal(update("7", "x", "somebody else's"), MF_FEEDBACK_WRITTEN);
}

static void scripts_that_were_flushed_are_sent_again(void **state)
{
    (void)state;
    open_ready();
    assert_int_equal(update("7", "x", ""), MF_FEEDBACK_WRITTEN);
    server.fault = REDIS_ERROR;
    server.error = "NOSCRIPT No matching script";
    server.error_to = "EVALSHA";
    assert_int_equal(update("8", "x", ""), MF_FEEDBACK_FAILED);
    assert_non_null(strstr(mf_cache_client_reason(client), "NOSCRIPT"));
    assert_int_equal(mf_cache_client_state(client), MF_CACHE_READY);
    assert_int_equal(update("8", "x", ""), MF_FEEDBACK_WRITTEN);
}

static void an_error_of_an_update_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *error, *reason;
        mf_cache_state state;
    } errors[] = {
        {"OOM command not allowed", "OOM command", MF_CACHE_READY},
        {"ERR unknown command 'EVAL'", "unknown command", MF_CACHE_READY},
        {"MOVED 1 10.0.0.1:6379", "cluster mode cannot be used", MF_CACHE_RESTING},
        {"LOADING Redis is loading", "LOADING", MF_CACHE_RESTING},
    };
    server.error_to = "EVAL";
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        server.fault = REDIS_ERROR;
        server.error = errors[i].error;
        open_ready();
        assert_string_equal(mf_cache_client_reason(client), "");
        assert_int_equal(update("7", "x", ""), MF_FEEDBACK_FAILED);
        assert_int_equal(mf_cache_client_state(client), errors[i].state);
        assert_non_null(strstr(mf_cache_client_reason(client), errors[i].reason));
        assert_int_equal(update("7", "x", ""), MF_FEEDBACK_UNSENT); /* not again so soon */
        assert_int_equal(count(MF_CACHE_ERRORS), 1);
        assert_int_equal(count(MF_CACHE_NOT_STORED), 0);
        mf_cache_client_destroy(client);
        mf_cache_close(cache);
        client = NULL;
        cache = NULL;
    }
}

static void a_cancelled_update_is_not_touched(void **state)
{
    (void)state;
    const mf_feedback_key key = feedback_key_of("7");
    mf_feedback_update *u = calloc(1, sizeof *u);
    *u = (mf_feedback_update){.key = &key, .value = {"x", 1}, .head = {"", 0}, .ttl_seconds = 1};
    open_ready();
    assert_true(mf_cache_client_update(client, u));
    mf_cache_client_cancel_updates(client);
    assert_int_equal(u->state, MF_FEEDBACK_FAILED);
    free(u);
    run_until(mf_cache_client_pending(client) == 0);
    assert_int_equal(mf_cache_client_state(client), MF_CACHE_READY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stored_list_is_found_and_another_key_is_a_miss),
        TEST(lists_expire_within_a_tenth_of_their_time),
        TEST(many_keys_are_several_commands),
        TEST(user_and_password_are_the_first_command),
        TEST(a_name_is_looked_up_on_a_thread),
        TEST(a_cancelled_lookup_is_not_called_back),
        TEST(a_value_that_is_no_entry_is_a_miss_and_an_error),
        TEST(a_list_that_is_none_is_not_sent),
        TEST(before_it_is_ready_everything_is_skipped),
        TEST(without_a_server_it_rests),
        TEST(it_tries_again_after_the_time_of_rest),
        TEST(a_wrong_password_is_no_connection),
        TEST(a_password_file_that_is_gone_is_no_connection),
        TEST(a_fault_ends_the_lookup_and_the_connection),
        TEST(a_connection_that_redis_closed_is_opened_again_at_once_but_not_twice),
        TEST(an_error_of_storing_stops_storing_alone),
        TEST(a_node_that_became_a_replica_is_left_but_not_twice),
        TEST(more_commands_than_the_ring_holds_are_skipped),
        TEST(trusted_certificates_must_be_a_file_of_them),
        TEST(a_list_and_the_events_of_its_user_are_one_command),
        TEST(many_users_events_are_several_commands),
        TEST(an_update_replaces_what_was_read_and_nothing_else),
        TEST(a_foreign_value_is_shown_and_can_be_replaced),
        TEST(scripts_that_were_flushed_are_sent_again),
        TEST(an_error_of_an_update_has_its_reason),
        TEST(a_cancelled_update_is_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
