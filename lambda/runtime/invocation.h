/* invocation.h: a function and one event for it: as the handler gets it, and as it arrives in
 * the response to `next` (docs/lambda.md, 1.2). No socket, no libcurl.
 *
 * Threads: an mf_lambda_invocation any number; an mf_lambda_next one at a time. */
#ifndef MF_LAMBDA_RUNTIME_INVOCATION_H
#define MF_LAMBDA_RUNTIME_INVOCATION_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_t; /* jansson's */

enum {
    MF_LAMBDA_REQUEST_ID_BYTES = 128,
    MF_LAMBDA_FUNCTION_ARN_BYTES = 512,
    MF_LAMBDA_TRACE_ID_BYTES = 1024,
    MF_LAMBDA_START_MS = 9000,          /* of a start's 10 s: a sentence has to get out, too */
    MF_LAMBDA_EVENT_BYTES = 16 << 20,   /* Lambda's limit is 6 MiB                           */
    MF_LAMBDA_RESPONSE_BYTES = 6291556, /* 6 MiB and 100 bytes, AWS's own constant          */
    MF_LAMBDA_DEFAULT_BUDGET_MS = 3000, /* without a deadline: Lambda's own default timeout */
};

/* What the handler gets. The runtime owns the texts and the event; they live until the handler
 * returns. */
typedef struct mf_lambda_invocation {
    const char *request_id;   /* letters, digits, '-' and '_'; never ""                   */
    const char *function_arn; /* as invoked, with version or alias; "" when absent        */
    const char *trace_id;     /* X-Ray header, unchanged; "" when absent                  */
    int64_t deadline_ms;      /* when Lambda ends the invocation: wall clock, ms since 1970;
                                 0 when absent                                            */
    int64_t received_ms;      /* when the event arrived, same clock                       */
    const char *event;        /* [n_event] bytes, unchecked                               */
    size_t n_event;
} mf_lambda_invocation;

/* A function: tests call `handle` without a network. */
typedef struct mf_lambda_function {
    const char *name; /* for the log: "predict" */

    /* For --help: one sentence, and what prints each environment variable with its range and its
     * default. Both may be NULL. */
    const char *summary;
    void (*print_settings)(void);

    /* Runs once before the first event; Lambda allows 10 s. On false, err goes to
     * /runtime/init/error and the process ends. May be NULL. */
    bool (*start)(void *context, mf_error *err);

    /* Appends the response, one JSON value, to the empty `response` (an empty response becomes
     * null). On false, err says why and its code gives the type; `response` is discarded. */
    bool (*handle)(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                   mf_error *err);

    /* Frees what start made, also after a start that failed. May be NULL. */
    void (*finish)(void *context);

    void *context; /* the function's own, handed to all three */
} mf_lambda_function;

/* Milliseconds from now until the deadline (or MF_LAMBDA_DEFAULT_BUDGET_MS after the event
 * arrived), less margin_ms for the work that follows; at least 0. No call to another service
 * may have a longer timeout.
 *
 * By the wall clock, as the deadline is: after a freeze the time is gone. */
int64_t mf_lambda_budget_ms(const mf_lambda_invocation *invocation, int64_t margin_ms);

/* Parses an event strictly.
 *
 * (1) It is one JSON object.
 * (2) Rejected: a NUL byte or \u0000, invalid UTF-8, a duplicate key, nesting deeper than
 *     2,048 (jansson's limit), a number beyond a double, text after the object.
 * (3) When there is an integer beyond 64 bits, every integer is a real.
 *
 * Returns a new object, the caller's to json_decref. NULL: MF_ERR_PARSE with a text that begins
 * event:line:column (reported as Function.InvalidEvent), or MF_ERR_MEMORY (without memory
 * jansson may also call a text malformed). */
MF_MUST_CHECK struct json_t *mf_lambda_event_parse(const char *event, size_t n_event,
                                                   mf_error *err);

/* True for an event that only keeps a function warm, or that a schedule sends:
 *
 *     {"source": "serverless-plugin-warmup"}       also inside of {"Event": …}
 *     {"source": "aws.events", …}                  a rule of EventBridge, as those of Zappa
 *     {"source": "aws.scheduler", …}
 *     {"warmer": true}, {"warmup": true}           lambda-warmer and others
 *     "#warmup"                                    Thundra
 *
 * The response is null, without a call of the handler. */
bool mf_lambda_event_is_ping(const char *event, size_t n_event);

/* The response to `next`.
 *
 * (1) Header names match in any case; unknown headers are ignored.
 * (2) An invalid value counts as absent: a request id with other characters than letters,
 *     digits, '-' and '_' (it becomes part of a URL), a deadline that is not a positive whole
 *     number, a text that is too long or has a control character. */
typedef struct mf_lambda_next {
    char request_id[MF_LAMBDA_REQUEST_ID_BYTES]; /* "" when absent, as all texts here */
    char function_arn[MF_LAMBDA_FUNCTION_ARN_BYTES];
    char trace_id[MF_LAMBDA_TRACE_ID_BYTES];
    int64_t deadline_ms; /* 0 when absent */
    const char *event;   /* [n_event] bytes of the response; never NULL */
    size_t n_event;
    bool too_large; /* the body is larger than MF_LAMBDA_EVENT_BYTES */
} mf_lambda_next;

struct mf_aws_response; /* lambda/aws/response.h */

/* Fills *next. The response lives as long as the event is used. */
void mf_lambda_next_read(mf_lambda_next *next, const struct mf_aws_response *response);

#endif
