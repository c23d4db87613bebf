/* endpoints.h: SageMaker Runtime's InvokeEndpoint (docs/lambda.md, 3.4), handed on to
 * containers such as serve.
 *
 *     POST /endpoints/NAME/invocations
 *
 * (1) Of the request's headers Content-Type, Accept and X-Amzn-SageMaker-* are handed on;
 *     of the answer's Content-Type, X-Amzn-SageMaker-Custom-Attributes, -New-Session-Id and
 *     -Closed-Session-Id. x-Amzn-Invoked-Production-Variant is AllTraffic.
 * (2) A container's 4xx or 5xx is 424 ModelError with OriginalStatusCode, OriginalMessage
 *     and LogStreamArn; so is one that does not answer in time. One that does not listen is
 *     503 ServiceUnavailable.
 * (3) An unknown name and a body over 6 MiB are 400 ValidationError; more than
 *     MF_ENDPOINT_CONNECTIONS requests at once are 400 ThrottlingException, with the body
 *     {"message":null} that SageMaker sends.
 * (4) A request on a kept connection that ends before its answer is sent once more.
 *
 * libevent's evhttp is the client. Threads: one. */
#ifndef MF_LOCAL_ENDPOINTS_H
#define MF_LOCAL_ENDPOINTS_H

#include "settings.h"
#include "web.h"

struct event_base;

enum { MF_ENDPOINT_CONNECTIONS = 256, MF_ENDPOINT_BODY_BYTES = 6291456 };

typedef struct mf_endpoints mf_endpoints;

/* NULL without memory. Connects to nobody yet. */
mf_endpoints *mf_endpoints_create(struct event_base *base, const mf_local_settings *settings);

/* What is under way is given up. NULL is fine. */
void mf_endpoints_destroy(mf_endpoints *endpoints);

/* True when the path is one of an endpoint; the request is then answered, now or later. */
bool mf_endpoints_handle(mf_endpoints *endpoints, mf_web_request *request);

#endif
