/* request.h: an event, whichever way the function is wired, as one request.
 *
 *     REST API or HTTP API 1.0   httpMethod and requestContext
 *     HTTP API 2.0, function URL "version":"2.0" and requestContext
 *     bare                       neither: REST without proxy, direct invoke; the event
 *                                is the request's body itself
 *
 * (1) What is not known is passed over: AWS adds fields. What is known may be absent or
 *     null, and must otherwise be of its type.
 * (2) No header of the event is looked at, so their names' case does not matter and nobody
 *     chooses an answer by one.
 * (3) A body that is base64 is decoded.
 * (4) The path is without the stage that HTTP APIs put before it.
 *
 * Threads: one request each. */
#ifndef MF_LAMBDA_PREDICT_REQUEST_H
#define MF_LAMBDA_PREDICT_REQUEST_H

#include "base/text.h"
#include "lambda/predict/problem.h"

struct json_t; /* jansson's */

typedef enum mf_wiring {
    MF_WIRING_BARE,
    MF_WIRING_PROXY_1, /* payload format 1.0 */
    MF_WIRING_PROXY_2, /* payload format 2.0 */
} mf_wiring;

/* Texts live until the next read or free, and those of a bare event as long as the event. */
typedef struct mf_request {
    mf_wiring wiring;
    const char *method; /* as sent; "" of a bare event */
    const char *path;   /* "" when not told            */
    size_t n_path;
    const struct json_t *query; /* an object; NULL: there is none  */
    const char *body;           /* [n_body]; NULL: there is none   */
    size_t n_body;

    /* What holds the bytes: the caller looks at nothing below. */
    struct json_t *event;
    mf_text decoded;
} mf_request;

/* Reads event[0 .. n_event) into a request that was zeroed once and may have held another.
 * On false wiring says how the problem is to be answered: what is no event at all is bare. */
bool mf_request_read(mf_request *request, const char *event, size_t n_event, mf_problem *problem);

void mf_request_free(mf_request *request);

#endif
