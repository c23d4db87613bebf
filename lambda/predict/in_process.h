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
#include "lambda/predict/predictor.h"
#include "sagemaker/mapped_model.h"

/* Takes the file, also on failure (and leaves it closed). limits are copied. Logs the
 * model. Cost: a look at every byte, and top-N's index. Fails MF_ERR_FORMAT when the file is no
 * model, with the reason; MF_ERR_MEMORY. */
bool mf_in_process_predictor(mf_predictor *predictor, mf_mapped_model *file,
                             const mf_inference_limits *limits, mf_error *err);

#endif
