/* invocation.h: one invocation of a function, from the caller's request to the response.
 *
 * The caller creates an invocation and submits it (mf_local_function_submit). `done` is called
 * once with the response; then the invocation is destroyed. A caller that goes away before sets
 * done to NULL: the function works on, as in Lambda, and the response is discarded.
 *
 * Threads: one. */
#ifndef MF_LOCAL_RUNTIME_INVOCATION_H
#define MF_LOCAL_RUNTIME_INVOCATION_H

#include "base/error.h"
#include "base/text.h"
#include "local/service.h"

#include <stdbool.h>
#include <sys/queue.h>

enum {
    MF_LOCAL_INVOCATION_ARN_BYTES = 256,
    MF_LOCAL_INVOCATION_TRACE_BYTES = 512,
    MF_LOCAL_INVOCATION_EVENT_BYTES = 6291456,   /* a synchronous request: 6 MiB */
    MF_LOCAL_INVOCATION_ASYNC_BYTES = 1048576,   /* an asynchronous one          */
    MF_LOCAL_INVOCATION_RESPONSE_BYTES = 6291556 /* 6 MiB and 100 bytes          */
};

/* Valid while done runs. */
typedef struct mf_local_response {
    bool failed; /* payload is {"errorMessage","errorType",…} */
    const char *payload;
    size_t n_payload;
    const char *tail; /* of the log, 4 KB at most */
    size_t n_tail;
} mf_local_response;

typedef struct mf_local_invocation mf_local_invocation;

struct mf_local_invocation {
    mf_local_pending
        pending; /* of a caller's request; first: a pointer to one is one to the other */
    STAILQ_ENTRY(mf_local_invocation) next; /* in the function's queue */
    char id[MF_LOCAL_UUID_BYTES];
    char trace[MF_LOCAL_INVOCATION_TRACE_BYTES];
    char arn[MF_LOCAL_INVOCATION_ARN_BYTES]; /* as invoked */
    mf_text event;
    mf_text client_context; /* JSON; empty: none */
    void (*done)(void *context, const mf_local_invocation *invocation,
                 const mf_local_response *response);
    void *context;
};

/* trace is the caller's X-Amzn-Trace-Id; when there is none (bytes NULL, or of no use) one is
 * made up. NULL without memory. */
MF_MUST_CHECK mf_local_invocation *mf_local_invocation_create(const char *trace, size_t n_trace);

void mf_local_invocation_destroy(mf_local_invocation *invocation);

/* Calls done with the response and destroys the invocation. tail: the log, of which the response has
 * the last 4 KB. */
void mf_local_invocation_finish(mf_local_invocation *invocation, bool failed, const char *payload,
                                size_t n_payload, const mf_text *tail);

/* Finishes with an error of the platform's:
 * {"errorType":type,"errorMessage":"RequestId: … Error: message"}. */
void mf_local_invocation_fail(mf_local_invocation *invocation, const char *type,
                              const char *message, const mf_text *tail);

#endif
