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

/* POST /invocations. Long bodies are worked in slices. */
void mf_answer_invocations(mf_http_request *request, void *service);

/* GET /internal/recommend/{user_id}?top_n=20 */
void mf_answer_recommend(mf_http_request *request, void *service);

#endif
