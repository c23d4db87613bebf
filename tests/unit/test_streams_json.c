/* test_streams_json.c: values, escapes and errors of lambda/streams/json_reader.h. */
#include "testing.h"

#include "lambda/streams/json_reader.h"

enum { A, B, A_AGAIN, MISSING, N };

static const char *const names[N] = {"a", "b", "a", "missing"};
static mf_stream_json json;
static mf_error err;
static bool has_others;

/* From a block of the exact size, so that a byte read beyond it is seen. */
static bool read_members(const char *record, size_t n, mf_stream_value *values)
{
    static char *exact;
    free(exact);
    exact = malloc(n > 0 ? n : 1);
    assert_non_null(exact);
    memcpy(exact, record, n);
    mf_error_clear(&err);
    return mf_stream_json_members(&json, names, N, values, &has_others, exact, n, &err);
}

static void assert_value(mf_stream_value_kind kind, const char *text, mf_stream_value value)
{
    assert_int_equal(value.kind, kind);
    assert_int_equal(value.text.n_bytes, strlen(text));
    assert_memory_equal(value.text.bytes, text, strlen(text));
}

static void members_have_their_kind_and_their_text(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
        mf_stream_value_kind kind;
    } values[] = {
        {"\"x\"", "x", MF_STREAM_TEXT},
        {"\"\"", "", MF_STREAM_TEXT},
        {"17", "17", MF_STREAM_INTEGER},
        {"-0", "-0", MF_STREAM_INTEGER},
        {"18446744073709551616", "18446744073709551616", MF_STREAM_INTEGER},
        {"4.50", "4.50", MF_STREAM_REAL},
        {"1e+400", "1e+400", MF_STREAM_REAL},
        {"2E0", "2E0", MF_STREAM_REAL},
        {"null", "", MF_STREAM_NULL},
        {"true", "", MF_STREAM_TRUE},
        {"false", "", MF_STREAM_FALSE},
        {"{\"a\":1}", "", MF_STREAM_NESTED},
        {"[1,[],{}]", "", MF_STREAM_NESTED},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char record[256];
        mf_stream_value found[N];
        snprintf(record, sizeof record, " {\"b\" : 7,\"other\":\"\\u0041\",\n\"a\":%s } ",
                 values[i].json);
        assert_ok(read_members(record, strlen(record), found), err);
        assert_true(has_others);
        assert_value(MF_STREAM_INTEGER, "7", found[B]);
        assert_value(MF_STREAM_ABSENT, "", found[MISSING]);
        assert_value(values[i].kind, values[i].text, found[A]);
        assert_value(values[i].kind, values[i].text, found[A_AGAIN]);
    }
    mf_stream_value found[N];
    assert_ok(read_members("{\"b\":{\"x\":1},\"a\":2}", 19, found), err);
    assert_false(has_others);
}

static void escapes_are_decoded_and_texts_before_them_stay(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"a\\u0041\\u00e9\\u00Ff", "aA\xc3\xa9\xc3\xbf"},
        {"\\u20ac\\uFFFD", "\xe2\x82\xac\xef\xbf\xbd"},
        {"\\ud83d\\uDE00!", "\xf0\x9f\x98\x80!"},
        {"\\udbff\\udfff", "\xf4\x8f\xbf\xbf"},
        {"\\u0001\\u007f\\u0080\\u07ff\\u0800", "\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mf_text record = MF_TEXT_EMPTY;
        mf_stream_value found[N];
        mf_text_format(&record, "{\"\\u0062\":\"%s\",\"long\":\"", texts[i][0]);
        for (size_t k = 0; k < 30000; k++)
            mf_text_literal(&record, "\\nxyz");
        mf_text_format(&record, "\",\"a\":\"é%s\"}", texts[i][0]);
        assert_ok(read_members(record.bytes, record.n_bytes, found), err);
        assert_value(MF_STREAM_TEXT, texts[i][1], found[B]);
        assert_int_equal(found[A].text.n_bytes, 2 + strlen(texts[i][1]));
        assert_memory_equal(found[A].text.bytes + 2, texts[i][1], strlen(texts[i][1]));
        mf_text_free(&record);
    }
}

