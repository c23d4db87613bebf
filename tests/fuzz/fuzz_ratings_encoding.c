/* fuzz_ratings_encoding.c: any bytes as text in another encoding.
 *
 * The properties: in two pieces the text converts as in one; the result is valid UTF-8 and not longer than promised; what
 * iconv would refuse becomes U+FFFD. The first byte chooses the encoding and the cut. */
#include "base/utf8.h"
#include "ratings/encoding.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum { MOST = 4096 };

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_ratings_encoding: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static char one[MOST * MF_ENCODING_GROWTH];
    static char two[MOST * MF_ENCODING_GROWTH];
    static const mf_encoding encodings[] = {MF_ENCODING_LATIN1, MF_ENCODING_WINDOWS_1252,
                                            MF_ENCODING_UTF16LE, MF_ENCODING_UTF16BE};
    if (n_bytes < 2 || n_bytes > MOST)
        return 0;
    const mf_encoding encoding = encodings[bytes[0] % 4];
    const char *text = (const char *)bytes + 1;
    n_bytes--;
    const size_t cut = bytes[0] / 4 % (n_bytes + 1);
    size_t n_used;
    const size_t n_one = mf_encoding_convert(encoding, text, n_bytes, true, one, &n_used);
    require(n_used == n_bytes, "the text's end is not used");
    require(n_one <= n_bytes * MF_ENCODING_GROWTH, "longer than promised");
    for (size_t at = 0; at < n_one;) {
        const size_t length = mf_utf8_length(one + at, n_one - at);
        require(length > 0, "not UTF-8");
        at += length;
    }
    size_t n_two = mf_encoding_convert(encoding, text, cut, false, two, &n_used);
    require(n_used <= cut && cut - n_used < 4, "too much is left for later");
    const size_t from = n_used;
    n_two += mf_encoding_convert(encoding, text + from, n_bytes - from, true, two + n_two, &n_used);
    require(n_two == n_one && memcmp(one, two, n_one) == 0, "two pieces convert otherwise");
    (void)mf_encoding_detect(text, n_bytes);
    return 0;
}
