/* sequence.h: sequence numbers of a shard, which order its records.
 *
 * Decimal digits without leading zeros, up to 129 of them: too many for any number, so they
 * are compared by length, then digit by digit (docs/lambda.md, 4.2).
 *
 * Threads: any. */
#ifndef MF_LAMBDA_STREAMS_SEQUENCE_H
#define MF_LAMBDA_STREAMS_SEQUENCE_H

#include "base/id_list.h"

#include <string.h>

enum {
    MF_SEQUENCE_DIGITS = 129,
    MF_SEQUENCE_ORDER_BYTES = MF_SEQUENCE_DIGITS + 4, /* three digits of length, zero byte */
};

/* Digits, at least one and at most MF_SEQUENCE_DIGITS, the first not 0 unless it is alone. */
static inline bool mf_sequence_valid(mf_id number)
{
    if (number.n_bytes == 0 || number.n_bytes > MF_SEQUENCE_DIGITS ||
        (number.bytes[0] == '0' && number.n_bytes > 1))
        return false;
    for (size_t i = 0; i < number.n_bytes; i++)
        if (number.bytes[i] < '0' || number.bytes[i] > '9')
            return false;
    return true;
}

/* Below, at or above 0, as a is below, at or above b. Both are valid. */
static inline int mf_sequence_compare(mf_id a, mf_id b)
{
    if (a.n_bytes != b.n_bytes)
        return a.n_bytes < b.n_bytes ? -1 : 1;
    return memcmp(a.bytes, b.bytes, a.n_bytes);
}

/* A text whose byte order is that of the numbers: "0017" for 7, "056495…". For databases that
 * compare texts. Zero-terminated; returns text. The number is valid. */
static inline char *mf_sequence_order_text(mf_id number, char text[MF_SEQUENCE_ORDER_BYTES])
{
    text[0] = (char)('0' + number.n_bytes / 100);
    text[1] = (char)('0' + number.n_bytes / 10 % 10);
    text[2] = (char)('0' + number.n_bytes % 10);
    memcpy(text + 3, number.bytes, number.n_bytes);
    text[3 + number.n_bytes] = '\0';
    return text;
}

#endif