static void a_record_that_is_refused_says_why(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "not JSON, at byte 0 of 0"},
        {"\x1f\x8b\x08",
         "gzip inside of gzip or of an aggregated record, which is not unpacked, at byte 0 of 3"},
        {"\xff\xfe{", "UTF-16, which is not read: expected UTF-8, at byte 0 of 3"},
        {"{\"a\":1", "not JSON, at byte 6 of 6"},
        {"[1]", "expected a JSON object"},
        {"\"a\"", "expected a JSON object"},
        {"[1", "not JSON"},
        {"{\"a\":1,\"a\":2}", "is there twice"},
        {"{\"a\":{\"x\":1,\"\\u0078\":2}}", "is there twice"},
        {"{\"a\":1,}", "not JSON, at byte 7"},
        {"{\"a\":1}}", "not JSON, at byte 7"},
        {"{\"a\" 1}", "not JSON"},
        {"{a:1}", "not JSON"},
        {"{\"a\":01}", "not JSON"},
        {"{\"a\":1.}", "not JSON"},
        {"{\"a\":1e}", "not JSON"},
        {"{\"a\":-}", "not JSON"},
        {"{\"a\":+1}", "not JSON"},
        {"{\"a\":nul}", "not JSON"},
        {"{\"a\":\"\x01\"}", "not JSON"},
        {"{\"a\":\"\xff\"}", "not JSON"},
        {"{\"a\":\"\\x\"}", "not JSON"},
        {"{\"a\":\"\\u12g4\"}", "not JSON"},
        {"{\"a\":\"\\u0000\"}", "not JSON"},
        {"{\"a\":\"\\udc00\"}", "not JSON"},
        {"{\"a\":\"\\ud800\"}", "not JSON"},
        {"{\"a\":\"\\ud800\\u0041\"}", "not JSON"},
        {"{\"a\":\"\\ud800\\udc\"}", "not JSON"},
        {"{\"a\":\"\\", "not JSON"},
        {"{\"a\":\"\\u004", "not JSON"},
    };
    mf_stream_value values[N];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_members(bad[i][0], strlen(bad[i][0]), values))
            fail_msg("accepted: %s", bad[i][0]);
        assert_error(&err, MF_ERR_PARSE, bad[i][1]);
    }
    assert_false(read_members("{}\0", 3, values));
    assert_error(&err, MF_ERR_PARSE, "at byte 2 of 3");
}

static void many_keys_are_compared_as_well_as_few(void **state)
{
    (void)state;
    mf_text record = MF_TEXT_EMPTY;
    mf_stream_value values[N];
    mf_text_literal(&record, "{\"a\":1");
    for (int i = 0; i < 5000; i++)
        mf_text_format(&record, ",\"k%d\":{\"k%d\":0}", i, i);
    const size_t n = record.n_bytes;
    mf_text_literal(&record, "}");
    assert_ok(read_members(record.bytes, record.n_bytes, values), err);
    assert_value(MF_STREAM_INTEGER, "1", values[A]);
    record.n_bytes = n;
    mf_text_literal(&record, ",\"k4711\":0}");
    assert_false(read_members(record.bytes, record.n_bytes, values));
    assert_error(&err, MF_ERR_PARSE, "is there twice");
    mf_text_free(&record);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    for (size_t depth = MF_STREAM_JSON_DEPTH - 1; depth < MF_STREAM_JSON_DEPTH + 1; depth++) {
        mf_text record = MF_TEXT_EMPTY;
        mf_stream_value values[N];
        mf_text_literal(&record, "{\"a\":");
        for (size_t i = 0; i < depth; i++)
            mf_text_literal(&record, "[");
        for (size_t i = 0; i < depth; i++)
            mf_text_literal(&record, "]");
        mf_text_literal(&record, "}");
        assert_int_equal(read_members(record.bytes, record.n_bytes, values),
                         depth < MF_STREAM_JSON_DEPTH);
        if (depth >= MF_STREAM_JSON_DEPTH)
            assert_error(&err, MF_ERR_PARSE, "nested too deep");
        mf_text_free(&record);
    }
}

static int end(void **state)
{
    (void)state;
    mf_stream_json_free(&json);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_have_their_kind_and_their_text),
        cmocka_unit_test(escapes_are_decoded_and_texts_before_them_stay),
        cmocka_unit_test(a_record_that_is_refused_says_why),
        cmocka_unit_test(many_keys_are_compared_as_well_as_few),
        cmocka_unit_test(depth_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
