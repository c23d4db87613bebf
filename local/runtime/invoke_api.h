/* invoke_api.h: Lambda's Invoke, as its clients call it:
 *
 *     POST /2015-03-31/functions/NAME/invocations[?Qualifier=$LATEST]
 *
 * NAME is a name, account:function:name or an ARN, with :$LATEST or without. Taken are
 * X-Amz-Invocation-Type (RequestResponse, Event, DryRun), X-Amz-Log-Type (Tail),
 * X-Amz-Client-Context and X-Amzn-Trace-Id. Nothing is authenticated.
 *
 * Refusals are those of Lambda: its names, {"Type":…,"message":…} and a throttle's Reason.
 * An Event is taken (202) and run once; Lambda would try a failing one again, twice.
 *
 * Threads: one. */
#ifndef MF_LOCAL_RUNTIME_INVOKE_API_H
#define MF_LOCAL_RUNTIME_INVOKE_API_H

#include "http/server.h"
#include "local/runtime/function.h"

typedef struct mf_local_invoke_api {
    const mf_local_settings *settings;
    mf_local_function *const *functions; /* [settings->n_functions] */
} mf_local_invoke_api;

/* True when the path is one of Lambda's; the response is then sent, now or later. */
bool mf_local_invoke_api_handle(const mf_local_invoke_api *api, mf_http_request *request);

#endif
