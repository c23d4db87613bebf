/* fuzz_lambda_next.c: any lines as the headers of the response to `next`, the first byte of each line
 * chooses the name before it.
 *
 * All texts of the event end within their arrays, a request id fits a URL, and a deadline is not
 * negative. */
#include "lambda/aws/response.h"
#include "lambda/runtime/invocation.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    "",
    "Lambda-Runtime-Aws-Request-Id:",
    "lambda-runtime-DEADLINE-ms: ",
    "Lambda-Runtime-Trace-Id:",
    "Lambda-Runtime-Invoked-Function-Arn: ",
    "Content-Length:",
    "HTTP/",
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const mf_lambda_next *next)
{
    const size_t n_id = strnlen(next->request_id, sizeof next->request_id);
    require(n_id < sizeof next->request_id);
    for (size_t i = 0; i < n_id; i++)
        require(strchr("/.%?#:@\\ ", next->request_id[i]) == NULL && next->request_id[i] > ' ');
    require(memchr(next->trace_id, '\0', sizeof next->trace_id) != NULL);
    require(memchr(next->function_arn, '\0', sizeof next->function_arn) != NULL);
    require(strpbrk(next->trace_id, "\r\n") == NULL);
    require(next->deadline_ms >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    mf_aws_response response = {.status = 0};
    const char *at = (const char *)bytes;
    const char *end = at + n_bytes;
    mf_aws_response_start(&response, NULL, MF_LAMBDA_EVENT_BYTES);
    require(mf_aws_response_take_header(&response, "HTTP/1.1 200 OK", 15));
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline + 1 : end;
        const char *name = names[(unsigned char)*at % (sizeof names / sizeof names[0])];
        const size_t n_name = strlen(name);
        const size_t n_rest = (size_t)(stop - at) - 1;
        char *line = malloc(n_name + n_rest + 1);
        require(line != NULL);
        memcpy(line, name, n_name);
        memcpy(line + n_name, at + 1, n_rest);
        const bool has_more = mf_aws_response_take_header(&response, line, n_name + n_rest);
        free(line);
        mf_lambda_next next;
        mf_lambda_next_read(&next, &response);
        check(&next);
        if (!has_more)
            break;
        at = stop;
    }
    mf_aws_response_free(&response);
    return 0;
}
