/* endpoint.h: SageMaker Runtime's InvokeEndpoint (docs/lambda.md, 3.4), forwarded to containers
 * such as serve.
 *
 *     POST /endpoints/NAME/invocations
 *
 * (1) Of the request's headers Content-Type, Accept and X-Amzn-SageMaker-* are forwarded; of
 *     the response's Content-Type, X-Amzn-SageMaker-Custom-Attributes, -New-Session-Id and
 *     -Closed-Session-Id. x-Amzn-Invoked-Production-Variant is AllTraffic.
 * (2) A container's 4xx or 5xx is 424 ModelError with OriginalStatusCode, OriginalMessage
 *     and LogStreamArn; so is a container that does not respond in time. One that does not
 *     listen is 503 ServiceUnavailable.
 * (3) An unknown name and a body over 6 MiB are 400 ValidationError; more than
 *     MF_LOCAL_ENDPOINT_CONNECTIONS requests at once are 400 ThrottlingException, with the body
 *     {"message":null} that SageMaker sends.
 *
 * Threads: one. */
#ifndef MF_LOCAL_ENDPOINT_ENDPOINT_H
#define MF_LOCAL_ENDPOINT_ENDPOINT_H

#include "base/error.h"
#include "http/server.h"
#include "local/local_settings.h"

struct event_base;

enum { MF_LOCAL_ENDPOINT_CONNECTIONS = 256, MF_LOCAL_ENDPOINT_BODY_BYTES = 6291456 };

typedef struct mf_local_endpoints mf_local_endpoints;

/* NULL without memory. Connects with the first request. */
MF_MUST_CHECK mf_local_endpoints *mf_local_endpoints_create(struct event_base *base,
                                                            const mf_local_settings *settings);

/* Cancels what is under way. NULL is fine. */
void mf_local_endpoints_destroy(mf_local_endpoints *endpoints);

/* True when the path is one of an endpoint; the response is then sent, now or later. */
bool mf_local_endpoints_handle(mf_local_endpoints *endpoints, mf_http_request *request);

#endif
