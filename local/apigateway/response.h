/* response.h: the HTTP response that API Gateway makes of a function's response (docs/lambda.md,
 * 2.4).
 *
 * Payload 1.0: {"statusCode": whole number 100 … 599, "headers": {name: text}, and
 * "multiValueHeaders": {name: [text, …]}, which wins, "body": text, "isBase64Encoded"}. All
 * but statusCode may be missing or null. Numbers and booleans count as texts in headers.
 * Anything else is malformed.
 *
 * Payload 2.0: the same without multiValueHeaders and with "cookies": [text, …]; a value
 * without statusCode is itself the body (200, application/json).
 *
 * Payload none: the value is the body, of errors too (200, application/json).
 *
 * Threads: any. */
#ifndef MF_LOCAL_APIGATEWAY_RESPONSE_H
#define MF_LOCAL_APIGATEWAY_RESPONSE_H

#include "base/error.h"
#include "base/text.h"
#include "local/local_settings.h"

typedef struct mf_local_gateway_response {
    int status;
    bool has_type;
    mf_text headers; /* pairs "Name\0value\0" */
    mf_text body;
} mf_local_gateway_response;

/* decode: base64 bodies become bytes (payload 1.0 only does so for binary media types that
 * the client accepts first; 2.0 always). False when it is malformed: err says where. */
MF_MUST_CHECK bool mf_local_gateway_response_read(mf_local_gateway_response *response,
                                                  mf_local_payload payload, const char *bytes,
                                                  size_t n, bool decode, mf_error *err);

void mf_local_gateway_response_free(mf_local_gateway_response *response);

#endif
