/* base64.h: base64 back to bytes, strictly (RFC 4648, section 4).
 *
 * The usual alphabet (+ and /), padded to groups of four, no blanks or line ends, and
 * the bits behind the last byte are zero: each sequence of bytes has one text.
 *
 * Threads: any. Cost: about 2 ns per byte. */
#ifndef MF_LAMBDA_PREDICT_BASE64_H
#define MF_LAMBDA_PREDICT_BASE64_H

#include "base/text.h"

/* Appends the bytes of text[0 .. n). False when it is not base64, or without memory
 * (bytes->failed); what was appended is then of no use. */
bool mf_base64_decode(const char *text, size_t n, mf_text *bytes);

#endif
