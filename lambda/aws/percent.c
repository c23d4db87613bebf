/* percent.c: promises in percent.h. */
#include "lambda/aws/percent.h"

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void mf_aws_percent_encode(mf_text *url, const char *bytes, size_t n, bool keep_slashes)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < n; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        if (is_unreserved(bytes[i]) || (keep_slashes && byte == '/')) {
            mf_text_append(url, bytes + i, 1);
        } else {
            const char code[3] = {'%', digits[byte >> 4], digits[byte & 15]};
            mf_text_append(url, code, sizeof code);
        }
    }
}
