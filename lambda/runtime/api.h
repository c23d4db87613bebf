/* api.h: the four calls of the Lambda Runtime API (docs/lambda.md, 1.1) over libcurl,
 * which enters this room here and nowhere else.
 *
 * (1) One connection, kept from call to call. No proxy, whatever the environment says;
 *     plain HTTP/1.1.
 * (2) `next` waits as long as it takes: the process may be frozen inside it for days.
 *     Only a stop (SIGTERM) ends the wait.
 * (3) A POST is sent once. curl by itself repeats a request when a kept connection ends
 *     before the first byte of the answer, though the service may have acted on it
 *     (1.6.12); for a POST that is switched off, and the outcome is MF_API_LOST.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RUNTIME_API_H
#define MF_LAMBDA_RUNTIME_API_H

#include "base/error.h"
#include "lambda/runtime/incoming.h"

#include <stddef.h>

typedef enum mf_api_outcome {
    MF_API_OK,      /* the service took it, or gave an event                             */
    MF_API_REFUSED, /* the service answered 3xx or 4xx                                   */
    MF_API_BROKEN,  /* the service answered 5xx: the environment is beyond repair        */
    MF_API_LOST,    /* no whole answer came: whether the service acted is not known      */
    MF_API_STOPPED, /* a stop was asked for while waiting                                */
} mf_api_outcome;

typedef struct mf_api mf_api;

/* address is host:port; stop_fd becomes readable when base/stop.h's flag is raised.
 * NULL and MF_ERR_MEMORY without memory. Connects to nobody. */
mf_api *mf_api_create(const char *address, int stop_fd, mf_error *err);

/* NULL is fine. */
void mf_api_destroy(mf_api *api);

/* All of these: on MF_API_REFUSED, BROKEN and LOST, err has the URL and either what curl
 * says (its number and words) or the status and the beginning of the service's answer. */

/* The next event. When more than MF_EVENT_BYTES come the outcome is MF_API_OK and
 * incoming->too_large is set. */
mf_api_outcome mf_api_next(mf_api *api, mf_incoming *incoming, mf_error *err);

/* The answer to request_id. */
mf_api_outcome mf_api_respond(mf_api *api, const char *request_id, const char *body, size_t n_body,
                              mf_error *err);

/* A failure, as report.h writes it: of request_id, or of the start when that is NULL. */
mf_api_outcome mf_api_report(mf_api *api, const char *request_id, const char *type,
                             const char *body, size_t n_body, mf_error *err);

#endif
