/* test_ratings_value.c: ratings, weights and times as people write them. */
#include "testing.h"

#include "ratings/encoding.h"
#include "ratings/value.h"

#include <math.h>

static mf_cell cell(const char *text)
{
    static char copy[300];
    snprintf(copy, sizeof copy, "%s", text);
    return (mf_cell){copy, strlen(text)};
}

static void assert_time(const char *text, double expected, bool is_date)
{
    bool is_whole;
    bool was_date;
    int64_t whole;
    double seconds;
    if (!mf_value_time(cell(text), &is_whole, &whole, &seconds, &was_date))
        fail_msg("%s is no time", text);
    const double got = is_whole ? (double)whole : seconds;
    if (!(fabs(got - expected) < 1e-3) || was_date != is_date)
        fail_msg("%s is %.3f, expected %.3f", text, got, expected);
}

static void dates_are_seconds_since_1970(void **state)
{
    (void)state;
    assert_time("1970-01-01", 0, true);
    assert_time("2005-04-02", 1112400000, true);
    assert_time("2005-04-02 23:53:47", 1112486027, true);
    assert_time("2005-04-02T23:53:47", 1112486027, true);
    assert_time("2005-04-02T23:53:47Z", 1112486027, true);
    assert_time("2005-04-02 23:53:47 UTC", 1112486027, true);
    assert_time("2005/04/02 23:53:47", 1112486027, true);
    assert_time("2005-04-02 23:53", 1112485980, true);
    assert_time("2005-04-02T23:53:47.250Z", 1112486027.25, true);
    assert_time("2005-04-03T01:53:47+02:00", 1112486027, true);
    assert_time("2005-04-03T05:23:47+0530", 1112486027, true);
    assert_time("2005-04-02 16:53:47-07", 1112486027, true);
    assert_time("1969-12-31T23:59:59Z", -1, true);
    assert_time("2000-02-29", 951782400, true);
}

static void numbers_are_taken_as_they_are(void **state)
{
    (void)state;
    assert_time("1112486027", 1112486027, false);
    assert_time("1112486027.5", 1112486027.5, false);
    assert_time("1.112486027e9", 1112486027, false);
    assert_time("-5", -5, false);
    assert_time("1112486027000", 1112486027000, false);
}

static void what_is_no_time_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "yesterday",
        "2005-13-01",
        "2005-00-01",
        "2005-04-31",
        "2005-4-2",
        "05-04-2005",
        "2005-04-02 25:00:00",
        "2005-04-02 23",
        "2005-04-02T",
        "2005-04-02Z",
        "2005-04-02 23:53:47 EST",
        "2005-04-02 23:53:47+2",
        "nan",
        "2005-04/02",
    };
    bool is_whole;
    bool is_date;
    int64_t whole;
    double seconds;
    (void)state;
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
        if (mf_value_time(cell(texts[t]), &is_whole, &whole, &seconds, &is_date))
            fail_msg("%s is a time", texts[t]);
}

static void units_follow_from_the_size_of_a_time(void **state)
{
    (void)state;
    assert_int_equal(mf_time_unit_of(1112486027), MF_TIME_SECONDS);
    assert_int_equal(mf_time_unit_of(1112486027e3), MF_TIME_MILLISECONDS);
    assert_int_equal(mf_time_unit_of(1112486027e6), MF_TIME_MICROSECONDS);
    assert_int_equal(mf_time_unit_of(1112486027e9), MF_TIME_NANOSECONDS);
    assert_int_equal(mf_time_unit_of(7), MF_TIME_SECONDS);
    assert_true(mf_time_unit_rate(MF_TIME_MILLISECONDS) == 1000);
    assert_true(mf_time_unit_rate(MF_TIME_DATES) == 1);
}

