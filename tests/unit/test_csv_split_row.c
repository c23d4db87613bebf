/* test_csv_split_row.c: rows by the rules of csv/split_row.h, however much of the text is seen. */
#include "testing.h"

#include "csv/split_row.h"

static mf_csv_form form_of(char delimiter, uint32_t n_fields)
{
    return (mf_csv_form){.delimiter = delimiter,
                         .is_double = delimiter == ':',
                         .is_run = delimiter == ' ',
                         .n_fields = n_fields,
                         .max_row_bytes = 1000};
}

/* The rows as [field][field] and n, r or . for what ends them; blank ones as ~. */
static char *split_text(const mf_csv_form *form, const char *text)
{
    static char out[4096];
    static mf_split split;
    size_t used = 0;
    const size_t n_bytes = strlen(text);
    out[0] = '\0';
    for (size_t at = 0; at < n_bytes; at += split.n_bytes) {
        const mf_split_end end = mf_split_row(form, text + at, n_bytes - at, true, &split);
        if (end != MF_SPLIT_ROW) {
            used += (size_t)sprintf(out + used, "%s@%zu", end == MF_SPLIT_OPEN ? "open" : "long",
                                    split.has_open_quote ? split.quote : 999);
            break;
        }
        for (uint32_t f = 0; f < split.n_fields && f < MF_SPLIT_FIELDS; f++) {
            char content[1000];
            const size_t n = mf_field_text(text + at, &split.field[f], split.has_escapes, content,
                                           sizeof content);
            used += (size_t)sprintf(out + used, "[%.*s]", (int)n, content);
        }
        used += (size_t)sprintf(out + used, "%s", split.is_blank ? "~" : ".");
    }
    return out;
}

static void assert_splits(char delimiter, uint32_t n_fields, const char *text, const char *expected)
{
    const mf_csv_form form = form_of(delimiter, n_fields);
    assert_string_equal(split_text(&form, text), expected);
}

static void fields_are_what_pythons_csv_makes_of_them(void **state)
{
    (void)state;
    assert_splits(',', 0, "a,b\nc,d\r\ne,f\rg", "[a][b].[c][d].[e][f].[g].");
    assert_splits(',', 0, "\"a,b\",\"c\"\"d\"\n", "[a,b][c\"d].");
    assert_splits(',', 0, "\"Amazing\" album,x\n", "[Amazing album][x].");
    assert_splits(',', 0, "\"a\"b\"c\",x\n", "[ab\"c\"][x].");
    assert_splits(',', 0, "a\"b\",5\" disc\n", "[a\"b\"][5\" disc].");
    assert_splits(',', 0, "\"\",\"\"\"\",\n", "[][\"][].");
    assert_splits(',', 0, "\"two\nlines\",x\n", "[two\nlines][x].");
    assert_splits(',', 0, "\"two\r\nlines\",x\n", "[two\r\nlines][x].");
}

static void blanks_around_fields_are_dropped_unless_they_delimit(void **state)
{
    (void)state;
    assert_splits(',', 0, " a b ,\tc\t, \"d \" \n", "[a b][c][d ].");
    assert_splits('\t', 0, "a\t b \t\tc\n", "[a][b][][c].");
    assert_splits(' ', 0, "  1  31 \t 2.5 \n7 8 9", "[1][31][2.5].[7][8][9].");
    assert_splits(' ', 0, "\"a b\" c\n", "[a b][c].");
}

static void lines_without_a_field_and_rows_of_delimiters_are_blank(void **state)
{
    (void)state;
    assert_splits(',', 0, "\n  \t\n\r\na\n,,\n", "~~~[a].[][][]~");
    assert_splits(':', 0, "1::2\n::::\n", "[1][][2].[][][][][]~");
}

static void a_quote_that_does_not_close_is_text_among_whole_rows(void **state)
{
    (void)state;
    assert_splits('\t', 3, "a\t\"Great\t4\nb\tx\t5\nc\tnice\"\t3\n",
                  "[a][\"Great][4].[b][x][5].[c][nice\"][3].");
    assert_splits(',', 3, "a,\"Great,4\nb,x,5\nc,nice\",3\n",
                  "[a][\"Great][4].[b][x][5].[c][nice\"][3].");
    assert_splits('\t', 3, "a\t\"Great\t4\nb\tx\t5\n", "[a][\"Great][4].[b][x][5].");
    assert_splits('\t', 3, "a\tx\t\"\nb\tx\t\"\n", "[a][x][\"].[b][x][\"].");
    assert_splits('|', 2, "a|\"\nb|x\n", "[a][\"].[b][x].");
}

