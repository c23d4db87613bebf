/* incoming.h: the answer to `next` as it comes in, header line by header line and
 * piece by piece (docs/lambda.md, 1.2). Knows nothing of sockets.
 *
 * (1) Header names count in any case; unknown ones are passed over.
 * (2) A value that cannot be what it should be counts as absent: a request id with
 *     other characters than letters, digits, '-' and '_' (it becomes part of a URL),
 *     a deadline that is not a positive whole number, a text that is too long.
 * (3) At most MF_EVENT_BYTES of body are kept, whatever Content-Length says.
 *
 * Threads: one at a time. */
#ifndef MF_LAMBDA_RUNTIME_INCOMING_H
#define MF_LAMBDA_RUNTIME_INCOMING_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_REQUEST_ID_BYTES = 128,
    MF_FUNCTION_ARN_BYTES = 512,
    MF_TRACE_ID_BYTES = 1024,
    MF_EVENT_BYTES = 16 << 20, /* Lambda's limit is 6 MiB */
};

typedef struct mf_incoming {
    char request_id[MF_REQUEST_ID_BYTES]; /* "" when absent, as all texts here */
    char function_arn[MF_FUNCTION_ARN_BYTES];
    char trace_id[MF_TRACE_ID_BYTES];
    int64_t deadline_ms; /* 0 when absent */
    mf_text event;
    bool too_large; /* there was more than MF_EVENT_BYTES */
} mf_incoming;

/* Before the first line of an answer; keeps the event's memory. */
void mf_incoming_start(mf_incoming *incoming);

/* One header line, with or without its line end. The status line starts afresh. */
void mf_incoming_header(mf_incoming *incoming, const char *line, size_t n);

/* A piece of the body. False when it does not fit or there is no memory: the rest
 * need not be read. */
bool mf_incoming_body(mf_incoming *incoming, const char *bytes, size_t n);

void mf_incoming_free(mf_incoming *incoming);

#endif
