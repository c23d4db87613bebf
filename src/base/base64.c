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

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
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
    char *out = text->bytes + text->n_bytes;
    uint32_t held = 0;
    for (size_t i = 0; i < n; i++) {
        const bool is_padding = i >= n - padding;
        const int value = is_padding ? 0 : value_of(base64[i]);
        if (value < 0)
            return false;
        held = held << 6 | (uint32_t)value;
        if (i % 4 != 3)
            continue;
        const size_t missing = i + 1 == n ? padding : 0;
        if ((missing == 1 && (held & 0xFF) != 0) || (missing == 2 && (held & 0xFFFF) != 0))
            return false;
        *out++ = (char)(held >> 16 & 0xFF);
        if (missing < 2)
            *out++ = (char)(held >> 8 & 0xFF);
        if (missing < 1)
            *out++ = (char)(held & 0xFF);
        held = 0;
    }
    if (n > 0)
        text->n_bytes = (size_t)(out - text->bytes);
    return true;
}
