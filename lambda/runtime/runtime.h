/* runtime.h: the process of a Lambda function: it gets events from the Runtime API and responds
 * to them one at a time (docs/lambda.md, 1).
 *
 *     static bool handle(void *context, const mf_lambda_invocation *invocation, mf_text *response,
 *                        mf_error *err)
 *     {
 *         json_t *event = mf_lambda_event_parse(invocation->event, invocation->n_event, err);
 *         …
 *     }
 *     int main(int argc, char **argv)
 *     {
 *         const mf_lambda_function predict = {.name = "predict", .handle = handle};
 *         return mf_lambda_run(&predict, argc, argv);
 *     }
 *
 * A handler is a pure function from event to response; tests call it without a network.
 *
 * (1) Each event is handled once and gets one response: the handler's JSON, or an error
 *     `{"errorMessage","errorType","stackTrace"}` with a type from response.h. A failure does
 *     not end the process.
 * (2) When it is unknown whether a response arrived, the service decides: if `next` gives the
 *     same event again, the kept response is sent again (1.3). The handler is not called twice.
 * (3) A rejected response (400, 403, 413) is logged and not repeated. The process ends only when
 *     the service gives one event again and again and accepts no response to it
 *     (MF_LAMBDA_POST_TRIES times).
 * (4) A `next` that fails is tried MF_LAMBDA_NEXT_TRIES times with growing waits. After that, or
 *     after a 5xx, the process ends with a FATAL line that has the URL and curl's error.
 * (5) SIGTERM or SIGINT ends a waiting process at once; a working one finishes its event first.
 *     Both exit with status 0.
 * (6) An event whose deadline has passed, an event of more than MF_LAMBDA_EVENT_BYTES, and a
 *     response of more than MF_LAMBDA_RESPONSE_BYTES get an error as response.
 * (7) Memory is kept from event to event and does not grow with their number. No file is
 *     written.
 * (8) Standard output carries the log and the metrics, one JSON object a line (process.h,
 *     metrics.h). Neither payload nor environment is ever logged.
 *
 * Threads: the main thread calls mf_lambda_run once. */
#ifndef MF_LAMBDA_RUNTIME_RUNTIME_H
#define MF_LAMBDA_RUNTIME_RUNTIME_H

#include "lambda/runtime/invocation.h"

enum {
    MF_LAMBDA_NEXT_TRIES = 6, /* with waits of 50, 100, … 800 ms between   */
    MF_LAMBDA_POST_TRIES = 3, /* responses to one event                    */
};

/* Returns the exit status. Without AWS_LAMBDA_RUNTIME_API that is 1, with one sentence on
 * standard error. --help prints the function's settings instead. Lambda may start a container
 * with any other argument: with AWS_LAMBDA_RUNTIME_API it is ignored, without it the status is 2. */
int mf_lambda_run(const mf_lambda_function *function, int argc, char **argv);

#endif