static void a_comma_is_a_point_where_it_is_told(void **state)
{
    float value;
    (void)state;
    assert_true(mf_value_rating(cell("2,5"), true, &value) && value == 2.5F);
    assert_true(mf_value_rating(cell("-0,25"), true, &value) && value == -0.25F);
    assert_true(mf_value_rating(cell("2.5"), true, &value) && value == 2.5F);
    assert_false(mf_value_rating(cell("2,5"), false, &value));
    assert_false(mf_value_rating(cell("1,2,3"), true, &value));
    assert_false(mf_value_weight(cell("-1"), false, &value));
    assert_true(mf_value_weight(cell("0"), false, &value) && value == 0);
}

static void words_for_nothing_are_known(void **state)
{
    static const char *const words[] = {"", "NULL", "null", "NaN", "NA", "None", "\\N", "N/A"};
    (void)state;
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
        assert_true(mf_value_is_missing(cell(words[w])));
    assert_false(mf_value_is_missing(cell("0")));
    assert_false(mf_value_is_missing(cell("nullable")));
}

static void assert_converts(mf_encoding encoding, const char *from, size_t n_bytes,
                            const char *expected)
{
    char to[200];
    size_t n_used;
    const size_t n = mf_encoding_convert(encoding, from, n_bytes, true, to, &n_used);
    assert_int_equal(n_used, n_bytes);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(to, expected, n);
}

static void other_encodings_become_utf_8(void **state)
{
    (void)state;
    assert_converts(MF_ENCODING_LATIN1, "M\xFC\xA4\x80", 4, "Mü¤\xC2\x80");
    assert_converts(MF_ENCODING_WINDOWS_1252, "M\xFC\x80\x93\x9C", 5, "Mü€“œ");
    assert_converts(MF_ENCODING_UTF16LE, "M\0\xFC\0\x3D\xD8\x00\xDE", 8, "Mü😀");
    assert_converts(MF_ENCODING_UTF16BE, "\0M\0\xFC\xD8\x3D\xDE\x00", 8, "Mü😀");
    assert_converts(MF_ENCODING_UTF16LE, "\x3D\xD8M\0", 4, "\xEF\xBF\xBDM");
    assert_converts(MF_ENCODING_UTF16LE, "M\0x", 3, "M\xEF\xBF\xBD");
}

static void utf_16_is_known_by_its_mark_or_its_zero_bytes(void **state)
{
    (void)state;
    assert_int_equal(mf_encoding_detect("\xFF\xFEu\0", 4), MF_ENCODING_UTF16LE);
    assert_int_equal(mf_encoding_detect("\xFE\xFF\0u", 4), MF_ENCODING_UTF16BE);
    assert_int_equal(mf_encoding_detect("u\0s\0e\0r\0I\0d\0,\0i\0", 16), MF_ENCODING_UTF16LE);
    assert_int_equal(mf_encoding_detect("\0u\0s\0e\0r\0I\0d\0,\0i", 16), MF_ENCODING_UTF16BE);
    assert_int_equal(mf_encoding_detect("userId,item", 11), MF_ENCODING_UTF8);
    assert_int_equal(mf_encoding_detect("\0\0\0\0\0\0\0\0\0\0\0\0", 12), MF_ENCODING_UTF8);
    assert_int_equal(mf_encoding_detect("\1\0\2\0\3\0\4\0\5\0\6\0", 12), MF_ENCODING_UTF8);
    assert_int_equal(mf_encoding_detect("", 0), MF_ENCODING_UTF8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_seconds_since_1970),
        cmocka_unit_test(numbers_are_taken_as_they_are),
        cmocka_unit_test(what_is_no_time_is_none),
        cmocka_unit_test(units_follow_from_the_size_of_a_time),
        cmocka_unit_test(a_comma_is_a_point_where_it_is_told),
        cmocka_unit_test(words_for_nothing_are_known),
        cmocka_unit_test(other_encodings_become_utf_8),
        cmocka_unit_test(utf_16_is_known_by_its_mark_or_its_zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
