/* gateway.h: the API in front of the functions, as API Gateway is.
 *
 *     403 {"message":"Missing Authentication Token"}   no such path, or not with this method
 *     413 {"message":"Request Too Long"}               over 10 MB, or an event over 6 MiB
 *     429 {"message":"Too Many Requests"}              over the API's rate
 *     431 {"message":"Request Header Fields Too Large"} over 10,240 bytes of headers
 *     500 {"message":"Internal server error"}          Lambda refused the invocation (429)
 *     502 {"message":"Internal server error"}          the function failed, timed out, or its
 *                                                      response is malformed
 *     504 {"message":"Endpoint request timed out"}     no response in time; the function works on
 *
 * With payload none an error of the function is a body like any other, with 200.
 *
 * Threads: one. */
#ifndef MF_LOCAL_APIGATEWAY_GATEWAY_H
#define MF_LOCAL_APIGATEWAY_GATEWAY_H

#include "http/server.h"
#include "local/runtime/function.h"

typedef struct mf_local_gateway {
    struct event_base *base;
    const mf_local_settings *settings;
    mf_local_function *const *functions; /* [settings->n_functions] */
    uint16_t port;
    double tokens; /* requests that may come at once now */
    double tokens_at;
} mf_local_gateway;

/* Responds to the request, now or later. */
void mf_local_gateway_handle(mf_local_gateway *gateway, mf_http_request *request);

#endif
