/* base64.h: RFC 4648, section 4, with padding, strict.
 *
 * Threads: any. */
#ifndef MF_BASE_BASE64_H
#define MF_BASE_BASE64_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* Appends bytes[0..n) as base64. */
void mf_base64_encode(mf_text *text, const char *bytes, size_t n);

/* Appends the bytes that base64[0..n) encodes. False (and nothing appended): not base64 (another
 * character, a line end, wrong padding, bits left over), or no memory (text->failed). */
MF_MUST_CHECK bool mf_base64_decode(mf_text *text, const char *base64, size_t n);

#endif
