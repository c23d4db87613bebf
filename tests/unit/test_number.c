#include "testing.h"

#include "base/number.h"
#include "base/random.h"

#include <locale.h>
#include <math.h>

static bool parse(const char *text, double *value)
{
    return mf_parse_double(text, strlen(text), value);
}

static void decimal_numbers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0},
        {"4", 4},
        {"4.5", 4.5},
        {"-0.5", -0.5},
        {"+3", 3},
        {".5", 0.5},
        {"5.", 5},
        {"1e-3", 1e-3},
        {"1E2", 100},
        {"2.5e+1", 25},
        {"0.1", 0.1},
        {"1e22", 1e22},
        {"1e300", 1e300},
        {"4.9e-324", 4.9e-324},
        {"1260759144", 1260759144},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
        {"0.00000000000000000000000000001", 1e-29},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value = NAN;
        if (!parse(cases[i].text, &value) || value != cases[i].value)
            fail_msg("%s gave %.17g", cases[i].text, value);
    }
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",    " ",   "4 ",    " 4",     "4;5",   "nan", "inf",
                                        "-",   "+",   ".",     "e5",     "1e",    "1e+", "0x10",
                                        "1,5", "--1", "1e400", "-1e400", "1.2.3", "four"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value = 7;
        if (parse(cases[i], &value) || value != 7)
            fail_msg("\"%s\" was taken as %g", cases[i], value);
    }
    double value;
    assert_false(mf_parse_double("1\0002", 3, &value));
}

static void fast_path_equals_strtod(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 200000; i++) {
        char text[64];
        const uint64_t z = mf_random_bits(1, i);
        snprintf(text, sizeof text, "%s%llu.%llue%d", z & 1 ? "-" : "",
                 (unsigned long long)((z >> 1) % 1000000), (unsigned long long)((z >> 24) % 100000),
                 (int)(z >> 58) - 32);
        double value = NAN;
        assert_true(parse(text, &value));
        if (value != strtod(text, NULL))
            fail_msg("%s gave %.17g", text, value);
    }
}

static void locale_does_not_matter(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    for (size_t i = 0; i < 4; i++)
        if (setlocale(LC_ALL, names[i]) != NULL)
            break;
    if (strcmp(localeconv()->decimal_point, ",") != 0)
        print_message("no locale with a decimal comma here: tested under \"%s\" only\n",
                      setlocale(LC_ALL, NULL));
    double value = 0;
    assert_true(parse("1234567890.12345678901", &value)); /* slow path */
    assert_true(value == 1234567890.12345678901);
    assert_false(parse("1,5", &value));
    char text[MF_NUMBER_TEXT_BYTES];
    assert_string_equal(mf_write_double(1.5, false, text), "1.5");
    setlocale(LC_ALL, "C");
}

static void integers_are_read_to_their_limits(void **state)
{
    (void)state;
    int64_t i = 0;
    uint64_t u = 0;
    assert_true(mf_parse_int64("-9223372036854775808", 20, &i) && i == INT64_MIN);
    assert_true(mf_parse_int64("9223372036854775807", 19, &i) && i == INT64_MAX);
    assert_false(mf_parse_int64("9223372036854775808", 19, &i));
    assert_true(mf_parse_uint64("18446744073709551615", 20, &u) && u == UINT64_MAX);
    assert_false(mf_parse_uint64("18446744073709551616", 20, &u));
    assert_false(mf_parse_uint64("-1", 2, &u));
    assert_false(mf_parse_int64("", 0, &i));
    assert_false(mf_parse_int64("-", 1, &i));
    assert_false(mf_parse_int64("1.0", 3, &i));
}

static void a_double_is_written_with_the_fewest_digits_that_read_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        bool is_float;
        const char *text;
    } cases[] = {
        {0.1, false, "0.1"},
        {(double)0.1f, true, "0.1"},
        {(double)0.1f, false, "0.10000000149011612"},
        {1.0 / 3, false, "0.3333333333333333"},
        {1e15, false, "1000000000000000"}, /* whole numbers have no exponent, … */
        {1e-7, false, "1e-07"},
        {1e300, false, "1e+300"}, /* … up to 2^53 */
        {-2.5, true, "-2.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[MF_NUMBER_TEXT_BYTES];
        assert_string_equal(mf_write_double(cases[i].value, cases[i].is_float, text),
                            cases[i].text);
    }
    assert_true(mf_is_whole(-0x1p53) && !mf_is_whole(0x1p54) && !mf_is_whole(0.5) &&
                !mf_is_whole(INFINITY) && !mf_is_whole(NAN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_numbers_are_read),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(fast_path_equals_strtod),
        cmocka_unit_test(locale_does_not_matter),
        cmocka_unit_test(integers_are_read_to_their_limits),
        cmocka_unit_test(a_double_is_written_with_the_fewest_digits_that_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
