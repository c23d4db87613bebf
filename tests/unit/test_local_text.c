#include "testing.h"

#include "base/base64.h"
#include "local/service.h"

#include <jansson.h>

static void assert_text(const mf_text *text, const char *expected)
{
    assert_false(text->failed);
    assert_int_equal(strlen(expected), text->n_bytes);
    assert_memory_equal(expected, text->bytes, text->n_bytes);
}

static void base64_is_that_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        mf_text text = MF_TEXT_EMPTY;
        mf_base64_encode(&text, pairs[i][0], strlen(pairs[i][0]));
        assert_text(&text, pairs[i][1]);
        mf_text_clear(&text, 1000);
        assert_true(mf_base64_decode(&text, pairs[i][1], strlen(pairs[i][1])));
        assert_text(&text, pairs[i][0]);
        mf_text_free(&text);
    }
}

static void what_is_encoded_is_decoded(void **state)
{
    (void)state;
    char bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 3);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        mf_text encoded = MF_TEXT_EMPTY, decoded = MF_TEXT_EMPTY;
        mf_base64_encode(&encoded, bytes, n);
        assert_true(mf_base64_decode(&decoded, encoded.bytes, encoded.n_bytes));
        assert_int_equal(n, decoded.n_bytes);
        if (n > 0)
            assert_memory_equal(bytes, decoded.bytes, n);
        mf_text_free(&encoded);
        mf_text_free(&decoded);
    }
}

static void what_is_not_base64_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zg",    "Zg=",    "Z===", "====", "Zg==Zg==", "Zh==",
                                      "Zm9=", "Zm 9v", "Zm9v\n", "Zm9-", "=Zm9", "Zm9vY=g="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mf_text text = MF_TEXT_EMPTY;
        mf_text_literal(&text, "before");
        assert_false(mf_base64_decode(&text, bad[i], strlen(bad[i])));
        assert_text(&text, "before");
        mf_text_free(&text);
    }
}

static void what_is_not_utf8_becomes_a_mark(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"plain \"text\"", "[\"plain \\\"text\\\"\"]"},
        {"\xC3\xA9", "[\"\xC3\xA9\"]"},
        {"\xFF", "[\"\xEF\xBF\xBD\"]"},
        {"a\xC3", "[\"a\xEF\xBF\xBD\"]"},
        {"\xE2\x82z\xE2\x82\xAC", "[\"\xEF\xBF\xBD\xEF\xBF\xBDz\xE2\x82\xAC\"]"},
        {"\xED\xA0\x80", "[\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"]"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        mf_text text = MF_TEXT_EMPTY;
        mf_local_json_append(
            &text, json_pack("[o]", mf_local_json_text(pairs[i][0], strlen(pairs[i][0]))));
        assert_text(&text, pairs[i][1]);
        mf_text_free(&text);
    }
}

static void identifiers_have_their_forms_and_differ(void **state)
{
    (void)state;
    char a[MF_LOCAL_UUID_BYTES], b[MF_LOCAL_UUID_BYTES], trace[MF_LOCAL_TRACE_BYTES],
        id[MF_LOCAL_SHORT_ID_BYTES];
    assert_int_equal(36, strlen(mf_local_uuid(a)));
    assert_int_equal(36, strlen(mf_local_uuid(b)));
    assert_string_not_equal(a, b);
    assert_int_equal('4', a[14]);
    assert_non_null(strchr("89ab", a[19]));
    assert_int_equal(74, strlen(mf_local_trace(trace)));
    assert_memory_equal("Root=1-", trace, 7);
    assert_int_equal(16, strlen(mf_local_short_id(id)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(what_is_not_utf8_becomes_a_mark),
        cmocka_unit_test(identifiers_have_their_forms_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
