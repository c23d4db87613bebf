/* dropped.h: what a mapping gave up, as a line of JSON in a file: what Lambda sends to the
 * destination OnFailure (docs/lambda.md, 4.1), with the event under `payload`, as it is for
 * S3.
 *
 * (1) A line is written at once and with one write(), at the file's end.
 * (2) Without a destination there is only the line in the log, which comes either way.
 *
 * Threads: one. */
#ifndef MF_LOCAL_DROPPED_H
#define MF_LOCAL_DROPPED_H

#include "base/error.h"
#include "base/text.h"
#include "stream_record.h"

typedef struct mf_dropped {
    const mf_stream_source *source;
    const char *function_arn;
    const char *request_id; /* of the last invocation; "" before the first */
    const char *condition;  /* "RetryAttemptsExhausted"     */
    bool has_function_error;
    uint32_t n_calls;
    const mf_stream_record *first; /* of n */
    uint32_t n;
} mf_dropped;

/* The line, its end included. */
void mf_dropped_write(const mf_dropped *dropped, int64_t now_ms, mf_text *line);

/* Appends it to the file at path; "" is none. */
bool mf_dropped_append(const char *path, const mf_text *line, mf_error *err);

#endif
