/* The scanner beside jansson: what it takes it takes as jansson does. */
#include "testing.h"

#include "base/random.h"
#include "inference/scan.h"

#include <jansson.h>

static bool id_equals(const json_t *value, mf_id id)
{
    char digits[32];
    if (json_is_integer(value)) {
        snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
        return strlen(digits) == id.n_bytes && memcmp(digits, id.bytes, id.n_bytes) == 0;
    }
    return json_is_string(value) && json_string_length(value) == id.n_bytes &&
           memcmp(json_string_value(value), id.bytes, id.n_bytes) == 0;
}

/* Scans a copy of exactly that size; returns whether the scanner took it. */
static bool scan(const char *text, size_t n_bytes)
{
    char *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    assert_non_null(copy);
    if (n_bytes > 0)
        memcpy(copy, text, n_bytes);
    mf_id user;
    mf_id item;
    const size_t n_used = mf_scan_pair(copy, n_bytes, &user, &item);
    if (n_used > 0) {
        json_error_t error;
        json_t *value =
            json_loadb(copy, n_bytes, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
        if (value == NULL || (size_t)error.position != n_used || json_object_size(value) != 2 ||
            !id_equals(json_object_get(value, "userId"), user) ||
            !id_equals(json_object_get(value, "movieId"), item))
            fail_msg("not as jansson takes it: %.*s", (int)n_bytes, text);
        json_decref(value);
    }
    free(copy);
    return n_used > 0;
}

static void common_instances_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"userId\":\"1\",\"movieId\":\"2\"}",
        "{\"movieId\":\"2\",\"userId\":\"1\"}",
        "{\"userId\":1,\"movieId\":2}",
        "{\"userId\":0,\"movieId\":123456789012345678}",
        " { \"userId\" : \"a b/c'd\" ,\n\t\"movieId\"\r: 2 } trailing",
        "{\"userId\":\"1\",\"movieId\":\"2\"},{\"userId\":\"1\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!scan(texts[i], strlen(texts[i])))
            fail_msg("not taken: %s", texts[i]);
}

static void everything_else_is_left_to_jansson(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "{\"userId\":\"1\"}",
        "{\"userId\":\"1\",\"movieId\":\"2\"",
        "{\"userId\":\"1\",\"movieId\":\"2\",}",
        "{\"userId\":\"1\",\"movieId\":\"2\",\"top_n\":1}",
        "{\"userId\":\"1\",\"userId\":\"2\"}",
        "{\"userId\":\"1\" \"movieId\":\"2\"}",
        "{\"userId\":\"\",\"movieId\":\"2\"}",
        "{\"userId\":\"a\\u0041\",\"movieId\":\"2\"}",
        "{\"userId\":\"\xC3\xBC\",\"movieId\":\"2\"}",
        "{\"userId\":\"a\tb\",\"movieId\":\"2\"}",
        "{\"userId\":\"a\x7F\",\"movieId\":\"2\"}",
        "{\"userId\":01,\"movieId\":2}",
        "{\"userId\":-1,\"movieId\":2}",
        "{\"userId\":1.0,\"movieId\":2}",
        "{\"userId\":1e2,\"movieId\":2}",
        "{\"userId\":1234567890123456789,\"movieId\":2}",
        "{\"userId\":1,\"movieId\":2.5}",
        "{\"userId\":null,\"movieId\":2}",
        "{\"userid\":1,\"movieId\":2}",
        "{\"userId\":1,\"movieIds\":2}",
        "[\"userId\"]",
        "{\"userId\":\"1,\"movieId\":\"2\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (scan(texts[i], strlen(texts[i])))
            fail_msg("taken: %s", texts[i]);
}

static void no_prefix_is_taken(void **state)
{
    (void)state;
    const char *text = " {\"userId\" : \"17\", \"movieId\": 2959 }";
    for (size_t n = 0; n < strlen(text); n++)
        assert_false(scan(text, n));
    assert_true(scan(text, strlen(text)));
}

static void any_change_of_a_byte_is_taken_as_jansson_takes_it(void **state)
{
    (void)state;
    const char *text = "{\"userId\":\"17\",\"movieId\":2959}";
    const size_t n = strlen(text);
    char changed[64];
    size_t n_taken = 0;
    for (size_t at = 0; at < n; at++)
        for (int c = 0; c < 256; c++) {
            memcpy(changed, text, n);
            changed[at] = (char)c;
            n_taken += scan(changed, n);
        }
    assert_true(n_taken > 2 * 90);
    for (uint64_t i = 0; i < 200000; i++) {
        memcpy(changed, text, n);
        for (uint64_t k = 0; k < 3; k++)
            changed[mf_random_below(1, 8 * i + k, (uint32_t)n)] =
                "\"\\{}:, 0123.eE-+userIdmov\n"[mf_random_below(2, 8 * i + k, 26)];
        n_taken += scan(changed, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_instances_are_read),
        cmocka_unit_test(everything_else_is_left_to_jansson),
        cmocka_unit_test(no_prefix_is_taken),
        cmocka_unit_test(any_change_of_a_byte_is_taken_as_jansson_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
