#include "testing.h"

#include "base/random.h"
#include "base/text.h"

#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>

static mf_text text;

/* What is in the text, zero-terminated; the text is empty afterwards. */
static const char *taken(void)
{
    static char copy[4096];
    assert_false(text.failed);
    assert_true(text.n_bytes < sizeof copy);
    if (text.n_bytes > 0)
        memcpy(copy, text.bytes, text.n_bytes);
    copy[text.n_bytes] = '\0';
    mf_text_clear(&text, SIZE_MAX);
    return copy;
}

static const char *of_float(float value)
{
    mf_text_float(&text, value);
    return taken();
}

/* The n-th call of realloc fails, if n > 0. */
static size_t n_reallocs;
static size_t failing_realloc;
void *__real_realloc(void *block, size_t n_bytes);
void *__wrap_realloc(void *block, size_t n_bytes);
void *__wrap_realloc(void *block, size_t n_bytes)
{
    if (++n_reallocs == failing_realloc) {
        errno = ENOMEM;
        return NULL;
    }
    return __real_realloc(block, n_bytes);
}

static void appending_keeps_everything(void **state)
{
    (void)state;
    char expected[20000];
    size_t n = 0;
    for (uint64_t i = 0; n + 64 < sizeof expected; i++) {
        char piece[64];
        const size_t n_piece = mf_random_below(3, i, sizeof piece);
        memset(piece, (int)('a' + i % 26), sizeof piece);
        mf_text_append(&text, piece, n_piece);
        memcpy(expected + n, piece, n_piece);
        n += n_piece;
    }
    assert_int_equal(text.n_bytes, n);
    assert_memory_equal(text.bytes, expected, n);
    mf_text_free(&text);
    assert_null(text.bytes);
    mf_text_append(&text, NULL, 0);
    assert_int_equal(text.n_bytes, 0);
}

static void growth_is_by_half_so_that_appending_is_cheap(void **state)
{
    (void)state;
    n_reallocs = 0;
    for (int i = 0; i < 1000000; i++)
        mf_text_literal(&text, "x");
    assert_true(n_reallocs < 40);
    mf_text_clear(&text, 100);
    assert_int_equal(text.capacity, 0);
    mf_text_literal(&text, "short");
    const size_t capacity = text.capacity;
    mf_text_clear(&text, 1000);
    assert_int_equal(text.capacity, capacity);
    assert_int_equal(text.n_bytes, 0);
}

static void without_memory_it_fails_once_and_keeps_what_is_there(void **state)
{
    (void)state;
    mf_text_free(&text);
    n_reallocs = 0;
    failing_realloc = 2;
    mf_text_literal(&text, "kept");
    char big[4096] = "";
    mf_text_append(&text, big, sizeof big);
    assert_true(text.failed);
    mf_text_literal(&text, "not any more");
    mf_text_format(&text, "%d", 1);
    mf_text_count(&text, 1);
    mf_text_float(&text, 1);
    mf_text_json(&text, "a", 1);
    assert_false(mf_text_reserve(&text, 0));
    assert_int_equal(text.n_bytes, 4);
    assert_memory_equal(text.bytes, "kept", 4);
    failing_realloc = 0;
    mf_text_clear(&text, SIZE_MAX);
    mf_text_literal(&text, "again");
    assert_string_equal(taken(), "again");
    assert_false(mf_text_reserve(&text, SIZE_MAX - 1));
    assert_true(text.failed);
    mf_text_free(&text);
    assert_false(text.failed);
}

static void format_and_counts(void **state)
{
    (void)state;
    mf_text_format(&text, "%s-%05d", "a", 42);
    assert_string_equal(taken(), "a-00042");
    mf_text_format(&text, "%s", "");
    assert_string_equal(taken(), "");
    mf_text_format(&text, "%1000d", 1);
    assert_int_equal(strlen(taken()), 1000);
    mf_text_count(&text, 0);
    mf_text_literal(&text, " ");
    mf_text_count(&text, UINT64_MAX);
    assert_string_equal(taken(), "0 18446744073709551615");
}

static void floats_look_like_this(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {-0.0f, "0.0"},
        {4, "4.0"},
        {3.528461f, "3.528461"},
        {-0.25f, "-0.25"},
        {0.001f, "0.001"},
        {0.9999996f, "1.0"},
        {0.1f, "0.1"},
        {4.42f, "4.42"},
        {123456.7f, "123456.703125"},
        {999999936, "999999936.0"},
        {1e9f, "1e+09"},
        {1.5e-7f, "1.50000005e-07"},
        {-1.5e-7f, "-1.50000005e-07"},
        {0.0009999999f, "9.99999931e-04"},
        {3.40282347e38f, "3.40282347e+38"},
        {1e-45f, "1.40129846e-45"},
        {0x1p-20f, "9.53674316e-07"},
        {9.9999999e20f, "1.00000002e+21"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
        {NAN, "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(of_float(cases[i].value), cases[i].text) != 0) {
            mf_text_float(&text, cases[i].value);
            fail_msg("%.9g gave %s, expected %s", (double)cases[i].value, taken(), cases[i].text);
        }
}

static void doubles_are_as_short_as_can_be_read_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{1995, "1995"},       {0.1, "0.1"},      {0.1 + 0.2, "0.30000000000000004"},
                 {-2.5e-3, "-0.0025"}, {1e300, "1e+300"}, {0, "0"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_text_double(&text, cases[i].value);
        assert_string_equal(taken(), cases[i].text);
    }
}

