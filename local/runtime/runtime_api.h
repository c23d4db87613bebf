/* runtime_api.h: the Lambda Runtime API, version 2018-06-01, of one environment.
 *
 *     GET  /2018-06-01/runtime/invocation/next            200, waits
 *     POST /2018-06-01/runtime/invocation/ID/response     202 {"status":"OK"}
 *     POST /2018-06-01/runtime/invocation/ID/error        202
 *     POST /2018-06-01/runtime/init/error                 202
 *
 * (1) A wrong ID is 400 InvalidRequestID whatever the state is; then the state is looked
 *     at: 403 InvalidStateTransition.
 * (2) It is looked at, and moved, when the head is there: a second answer is refused while
 *     the first one's body is still on its way.
 * (3) A response over MF_LOCAL_INVOCATION_RESPONSE_BYTES is 413 and uses the event up: the caller
 *     gets Function.ResponseSizeTooLarge. One that is cut off is Runtime.TruncatedResponse.
 * (4) Errors are {"errorMessage","errorType"}.
 *
 * Not here: restore (SnapStart), extensions (404); a streamed response is taken whole. */
#ifndef MF_LOCAL_RUNTIME_RUNTIME_API_H
#define MF_LOCAL_RUNTIME_RUNTIME_API_H

#include "http/server.h"

/* The one route of an environment's server, whose context is the environment. */
extern const mf_http_route mf_local_runtime_api_route;

#endif
