/* json_text.c: promises in json_text.h. */
#include "json_text.h"

#include "base/utf8.h"

#include <stdbool.h>

/* How many bytes from `at` on are UTF-8. */
static size_t valid_bytes(const char *bytes, size_t n, size_t at)
{
    const size_t start = at;
    while (at < n) {
        const size_t length = mf_utf8_length(bytes + at, n - at);
        if (length == 0)
            break;
        at += length;
    }
    return at - start;
}

void mf_json_text(mf_text *text, const char *bytes, size_t n)
{
    static const char UNKNOWN[] = "\xEF\xBF\xBD";
    size_t at = valid_bytes(bytes, n, 0);
    if (at == n) {
        mf_text_json(text, bytes, n);
        return;
    }
    mf_text whole = MF_TEXT_EMPTY;
    mf_text_append(&whole, bytes, at);
    while (at < n) {
        mf_text_append(&whole, UNKNOWN, strlen(UNKNOWN));
        at++;
        const size_t length = valid_bytes(bytes, n, at);
        mf_text_append(&whole, bytes + at, length);
        at += length;
    }
    mf_text_json(text, whole.bytes, whole.n_bytes);
    text->failed = text->failed || whole.failed;
    mf_text_free(&whole);
}
