/* runtime_api.h: the Lambda Runtime API, version 2018-06-01, of one environment.
 *
 *     GET  /2018-06-01/runtime/invocation/next            200, waits
 *     POST /2018-06-01/runtime/invocation/ID/response     202 {"status":"OK"}
 *     POST /2018-06-01/runtime/invocation/ID/error        202
 *     POST /2018-06-01/runtime/init/error                 202
 *
 * (1) A wrong ID is 400 InvalidRequestID in every state; then the state is checked: 403
 *     InvalidStateTransition.
 * (2) The state is checked, and changed, when the head is there: a second response is rejected
 *     while the body of the first one is still being sent.
 * (3) A response over MF_LOCAL_INVOCATION_RESPONSE_BYTES is 413 and ends the invocation: the
 *     caller receives Function.ResponseSizeTooLarge. A response that ends early is
 *     Runtime.TruncatedResponse.
 * (4) Errors are {"errorMessage","errorType"}.
 *
 * Not here: restore (SnapStart), extensions (404); a streamed response is taken whole. */
#ifndef MF_LOCAL_RUNTIME_RUNTIME_API_H
#define MF_LOCAL_RUNTIME_RUNTIME_API_H

#include "http/server.h"

/* The one route of an environment's server, whose context is the environment. */
extern const mf_http_route mf_local_runtime_api_route;

#endif
