/* decimal.h: decimal numbers that are added without losing a digit.
 *
 *     value = digits · 10^-scale,  |digits| < 10^38,  0 ≤ scale ≤ 38
 *
 * 38 digits are what a number of DynamoDB holds. Sums of whole numbers are whole numbers, and
 * 4.5 is 4.5; what would need more digits is refused, never rounded.
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

/* The whole of text[0..n) is a decimal number: "12", "-0.50", "1e3", "1.5E-2". False when it is
 * none, or needs more than 38 digits before and after the point together. */
bool mf_aggregate_decimal_parse(const char *text, size_t n, mf_aggregate_decimal *value);

/* *sum += value. False, and *sum as it was, when that has no place in 38 digits. */
bool mf_aggregate_decimal_add(mf_aggregate_decimal *sum, const mf_aggregate_decimal *value);

/* The same number, however it was written. */
bool mf_aggregate_decimal_equals(const mf_aggregate_decimal *a, const mf_aggregate_decimal *b);

/* Without an exponent and without zeros at the end: "4.5", "-12", "0". */
void mf_aggregate_decimal_write(mf_text *text, const mf_aggregate_decimal *value);

/* sum / count to MF_AGGREGATE_DECIMAL_MEAN_DECIMALS decimals, halves away from zero. count > 0. */
mf_aggregate_decimal mf_aggregate_decimal_mean(const mf_aggregate_decimal *sum, uint64_t count);

#endif
