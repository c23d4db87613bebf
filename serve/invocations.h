/* invocations.h: the handlers of requests for predictions; inference/inference.h describes the
 * bodies.
 *
 * Checks, in this order, with the status of a failure: a model is loaded (503), Content-Type (415),
 * Accept (406), the body (400 and others). Content-Type is application/json by default. Without
 * Accept, or with one that allows any type, the response has the format of the request, or that of
 * SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT.
 *
 * X-Amzn-SageMaker-Custom-Attributes is returned as it was sent. */
#ifndef MF_SERVE_INVOCATIONS_H
#define MF_SERVE_INVOCATIONS_H

#include "base/error.h"
#include "http/server.h"
#include "serve/service.h"

/* POST /invocations. Long bodies are processed in slices. */
void mf_handle_invocations(mf_http_request *request, void *service);

/* Shared with with_events.c and cached.c: the loop's model, or NULL after a 503; the parameters of the query, top_n
 * by default 20 and the others as members of a JSON instance, or false after a 400; the response to an error of inference.h. */
MF_MUST_CHECK mf_loaded *mf_serve_model(mf_http_request *request, const mf_service_loop *loop);
MF_MUST_CHECK bool mf_serve_parameters(mf_http_request *request, uint32_t max_top_n,
                                       uint32_t *top_n, mf_text *steering);
void mf_serve_reject(mf_http_request *request, const mf_error *err);

/* The length of a slice: long enough that switching costs nothing, short enough that a /ping behind
 * a few slices is served within a few ms. */
enum { MF_SLICE_MICROSECONDS = 1000 };

/* Responds with the list and counts a prediction. since: mf_clock_seconds() when the request
 * arrived; 0: a response without the members from_cache and latency_ms. */
void mf_serve_respond_list(mf_http_request *request, mf_service_loop *loop, const mf_loaded *loaded,
                           const mf_text *items, const mf_inference_list *list, bool from_cache,
                           double since);

/* Computes the list of the user in the path, with these events or NULL, and responds with it, or
 * with an error; at once, or in slices where the catalogue takes long, so that the loop serves other
 * requests in between. Must be the last call of a handler, or of a slice of a request that waits. */
void mf_serve_list(mf_http_request *request, mf_service_loop *loop, mf_loaded *loaded,
                   uint32_t top_n, const mf_user_events *events, double since);

/* The same for a list with other parameters than top_n; steering is copied. events may be none. */
void mf_serve_steered(mf_http_request *request, mf_service *service, mf_service_loop *loop,
                      mf_loaded *loaded, uint32_t top_n, const mf_text *steering,
                      const mf_user_events *events, double since);

#endif
