/* report.h: what Lambda is told of a failure: the body of …/error and its type.
 *
 * Types match (Runtime|Function)\.[A-Z][A-Za-z]+, the only ones that AWS's server
 * keeps (docs/lambda.md, 1.4.3). Threads: any. */
#ifndef MF_LAMBDA_RUNTIME_REPORT_H
#define MF_LAMBDA_RUNTIME_REPORT_H

#include "base/error.h"
#include "base/text.h"

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
 *     anything else          Function.InternalError */
const char *mf_report_type(mf_error_code code);

/* What the runtime itself refuses. */
#define MF_REPORT_DEADLINE_PASSED    "Runtime.DeadlinePassed"
#define MF_REPORT_EVENT_TOO_LARGE    "Runtime.EventTooLarge"
#define MF_REPORT_RESPONSE_TOO_LARGE "Function.ResponseSizeTooLarge" /* the platform's own word */

/* Replaces text by {"errorMessage":…,"errorType":…,"stackTrace":[]}. message is valid
 * UTF-8, as every mf_error's text is. */
void mf_report_write(mf_text *text, const char *type, const char *message);

#endif
