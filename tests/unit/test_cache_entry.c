/* test_cache_entry.c: names and values in the cache; promises of cache/entry.h
 * and the breaker of cache/client.h. */
#include "testing.h"

#include "cache/client.h"
#include "cache/entry.h"

static const char VERSION[] = "9c1f0a7b5d3e2468";

static mf_cache_key key_of(const char *user, uint32_t top_n)
{
    mf_cache_key key;
    assert_true(mf_cache_key_make(&key, user, strlen(user), top_n, VERSION));
    return key;
}

static mf_cache_entry list_of(const char *list, uint32_t count)
{
    return (mf_cache_entry){
        .list = list, .n_list = strlen(list), .count = count, .known_user = true};
}

/* ----------------------------------------------------------------------- keys */

static void a_key_says_user_top_n_schema_and_model(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("123", 20);
    assert_string_equal(key.bytes, "rec:user:123:top20:v3:9c1f0a7b5d3e2468");
    assert_int_equal(key.n_bytes, strlen(key.bytes));
    assert_string_equal(key.bytes + key.version_at, VERSION);
    assert_int_equal(key.top_n, 20);
}

static void different_requests_have_different_keys(void **state)
{
    (void)state;
    static const char *const users[] = {
        "1",   "1:top20",    "1:top20:v3:9c1f0a7b5d3e2468",
        "%31", "a b",        "a%20b",
        "é",   "e\u0301",    "\xff",
        "1\n", "1\r\nDEL 1", "*",
        "-1",  "01",         "A",
        "a",
    };
    mf_cache_key keys[2 * sizeof users / sizeof users[0]];
    size_t n = 0;
    for (size_t u = 0; u < sizeof users / sizeof users[0]; u++)
        for (uint32_t top_n = 2; top_n <= 20; top_n += 18)
            keys[n++] = key_of(users[u], top_n);
    for (size_t i = 0; i < n; i++) {
        for (const char *c = keys[i].bytes; *c != '\0'; c++)
            assert_true(*c > ' ' && *c < 0x7F);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(keys[i].bytes, keys[j].bytes);
    }
    mf_cache_key other;
    assert_true(mf_cache_key_make(&other, "1", 1, 2, "9c1f0a7b5d3e2469"));
    assert_string_not_equal(other.bytes, keys[0].bytes);
}

static void what_has_no_key_is_refused(void **state)
{
    (void)state;
    char id[MF_CACHE_ID_MAX + 1];
    memset(id, 'a', sizeof id);
    mf_cache_key key = {.top_n = 77};
    assert_false(mf_cache_key_make(&key, id, sizeof id, 5, VERSION));
    assert_false(mf_cache_key_make(&key, "", 0, 5, VERSION));
    memset(id, ':', sizeof id); /* three bytes each */
    assert_false(mf_cache_key_make(&key, id, MF_CACHE_ID_MAX / 3 + 1, 5, VERSION));
    assert_false(mf_cache_key_make(&key, "1", 1, 5, ""));
    assert_false(mf_cache_key_make(&key, "1", 1, 5, "a b"));
    assert_false(mf_cache_key_make(&key, "1", 1, 5, "a\nb"));
    memset(id, 'a', sizeof id - 1);
    id[MF_CACHE_VERSION_MAX + 1] = '\0';
    assert_false(mf_cache_key_make(&key, "1", 1, 5, id));
    assert_int_equal(key.top_n, 77);
    assert_int_equal(key.n_bytes, 0);
    memset(id, 'a', sizeof id);
    id[MF_CACHE_VERSION_MAX] = '\0';
    assert_true(mf_cache_key_make(&key, id, MF_CACHE_VERSION_MAX, UINT32_MAX, id));
    memset(id, 'a', sizeof id);
    assert_true(mf_cache_key_make(&key, id, MF_CACHE_ID_MAX, UINT32_MAX, VERSION));
    assert_int_equal(key.n_bytes, strlen(key.bytes));
}

/* --------------------------------------------------------------------- values */

static const char *const good_lists[] = {
    "[]",
    "[1]",
    "[0,-5,999999999999999]",
    "[\"tt0080684\",12,\"\\u00e9\\n\\\"\\\\\",\"\xc3\xa9\",\"a,b]\"]",
};
static const uint32_t good_counts[] = {0, 1, 3, 5};

static void what_was_written_is_read(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("7", 5);
    for (size_t i = 0; i < sizeof good_lists / sizeof good_lists[0]; i++)
        for (int known = 0; known < 2; known++) {
            mf_text value = MF_TEXT_EMPTY;
            mf_cache_entry in = list_of(good_lists[i], good_counts[i]);
            in.known_user = known;
            in.generation = known ? UINT64_MAX - i : 0;
            assert_true(mf_cache_entry_write(&value, &key, &in));
            mf_cache_entry out = {0};
            assert_true(mf_cache_entry_read(value.bytes, value.n_bytes, &key, &out));
            assert_int_equal(out.count, in.count);
            assert_int_equal(out.known_user, known);
            assert_true(out.generation == in.generation);
            assert_int_equal(out.n_list, in.n_list);
            assert_memory_equal(out.list, in.list, in.n_list);
            mf_text_free(&value);
        }
}

