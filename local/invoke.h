/* invoke.h: one invocation of a function, from the caller's request to the outcome.
 *
 * Whoever creates one hands it to mf_function_submit, and is told the outcome once by
 * `done`; then it is gone. Who goes away before that sets done to NULL: the function works
 * on, as in Lambda, and the outcome is thrown away.
 *
 * Threads: one. */
#ifndef MF_LOCAL_INVOKE_H
#define MF_LOCAL_INVOKE_H

#include "base/text.h"
#include "identifiers.h"

#include <stdbool.h>

enum {
    MF_INVOKE_ARN_BYTES = 256,
    MF_INVOKE_TRACE_BYTES = 512,
    MF_INVOKE_EVENT_BYTES = 6291456,   /* a synchronous request: 6 MiB */
    MF_INVOKE_ASYNC_BYTES = 1048576,   /* an asynchronous one          */
    MF_INVOKE_RESPONSE_BYTES = 6291556 /* 6 MiB and 100 bytes          */
};

/* Valid while done runs. */
typedef struct mf_outcome {
    bool failed; /* payload is {"errorMessage","errorType",…} */
    const char *payload;
    size_t n_payload;
    const char *tail; /* of the log, 4 KB at most */
    size_t n_tail;
} mf_outcome;

typedef struct mf_invoke mf_invoke;

struct mf_invoke {
    mf_invoke *next; /* in the function's queue */
    char id[MF_UUID_BYTES];
    char trace[MF_INVOKE_TRACE_BYTES];
    char arn[MF_INVOKE_ARN_BYTES]; /* as invoked */
    mf_text event;
    mf_text client_context; /* JSON; empty: none */
    void (*done)(void *context, const mf_invoke *invoke, const mf_outcome *outcome);
    void *context;
};

/* trace is the caller's X-Amzn-Trace-Id; when there is none (bytes NULL, or of no use) one is
 * made up. NULL without memory. */
mf_invoke *mf_invoke_create(const char *trace, size_t n_trace);

void mf_invoke_destroy(mf_invoke *invoke);

/* Tells the outcome and destroys it. */
void mf_invoke_finish(mf_invoke *invoke, const mf_outcome *outcome);

/* Finishes with an error of the platform's:
 * {"errorType":type,"errorMessage":"RequestId: … Error: message"}. */
void mf_invoke_fail(mf_invoke *invoke, const char *type, const char *message, const mf_text *tail);

/* The last 4 KB of a text that keeps more. */
void mf_outcome_set_tail(mf_outcome *outcome, const mf_text *tail);

#endif
