/* utf8.h: the length of a UTF-8 character, and of UTF-8 text.
 *
 * Threads: any. */
#ifndef MF_BASE_UTF8_H
#define MF_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character that text[0 .. n_bytes) begins with (1 … 4), or 0 when that is not valid
 * UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates). n_bytes > 0. */
static inline size_t mf_utf8_length(const char *text, size_t n_bytes)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80)
        return 1;
    const size_t length = s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (length == 0 || n_bytes < length)
        return 0;
    /* Overlong forms, surrogates and values beyond U+10FFFF show in the second byte. */
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
        (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

/* Bytes before the first that is not UTF-8; n_bytes when there is none. */
static inline size_t mf_utf8_valid_bytes(const char *text, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        const size_t length = mf_utf8_length(text + at, n_bytes - at);
        if (length == 0)
            return at;
        at += length;
    }
    return n_bytes;
}

/* True for U+0000 … U+001F and U+007F … U+009F, at the start of a valid character of `length`
 * bytes. */
static inline bool mf_utf8_is_control(const char *text, size_t length)
{
    const unsigned char *s = (const unsigned char *)text;
    return s[0] < 0x20 || s[0] == 0x7F || (length == 2 && s[0] == 0xC2 && s[1] < 0xA0);
}

#endif
