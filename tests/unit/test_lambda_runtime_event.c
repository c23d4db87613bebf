/* Events as JSON: promises of lambda/runtime/invocation.h. */
#include "testing.h"

#include "lambda/runtime/invocation.h"

#include <jansson.h>

static void refuse(const char *event, size_t n, const char *piece)
{
    mf_error err = {0};
    /* Exactly as large as the text, so that the sanitizer sees one byte over. */
    char *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, event, n);
    assert_null(mf_lambda_event_parse(copy, n, &err));
    assert_error(&err, MF_ERR_PARSE, piece);
    assert_memory_equal(err.text, "event:", 6);
    free(copy);
}

#define REFUSE(literal, piece) refuse((literal), sizeof(literal) - 1, (piece))

static void an_object_is_read(void **state)
{
    (void)state;
    mf_error err = {0};
    json_t *event = mf_lambda_event_parse(" {\"a\":[1,{\"b\":\"\\u00e9 𝄞\"}]} ", 31, &err);
    assert_ok(event != NULL, err);
    assert_int_equal(json_array_size(json_object_get(event, "a")), 2);
    json_decref(event);
}

static void an_error_names_line_column_and_cause(void **state)
{
    (void)state;
    REFUSE("{\"a\":1,\n \"b\":x}", "event:2:6: not valid JSON: invalid token");
    REFUSE("{\"a\":1", "not valid JSON");
    REFUSE("{} {}", "event:1:4: not valid JSON: end of file expected");
    REFUSE("{\"a\":1,\"a\":2}", "duplicate object key");
    REFUSE("", "event: no bytes");
    REFUSE("  \n", "not valid JSON");
    REFUSE("\"text\"", "event: expected a JSON object, found a text");
    REFUSE("12", "found a number");
    REFUSE("true", "found true");
}

static void nul_bytes_and_bad_utf_8_are_refused(void **state)
{
    (void)state;
    REFUSE("{}\0", "event:1:3: not valid JSON: a NUL byte");
    REFUSE("\0", "event:1:1:");
    REFUSE("{\n\n\"a\0b\":1}", "event:3:3: not valid JSON: a NUL byte");
    REFUSE("{\"a\":\"\\u0000\"}", "not valid JSON");
    REFUSE("{\"a\\u0000\":1}", "not valid JSON");
    REFUSE("{\"a\":\"\xC0\x80\"}", "not valid UTF-8");
    REFUSE("{\"a\":\"\xF0\x9D\x84\"}", "not valid UTF-8");
}

static void any_depth_is_parsed_or_rejected(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *deep = malloc(6 * DEPTH);
    size_t n = 0;
    for (size_t i = 0; i < DEPTH; i++, n += 5)
        memcpy(deep + n, "{\"a\":", 5);
    refuse(deep, n, "maximum parsing depth");
    n = (size_t)snprintf(deep, 6, "{\"a\":");
    memset(deep + n, '[', DEPTH);
    refuse(deep, n + DEPTH, "maximum parsing depth");
    free(deep);
}

static void every_prefix_of_an_event_is_refused(void **state)
{
    (void)state;
    static const char event[] = "{\"body\":\"{\\\"userId\\\":\\\"2\\\"}\",\"n\":[1,2.5e3,null]}";
    for (size_t n = 0; n < sizeof event - 1; n++)
        refuse(event, n, "event:");
}

static size_t allocations_left;

static void *failing_malloc(size_t n)
{
    return allocations_left > 0 && --allocations_left == 0 ? NULL : malloc(n);
}

static void each_failing_allocation_is_an_error(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,{\"b\":\"c\"}],\"d\":{\"e\":2.5}}";
    json_object_seed(1);
    json_set_alloc_funcs(failing_malloc, free);
    for (size_t nth = 1;; nth++) {
        mf_error err = {0};
        allocations_left = nth;
        json_t *event = mf_lambda_event_parse(text, sizeof text - 1, &err);
        const bool failed = allocations_left == 0;
        json_decref(event);
        if (!failed)
            break;
        assert_null(event);
        assert_true(err.code == MF_ERR_MEMORY || err.code == MF_ERR_PARSE);
    }
    allocations_left = 0;
    json_set_alloc_funcs(malloc, free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_read),
        cmocka_unit_test(an_error_names_line_column_and_cause),
        cmocka_unit_test(nul_bytes_and_bad_utf_8_are_refused),
        cmocka_unit_test(any_depth_is_parsed_or_rejected),
        cmocka_unit_test(every_prefix_of_an_event_is_refused),
        cmocka_unit_test(each_failing_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
