/* encoding.c: Latin-1 bytes are code points; windows-1252 differs from it in 32 of them. */
#include "ratings/encoding.h"

#include <stdint.h>
#include <string.h>

enum { REPLACEMENT = 0xFFFD, DETECT_BYTES = 64, LEAST_BYTES = 8 };

/* 0x80 … 0x9F of windows-1252. The five that it leaves out are the C1 controls that they are in
 * Latin-1, as in the WHATWG's table. */
static const uint16_t windows_1252[32] = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};

const char *mf_encoding_name(mf_encoding encoding)
{
    switch (encoding) {
    case MF_ENCODING_LATIN1:
        return "latin1";
    case MF_ENCODING_WINDOWS_1252:
        return "windows-1252";
    case MF_ENCODING_UTF16LE:
    case MF_ENCODING_UTF16BE:
        return "utf-16";
    case MF_ENCODING_AUTO:
    case MF_ENCODING_UTF8:
        break;
    }
    return "utf-8";
}

/* Text in Latin letters has a zero byte in every second place. */
mf_encoding mf_encoding_detect(const char *bytes, size_t n_bytes)
{
    size_t n_zero[2] = {0};
    if (n_bytes >= 4 && memcmp(bytes, "\xFF\xFE\0\0", 4) == 0)
        return MF_ENCODING_UTF8; /* UTF-32, which is not read */
    if (n_bytes >= 2 && bytes[0] == '\xFF' && bytes[1] == '\xFE')
        return MF_ENCODING_UTF16LE;
    if (n_bytes >= 2 && bytes[0] == '\xFE' && bytes[1] == '\xFF')
        return MF_ENCODING_UTF16BE;
    if (n_bytes > DETECT_BYTES)
        n_bytes = DETECT_BYTES;
    for (size_t at = 0; at < n_bytes; at++) {
        n_zero[at % 2] += bytes[at] == '\0';
        if (bytes[at] != '\0' && (unsigned char)bytes[at] < ' ' && bytes[at] != '\t' &&
            bytes[at] != '\n' && bytes[at] != '\r')
            return MF_ENCODING_UTF8; /* binary */
    }
    if (n_bytes < LEAST_BYTES || n_zero[0] + n_zero[1] < n_bytes / 2 - n_bytes / 8)
        return MF_ENCODING_UTF8;
    if (n_zero[0] == 0)
        return MF_ENCODING_UTF16LE;
    return n_zero[1] == 0 ? MF_ENCODING_UTF16BE : MF_ENCODING_UTF8;
}

static size_t put(uint32_t character, char *to)
{
    if (character < 0x80) {
        to[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        to[0] = (char)(0xC0 | character >> 6);
        to[1] = (char)(0x80 | (character & 0x3F));
        return 2;
    }
    if (character < 0x10000) {
        to[0] = (char)(0xE0 | character >> 12);
        to[1] = (char)(0x80 | (character >> 6 & 0x3F));
        to[2] = (char)(0x80 | (character & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | character >> 18);
    to[1] = (char)(0x80 | (character >> 12 & 0x3F));
    to[2] = (char)(0x80 | (character >> 6 & 0x3F));
    to[3] = (char)(0x80 | (character & 0x3F));
    return 4;
}

static size_t convert_bytes(bool is_1252, const unsigned char *from, size_t n_bytes, char *to)
{
    size_t n = 0;
    for (size_t at = 0; at < n_bytes; at++)
        n += put(is_1252 && from[at] >= 0x80 && from[at] < 0xA0 ? windows_1252[from[at] - 0x80]
                                                                : from[at],
                 to + n);
    return n;
}

static uint32_t unit_at(const unsigned char *from, bool is_big)
{
    return is_big ? (uint32_t)from[0] << 8 | from[1] : (uint32_t)from[1] << 8 | from[0];
}

static size_t convert_utf16(bool is_big, const unsigned char *from, size_t n_bytes, bool is_last,
                            char *to, size_t *n_used)
{
    size_t n = 0;
    size_t at = 0;
    for (; n_bytes - at >= 2; at += 2) {
        uint32_t character = unit_at(from + at, is_big);
        if (character >= 0xD800 && character < 0xDC00) {
            if (n_bytes - at < 4 && !is_last)
                break;
            const uint32_t low = n_bytes - at >= 4 ? unit_at(from + at + 2, is_big) : 0;
            if (low >= 0xDC00 && low < 0xE000) {
                character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
                at += 2;
            }
        }
        if (character >= 0xD800 && character < 0xE000)
            character = REPLACEMENT;
        n += put(character, to + n);
    }
    if (is_last && at < n_bytes) {
        n += put(REPLACEMENT, to + n);
        at = n_bytes;
    }
    *n_used = at;
    return n;
}

size_t mf_encoding_convert(mf_encoding encoding, const char *from, size_t n_bytes, bool is_last,
                           char *to, size_t *n_used)
{
    const unsigned char *bytes = (const unsigned char *)from;
    *n_used = n_bytes;
    if (encoding == MF_ENCODING_UTF16LE || encoding == MF_ENCODING_UTF16BE)
        return convert_utf16(encoding == MF_ENCODING_UTF16BE, bytes, n_bytes, is_last, to, n_used);
    return convert_bytes(encoding == MF_ENCODING_WINDOWS_1252, bytes, n_bytes, to);
}