static void what_is_no_list_of_ids_is_not_written(void **state)
{
    (void)state;
    const struct {
        const char *list;
        uint32_t count;
    } bad[] = {
        {"", 0},
        {"[", 0},
        {"[]", 1},
        {"[1]", 0},
        {"[1,]", 1},
        {"[1,]", 2},
        {"[,1]", 1},
        {"[1 ]", 1},
        {"[ 1]", 1},
        {"[1.5]", 1},
        {"[1e2]", 1},
        {"[01]", 1},
        {"[-]", 1},
        {"[null]", 1},
        {"[true]", 1},
        {"[[1]]", 1},
        {"[{}]", 1},
        {"[\"]", 1},
        {"[\"\"]", 1},
        {"[\"a]", 1},
        {"[\"\\x\"]", 1},
        {"[\"\n\"]", 1},
        {"[\"\\u12\"]", 1},
        {"[\"\xff\"]", 1},
        {"[1]x", 1},
        {"[1][2]", 2},
        {"[1,2", 2},
        {"{\"a\":1}", 1},
        {"[\"\\\"]", 1},
        {"[\"a\"\"b\"]", 2},
        {"[1234567890123456]", 1},
        {"[1,2,3,4,5,6]", 6},
    };
    const mf_cache_key key = key_of("7", 5);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mf_text value = MF_TEXT_EMPTY;
        const mf_cache_entry entry = list_of(bad[i].list, bad[i].count);
        if (mf_cache_entry_write(&value, &key, &entry))
            fail_msg("written: %s", bad[i].list);
        assert_int_equal(value.n_bytes, 0);
        mf_text_free(&value);
    }
}

static void a_list_that_is_too_long_is_not_written(void **state)
{
    (void)state;
    static char list[MF_CACHE_VALUE_MAX];
    memset(list, '1', sizeof list);
    for (size_t i = 0; i < sizeof list; i += 2)
        list[i] = ',';
    list[0] = '[';
    for (size_t n = sizeof list - 1; n > sizeof list - 400; n -= 2) {
        const char kept = list[n - 1];
        list[n - 1] = ']';
        const mf_cache_key key = key_of("7", UINT32_MAX);
        const mf_cache_entry entry = {.list = list, .n_list = n, .count = (uint32_t)(n - 1) / 2};
        mf_text value = MF_TEXT_EMPTY;
        mf_cache_entry out;
        if (mf_cache_entry_write(&value, &key, &entry)) {
            assert_true(value.n_bytes <= MF_CACHE_VALUE_MAX);
            assert_true(mf_cache_entry_read(value.bytes, value.n_bytes, &key, &out));
            assert_true(n < sizeof list - 50);
            mf_text_free(&value);
            return;
        }
        mf_text_free(&value);
        list[n - 1] = kept;
    }
    fail_msg("nothing of about that length was written");
}

/* Cut anywhere, changed anywhere, lengthened, or under another key. */
static void anything_else_is_not_read(void **state)
{
    (void)state;
    const mf_cache_key key = key_of("7", 5);
    const mf_cache_entry in = list_of("[969,3035,\"tt0080684\"]", 3);
    mf_text value = MF_TEXT_EMPTY;
    mf_cache_entry out;
    assert_true(mf_cache_entry_write(&value, &key, &in));
    for (size_t n = 0; n < value.n_bytes; n++) {
        char *cut = malloc(n > 0 ? n : 1); /* exact, so that ASan sees a byte too far */
        memcpy(cut, value.bytes, n);
        assert_false(mf_cache_entry_read(cut, n, &key, &out));
        free(cut);
    }
    for (size_t i = 0; i < value.n_bytes; i++)
        for (int bit = 0; bit < 8; bit++) {
            value.bytes[i] ^= (char)(1 << bit);
            assert_false(mf_cache_entry_read(value.bytes, value.n_bytes, &key, &out));
            value.bytes[i] ^= (char)(1 << bit);
        }
    const mf_cache_key others[] = {key_of("8", 5), key_of("7", 6), key_of("7", 2)};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(mf_cache_entry_read(value.bytes, value.n_bytes, &others[i], &out));
    mf_cache_key newer;
    assert_true(mf_cache_key_make(&newer, "7", 1, 5, "9c1f0a7b5d3e2469"));
    assert_false(mf_cache_entry_read(value.bytes, value.n_bytes, &newer, &out));
    mf_text_append(&value, "]", 1);
    assert_false(mf_cache_entry_read(value.bytes, value.n_bytes, &key, &out));
    mf_text_free(&value);
    assert_false(mf_cache_entry_read("[1,2]", 5, &key, &out));
    assert_false(mf_cache_entry_read("\n", 1, &key, &out));
}

/* -------------------------------------------------------------------- breaker */

static void after_a_failure_it_rests_by_the_wall_clock(void **state)
{
    (void)state;
    mf_breaker breaker = {.rest_ms = 2000};
    assert_false(mf_breaker_is_resting(&breaker, 1000000));
    mf_breaker_fail(&breaker, 1000000);
    assert_true(mf_breaker_is_resting(&breaker, 1000000));
    assert_true(mf_breaker_is_resting(&breaker, 1001999));
    assert_false(mf_breaker_is_resting(&breaker, 1002000));
    assert_false(mf_breaker_is_resting(&breaker, 5000000));
}

static void a_clock_that_is_set_back_does_not_lengthen_the_rest(void **state)
{
    (void)state;
    mf_breaker breaker = {.rest_ms = 2000};
    mf_breaker_fail(&breaker, 1000000);
    assert_false(mf_breaker_is_resting(&breaker, 999999));
    assert_false(mf_breaker_is_resting(&breaker, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_says_user_top_n_schema_and_model),
        cmocka_unit_test(different_requests_have_different_keys),
        cmocka_unit_test(what_has_no_key_is_refused),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(what_is_no_list_of_ids_is_not_written),
        cmocka_unit_test(a_list_that_is_too_long_is_not_written),
        cmocka_unit_test(anything_else_is_not_read),
        cmocka_unit_test(after_a_failure_it_rests_by_the_wall_clock),
        cmocka_unit_test(a_clock_that_is_set_back_does_not_lengthen_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
