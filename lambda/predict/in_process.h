/* in_process.h: the predictor that answers from a model in this process: the cheapest
 * deployment there is.
 *
 * The same code as behind an endpoint answers (src/inference), so the same question has the
 * same answer, byte for byte.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_PREDICT_IN_PROCESS_H
#define MF_LAMBDA_PREDICT_IN_PROCESS_H

#include "inference/inference.h"
#include "lambda/model/model_source.h"
#include "lambda/predict/predictor.h"

/* Answers from the newest model of the source, which is borrowed, from its load on. limits are
 * copied. Fails MF_ERR_MEMORY. */
bool mf_in_process_predictor(mf_predictor *predictor, const mf_lambda_model_source *source,
                             const mf_inference_limits *limits, mf_error *err);

#endif
