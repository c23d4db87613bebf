/* reply.h: an answer, or a problem, in the shape that the event's wiring wants.
 *
 *     proxies   {"statusCode": 200, "headers": {…}, "isBase64Encoded": false, "body": "…"}
 *     bare      the answer itself; a problem is the handler's error
 *
 * (1) Every proxy reply has Content-Type application/json and Access-Control-Allow-Origin;
 *     its statusCode is an integer and its body a text.
 * (2) A problem's body is {"error": {"code": "bad_request", "message": "…"}}.
 * (3) 405 comes with Allow, 429 with Retry-After, the answer to OPTIONS (204, no body) with
 *     what a browser asks for before a request from another origin.
 * (4) A reply is what Lambda takes: one of more than MF_LAMBDA_RESPONSE_BYTES becomes a problem.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_PREDICT_REPLY_H
#define MF_LAMBDA_PREDICT_REPLY_H

#include "base/text.h"
#include "lambda/predict/problem.h"
#include "lambda/predict/request.h"

#define MF_REPLY_METHODS "GET, POST, OPTIONS"

/* These append to the empty `response`; origin is the setting ALLOW_ORIGIN. */

/* False: it would be too large, see *problem; response is then empty. */
bool mf_reply_answer(mf_text *response, mf_wiring wiring, const char *origin, const mf_text *body,
                     mf_problem *problem);

/* To OPTIONS, by a proxy. */
void mf_reply_options(mf_text *response, const char *origin);

/* False when the wiring is bare: the handler fails with *err. */
bool mf_reply_problem(mf_text *response, mf_wiring wiring, const char *origin,
                      const mf_problem *problem, mf_error *err);

#endif
