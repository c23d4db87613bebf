/* base64.h: RFC 4648, section 4, with padding, strict.
 *
 * Threads: any. */
#ifndef MF_BASE_BASE64_H
#define MF_BASE_BASE64_H

#include "base/text.h"

#include <stdbool.h>

/* Appends bytes[0..n) as base64. */
void mf_base64_encode(mf_text *text, const char *bytes, size_t n);

/* Appends what base64[0..n) stands for. False (and nothing appended) when it is not base64:
 * another character, a line end, wrong padding, bits that stand for nothing. */
bool mf_base64_decode(mf_text *text, const char *base64, size_t n);

#endif
