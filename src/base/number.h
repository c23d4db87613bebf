/* number.h: text to numbers and back, the same under every locale.
 *
 * Reading follows the C locale's strtod and gives the correctly rounded value (the short decimal
 * numbers of rating files take an exact fast path: Clinger 1990, "How to read floating point
 * numbers accurately").
 *
 * Threads: any. */
#ifndef MF_BASE_NUMBER_H
#define MF_BASE_NUMBER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole of text[0..n) is one decimal number, e.g. "4", "-0.5", "1e-3", with
 * no spaces around it. False for anything else: empty, hexadecimal, "nan",
 * "inf", or beyond a double ("1e400"). *value is untouched on false. Cost: about
 * 5 ns for up to 15 digits. */
MF_MUST_CHECK bool mf_parse_double(const char *text, size_t n, double *value);

/* The whole of text[0..n) is a decimal integer that fits: "-12", "7". */
MF_MUST_CHECK bool mf_parse_int64(const char *text, size_t n, int64_t *value);

/* Like mf_parse_int64, for 0 … UINT64_MAX without a sign. */
MF_MUST_CHECK bool mf_parse_uint64(const char *text, size_t n, uint64_t *value);

/* Whether the value is an integer that a double holds exactly, |value| ≤ 2^53. */
bool mf_is_whole(double value);

enum { MF_NUMBER_TEXT_BYTES = 32 };

/* The decimal number with the fewest digits that reads back as the same double, or with is_float as
 * the same float. Whole numbers have no exponent. Returns text. */
char *mf_write_double(double value, bool is_float, char text[MF_NUMBER_TEXT_BYTES]);

#endif
