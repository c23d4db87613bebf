#include "testing.h"

static void fail_names_path_line_and_column(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_false(mf_fail(&err, MF_ERR_PARSE, (mf_where){"ratings.csv", 41, 9},
                         "rating \"%s\" is not a number", "4;5"));
    assert_int_equal(err.code, MF_ERR_PARSE);
    assert_string_equal(err.text, "ratings.csv:41:9: rating \"4;5\" is not a number");
}

static void fail_leaves_out_what_is_not_known(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_fail(&err, MF_ERR_IO, (mf_where){"a", 3, 0}, "x");
    assert_string_equal(err.text, "a:3: x");
    mf_error_clear(&err);
    mf_fail(&err, MF_ERR_IO, MF_NOWHERE, "x");
    assert_string_equal(err.text, "x");
}

static void of_a_long_path_the_end_is_shown(void **state)
{
    (void)state;
    mf_error err = {0};
    char path[2000];
    memset(path, 'd', sizeof path);
    memcpy(path + sizeof path - 13, "/ratings.csv", 13);
    mf_fail(&err, MF_ERR_PARSE, (mf_where){path, 18446744073709551615u, 18446744073709551615u},
            "rating \"bad\" is not a number");
    assert_memory_equal(err.text, "…ddd", 6);
    assert_non_null(strstr(err.text, "d/ratings.csv:18446744073709551615:18446744073709551615: "
                                     "rating \"bad\" is not a number"));
}

static void first_error_wins(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_fail(&err, MF_ERR_IO, MF_NOWHERE, "the cause");
    mf_fail(&err, MF_ERR_MEMORY, MF_NOWHERE, "a consequence");
    assert_error(&err, MF_ERR_IO, "the cause");
}

static void fail_works_without_an_error(void **state)
{
    (void)state;
    assert_false(mf_fail(NULL, MF_ERR_IO, MF_NOWHERE, "x"));
}

static void system_error_text_does_not_depend_on_locale(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_fail_errno(&err, 28, (mf_where){.path = "model.bin"}, "cannot be written");
    assert_string_equal(err.text, "model.bin: cannot be written: No space left on device");
}

/* In a block of exactly that size, so that ASan sees a byte beyond. */
static void a_control_character_of_two_bytes_at_the_cut_stays_inside(void **state)
{
    (void)state;
    for (size_t size = 5; size < 16; size++)
        for (size_t before = 0; before < 12; before++) {
            char in[16] = "aaaaaaaaaaaaaa";
            in[before] = (char)0xC2;
            in[before + 1] = (char)0x85;
            char *out = malloc(size);
            assert_non_null(out);
            mf_printable(out, size, in, before + 2);
            assert_true(strlen(out) < size);
            free(out);
        }
}

static void quoted_bytes_become_one_printable_line(void **state)
{
    (void)state;
    char out[64];
    assert_string_equal(mf_printable(out, sizeof out, "a\tb\n\0c", 6), "a\\x09b\\x0a\\x00c");
    assert_string_equal(mf_printable(out, sizeof out, "gr\xC3\xBC\xC3\x9F", 6), "grüß");
    assert_string_equal(mf_printable(out, sizeof out, "\xFFx\xC3", 3), "\\xffx\\xc3");
    assert_string_equal(mf_printable(out, sizeof out, "\xED\xA0\x80", 3), "\\xed\\xa0\\x80");
    assert_string_equal(mf_printable(out, sizeof out, "\xC2\x85", 2), "\\xc2\\x85");
}

static void a_long_text_is_cut_at_a_character(void **state)
{
    (void)state;
    for (size_t size = 5; size < 24; size++) {
        char *out = malloc(size);
        mf_printable(out, size, "ßßßßßßßßß", 18);
        assert_true(strlen(out) < size);
        char again[64];
        assert_string_equal(mf_printable(again, sizeof again, out, strlen(out)), out);
        free(out);
    }
    mf_error err = {0};
    char text[3000];
    memset(text, '\n', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    mf_fail(&err, MF_ERR_PARSE, MF_NOWHERE, "%s", text);
    assert_true(strlen(err.text) < MF_ERROR_TEXT_BYTES);
    assert_non_null(strstr(err.text, "…"));
}

static void every_code_has_a_name_and_a_class(void **state)
{
    (void)state;
    for (mf_error_code code = MF_ERR_ARGUMENT; code <= MF_ERR_NOT_ACCEPTABLE; code++) {
        assert_string_not_equal(mf_error_name(code), "unknown");
        assert_non_null(strstr(mf_error_class(code), code == MF_ERR_STOPPED ? "Stopped" : "Error"));
    }
    assert_string_equal(mf_error_class(MF_ERR_PARSE), "ClientError");
}

static void fail_again_copies_the_cause_unless_there_is_an_error(void **state)
{
    (void)state;
    mf_error cause = {0}, err = {0}, other = {0};
    mf_fail(&cause, MF_ERR_PARSE, MF_NOWHERE, "the cause");
    assert_false(mf_fail_again(&err, &cause));
    assert_error(&err, MF_ERR_PARSE, "the cause");
    mf_fail(&other, MF_ERR_IO, MF_NOWHERE, "the first error");
    assert_false(mf_fail_again(&other, &cause));
    assert_error(&other, MF_ERR_IO, "the first error");
    assert_false(mf_fail_again(NULL, &cause));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_again_copies_the_cause_unless_there_is_an_error),
        cmocka_unit_test(fail_names_path_line_and_column),
        cmocka_unit_test(fail_leaves_out_what_is_not_known),
        cmocka_unit_test(of_a_long_path_the_end_is_shown),
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(fail_works_without_an_error),
        cmocka_unit_test(system_error_text_does_not_depend_on_locale),
        cmocka_unit_test(a_control_character_of_two_bytes_at_the_cut_stays_inside),
        cmocka_unit_test(quoted_bytes_become_one_printable_line),
        cmocka_unit_test(a_long_text_is_cut_at_a_character),
        cmocka_unit_test(every_code_has_a_name_and_a_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
