/* runtime.h: the process of a Lambda function: it asks the Runtime API for events and
 * answers them one at a time (docs/lambda.md, 1).
 *
 *     static bool handle(void *context, const mf_invocation *invocation, mf_text *response,
 *                        mf_error *err)
 *     {
 *         json_t *event = mf_event_parse(invocation->event, invocation->n_event, err);
 *         …
 *     }
 *     int main(void)
 *     {
 *         return mf_runtime_run(&(mf_runtime_function){.name = "predict", .handle = handle});
 *     }
 *
 * A handler is a pure function from event to response; tests call it without a network.
 *
 * (1) Each event is handled once and answered once: by the response, or by a report
 *     `{"errorMessage","errorType","stackTrace"}` with a type from report.h. A failure is
 *     not the end of the process.
 * (2) When nobody can know whether an answer arrived, `next` tells: the service gives
 *     the same event again, and then the answer that was kept is sent again (1.3). The
 *     handler is not called twice.
 * (3) A refused answer (400, 403, 413) is logged and left alone. Only when the service
 *     gives one event again and again and takes no answer to it (MF_POST_TRIES times)
 *     does the process end.
 * (4) `next` that fails is repeated MF_NEXT_TRIES times with growing waits. Then, and
 *     when the service answers 5xx, the process ends with a FATAL line that has the URL
 *     and curl's error.
 * (5) SIGTERM or SIGINT ends a waiting process at once; a working one finishes its
 *     event first. Both with status 0.
 * (6) An event whose deadline has passed, one of more than MF_EVENT_BYTES, and a
 *     response of more than MF_RESPONSE_BYTES become reports.
 * (7) Memory is kept from event to event and does not grow with their number. No file is
 *     written.
 * (8) Standard output has the log and the metrics, a JSON object a line (environment.h,
 *     metrics.h). Neither payload nor environment is ever logged.
 *
 * Threads: mf_runtime_run is the process's main thread and runs once. */
#ifndef MF_LAMBDA_RUNTIME_RUNTIME_H
#define MF_LAMBDA_RUNTIME_RUNTIME_H

#include "base/error.h"
#include "base/text.h"
#include "lambda/runtime/invocation.h"

#include <stdbool.h>

enum {
    MF_RESPONSE_BYTES = 6291556, /* 6 MiB and 100 bytes, AWS's own constant          */
    MF_NEXT_TRIES = 6,           /* with waits of 50, 100, … 800 ms between          */
    MF_POST_TRIES = 3,           /* answers to one event that were not taken         */
};

typedef struct mf_runtime_function {
    const char *name; /* for the log: "predict" */

    /* Everything that is done once, before the first event; Lambda gives it 10 s.
     * On false, err goes to /runtime/init/error and the process ends. May be NULL. */
    bool (*start)(void *context, mf_error *err);

    /* Appends the response, one JSON value, to the empty `response` (nothing at all
     * becomes null). On false, err says why and its code gives the type; what was
     * appended is dropped. */
    bool (*handle)(void *context, const mf_invocation *invocation, mf_text *response,
                   mf_error *err);

    /* Gives back what start made, also after a start that failed. May be NULL. */
    void (*finish)(void *context);

    void *context; /* the function's own, handed to all three */
} mf_runtime_function;

/* Returns the process's exit status. Without AWS_LAMBDA_RUNTIME_API that is 1 and one
 * sentence on standard error. */
int mf_runtime_run(const mf_runtime_function *function);

#endif
