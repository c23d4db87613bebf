/* decimal.c: 128-bit integers times powers of ten. A product is checked before it is computed:
 * clang's overflow check calls a function that gcc's library lacks. */
#include "lambda/aggregate/decimal.h"

/* 10^38 - 1 */
static const mf_aggregate_int128 most =
    (mf_aggregate_int128)10000000000000000000u * 10000000000000000000u - 1;

/* 10^n, n ≤ 38; all of them fit. */
static mf_aggregate_int128 power_of_ten(uint32_t n)
{
    mf_aggregate_int128 power = 1;
    while (n-- > 0)
        power *= 10;
    return power;
}

/* *digits *= 10^n; false when the product needs more than 38 digits. */
static bool shift(mf_aggregate_int128 *digits, uint32_t n)
{
    if (n == 0 || *digits == 0)
        return true;
    if (n > MF_AGGREGATE_DECIMAL_DIGITS)
        return false;
    const mf_aggregate_int128 power = power_of_ten(n);
    const mf_aggregate_int128 bound = most / power;
    if (*digits > bound || *digits < -bound)
        return false;
    *digits *= power;
    return true;
}

static size_t n_digits_at(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && at[n] >= '0' && at[n] <= '9')
        n++;
    return n;
}

/* The digits after 'e': at most six. */
static bool parse_exponent(const char *at, const char *end, int64_t *exponent)
{
    const bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    const size_t n = n_digits_at(at, end);
    if (n == 0 || n > 6 || at + n != end)
        return false;
    for (*exponent = 0; at < end; at++)
        *exponent = *exponent * 10 + (is_negative ? -(*at - '0') : *at - '0');
    return true;
}

/* digits · 10^exponent */
static bool settle(mf_aggregate_int128 digits, int64_t exponent, mf_aggregate_decimal *value)
{
    if (digits == 0) {
        *value = MF_AGGREGATE_DECIMAL_ZERO;
        return true;
    }
    if (exponent > MF_AGGREGATE_DECIMAL_DIGITS || exponent < -MF_AGGREGATE_DECIMAL_DIGITS ||
        (exponent > 0 && !shift(&digits, (uint32_t)exponent)))
        return false;
    *value = (mf_aggregate_decimal){digits, exponent < 0 ? (uint32_t)-exponent : 0};
    return true;
}

/* Appends n digits to *digits. Zeros are counted in *n_zeros until another digit follows them: zeros
 * at the end of a number only raise its exponent. */
static bool take_digits(const char *at, size_t n, mf_aggregate_int128 *digits, uint32_t *n_zeros)
{
    for (size_t i = 0; i < n; i++) {
        if (*digits != 0 && *n_zeros < UINT32_MAX)
            ++*n_zeros;
        if (at[i] == '0')
            continue;
        if (!shift(digits, *n_zeros))
            return false;
        *digits += at[i] - '0';
        *n_zeros = 0;
    }
    return true;
}

bool mf_aggregate_decimal_parse(const char *text, size_t n, mf_aggregate_decimal *value)
{
    const char *at = text;
    const char *end = text + n;
    const bool is_negative = at < end && *at == '-';
    at += is_negative;
    const char *whole = at;
    const size_t n_whole = n_digits_at(at, end);
    size_t n_fraction = 0;
    int64_t exponent = 0;
    at += n_whole;
    if (at < end && *at == '.') {
        n_fraction = n_digits_at(at + 1, end);
        at += 1 + n_fraction;
        if (n_fraction == 0)
            return false;
    }
    if (n_whole == 0 || (at < end && *at != 'e' && *at != 'E') ||
        (at < end && !parse_exponent(at + 1, end, &exponent)))
        return false;
    mf_aggregate_int128 digits = 0;
    uint32_t n_zeros = 0;
    if (!take_digits(whole, n_whole, &digits, &n_zeros) ||
        !take_digits(at - n_fraction, n_fraction, &digits, &n_zeros))
        return false;
    return settle(is_negative ? -digits : digits, exponent + n_zeros - (int64_t)n_fraction, value);
}

bool mf_aggregate_decimal_add(mf_aggregate_decimal *sum, const mf_aggregate_decimal *value)
{
    mf_aggregate_decimal a = *sum;
    mf_aggregate_decimal b = *value;
    const uint32_t scale = a.scale > b.scale ? a.scale : b.scale;
    if (!shift(&a.digits, scale - a.scale) || !shift(&b.digits, scale - b.scale) ||
        (b.digits > 0 ? a.digits > most - b.digits : a.digits < -most - b.digits))
        return false;
    *sum = (mf_aggregate_decimal){a.digits + b.digits, scale};
    return true;
}

/* Without zeros at the end. */
static mf_aggregate_decimal shortest(mf_aggregate_decimal value)
{
    while (value.scale > 0 && value.digits % 10 == 0) {
        value.digits /= 10;
        value.scale--;
    }
    return value;
}

bool mf_aggregate_decimal_equals(const mf_aggregate_decimal *a, const mf_aggregate_decimal *b)
{
    const mf_aggregate_decimal one = shortest(*a);
    const mf_aggregate_decimal other = shortest(*b);
    return one.digits == other.digits && one.scale == other.scale;
}

void mf_aggregate_decimal_write(mf_text *text, const mf_aggregate_decimal *value)
{
    enum { LONGEST = 2 * MF_AGGREGATE_DECIMAL_DIGITS + 4 };
    const mf_aggregate_decimal v = shortest(*value);
    mf_aggregate_int128 digits = v.digits < 0 ? -v.digits : v.digits;
    char number[LONGEST];
    char *const end = number + sizeof number;
    char *at = end;
    for (uint32_t i = 0; i < v.scale || digits > 0 || i == v.scale; i++) {
        if (i == v.scale && i > 0)
            *--at = '.';
        *--at = (char)('0' + (int)(digits % 10));
        digits /= 10;
    }
    if (v.digits < 0)
        *--at = '-';
    mf_text_append(text, at, (size_t)(end - at));
}

mf_aggregate_decimal mf_aggregate_decimal_mean(const mf_aggregate_decimal *sum, uint64_t count)
{
    mf_aggregate_decimal s = shortest(*sum);
    mf_aggregate_int128 power = 1;
    uint32_t scale = s.scale;
    /* As many more decimals as 38 digits allow, up to those that are wanted. */
    while (scale < MF_AGGREGATE_DECIMAL_MEAN_DECIMALS && shift(&s.digits, 1))
        scale++;
    mf_aggregate_int128 quotient = s.digits / (mf_aggregate_int128)count;
    const mf_aggregate_int128 rest = s.digits % (mf_aggregate_int128)count;
    if (scale <= MF_AGGREGATE_DECIMAL_MEAN_DECIMALS) {
        const mf_aggregate_int128 size = rest < 0 ? -rest : rest;
        if (2 * size >= (mf_aggregate_int128)count)
            quotient += s.digits < 0 ? -1 : 1;
        return shortest((mf_aggregate_decimal){quotient, scale});
    }
    /* Rounded once, at the decimal that is wanted: count · 10^(scale - wanted) divides. */
    for (uint32_t i = MF_AGGREGATE_DECIMAL_MEAN_DECIMALS; i < scale; i++)
        power *= 10;
    mf_aggregate_int128 half = quotient % power;
    half = half < 0 ? -half : half;
    quotient = quotient / power + (2 * half >= power ? (s.digits < 0 ? -1 : 1) : 0);
    return shortest((mf_aggregate_decimal){quotient, MF_AGGREGATE_DECIMAL_MEAN_DECIMALS});
}
