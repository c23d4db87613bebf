/* predictor.h: what computes the response to an instance: a SageMaker endpoint, or a model in this
 * process.
 *
 * An instance is one JSON object of inference.h (decode.h). The response is
 * the body that /invocations gives for it.
 *
 * Threads: one for each predictor. */
#ifndef MF_LAMBDA_PREDICT_PREDICTOR_H
#define MF_LAMBDA_PREDICT_PREDICTOR_H

#include "inference/inference.h"
#include "lambda/aws/failure.h"
#include "lambda/model/model_source.h"
#include "lambda/predict/problem.h"

typedef struct mf_predict_predictor mf_predict_predictor;

struct mf_predict_predictor {
    /* instance is NUL-terminated. *response lives until the next call. Ends by deadline_ms (wall
     * clock, ms since 1970). On false *problem says why. */
    bool (*predict)(mf_predict_predictor *predictor, const char *instance, size_t n_instance,
                    int64_t deadline_ms, const char **response, size_t *n_response,
                    mf_predict_problem *problem);

    /* Of a model in this process. */
    const mf_lambda_model_source *source;
    mf_inference_limits limits;
    mf_text response;

    /* Of an endpoint. */
    mf_aws_client *client;
    const char *endpoint_name;
};

/* Computes with the newest model of the source, which is borrowed and loaded. The code is that of an
 * endpoint (src/inference), so the same instance has the same response, byte for byte. */
void mf_predict_model_predictor(mf_predict_predictor *predictor,
                                const mf_lambda_model_source *source,
                                const mf_inference_limits *limits);

/* Calls a SageMaker endpoint (InvokeEndpoint); lambda/aws retries within the deadline. Reads region,
 * keys and endpoint from the environment; opens no connection. endpoint_name is borrowed. Fails
 * MF_ERR_CONFIG naming the variable, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_predict_endpoint_predictor(mf_predict_predictor *predictor,
                                                 const char *endpoint_name, mf_error *err);

/* The problem of a failed call. Returns false.
 *
 *     throttled, model not ready             too many requests
 *     the container rejected the instance    bad request, with the container's own words if
 *     (424 with 400, 404, 413 inside)        it is `serve`; not found; too large
 *     no response in time                    timeout
 *     no memory, a bad argument              internal
 *     everything else                        model */
bool mf_predict_endpoint_problem(mf_predict_problem *problem, const mf_aws_failure *failure);

/* A zeroed one is fine. */
void mf_predict_predictor_end(mf_predict_predictor *predictor);

#endif
