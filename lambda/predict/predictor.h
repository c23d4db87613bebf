/* predictor.h: what computes the response to a question: a SageMaker endpoint, or a model in this
 * process.
 *
 * A question is one object as inference.h has them, in its canonical form (decode.h); the response
 * is the body that /invocations gives for it. Handlers know no more of a model.
 *
 * Threads: one for each predictor. */
#ifndef MF_LAMBDA_PREDICT_PREDICTOR_H
#define MF_LAMBDA_PREDICT_PREDICTOR_H

#include "inference/inference.h"
#include "lambda/aws/failure.h"
#include "lambda/model/model_source.h"
#include "lambda/predict/problem.h"

typedef struct mf_predict_predictor {
    void *context;

    /* question is NUL-terminated. *response lives until the next question. Ends by deadline_ms
     * (wall clock, ms since 1970). On false *problem says why. */
    bool (*ask)(void *context, const char *question, size_t n_question, int64_t deadline_ms,
                const char **response, size_t *n_response, mf_predict_problem *problem);

    void (*destroy)(void *context);
} mf_predict_predictor;

/* A zeroed one is fine. */
static inline void mf_predict_predictor_destroy(mf_predict_predictor *predictor)
{
    if (predictor->destroy != NULL)
        predictor->destroy(predictor->context);
    *predictor = (mf_predict_predictor){0};
}

/* Computes with the newest model of the source, which is borrowed, from its load on; limits are
 * copied. The code is that of an endpoint (src/inference), so the same question has the same
 * response, byte for byte. Fails MF_ERR_MEMORY. */
bool mf_predict_model_predictor(mf_predict_predictor *predictor,
                                const mf_lambda_model_source *source,
                                const mf_inference_limits *limits, mf_error *err);

/* Asks a SageMaker endpoint (InvokeEndpoint); retries within the deadline are lambda/aws's. Reads
 * region, keys and endpoint from the environment; opens no connection. endpoint_name is borrowed.
 * Fails MF_ERR_CONFIG naming the variable, MF_ERR_MEMORY. */
bool mf_predict_endpoint_predictor(mf_predict_predictor *predictor, const char *endpoint_name,
                                   mf_error *err);

/* The problem of a failed call. Returns false.
 *
 *     throttled, model not ready             too many requests
 *     the container refused the question     bad request, with the container's own words if
 *     (424 with 400, 404, 413 inside)        it is `serve`; not found; too large
 *     no response in time                    timeout
 *     no memory, a bad argument              internal
 *     everything else                        model */
bool mf_predict_endpoint_problem(mf_predict_problem *problem, const mf_aws_failure *failure);

#endif
