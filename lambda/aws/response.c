/* response.c: a small state machine over libcurl's callbacks: status line, headers, body. The
 * first reason to stop is kept; every function returns false from then on. */
#include "lambda/aws/response.h"

#include "base/number.h"

#include <string.h>
#include <strings.h>

void mf_aws_response_start(mf_aws_response *response, const mf_aws_sink *sink, uint64_t max_bytes)
{
    mf_text body = response->body, headers = response->headers;
    mf_text_clear(&body, SIZE_MAX);
    mf_text_clear(&headers, MF_AWS_HEADERS_BYTES);
    *response =
        (mf_aws_response){.body = body, .headers = headers, .sink = sink, .max_bytes = max_bytes};
}

/* The first reason stays. */
static bool end(mf_aws_response *response, mf_aws_transfer transfer)
{
    if (response->transfer == MF_AWS_TRANSFER_COMPLETE)
        response->transfer = transfer;
    return false;
}

static bool too_large(mf_aws_response *response)
{
    mf_fail(&response->why, MF_ERR_LIMIT, MF_NOWHERE, "the response is larger than %llu bytes",
            (unsigned long long)response->max_bytes);
    return end(response, MF_AWS_TRANSFER_TOO_LARGE);
}

static bool is_success(const mf_aws_response *response)
{
    return response->status >= 200 && response->status < 300;
}

static bool goes_to_sink(const mf_aws_response *response)
{
    return response->sink != NULL && response->status == 200;
}

/* "HTTP/1.1 200 OK" */
static void begin(mf_aws_response *response, const char *line, size_t n)
{
    uint64_t status;
    const char *blank = memchr(line, ' ', n);
    mf_text_clear(&response->headers, SIZE_MAX);
    response->in_headers = true;
    response->status = 0;
    if (blank != NULL && blank + 4 <= line + n && (blank + 4 == line + n || blank[4] == ' ') &&
        mf_parse_uint64(blank + 1, 3, &status))
        response->status = (int)status;
}

static bool end_headers(mf_aws_response *response)
{
    response->in_headers = false;
    if (response->headers.failed) {
        mf_fail(&response->why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a response's headers");
        return end(response, MF_AWS_TRANSFER_LOCAL);
    }
    if (!is_success(response))
        return true;
    const char *length = mf_aws_response_header(response, "content-length");
    uint64_t n_bytes = UINT64_MAX;
    if (mf_parse_uint64(length, strlen(length), &n_bytes) && n_bytes > response->max_bytes)
        return too_large(response);
    if (n_bytes == UINT64_MAX && response->status != 204 && !response->may_lack_length &&
        strcasecmp(mf_aws_response_header(response, "transfer-encoding"), "chunked") != 0) {
        mf_fail(&response->why, MF_ERR_IO, MF_NOWHERE,
                "the response has no Content-Length: a cut could not be told from its end");
        return end(response, MF_AWS_TRANSFER_BROKEN);
    }
    if (!goes_to_sink(response)) {
        /* Memory that no byte arrives for is never touched; a failure shows when bytes come. */
        if (n_bytes != UINT64_MAX)
            mf_text_reserve(&response->body, (size_t)n_bytes);
        return true;
    }
    return response->sink->begin(response->sink->context, n_bytes, &response->why) ||
           end(response, MF_AWS_TRANSFER_SINK_FAILED);
}

bool mf_aws_response_take_header(mf_aws_response *response, const char *line, size_t n)
{
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    if (!response->in_headers) {
        if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
            begin(response, line, n);
        return true;
    }
    if (n == 0)
        return end_headers(response);
    const char *colon = memchr(line, ':', n);
    if (colon == NULL || memchr(line, '\0', n) != NULL ||
        response->headers.n_bytes + n + 2 > MF_AWS_HEADERS_BYTES)
        return true;
    const char *value = colon + 1, *stop = line + n;
    while (value < stop && (*value == ' ' || *value == '\t'))
        value++;
    while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    mf_text_append(&response->headers, line, (size_t)(colon - line));
    mf_text_append(&response->headers, "", 1);
    mf_text_append(&response->headers, value, (size_t)(stop - value));
    mf_text_append(&response->headers, "", 1);
    return true;
}

bool mf_aws_response_take_body(mf_aws_response *response, const char *bytes, size_t n)
{
    if (!is_success(response)) {
        const size_t n_free = MF_AWS_ERROR_BODY_BYTES - response->body.n_bytes;
        mf_text_append(&response->body, bytes, n < n_free ? n : n_free);
        response->has_enough = n > n_free;
        return !response->has_enough;
    }
    response->n_received += n;
    if (response->n_received > response->max_bytes)
        return too_large(response);
    if (goes_to_sink(response))
        return response->sink->bytes(response->sink->context, bytes, n, &response->why) ||
               end(response, MF_AWS_TRANSFER_SINK_FAILED);
    mf_text_append(&response->body, bytes, n);
    if (response->body.failed) {
        mf_fail(&response->why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a response of %llu bytes",
                (unsigned long long)response->n_received);
        return end(response, MF_AWS_TRANSFER_LOCAL);
    }
    return true;
}

const char *mf_aws_response_header(const mf_aws_response *response, const char *name)
{
    if (response->headers.n_bytes == 0)
        return "";
    const char *at = response->headers.bytes;
    const char *stop = at + response->headers.n_bytes;
    while (at < stop) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return "";
}

void mf_aws_response_free(mf_aws_response *response)
{
    mf_text_free(&response->body);
    mf_text_free(&response->headers);
}
