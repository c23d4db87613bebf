/* test_streams_members.c: members.h: the same values from both readers. */
#include "testing.h"

#include "lambda/streams/members.h"

enum { A, B, A_AGAIN, MISSING, N };

static const char *const names[N] = {"a", "b", "a", "missing"};

static bool read_text(mf_stream_members *members, const char *record, mf_stream_value *values,
                      mf_error *err)
{
    mf_error_clear(err);
    return mf_stream_members_read(members, names, N, values, record, strlen(record), err);
}

static void assert_value(mf_stream_value_kind kind, const char *text, mf_stream_value value)
{
    assert_int_equal(value.kind, kind);
    assert_int_equal(value.text.n_bytes, strlen(text));
    assert_memory_equal(value.text.bytes, text, strlen(text));
}

static void both_readers_find_the_same_values(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
        mf_stream_value_kind kind;
    } values[] = {
        {"\"x\"", "x", MF_STREAM_TEXT},
        {"\"\"", "", MF_STREAM_TEXT},
        {"17", "17", MF_STREAM_INTEGER},
        {"-9223372036854775808", "-9223372036854775808", MF_STREAM_INTEGER},
        {"4.5", "4.5", MF_STREAM_REAL},
        {"1e+22", "1e+22", MF_STREAM_REAL},
        {"null", NULL, MF_STREAM_NULL},
        {"true", NULL, MF_STREAM_OTHER},
        {"{\"a\":1}", NULL, MF_STREAM_OTHER},
        {"[1]", NULL, MF_STREAM_OTHER},
    };
    mf_stream_members members = {.root = NULL};
    mf_error err = {.code = MF_OK};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        for (size_t with_escape = 0; with_escape < 2; with_escape++) {
            char record[256];
            mf_stream_value found[N];
            snprintf(record, sizeof record, "{\"b\":7,\"other\":\"%s\",\"a\":%s}",
                     with_escape ? "\\u0041" : "A", values[i].json);
            assert_ok(read_text(&members, record, found, &err), err);
            assert_int_equal(members.root != NULL, with_escape);
            assert_value(MF_STREAM_INTEGER, "7", found[B]);
            assert_int_equal(found[MISSING].kind, MF_STREAM_ABSENT);
            assert_int_equal(found[A].kind, values[i].kind);
            assert_int_equal(found[A_AGAIN].kind, values[i].kind);
            if (values[i].text != NULL) {
                assert_value(values[i].kind, values[i].text, found[A]);
                assert_value(values[i].kind, values[i].text, found[A_AGAIN]);
            }
        }
    mf_stream_members_free(&members);
}

static void a_record_that_is_refused_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *record, *reason;
        mf_error_code code;
    } bad[] = {
        {"", "not JSON", MF_ERR_PARSE},
        {"{\"a\":1", "not JSON, at byte", MF_ERR_PARSE},
        {"[1]", "expected a JSON object", MF_ERR_PARSE},
        {"{\"a\":1,\"a\":2}", "there twice", MF_ERR_PARSE},
        {"{\"a\":9223372036854775808,\"b\":\"\\u0041\"}", "64 bits", MF_ERR_LIMIT},
    };
    mf_stream_members members = {.root = NULL};
    mf_stream_value values[N];
    mf_error err = {.code = MF_OK};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(read_text(&members, bad[i].record, values, &err));
        assert_error(&err, bad[i].code, bad[i].reason);
    }
    mf_stream_members_free(&members);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_readers_find_the_same_values),
        cmocka_unit_test(a_record_that_is_refused_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
