/* base64.c: promises in base64.h. */
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

/* One more than what each digit stands for, 0 for every other byte: a table, because events of
 * megabytes come as base64. */
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

/* Three bytes of four digits. False when there is another byte among them. */
static bool decode_four(const char *base64, char *out)
{
    const int a = value_of(base64[0]);
    const int b = value_of(base64[1]);
    const int c = value_of(base64[2]);
    const int d = value_of(base64[3]);
    if ((a | b | c | d) < 0)
        return false;
    out[0] = (char)(a << 2 | b >> 4);
    out[1] = (char)(b << 4 | c >> 2);
    out[2] = (char)(c << 6 | d);
    return true;
}

/* The last four, of which one or two are padding. False also when bits are left over. */
static bool decode_last(const char *base64, size_t padding, char *out)
{
    const int a = value_of(base64[0]);
    const int b = value_of(base64[1]);
    const int c = padding == 2 ? 0 : value_of(base64[2]);
    if ((a | b | c) < 0 || (padding == 2 ? b & 15 : c & 3) != 0)
        return false;
    out[0] = (char)(a << 2 | b >> 4);
    if (padding == 1)
        out[1] = (char)(b << 4 | c >> 2);
    return true;
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
        if (!decode_four(base64 + i, out))
            return false;
    if (padding > 0 && !decode_last(base64 + n_whole, padding, out))
        return false;
    text->n_bytes += n / 4 * 3 - padding;
    return true;
}
