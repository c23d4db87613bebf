/* api.h: the four calls of the Lambda Runtime API (docs/lambda.md, 1.1).
 *
 * (1) One connection, kept from call to call (lambda/aws/request.h). No proxy, whatever the
 *     environment says; plain HTTP/1.1.
 * (2) `next` waits without limit: Lambda may freeze the process inside it for days. Only a stop
 *     (SIGTERM) ends the wait.
 * (3) A POST is sent once. When its connection ends before the response, the service may have
 *     acted on it (1.6.12): the result is MF_LAMBDA_API_LOST.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RUNTIME_API_H
#define MF_LAMBDA_RUNTIME_API_H

#include "base/error.h"
#include "lambda/runtime/invocation.h"

#include <stddef.h>

typedef enum mf_lambda_api_result {
    MF_LAMBDA_API_OK,       /* the service accepted the call, or gave an event                 */
    MF_LAMBDA_API_REJECTED, /* 3xx or 4xx                                                      */
    MF_LAMBDA_API_BROKEN,   /* 5xx: Lambda cannot go on with this process                      */
    MF_LAMBDA_API_LOST,     /* no whole response: it is unknown whether the service acted      */
    MF_LAMBDA_API_STOPPED,  /* a stop was requested during the wait                            */
} mf_lambda_api_result;

typedef struct mf_lambda_api mf_lambda_api;

/* address is host:port; stop_fd becomes readable when base/stop.h's flag is set. NULL and
 * MF_ERR_MEMORY without memory. Opens no connection yet. */
MF_MUST_CHECK mf_lambda_api *mf_lambda_api_create(const char *address, int stop_fd, mf_error *err);

/* NULL is fine. */
void mf_lambda_api_destroy(mf_lambda_api *api);

/* On REJECTED, BROKEN and LOST all of these set err to the URL and either curl's error (number
 * and message) or the status and the beginning of the response's body. */

/* The next event, which lives until the next call. When it has more than MF_LAMBDA_EVENT_BYTES, the
 * result is MF_LAMBDA_API_OK and next->too_large is set. */
MF_MUST_CHECK mf_lambda_api_result mf_lambda_api_next(mf_lambda_api *api, mf_lambda_next *next,
                                                      mf_error *err);

/* The response to request_id. */
MF_MUST_CHECK mf_lambda_api_result mf_lambda_api_respond(mf_lambda_api *api, const char *request_id,
                                                         const char *body, size_t n_body,
                                                         mf_error *err);

/* An error, as mf_lambda_error_write writes it: of request_id, or of the start when that is
 * NULL. */
MF_MUST_CHECK mf_lambda_api_result mf_lambda_api_report(mf_lambda_api *api, const char *request_id,
                                                        const char *type, const char *body,
                                                        size_t n_body, mf_error *err);

#endif
