/* answer.c: promises in answer.h. */
#include "lambda/aws/answer.h"

#include "base/number.h"

#include <string.h>
#include <strings.h>

void mf_aws_answer_start(mf_aws_answer *answer, const mf_aws_sink *sink, uint64_t max_bytes)
{
    mf_text body = answer->body, headers = answer->headers;
    mf_text_clear(&body, 1 << 20);
    mf_text_clear(&headers, MF_AWS_HEADERS_BYTES);
    *answer =
        (mf_aws_answer){.body = body, .headers = headers, .sink = sink, .max_bytes = max_bytes};
}

/* The first reason stays. */
static bool end(mf_aws_answer *answer, mf_aws_ending ending)
{
    if (answer->ending == MF_AWS_ENDED_WHOLE)
        answer->ending = ending;
    return false;
}

static bool too_large(mf_aws_answer *answer)
{
    mf_fail(&answer->why, MF_ERR_LIMIT, MF_NOWHERE, "the answer is larger than %llu bytes",
            (unsigned long long)answer->max_bytes);
    return end(answer, MF_AWS_ENDED_TOO_LARGE);
}

static bool is_success(const mf_aws_answer *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

static bool goes_to_sink(const mf_aws_answer *answer)
{
    return answer->sink != NULL && answer->status == 200;
}

/* "HTTP/1.1 200 OK" */
static void begin(mf_aws_answer *answer, const char *line, size_t n)
{
    uint64_t status;
    const char *blank = memchr(line, ' ', n);
    mf_text_clear(&answer->headers, SIZE_MAX);
    answer->in_headers = true;
    answer->status = 0;
    if (blank != NULL && blank + 4 <= line + n && (blank + 4 == line + n || blank[4] == ' ') &&
        mf_parse_uint64(blank + 1, 3, &status))
        answer->status = (int)status;
}

static bool end_headers(mf_aws_answer *answer)
{
    answer->in_headers = false;
    if (answer->headers.failed) {
        mf_fail(&answer->why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for an answer's headers");
        return end(answer, MF_AWS_ENDED_LOCALLY);
    }
    if (!is_success(answer))
        return true;
    const char *length = mf_aws_answer_header(answer, "content-length");
    uint64_t n_bytes = UINT64_MAX;
    if (mf_parse_uint64(length, strlen(length), &n_bytes) && n_bytes > answer->max_bytes)
        return too_large(answer);
    if (n_bytes == UINT64_MAX && answer->status != 204 &&
        strcasecmp(mf_aws_answer_header(answer, "transfer-encoding"), "chunked") != 0) {
        mf_fail(&answer->why, MF_ERR_IO, MF_NOWHERE,
                "the answer has no Content-Length: a cut could not be told from its end");
        return end(answer, MF_AWS_ENDED_LOST);
    }
    if (!goes_to_sink(answer))
        return true;
    return answer->sink->begin(answer->sink->context, n_bytes, &answer->why) ||
           end(answer, MF_AWS_ENDED_BY_SINK);
}

bool mf_aws_answer_take_header(mf_aws_answer *answer, const char *line, size_t n)
{
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    if (!answer->in_headers) {
        if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
            begin(answer, line, n);
        return true;
    }
    if (n == 0)
        return end_headers(answer);
    const char *colon = memchr(line, ':', n);
    if (colon == NULL || memchr(line, '\0', n) != NULL ||
        answer->headers.n_bytes + n + 2 > MF_AWS_HEADERS_BYTES)
        return true;
    const char *value = colon + 1, *stop = line + n;
    while (value < stop && (*value == ' ' || *value == '\t'))
        value++;
    while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    mf_text_append(&answer->headers, line, (size_t)(colon - line));
    mf_text_append(&answer->headers, "", 1);
    mf_text_append(&answer->headers, value, (size_t)(stop - value));
    mf_text_append(&answer->headers, "", 1);
    return true;
}

bool mf_aws_answer_take_body(mf_aws_answer *answer, const char *bytes, size_t n)
{
    if (!is_success(answer)) {
        const size_t room = MF_AWS_ERROR_BODY_BYTES - answer->body.n_bytes;
        mf_text_append(&answer->body, bytes, n < room ? n : room);
        answer->has_enough = n > room;
        return !answer->has_enough;
    }
    answer->n_received += n;
    if (answer->n_received > answer->max_bytes)
        return too_large(answer);
    if (goes_to_sink(answer))
        return answer->sink->bytes(answer->sink->context, bytes, n, &answer->why) ||
               end(answer, MF_AWS_ENDED_BY_SINK);
    mf_text_append(&answer->body, bytes, n);
    if (answer->body.failed) {
        mf_fail(&answer->why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for an answer of %llu bytes",
                (unsigned long long)answer->n_received);
        return end(answer, MF_AWS_ENDED_LOCALLY);
    }
    return true;
}

const char *mf_aws_answer_header(const mf_aws_answer *answer, const char *name)
{
    if (answer->headers.n_bytes == 0)
        return "";
    const char *at = answer->headers.bytes;
    const char *stop = at + answer->headers.n_bytes;
    while (at < stop) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return "";
}

void mf_aws_answer_free(mf_aws_answer *answer)
{
    mf_text_free(&answer->body);
    mf_text_free(&answer->headers);
}
