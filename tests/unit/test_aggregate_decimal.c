/* Decimal numbers: what goes in comes out, and sums lose nothing. */
#include "testing.h"

#include "base/random.h"
#include "lambda/aggregate/decimal.h"

static const char *text_of(const mf_aggregate_decimal *value)
{
    static char copy[128];
    mf_text text = MF_TEXT_EMPTY;
    mf_aggregate_decimal_write(&text, value);
    assert_true(text.n_bytes < sizeof copy);
    memcpy(copy, text.bytes, text.n_bytes);
    copy[text.n_bytes] = '\0';
    mf_text_free(&text);
    return copy;
}

static bool parse(const char *text, mf_aggregate_decimal *value)
{
    char *copy = malloc(strlen(text) + 1);
    assert_non_null(copy);
    char *exact = strlen(text) > 0 ? memcpy(copy, text, strlen(text)) : copy;
    const bool ok = mf_aggregate_decimal_parse(exact, strlen(text), value);
    free(copy);
    return ok;
}

#define NINES "99999999999999999999999999999999999999" /* 38 */

static void numbers_are_read_and_written_without_zeros_that_say_nothing(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"0.000", "0"},
        {"0e999", "0"},
        {"7", "7"},
        {"-12", "-12"},
        {"4.5", "4.5"},
        {"4.50", "4.5"},
        {"007", "7"},
        {"0.05", "0.05"},
        {"-0.5", "-0.5"},
        {"1e3", "1000"},
        {"1E+3", "1000"},
        {"15e-1", "1.5"},
        {"1.5e-3", "0.0015"},
        {"100e-2", "1"},
        {"0.30000000000000004", "0.30000000000000004"},
        {NINES, NINES},
        {"-" NINES, "-" NINES},
        {NINES ".0000000000000000000000000000000000000000", NINES},
        {"0." NINES, "0." NINES},
        {"1e37", "10000000000000000000000000000000000000"},
        {"1e-38", "0.00000000000000000000000000000000000001"},
        {"1000000000000000000000000000000000000000e-39", "1"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        mf_aggregate_decimal value;
        mf_aggregate_decimal again;
        if (!parse(pairs[i][0], &value))
            fail_msg("refused: %s", pairs[i][0]);
        assert_string_equal(text_of(&value), pairs[i][1]);
        assert_true(parse(pairs[i][1], &again) && mf_aggregate_decimal_equals(&value, &again));
    }
}

static void what_is_no_number_or_needs_more_digits_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",          "-",           "+1",  ".5",   "5.",        "1.5.2", "1e",      "1e+",
        "1e1.5",     "0x10",        "nan", "inf",  " 1",        "1 ",    "1,5",     "--1",
        "1-",        "e5",          "-e5", "1e38", "1e9999999", "1e-39", "1" NINES, "1" NINES "e-1",
        "0.1" NINES, "1." NINES "1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mf_aggregate_decimal value = {7, 0};
        if (parse(texts[i], &value))
            fail_msg("taken: %s as %s", texts[i], text_of(&value));
    }
}

static void sums_are_those_of_whole_numbers_of_the_smallest_unit(void **state)
{
    (void)state;
    mf_aggregate_decimal sum = MF_AGGREGATE_DECIMAL_ZERO;
    int64_t expected = 0; /* millionths */
    for (uint64_t i = 0; i < 20000; i++) {
        const int64_t unit = (int64_t)mf_random_below(1, i, 2000000000) - 1000000000;
        char text[32];
        snprintf(text, sizeof text, "%s%lld.%06lld", unit < 0 ? "-" : "",
                 (long long)llabs(unit / 1000000), (long long)llabs(unit % 1000000));
        mf_aggregate_decimal value;
        assert_true(parse(text, &value) && mf_aggregate_decimal_add(&sum, &value));
        expected += unit;
    }
    char text[32];
    mf_aggregate_decimal value;
    snprintf(text, sizeof text, "%llde-6", (long long)expected);
    assert_true(parse(text, &value) && mf_aggregate_decimal_equals(&sum, &value));
}

static void a_sum_of_too_many_digits_leaves_the_old_one(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *sum; /* NULL: too many digits */
    } cases[] = {
        {NINES, "1", NULL},
        {"-" NINES, "-1", NULL},
        {NINES, "-1", "99999999999999999999999999999999999998"},
        {NINES, "0.1", NULL},
        {NINES, "0", NINES},
        {"1e37", "1e-1", NULL},
        {"1e36", "1e-1", "1000000000000000000000000000000000000.1"},
        {"1e-38", "1", NULL},
        {"0.5", "0.5", "1"},
        {"-0.5", "0.25", "-0.25"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_aggregate_decimal a;
        mf_aggregate_decimal b;
        assert_true(parse(cases[i].a, &a) && parse(cases[i].b, &b));
        const mf_aggregate_decimal before = a;
        assert_int_equal(mf_aggregate_decimal_add(&a, &b), cases[i].sum != NULL);
        if (cases[i].sum != NULL)
            assert_string_equal(text_of(&a), cases[i].sum);
        else
            assert_true(mf_aggregate_decimal_equals(&a, &before));
    }
}

static void means_have_six_decimals_and_are_rounded_once(void **state)
{
    (void)state;
    static const struct {
        const char *sum;
        uint64_t count;
        const char *mean;
    } cases[] = {
        {"7", 2, "3.5"},
        {"1", 3, "0.333333"},
        {"2", 3, "0.666667"},
        {"-2", 3, "-0.666667"},
        {"0", 5, "0"},
        {"0.000001", 2, "0.000001"},
        {"-0.000001", 2, "-0.000001"},
        {"0.0000049", 10, "0"},
        {"0.00000049999999", 1, "0"},
        {"0.0000005", 1, "0.000001"},
        {"12.5", 6, "2.083333"},
        {NINES, 1, NINES},
        {NINES, 3, "33333333333333333333333333333333333333"},
        {"18014398509481987", 3, "6004799503160662.333333"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_aggregate_decimal sum;
        assert_true(parse(cases[i].sum, &sum));
        const mf_aggregate_decimal mean = mf_aggregate_decimal_mean(&sum, cases[i].count);
        assert_string_equal(text_of(&mean), cases[i].mean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_and_written_without_zeros_that_say_nothing),
        cmocka_unit_test(what_is_no_number_or_needs_more_digits_is_refused),
        cmocka_unit_test(sums_are_those_of_whole_numbers_of_the_smallest_unit),
        cmocka_unit_test(a_sum_of_too_many_digits_leaves_the_old_one),
        cmocka_unit_test(means_have_six_decimals_and_are_rounded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
