/* gateway.h: an event as an HTTP request, whatever the integration that sends it, and the response
 * in the shape that this integration wants.
 *
 *     REST API, HTTP API 1.0       proxy 1: httpMethod and requestContext
 *     HTTP API 2.0, function URL   proxy 2: "version":"2.0" and requestContext
 *     load balancer (ALB)          httpMethod and requestContext.elb
 *     REST without proxy, invoke   direct: none of these; the event is the body of the request
 *
 *     proxies   {"statusCode": 200, "headers": {…}, "isBase64Encoded": false, "body": "…"}
 *     ALB       also "statusDescription": "200 OK"; multiValueHeaders in place of headers when the
 *               event has them, which is a setting of the target group
 *     direct    the body itself; a problem is the error of the handler
 *
 * The request:
 * (1) Unknown members are ignored: AWS adds some. Known ones may be absent or null, and must
 *     otherwise be of their type.
 * (2) Three headers of the event are read: Content-Type and Content-Encoding of a body that does
 *     not begin as JSON, and the User-Agent of an ALB's health check.
 * (3) A base64 body is decoded, and a gzip one unpacked.
 * (4) The path is without the stage that HTTP APIs put before it.
 * (5) A parameter of the query that is repeated has all of its values, and so has one of a form
 *     (application/x-www-form-urlencoded). An ALB's query is decoded here, as it sends what the client sent.
 *
 * The response:
 * (6) Every proxy response has Content-Type application/json and, unless ALLOW_ORIGIN is
 *     empty, Access-Control-Allow-Origin;
 *     its statusCode is an integer and its body a text.
 * (7) The body of a problem is {"error": {"code": "bad_request", "message": "…"}}.
 * (8) 405 has Allow, 429 has Retry-After, and the response to OPTIONS (204, no body) has the
 *     headers that a browser wants before a request from another origin, none with an empty
 *     ALLOW_ORIGIN: a function URL with CORS of its own adds them.
 * (9) A response of more than MF_LAMBDA_RESPONSE_BYTES, which Lambda would reject, becomes a problem.
 *
 * Threads: one request each. */
#ifndef MF_LAMBDA_PREDICT_GATEWAY_H
#define MF_LAMBDA_PREDICT_GATEWAY_H

#include "base/text.h"
#include "lambda/predict/problem.h"

struct json_t; /* jansson's */

typedef enum mf_predict_integration {
    MF_PREDICT_DIRECT,  /* no proxy               */
    MF_PREDICT_PROXY_1, /* payload format 1.0 */
    MF_PREDICT_PROXY_2, /* payload format 2.0 */
    MF_PREDICT_ALB,
    MF_PREDICT_ALB_MULTI, /* with multi-value headers */
} mf_predict_integration;

/* Texts live until the next read or free, and those of a direct event as long as the event. */
typedef struct mf_predict_request {
    mf_predict_integration integration;
    const char *method; /* as sent; "" of a direct event */
    const char *path;   /* "" when the event has none  */
    size_t n_path;
    struct json_t *query; /* name: [values], of a GET or of a form; NULL: there is none */
    const char *body;     /* [n_body]; NULL: there is none */
    size_t n_body;
    bool is_health_check; /* of an ALB */

    /* Holds the bytes; private. */
    struct json_t *event;
    mf_text decoded, unpacked, parameter;
} mf_predict_request;

/* Reads event[0 .. n_event) into a request that was zeroed once and may have held another.
 * On false *problem says why, and `integration` is that of the response: bytes that are not an event
 * count as direct. */
MF_MUST_CHECK bool mf_predict_request_read(mf_predict_request *request, const char *event,
                                           size_t n_event, mf_predict_problem *problem);

void mf_predict_request_free(mf_predict_request *request);

/* The functions below append to the empty `response`; origin is the setting ALLOW_ORIGIN; "": no
 * CORS header. */

/* False: it would be too large, see *problem; response is then empty. */
MF_MUST_CHECK bool mf_predict_respond(mf_text *response, mf_predict_integration integration,
                                      const char *origin, const mf_text *body,
                                      mf_predict_problem *problem);

/* To OPTIONS, of a proxy. */
void mf_predict_respond_to_options(mf_text *response, mf_predict_integration integration,
                                   const char *origin);

/* False when the integration is direct: the handler fails with *err. */
MF_MUST_CHECK bool mf_predict_respond_with_problem(mf_text *response,
                                                   mf_predict_integration integration,
                                                   const char *origin,
                                                   const mf_predict_problem *problem,
                                                   mf_error *err);

#endif
