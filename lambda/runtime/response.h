/* response.h: the one response to an event, made from the handler's result: its JSON, or an
 * error with a type. It is kept until the service certainly has it (runtime.h (2)).
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RUNTIME_RESPONSE_H
#define MF_LAMBDA_RUNTIME_RESPONSE_H

#include "base/text.h"
#include "lambda/runtime/invocation.h"

typedef struct mf_lambda_response {
    char request_id[MF_LAMBDA_REQUEST_ID_BYTES];
    const char *error_type; /* NULL: body is the handler's; else the body of …/error */
    mf_text body;
    bool lost; /* it was sent, and it is unknown whether it arrived */
} mf_lambda_response;

/* Calls the handler and fills response. An event that is too large or too late is rejected
 * without the handler. Cannot fail: a failure becomes an error response and one ERROR line in
 * the log. */
void mf_lambda_response_make(mf_lambda_response *response, const mf_lambda_function *function,
                             const mf_lambda_next *next);

void mf_lambda_response_free(mf_lambda_response *response);

/* The type of a handler's error:
 *
 *     MF_ERR_PARSE           Function.InvalidEvent
 *     MF_ERR_UNKNOWN         Function.NotFound
 *     MF_ERR_NOT_ACCEPTABLE  Function.NotAcceptable
 *     MF_ERR_LIMIT           Function.LimitExceeded
 *     MF_ERR_CONFIG          Function.ConfigurationError
 *     MF_ERR_FORMAT          Function.InvalidData
 *     MF_ERR_IO              Function.DownstreamError
 *     MF_ERR_MEMORY          Function.OutOfMemory
 *     MF_ERR_STOPPED         Function.Stopped
 *     anything else          Function.InternalError
 *
 * Types match (Runtime|Function)\.[A-Z][A-Za-z]+, the only ones that AWS keeps (docs/lambda.md,
 * 1.4.3). */
const char *mf_lambda_error_type(mf_error_code code);

/* The runtime's own errors. */
#define MF_LAMBDA_ERROR_DEADLINE_PASSED    "Runtime.DeadlinePassed"
#define MF_LAMBDA_ERROR_EVENT_TOO_LARGE    "Runtime.EventTooLarge"
#define MF_LAMBDA_ERROR_RESPONSE_TOO_LARGE "Function.ResponseSizeTooLarge" /* AWS's own type */

/* Replaces text by {"errorMessage":…,"errorType":…,"stackTrace":[]}. message is valid UTF-8, as
 * every mf_error's text is. */
void mf_lambda_error_write(mf_text *text, const char *type, const char *message);

#endif
