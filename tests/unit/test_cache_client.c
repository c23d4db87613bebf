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
    static const mf_cache_lookup_events events = {take_found, take_done};
    *l = (looked_up){0};
    return mf_cache_client_get(client, keys, n, &events, l);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