/* A JSON number by the grammar of RFC 8259. */
static bool is_json_number(const char *s)
{
    s += *s == '-';
    if (*s == '0')
        s++;
    else if (*s >= '1' && *s <= '9')
        s += strspn(s, "0123456789");
    else
        return false;
    if (*s == '.') {
        const size_t n = strspn(++s, "0123456789");
        if (n == 0)
            return false;
        s += n;
    }
    if (*s == 'e') {
        s++;
        s += *s == '-' || *s == '+';
        const size_t n = strspn(s, "0123456789");
        if (n == 0)
            return false;
        s += n;
    }
    return *s == '\0';
}

static void every_float_is_json_and_near_enough(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 300000; i++) {
        const uint32_t bits = (uint32_t)mf_random_bits(7, i);
        float value;
        memcpy(&value, &bits, sizeof value);
        if (i % 2 == 0) /* as ratings are */
            value = (float)(mf_random_bits(8, i) % 10000000) / 999983.0f;
        if (!isfinite(value))
            continue;
        const char *shown = of_float(value);
        const double read = strtod(shown, NULL);
        const double size = fabs((double)value);
        const double allowed =
            size >= 1e-3 && size < 1e9 ? 5e-7 + size * 1e-15 : size * 5.0000001e-9;
        if (!is_json_number(shown) || fabs(read - (double)value) > allowed)
            fail_msg("%.12g gave %s", (double)value, shown);
    }
}

static void no_locale_and_no_rounding_mode_changes_a_number(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < 4; i++)
        if (setlocale(LC_ALL, names[i]) != NULL)
            break;
    if (strcmp(localeconv()->decimal_point, ",") != 0)
        print_message("no locale with a decimal comma here: tested under \"%s\" only\n",
                      setlocale(LC_ALL, NULL));
    for (size_t m = 0; m < 4; m++) {
        fesetround(modes[m]);
        char shown[3][64];
        strcpy(shown[0], of_float(1.5e-7f));
        strcpy(shown[1], of_float(4.4249995f));
        strcpy(shown[2], of_float(3.1e12f));
        fesetround(FE_TONEAREST);
        assert_string_equal(shown[0], "1.50000005e-07");
        assert_string_equal(shown[1], "4.425");
        assert_string_equal(shown[2], "3.10000012e+12");
    }
    setlocale(LC_ALL, "C");
}

static void json_strings_escape_what_must_be(void **state)
{
    (void)state;
    mf_text_json(&text, "a\"b\\c\n\t\x01/\x7Fz\xC3\xBC", 13);
    assert_string_equal(taken(), "\"a\\\"b\\\\c\\n\\u0009\\u0001/\x7Fz\xC3\xBC\"");
    mf_text_json(&text, "", 0);
    assert_string_equal(taken(), "\"\"");
    mf_text_json(&text, "a\0b", 3);
    assert_string_equal(taken(), "\"a\\u0000b\"");
}

static int end(void **state)
{
    (void)state;
    mf_text_free(&text);
    return 0;
}

static void words_are_found_whole_and_in_any_letter_case(void **state)
{
    (void)state;
    static const char words[] = "warning warn 30";
    assert_int_equal(mf_word_find(words, "warning", 7), 0);
    assert_int_equal(mf_word_find(words, "WARN", 4), 1);
    assert_int_equal(mf_word_find(words, "30 and more", 2), 2);
    static const char *const others[] = {"", "war", "warnings", "warning warn", " ", "3"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_true(mf_word_find(words, others[i], strlen(others[i])) == SIZE_MAX);
    assert_true(mf_word_find(NULL, "warn", 4) == SIZE_MAX);
    size_t position = 0, n = 0;
    assert_memory_equal(mf_word_next(words, &position, &n), "warning", 7);
    assert_memory_equal(mf_word_next(words, &position, &n), "warn", 4);
    assert_memory_equal(mf_word_next(words, &position, &n), "30", 2);
    assert_int_equal(n, 2);
    assert_null(mf_word_next(words, &position, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_found_whole_and_in_any_letter_case),
        cmocka_unit_test(appending_keeps_everything),
        cmocka_unit_test(growth_is_by_half_so_that_appending_is_cheap),
        cmocka_unit_test(without_memory_it_fails_once_and_keeps_what_is_there),
        cmocka_unit_test(format_and_counts),
        cmocka_unit_test(floats_look_like_this),
        cmocka_unit_test(doubles_are_as_short_as_can_be_read_back),
        cmocka_unit_test(every_float_is_json_and_near_enough),
        cmocka_unit_test(no_locale_and_no_rounding_mode_changes_a_number),
        cmocka_unit_test(json_strings_escape_what_must_be),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
