/* test_csv_rows.c: the rules in csv/rows.h, however the text is cut. */
#include "testing.h"

#include "base/memory.h"
#include "base/text.h"
#include "csv/rows.h"

/* Fields as [field], rows as their ends. */
static void take_field(void *bytes, size_t n_bytes, void *context)
{
    mf_text_literal(context, "[");
    mf_text_append(context, bytes, n_bytes);
    mf_text_literal(context, "]");
}

static void take_row(int end, void *context)
{
    mf_text_append(context, end == '\n' ? "n" : end == '\r' ? "r" : ".", 1);
}

/* Feeds the text in two pieces, then its end. */
static void feed(mf_rows *rows, const char *text, size_t cut, mf_text *reported)
{
    mf_error err = {0};
    mf_text_clear(reported, SIZE_MAX);
    assert_ok(mf_rows_feed(rows, text, cut, take_field, take_row, reported, &err), err);
    assert_ok(
        mf_rows_feed(rows, text + cut, strlen(text) - cut, take_field, take_row, reported, &err),
        err);
    mf_rows_end(rows, take_field, take_row, reported);
    mf_text_append(reported, "", 1);
}

static const struct {
    char delimiter;
    const char *text;
    const char *reported;
} cases[] = {
    {',', "", ""},
    {',', "a,b\nc\n", "[a][b]n[c]n"},
    {',', "a,b\r\nc\rd", "[a][b]r[c]r[d]."},
    {',', "\n \t\r\n\na\n", "[a]n"},
    {',', ",\n", "[][]n"},
    {';', "a;b,c\n", "[a][b,c]n"},
    {'\t', "a\tb\n", "[a][b]n"},
    {',', " a b ,\tc\t\n", "[a b][c]n"},
    {',', "\"a,b\",\"c\nd\"\n", "[a,b][c\nd]n"},
    {',', " \"a \" ,b\n", "[a ][b]n"},
    {',', "\"say \"\"a\"\"\"\n", "[say \"a\"]n"},
    {',', "\"a\"b\",c\n", "[a\"b][c]n"},
    {',', "a\"b\n", "[a\"b]n"},
    {',', "\"open\n", "[open\n]."},
};

static void rows_and_fields_come_out_by_the_rules_however_the_text_is_cut(void **state)
{
    (void)state;
    mf_text reported = MF_TEXT_EMPTY;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t cut = 0; cut <= strlen(cases[i].text); cut++) {
            mf_error err = {0};
            mf_rows *rows = mf_rows_create(cases[i].delimiter, &err);
            assert_non_null(rows);
            feed(rows, cases[i].text, cut, &reported);
            assert_string_equal(reported.bytes, cases[i].reported);
            mf_rows_destroy(rows);
        }
    mf_text_free(&reported);
}

static void after_its_end_another_text_begins(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_text reported = MF_TEXT_EMPTY;
    mf_rows *rows = mf_rows_create(',', &err);
    assert_non_null(rows);
    feed(rows, "\"a,b", 2, &reported);
    assert_string_equal(reported.bytes, "[a,b].");
    feed(rows, "a,b", 2, &reported);
    assert_string_equal(reported.bytes, "[a][b].");
    mf_rows_destroy(rows);
    mf_text_free(&reported);
}

/* libcsv requests less when it does not get what it requested. */
static void one_refusal_of_memory_costs_a_parser_but_no_field(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_text reported = MF_TEXT_EMPTY;
    mf_memory_fail_nth(1);
    assert_null(mf_rows_create(',', &err));
    assert_error(&err, MF_ERR_MEMORY, "a CSV parser");
    mf_error_clear(&err);
    mf_rows *rows = mf_rows_create(',', &err);
    assert_non_null(rows);
    mf_memory_fail_nth(1);
    feed(rows, "a,b\n", 4, &reported);
    mf_memory_fail_nth(0);
    assert_string_equal(reported.bytes, "[a][b]n");
    mf_rows_destroy(rows);
    mf_rows_destroy(NULL);
    mf_text_free(&reported);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_fields_come_out_by_the_rules_however_the_text_is_cut),
        cmocka_unit_test(after_its_end_another_text_begins),
        cmocka_unit_test(one_refusal_of_memory_costs_a_parser_but_no_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
