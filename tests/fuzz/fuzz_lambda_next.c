/* fuzz_lambda_next.c: any lines as the headers of `next`, the first byte of each line
 * saying which name stands before it.
 *
 * Whatever comes: texts end, a request id fits a URL, a deadline is not negative, the
 * body is what was given, and a status line leaves nothing behind. */
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
    mf_lambda_next next = {.event = MF_TEXT_EMPTY};
    mf_lambda_next_start(&next);
    const char *at = (const char *)bytes;
    const char *end = at + n_bytes;
    size_t n_body = 0;
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
        mf_lambda_next_header(&next, line, n_name + n_rest);
        if (n_name + n_rest >= 5 && strncmp(line, "HTTP/", 5) == 0) {
            n_body = 0;
            require(next.request_id[0] == '\0' && next.deadline_ms == 0);
        }
        require(mf_lambda_next_body(&next, line, n_name + n_rest));
        n_body += n_name + n_rest;
        free(line);
        check(&next);
        require(next.event.n_bytes == n_body);
        at = stop;
    }
    mf_lambda_next_free(&next);
    return 0;
}
