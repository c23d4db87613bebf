/* base64.c: groups of three bytes, four digits each; only the last group may be shorter. */
#include "base/base64.h"

#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void mf_base64_encode(mf_text *text, const char *bytes, size_t n)
{
    if (!mf_text_reserve(text, (n / 3 + 1) * 4))
        return;
    const unsigned char *in = (const unsigned char *)bytes;
    char *out = text->bytes + text->n_bytes;
    for (; n >= 3; n -= 3, in += 3) {
        const uint32_t three = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *out++ = digits[three >> shift & 63];
    }
    if (n > 0) {
        const uint32_t rest = (uint32_t)in[0] << 16 | (n == 2 ? (uint32_t)in[1] << 8 : 0);
        *out++ = digits[rest >> 18];
        *out++ = digits[rest >> 12 & 63];
        *out++ = n == 2 ? digits[rest >> 6 & 63] : '=';
        *out++ = '=';
    }
    text->n_bytes = (size_t)(out - text->bytes);
}

/* A digit's value plus 1; 0 for every other byte. A table, because events of megabytes come as
 * base64. */
static const uint8_t ranks[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

static int value_of(char c)
{
    return (int)ranks[(unsigned char)c] - 1;
}

/* The n bytes (1 … 3) of n + 1 digits. False when one is no digit, or when bits are left over. */
static inline bool decode_group(const char *base64, size_t n, char *out)
{
    int value = 0;
    int bad = 0;
    for (size_t i = 0; i < 4; i++) {
        const int digit = i <= n ? value_of(base64[i]) : 0;
        bad |= digit;
        value = (int)((unsigned)value << 6 | ((unsigned)digit & 63));
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(value >> (16 - 8 * i));
    return bad >= 0 && (value & ((1 << 8 * (3 - n)) - 1)) == 0;
}

bool mf_base64_decode(mf_text *text, const char *base64, size_t n)
{
    if (n % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < n && base64[n - 1 - padding] == '=')
        padding++;
    if (!mf_text_reserve(text, n / 4 * 3))
        return false;
    if (n == 0)
        return true;
    const size_t n_whole = padding > 0 ? n - 4 : n;
    char *out = text->bytes + text->n_bytes;
    for (size_t i = 0; i < n_whole; i += 4, out += 3)
        if (!decode_group(base64 + i, 3, out))
            return false;
    if (padding > 0 && !decode_group(base64 + n_whole, 3 - padding, out))
        return false;
    text->n_bytes += n / 4 * 3 - padding;
    return true;
}
