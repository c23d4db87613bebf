/* fuzz_aws_response.c: any bytes as a response of AWS: its head up to an empty line, then its
 * body.
 *
 * Whether the body comes at once or byte by byte, the same is kept and the classification is the
 * same. A failure's sentence is one printable line, no text of a failure holds secret or token,
 * and there is none with a success. Blocks have the size of what they hold, so that the sanitizer
 * sees one byte over. */
#include "lambda/aws/failure.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 512 };

static const mf_aws_credentials keys = {"AKID", "SECRET", "TOKEN"};

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* In exact blocks of at most n_piece bytes. */
static bool take_body(mf_aws_response *response, const uint8_t *bytes, size_t n, size_t n_piece)
{
    for (size_t at = 0; at < n;) {
        const size_t n_now = n - at < n_piece ? n - at : n_piece;
        char *piece = malloc(n_now);
        require(piece != NULL);
        memcpy(piece, bytes + at, n_now);
        const bool more = mf_aws_response_take_body(response, piece, n_now);
        free(piece);
        if (!more)
            return false;
        at += n_now;
    }
    return true;
}

static void take(mf_aws_response *response, const uint8_t *bytes, size_t n, size_t n_piece)
{
    mf_aws_response_start(response, NULL, MAX_BYTES);
    for (size_t at = 0; at < n;) {
        const uint8_t *line_end = memchr(bytes + at, '\n', n - at);
        const size_t n_line = line_end != NULL ? (size_t)(line_end + 1 - (bytes + at)) : n - at;
        char *line = malloc(n_line);
        require(line != NULL);
        memcpy(line, bytes + at, n_line);
        const bool was_in_headers = response->in_headers;
        const bool more = mf_aws_response_take_header(response, line, n_line);
        free(line);
        at += n_line;
        if (!more)
            return;
        /* libcurl delivers a body after the head of the last response only. */
        if (was_in_headers && !response->in_headers && response->status >= 200) {
            take_body(response, bytes + at, n - at, n_piece);
            return;
        }
    }
}

static void check(const mf_aws_response *response, bool is_fine, const mf_aws_failure *failure)
{
    require(response->headers.n_bytes <= MF_AWS_HEADERS_BYTES);
    require(response->body.n_bytes <= MF_AWS_ERROR_BODY_BYTES);
    require(is_fine == (failure->kind == MF_AWS_FINE));
    require(is_fine == (failure->error.code == MF_OK));
    require(!is_fine || response->body.n_bytes <= MAX_BYTES);
    require(strpbrk(failure->error.text, "\r\n\t\x1b") == NULL);
    const char *const texts[] = {failure->error.text, failure->code, failure->request_id,
                                 failure->other_region, failure->original_message};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        require(strstr(texts[i], keys.secret) == NULL && strstr(texts[i], keys.token) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    const mf_aws_endpoint endpoint = {.service = (mf_aws_service)(bytes[0] % MF_AWS_SERVICES),
                                      .region = "eu-central-1"};
    mf_aws_response at_once = {.status = 0}, slowly = {.status = 0};
    mf_aws_failure one = {.n_tries = 1}, other = {.n_tries = 1};
    take(&at_once, bytes + 1, n - 1, SIZE_MAX);
    take(&slowly, bytes + 1, n - 1, 1);
    const bool is_fine = mf_aws_classify_response(&at_once, &endpoint, "subject", &keys, &one);
    check(&at_once, is_fine, &one);
    require(mf_aws_classify_response(&slowly, &endpoint, "subject", &keys, &other) == is_fine);
    require(one.kind == other.kind && one.status == other.status &&
            one.is_retriable == other.is_retriable && strcmp(one.code, other.code) == 0 &&
            strcmp(one.error.text, other.error.text) == 0);
    mf_aws_response_free(&at_once);
    mf_aws_response_free(&slowly);
    return 0;
}
