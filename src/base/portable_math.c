/* portable_math.c: argument reduction by powers of two, then a series.
 *
 *   exp(x) = 2^k · exp(r),  r = x − k ln 2 in ±0.35, Taylor to r^14
 *   log(x) = k ln 2 + 2 artanh(s),  x = 2^k m, m in 0.7 … 1.42, s = (m − 1) / (m + 1)
 *
 * ln 2 is kept in two parts (Cody, Waite 1980), so that k · ln 2 loses nothing. */
#include "base/portable_math.h"

#include <math.h>

/* The last 21 bits of LN2_HIGH are zero, so that k · LN2_HIGH is exact. */
static const double LN2_HIGH = 0x1.62e42fee00000p-1;
static const double LN2_LOW = 0x1.a39ef35793c76p-33;

double mf_exp(double x)
{
    if (!(x > -746)) /* NaN stays NaN */
        return x != x ? x : 0;
    if (x > 710)
        return INFINITY;
    const double k = rint(x / (LN2_HIGH + LN2_LOW));
    const double r = (x - k * LN2_HIGH) - k * LN2_LOW;
    double sum = 1;
    for (int n = 14; n > 0; n--)
        sum = 1 + r * sum / n;
    /* In two steps: 2^k alone may be below the smallest normal number. */
    const int half = (int)k / 2;
    return ldexp(ldexp(sum, half), (int)k - half);
}

double mf_log(double x)
{
    if (!(x >= 0))
        return NAN;
    if (x == 0)
        return -INFINITY;
    if (x > 0x1.fffffffffffffp+1023)
        return INFINITY;
    int k;
    double m = frexp(x, &k); /* 0.5 … 1 */
    if (m < 0.70710678118654752) {
        m *= 2;
        k--;
    }
    const double s = (m - 1) / (m + 1);
    const double square = s * s;
    double sum = 0;
    for (int n = 27; n > 0; n -= 2)
        sum = sum * square + 1.0 / n;
    return k * LN2_HIGH + (2 * s * sum + k * LN2_LOW);
}