static void a_quoted_field_crosses_line_ends_where_its_lines_are_no_rows(void **state)
{
    (void)state;
    assert_splits('\t', 3, "a\t\"two\nlines\"\t4\nb\tx\t5\n", "[a][two\nlines][4].[b][x][5].");
    assert_splits('\t', 3, "a\t4\t\"two\nlines\"\nb\t5\tx\n", "[a][4][two\nlines].[b][5][x].");
    assert_splits(',', 3, "a,4,\"two\nlines, or\nthree\"\nb,5,x\n",
                  "[a][4][two\nlines, or\nthree].[b][5][x].");
    assert_splits('\t', 3, "a\t\"two\nlines\n\"\nb\tx\t5\n", "[a][\"two].[lines].[\"].[b][x][5].");
}

static void a_quote_that_never_closes_is_named_in_comma_files(void **state)
{
    (void)state;
    assert_splits(',', 3, "a,\"b,4\nb,x,5\n", "open@2");
    assert_splits(';', 3, "a;\"b\n", "open@2");
    assert_splits('\t', 3, "a\t\"b\nb\tx\t5\n", "[a][\"b].[b][x][5].");
}

static void a_backslash_escapes_a_quote_where_the_row_is_whole_then(void **state)
{
    (void)state;
    assert_splits(';', 3, "\"1\";\"\\\"a\\\"\";\"5\"\n", "[1][\"a\"][5].");
    assert_splits(';', 3, "\"1\";\"a \\\"b\\\"; c\";\"5\"\n", "[1][a \"b\"; c][5].");
    assert_splits(',', 3, "1,\"C:\\dir\\\",5\n", "[1][C:\\dir\\][5].");
    assert_splits(',', 3, "1,\"a\\\\\",5\n", "[1][a\\][5].");
}

static void other_quotings_are_what_they_are_called(void **state)
{
    (void)state;
    mf_csv_form form = form_of('\t', 3);
    form.quoting = MF_QUOTING_NONE;
    assert_string_equal(split_text(&form, "a\t\"b\t\"\n"), "[a][\"b][\"].");
    form.quoting = MF_QUOTING_MINIMAL;
    assert_string_equal(split_text(&form, "a\t\"b\t4\nc\td\"\t5\n"), "[a][b\t4\nc\td][5].");
    assert_string_equal(split_text(&form, "a\t\"b\\\" c\t5\n"), "[a][b\\ c][5].");
}

static void a_row_longer_than_the_limit_is_long(void **state)
{
    (void)state;
    mf_csv_form form = form_of(',', 2);
    form.max_row_bytes = 10;
    assert_string_equal(split_text(&form, "1234,67890\n1234,67890\r\n1234,67890"),
                        "[1234][67890].[1234][67890].[1234][67890].");
    assert_string_equal(split_text(&form, "1234,678901\n"), "long@999");
    assert_string_equal(split_text(&form, "1234,678901"), "long@999");
    assert_string_equal(split_text(&form, "12,\"56789012345\"\n"), "long@3");
}

/* Every beginning of a text is undecided or decided as the whole text is. */
static void what_is_decided_early_is_decided_for_good(void **state)
{
    static const char *const texts[] = {
        "a\t\"Great\t4\nb\tx\t5\nc\tnice\"\t3\n",
        "a\t\"two\nlines\"\t4\nb\tx\t5\n",
        "a,\"\"\"x\"\"\r\ny\",4\r\nb,x,5\r\n",
        "\"1\";\"\\\"a\\\"\";\"5\"\n",
        " \"a\" ,b , c\rd,e,f\r",
    };
    static mf_split whole;
    static mf_split part;
    (void)state;
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        const mf_csv_form form = form_of(t < 2 ? '\t' : t == 3 ? ';' : ',', 3);
        const size_t n_bytes = strlen(texts[t]);
        const mf_split_end end = mf_split_row(&form, texts[t], n_bytes, true, &whole);
        for (size_t n = 1; n < n_bytes; n++) {
            const mf_split_end early = mf_split_row(&form, texts[t], n, false, &part);
            if (early == MF_SPLIT_MORE)
                continue;
            assert_int_equal(early, end);
            assert_int_equal(part.n_bytes, whole.n_bytes);
            assert_int_equal(part.n_fields, whole.n_fields);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_what_pythons_csv_makes_of_them),
        cmocka_unit_test(blanks_around_fields_are_dropped_unless_they_delimit),
        cmocka_unit_test(lines_without_a_field_and_rows_of_delimiters_are_blank),
        cmocka_unit_test(a_quote_that_does_not_close_is_text_among_whole_rows),
        cmocka_unit_test(a_quoted_field_crosses_line_ends_where_its_lines_are_no_rows),
        cmocka_unit_test(a_quote_that_never_closes_is_named_in_comma_files),
        cmocka_unit_test(a_backslash_escapes_a_quote_where_the_row_is_whole_then),
        cmocka_unit_test(other_quotings_are_what_they_are_called),
        cmocka_unit_test(a_row_longer_than_the_limit_is_long),
        cmocka_unit_test(what_is_decided_early_is_decided_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
