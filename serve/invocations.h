/* invocations.h: requests that the model answers; inference/inference.h says what
 * their bodies may be.
 *
 * What is checked in this order, each with the status that says it: a model (503),
 * Content-Type (415), Accept (406), then the body (400 and others). A missing
 * Content-Type means application/json. Without Accept, or with one that takes
 * anything, the answer has the format of the question, unless
 * SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT says otherwise.
 *
 * X-Amzn-SageMaker-Custom-Attributes comes back as it was sent. */
#ifndef MF_SERVE_INVOCATIONS_H
#define MF_SERVE_INVOCATIONS_H

#include "http/server.h"
#include "service.h"

/* POST /invocations. Long bodies are worked in slices. */
void mf_handle_invocations(mf_http_request *request, void *service);

/* GET /internal/recommend/{user_id}?top_n=20. X-Model-Version says which model it is of. */
void mf_handle_recommend(mf_http_request *request, void *service);

/* What recommendations have in common with those of cached.h: the loop's model, or NULL after
 * a 503; top_n of the query, 20 when it is not given, or false after a 400; the refusal of
 * what the model cannot answer; X-Model-Version; the count of questions answered. */
mf_loaded *mf_serve_model(mf_http_request *request, const mf_service_loop *loop);
bool mf_serve_top_n(mf_http_request *request, uint32_t max_top_n, uint32_t *top_n);
void mf_serve_reject(mf_http_request *request, const mf_error *err);
void mf_serve_set_version(mf_http_request *request, const mf_loaded *loaded);
void mf_serve_count(mf_service_loop *loop, uint64_t n);

/* Of a loop's time at a stretch: long enough that switching does not count, short
 * enough that a /ping behind a few of them is still answered within a few ms. */
enum { MF_SLICE_MICROSECONDS = 1000 };

/* Answers with the list; since: when the request came, mf_clock_seconds(). */
typedef void mf_listed(mf_http_request *request, mf_service_loop *loop, const mf_loaded *loaded,
                       const mf_text *items, const mf_inference_list *list, double since);

/* Looks up the list of the user in the path and calls `listed`, or responds with an error; at
 * once, or in slices where the catalogue takes long, so that the loop serves other requests in
 * between. Must be the last call of a handler. */
void mf_serve_list(mf_http_request *request, const mf_service *service, mf_service_loop *loop,
                   mf_loaded *loaded, uint32_t top_n, double since, mf_listed *listed);

#endif
