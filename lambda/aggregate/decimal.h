/* decimal.h: decimal numbers that are added without losing a digit.
 *
 *     value = digits · 10^-scale,  |digits| < 10^38,  0 ≤ scale ≤ 38
 *
 * A number of DynamoDB has at most 38 digits. A number that would need more is rejected, never
 * rounded.
 *
 * Threads: any. No locale. */
#ifndef MF_LAMBDA_AGGREGATE_DECIMAL_H
#define MF_LAMBDA_AGGREGATE_DECIMAL_H

#include "base/text.h"

__extension__ typedef __int128 mf_aggregate_int128;

enum { MF_AGGREGATE_DECIMAL_DIGITS = 38, MF_AGGREGATE_DECIMAL_MEAN_DECIMALS = 6 };

typedef struct mf_aggregate_decimal {
    mf_aggregate_int128 digits;
    uint32_t scale;
} mf_aggregate_decimal;

#define MF_AGGREGATE_DECIMAL_ZERO ((mf_aggregate_decimal){0, 0})

/* Reads text[0..n), which is a decimal number as a whole: "12", "-0.50", "1e3", "1.5E-2". False when
 * it is something else, or needs more than 38 digits before and after the point together. */
bool mf_aggregate_decimal_parse(const char *text, size_t n, mf_aggregate_decimal *value);

/* *sum += value. False when the sum needs more than 38 digits; *sum is then unchanged. */
bool mf_aggregate_decimal_add(mf_aggregate_decimal *sum, const mf_aggregate_decimal *value);

/* The same number, however it was written. */
bool mf_aggregate_decimal_equals(const mf_aggregate_decimal *a, const mf_aggregate_decimal *b);

/* Without an exponent and without zeros at the end: "4.5", "-12", "0". */
void mf_aggregate_decimal_write(mf_text *text, const mf_aggregate_decimal *value);

/* sum / count to MF_AGGREGATE_DECIMAL_MEAN_DECIMALS decimals, halves away from zero. count > 0. */
mf_aggregate_decimal mf_aggregate_decimal_mean(const mf_aggregate_decimal *sum, uint64_t count);

#endif
