/* endpoint.h: the predictor that asks a SageMaker endpoint (InvokeEndpoint).
 *
 * What goes wrong becomes
 *
 *     throttled, model not ready             too many requests
 *     the container refused the question     bad request, with the container's own words if
 *     (424 with 400, 404, 413 inside)        it is `serve`; not found; too large
 *     no answer in time                      timeout
 *     no memory, a bad argument              internal
 *     everything else                        model
 *
 * Retries, within the deadline, are lambda/aws's.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_PREDICT_ENDPOINT_H
#define MF_LAMBDA_PREDICT_ENDPOINT_H

#include "lambda/aws/failure.h"
#include "lambda/predict/predictor.h"

/* Reads region, keys and endpoint from the environment; connects to nobody. endpoint_name
 * is borrowed. Fails MF_ERR_CONFIG naming the variable, MF_ERR_MEMORY. */
bool mf_endpoint_predictor(mf_predictor *predictor, const char *endpoint_name, mf_error *err);

/* What a failed call means to the one who asked. Returns false. */
bool mf_endpoint_problem(mf_problem *problem, const mf_aws_failure *failure);

#endif
