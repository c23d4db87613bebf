/* test_report_html.c: pages (report/html.h) and plots (report/plot.h). */
#include "testing.h"

#include "report/html.h"
#include "report/plot.h"

#include <math.h>

/* The text with a zero byte at its end, to be freed by mf_text_free. */
static const char *terminated(mf_text *text)
{
    mf_text_append(text, "", 1);
    assert_false(text->failed);
    text->n_bytes--;
    return text->bytes;
}

static size_t count(const char *text, const char *piece)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, piece)) != NULL; at += strlen(piece))
        n++;
    return n;
}

static void assert_escaped(const char *bytes, size_t n_bytes, const char *expected)
{
    mf_text page = MF_TEXT_EMPTY;
    mf_html_text(&page, bytes, n_bytes);
    assert_string_equal(terminated(&page), expected);
    mf_text_free(&page);
}

static void text_is_escaped_for_elements_and_attributes(void **state)
{
    (void)state;
    assert_escaped("<script>alert(\"1\")</script>", 27,
                   "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
    assert_escaped("R&B's", 5, "R&amp;B&#39;s");
    assert_escaped("Amélie 天", 11, "Amélie 天");
    assert_escaped("", 0, "");
}

static void what_is_no_text_becomes_a_replacement_character(void **state)
{
    (void)state;
    assert_escaped("a\nb", 3,
                   "a\xEF\xBF\xBD"
                   "b");
    assert_escaped("a\0b", 3,
                   "a\xEF\xBF\xBD"
                   "b");
    assert_escaped("\xC3", 1, "\xEF\xBF\xBD");
    assert_escaped("\xFF<\xE2\x82", 4, "\xEF\xBF\xBD&lt;\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void a_long_text_is_cut_at_a_character(void **state)
{
    (void)state;
    static const char *const expected[] = {"…", "a…", "a…", "aé…", "aé&lt;"};
    for (size_t most = 0; most <= 4; most++) {
        mf_text page = MF_TEXT_EMPTY;
        mf_html_short_text(&page, "aé<", 4, most);
        assert_string_equal(terminated(&page), expected[most]);
        mf_text_free(&page);
    }
}

static void counts_have_separators(void **state)
{
    (void)state;
    static const struct {
        uint64_t n;
        const char *text;
    } cases[] = {{0, "0"},
                 {999, "999"},
                 {1000, "1,000"},
                 {100004, "100,004"},
                 {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_text page = MF_TEXT_EMPTY;
        mf_html_count(&page, cases[c].n);
        assert_string_equal(terminated(&page), cases[c].text);
        mf_text_free(&page);
    }
}

static void a_page_names_nothing_from_elsewhere(void **state)
{
    (void)state;
    mf_text page = MF_TEXT_EMPTY;
    mf_html_begin(&page, "A <title>");
    mf_html_section(&page, "one", "One");
    mf_html_end(&page);
    const char *text = terminated(&page);
    assert_non_null(strstr(text, "<title>A &lt;title&gt;</title>"));
    assert_non_null(strstr(text, "default-src 'none'"));
    assert_null(strstr(text, "http:"));
    assert_null(strstr(text, "https:"));
    assert_null(strstr(text, "<script"));
    assert_int_equal(count(text, "<section"), 2);
    assert_int_equal(count(text, "</section>"), 2);
    mf_text_free(&page);
}

static void a_line_has_a_gap_where_there_is_no_value(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5};
    const double y[] = {1, 2, NAN, 2, 1};
    mf_text page = MF_TEXT_EMPTY;
    mf_plot_lines(&page, &(mf_plot){.caption = "a & b", .x_title = "x", .y_title = "y"},
                  &(mf_plot_series){.name = "s", .n = 5, .x = x, .y = y}, 1);
    const char *text = terminated(&page);
    assert_non_null(strstr(text, "<figcaption>a &amp; b</figcaption>"));
    const char *line = strstr(text, "class=\"l0\" d=\"");
    assert_non_null(line);
    char path[256];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(line + 14, "\""), line + 14);
    assert_int_equal(count(path, "M"), 2);
    assert_int_equal(count(path, "L"), 2);
    assert_null(strstr(text, "nan"));
    assert_int_equal(count(text, "<circle"), 4);
    mf_text_free(&page);
}

static void a_long_line_keeps_its_last_point(void **state)
{
    (void)state;
    enum { N = 10007 };
    static double x[N];
    static double y[N];
    for (int i = 0; i < N; i++) {
        x[i] = i;
        y[i] = i == N - 1 ? 1 : 0;
    }
    mf_text page = MF_TEXT_EMPTY;
    mf_plot_lines(&page, &(mf_plot){.caption = "", .x_title = "", .y_title = ""},
                  &(mf_plot_series){.name = "s", .n = N, .x = x, .y = y}, 1);
    const char *text = terminated(&page);
    const size_t n = count(text, "L");
    assert_true(n > MF_PLOT_POINTS / 2 && n <= MF_PLOT_POINTS);
    assert_non_null(strstr(text, "L444.0 10.0\"/>"));
    mf_text_free(&page);
}

static void nothing_to_show_is_no_figure(void **state)
{
    (void)state;
    const double x[] = {1};
    const double zero[] = {0};
    mf_text page = MF_TEXT_EMPTY;
    const mf_plot plot = {.caption = "", .x_title = "", .y_title = "", .log_y = true};
    mf_plot_lines(&page, &plot, &(mf_plot_series){.name = "s", .n = 1, .x = x, .y = zero}, 1);
    mf_plot_bars(&page, &plot, &(mf_plot_series){.name = "s"}, 1);
    assert_int_equal(page.n_bytes, 0);
    mf_text_free(&page);
}

static void equal_values_and_huge_ones_are_drawn(void **state)
{
    (void)state;
    static const double sets[][2] = {{3, 3}, {0, 0}, {-5, 5}, {1e-300, 1e300}, {-1e15, 1e15}};
    static const char *const names[] = {"a", "b"};
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++)
        for (int is_log = 0; is_log < 2; is_log++) {
            mf_text page = MF_TEXT_EMPTY;
            const mf_plot plot = {.caption = "",
                                  .x_title = "",
                                  .y_title = "",
                                  .log_x = is_log,
                                  .log_y = is_log,
                                  .groups = names};
            const mf_plot_series series = {.name = "s", .n = 2, .x = sets[s], .y = sets[s]};
            mf_plot_lines(&page, &plot, &series, 1);
            if (sets[s][0] >= 0)
                mf_plot_bars(&page, &plot, &series, 1);
            const char *text = terminated(&page);
            assert_null(strstr(text, "nan"));
            assert_null(strstr(text, "inf"));
            assert_true(page.n_bytes < 20000);
            mf_text_free(&page);
        }
}

static void bars_have_their_values_intervals_and_names(void **state)
{
    (void)state;
    const double y[] = {0.25, 0.5};
    const double low[] = {0.2, 0.5};
    const double high[] = {0.3, 0.5};
    mf_text page = MF_TEXT_EMPTY;
    mf_plot_bars(&page,
                 &(mf_plot){.caption = "bars",
                            .x_title = "x",
                            .y_title = "y",
                            .is_share = true,
                            .groups = (const char *const[]){"<a>", "b"}},
                 &(mf_plot_series){.name = "s", .n = 2, .y = y, .low = low, .high = high}, 1);
    const char *text = terminated(&page);
    assert_non_null(strstr(text, "<title>&lt;a&gt;, s: 25.00 % (20.00 to 30.00)</title>"));
    assert_non_null(strstr(text, "<title>b, s: 50.00 %</title>"));
    assert_int_equal(count(text, "class=\"whisker\""), 1);
    assert_int_equal(count(text, "<rect"), 2);
    mf_text_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_for_elements_and_attributes),
        cmocka_unit_test(what_is_no_text_becomes_a_replacement_character),
        cmocka_unit_test(a_long_text_is_cut_at_a_character),
        cmocka_unit_test(counts_have_separators),
        cmocka_unit_test(a_page_names_nothing_from_elsewhere),
        cmocka_unit_test(a_line_has_a_gap_where_there_is_no_value),
        cmocka_unit_test(a_long_line_keeps_its_last_point),
        cmocka_unit_test(nothing_to_show_is_no_figure),
        cmocka_unit_test(equal_values_and_huge_ones_are_drawn),
        cmocka_unit_test(bars_have_their_values_intervals_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
