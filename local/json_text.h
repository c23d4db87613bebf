/* json_text.h: any bytes as a JSON string.
 *
 * Threads: any. */
#ifndef MF_LOCAL_JSON_TEXT_H
#define MF_LOCAL_JSON_TEXT_H

#include "base/text.h"

/* Like mf_text_json; what is not UTF-8 becomes U+FFFD, a byte at a time. */
void mf_json_text(mf_text *text, const char *bytes, size_t n);

#endif
