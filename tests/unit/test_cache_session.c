/* test_cache_session.c: the cache for a program without an event loop, against a Redis on another
 * thread: a call opens the connection, waits for its replies, and never longer than its budget. */
#include "redis_testing.h"

#include "base/clock.h"
#include "cache/session.h"

static redis_thread server;
static mf_cache *cache;
static mf_cache_session *session;

static int set_up(void **state)
{
    (void)state;
    mf_error err = {0};
    redis_start(&server);
    const mf_cache_settings settings = redis_settings(&server.redis);
    cache = mf_cache_open(&settings, &err);
    session = cache != NULL ? mf_cache_session_open(cache, &err) : NULL;
    if (session == NULL)
        fail_msg("%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mf_cache_session_close(session);
    mf_cache_close(cache);
    redis_stop(&server);
    return 0;
}

static mf_cache_key key_of(const char *user)
{
    mf_cache_key key;
    assert_true(mf_cache_key_make(&key, user, strlen(user), 5, "v1"));
    return key;
}

static void count_found(void *argument, size_t i, const mf_cache_entry *entry)
{
    unsigned *found = argument;
    assert_string_equal("[1,2]", entry->n_list == 5 ? "[1,2]" : "another list");
    found[i]++;
}

/* The server's thread has seen what the test wants. */
static void wait_for_ticks(void)
{
    mf_clock_sleep_ms(50);
}

static size_t store(const char *user, uint32_t budget_ms)
{
    const mf_cache_key key = key_of(user);
    const mf_cache_entry entry = {.list = "[1,2]", .n_list = 5, .count = 2, .known_user = true};
    return mf_cache_session_set(session, &key, &entry, 1, budget_ms);
}

static void a_call_connects_stores_and_finds(void **state)
{
    (void)state;
    const mf_cache_key keys[] = {key_of("a"), key_of("b"), key_of("c")};
    unsigned found[3] = {0};
    assert_int_equal(mf_cache_session_worst_ms(session), 5000);
    assert_int_equal(store("b", 5000), 1);
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_STORED), 1);
    assert_true(mf_cache_session_get(session, keys, 3, 5000, count_found, found));
    assert_int_equal(found[0], 0);
    assert_int_equal(found[1], 1);
    assert_int_equal(found[2], 0);
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_CONNECTIONS), 1);
    assert_true(mf_cache_session_get(session, keys, 0, 5000, count_found, found));
}

static void more_lists_than_may_wait_are_stored_all_the_same(void **state)
{
    (void)state;
    enum { N = MF_CACHE_COMMANDS_MAX + 100 };
    static mf_cache_key keys[N];
    static mf_cache_entry entries[N];
    for (size_t i = 0; i < N; i++) {
        keys[i] = key_of("a");
        entries[i] = (mf_cache_entry){.list = "[1,2]", .n_list = 5, .count = 2, .known_user = true};
    }
    assert_int_equal(mf_cache_session_set(session, keys, entries, N, 20000), N);
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_STORED), N);
}

static void a_connection_that_died_between_two_calls_is_opened_again(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("a");
    unsigned found = 0;
    assert_int_equal(store("a", 5000), 1);
    atomic_store(&server.drop, true);
    wait_for_ticks();
    assert_true(mf_cache_session_get(session, &key, 1, 5000, count_found, &found));
    assert_int_equal(found, 1);
    wait_for_ticks();
    assert_int_equal(atomic_load(&server.n_connections), 2);
}

static void a_silent_server_costs_the_budget_and_no_more(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("a");
    unsigned found = 0;
    assert_int_equal(store("a", 5000), 1);
    atomic_store(&server.fault, REDIS_SILENT);
    wait_for_ticks();
    const double start = mf_clock_seconds();
    assert_false(mf_cache_session_get(session, &key, 1, 100, count_found, &found));
    assert_true(mf_clock_seconds() - start >= 0.099);
    assert_int_equal(found, 0);
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_HITS), 0);
}

static void a_cache_that_rests_is_left_alone(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("a");
    unsigned found = 0;
    atomic_store(&server.fault, REDIS_CLOSES);
    wait_for_ticks();
    assert_false(mf_cache_session_get(session, &key, 1, 5000, count_found, &found));
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_CLIENTS_RESTING), 1);
    wait_for_ticks();
    const unsigned before = atomic_load(&server.n_connections);
    assert_false(mf_cache_session_get(session, &key, 1, 5000, count_found, &found));
    assert_int_equal(store("a", 5000), 0);
    wait_for_ticks();
    assert_int_equal(atomic_load(&server.n_connections), before);
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_SKIPPED), 2);
    assert_int_equal(mf_cache_counted(cache, MF_CACHE_NOT_STORED), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_connects_stores_and_finds),
        TEST(more_lists_than_may_wait_are_stored_all_the_same),
        TEST(a_connection_that_died_between_two_calls_is_opened_again),
        TEST(a_silent_server_costs_the_budget_and_no_more),
        TEST(a_cache_that_rests_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
