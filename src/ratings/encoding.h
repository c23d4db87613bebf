/* encoding.h: text of other encodings as UTF-8.
 *
 * Tables of our own: libc's iconv loads modules, which an image FROM scratch does not have.
 *
 * Threads: any. Cost: about 1 ns per byte. */
#ifndef MF_RATINGS_ENCODING_H
#define MF_RATINGS_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

typedef enum mf_encoding {
    MF_ENCODING_AUTO, /* UTF-16 by its byte order mark or its zero bytes, else UTF-8 */
    MF_ENCODING_UTF8,
    MF_ENCODING_LATIN1,
    MF_ENCODING_WINDOWS_1252,
    MF_ENCODING_UTF16LE,
    MF_ENCODING_UTF16BE,
} mf_encoding;

enum { MF_ENCODING_GROWTH = 3 }; /* bytes of UTF-8 that one byte becomes, at most */

/* "utf-8", "latin1", … */
const char *mf_encoding_name(mf_encoding encoding);

/* What MF_ENCODING_AUTO is for a text that begins like this: UTF-16 or UTF-8. */
mf_encoding mf_encoding_detect(const char *bytes, size_t n_bytes);

/* Converts from[0 .. n_bytes) to UTF-8 at `to`, which has MF_ENCODING_GROWTH times as many bytes;
 * returns how many it used of those. *n_used: the rest of `from` is the beginning of a character,
 * to be given again with what follows; at the text's end (is_last) it is all. What is no character
 * becomes U+FFFD. Not for UTF-8. */
size_t mf_encoding_convert(mf_encoding encoding, const char *from, size_t n_bytes, bool is_last,
                           char *to, size_t *n_used);

#endif
