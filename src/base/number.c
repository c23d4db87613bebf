/* number.c: an exact fast path for short decimal numbers; strtod_l for the others. */
#include "base/number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void c_locale_create(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* For numbers of many digits or large exponents. The caller checked the shape: text is a plain
 * decimal number. */
static bool parse_slowly(const char *text, size_t n, double *value)
{
    char small[64];
    char *copy = n < sizeof small ? small : malloc(n + 1);
    if (copy == NULL)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    pthread_once(&c_locale_once, c_locale_create);
    char *end = copy;
    const double parsed = strtod_l(copy, &end, c_locale);
    const bool ok = end == copy + n && isfinite(parsed);
    if (copy != small)
        free(copy);
    if (ok)
        *value = parsed;
    return ok;
}

bool mf_parse_double(const char *text, size_t n, double *value)
{
    size_t at = 0;
    const bool negative = n > 0 && text[0] == '-';
    if (n > 0 && (text[0] == '-' || text[0] == '+'))
        at++;
    uint64_t digits = 0;
    size_t n_digits = 0;
    int64_t scale = 0; /* the value is digits · 10^scale */
    for (; at < n && is_digit(text[at]); at++, n_digits++)
        digits = digits * 10 + (uint64_t)(text[at] - '0');
    if (at < n && text[at] == '.') {
        at++;
        const size_t first = at;
        for (; at < n && is_digit(text[at]); at++, n_digits++)
            digits = digits * 10 + (uint64_t)(text[at] - '0');
        scale = -(int64_t)(at - first);
    }
    if (n_digits == 0)
        return false;
    if (at < n && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        const bool down = at < n && text[at] == '-';
        if (at < n && (text[at] == '-' || text[at] == '+'))
            at++;
        if (at == n)
            return false;
        int64_t exponent = 0;
        for (; at < n && is_digit(text[at]); at++)
            if (exponent < 100000)
                exponent = exponent * 10 + (text[at] - '0');
        scale += down ? -exponent : exponent;
    }
    if (at != n)
        return false;
    /* Up to 15 digits and 22 powers of ten are exact doubles, and one correctly rounded operation
     * on exact values is the correctly rounded result. */
    if (n_digits > 15 || scale < -22 || scale > 22)
        return parse_slowly(text, n, value);
    double magnitude = (double)digits;
    if (scale < 0)
        magnitude /= powers_of_ten[-scale];
    else
        magnitude *= powers_of_ten[scale];
    *value = negative ? -magnitude : magnitude;
    return true;
}

bool mf_parse_uint64(const char *text, size_t n, uint64_t *value)
{
    uint64_t parsed = 0;
    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_digit(text[i]) || __builtin_mul_overflow(parsed, 10u, &parsed) ||
            __builtin_add_overflow(parsed, (uint64_t)(text[i] - '0'), &parsed))
            return false;
    *value = parsed;
    return true;
}

bool mf_parse_int64(const char *text, size_t n, int64_t *value)
{
    const bool negative = n > 0 && text[0] == '-';
    uint64_t magnitude;
    if (!mf_parse_uint64(text + negative, n - negative, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool mf_is_whole(double value)
{
    return fabs(value) <= 0x1p53 && (double)(int64_t)value == value;
}

char *mf_write_double(double value, bool is_float, char text[MF_NUMBER_TEXT_BYTES])
{
    pthread_once(&c_locale_once, c_locale_create);
    const locale_t before = uselocale(c_locale);
    if (mf_is_whole(value))
        snprintf(text, MF_NUMBER_TEXT_BYTES, "%.0f", value);
    else
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(text, MF_NUMBER_TEXT_BYTES, "%.*g", digits, value);
            const double back = strtod(text, NULL);
            if (is_float ? (float)back == (float)value : back == value)
                break;
        }
    uselocale(before);
    return text;
}
