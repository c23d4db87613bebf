/* base64.c: promises in base64.h. */
#include "lambda/predict/base64.h"

enum { NOT_A_DIGIT = 64 };

static unsigned digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : NOT_A_DIGIT;
}

/* Bytes that a last group of four holds: 1 … 3; 0 when its padding is wrong. */
static size_t bytes_of_last(const char *group)
{
    if (group[3] != '=')
        return 3;
    return group[2] == '=' ? 1 : 2;
}

bool mf_base64_decode(const char *text, size_t n, mf_text *bytes)
{
    if (n % 4 != 0 || !mf_text_reserve(bytes, n / 4 * 3))
        return false;
    unsigned char *out = (unsigned char *)bytes->bytes + bytes->n_bytes;
    for (size_t at = 0; at < n; at += 4) {
        const size_t n_out = at + 4 < n ? 3 : bytes_of_last(text + at);
        unsigned bits = 0;
        for (size_t i = 0; i < 4; i++) {
            const unsigned digit = i <= n_out ? digit_of(text[at + i]) : 0;
            if (digit == NOT_A_DIGIT)
                return false;
            bits = bits << 6 | digit;
        }
        for (size_t i = 0; i < n_out; i++)
            *out++ = (unsigned char)(bits >> (16 - 8 * i));
        if ((bits & ((1U << (8 * (3 - n_out))) - 1)) != 0)
            return false;
        bytes->n_bytes += n_out;
    }
    return true;
}
