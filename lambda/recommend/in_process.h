/* in_process.h: the scorer that answers from a model in this process.
 *
 * The same code as behind /internal/recommend of serve answers, so the same question has the
 * same answer, byte for byte.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RECOMMEND_IN_PROCESS_H
#define MF_LAMBDA_RECOMMEND_IN_PROCESS_H

#include "lambda/model/model_source.h"
#include "lambda/recommend/scorer.h"

#include <stdint.h>

/* Answers from the newest model of the source, which is borrowed, from its load on. Fails
 * MF_ERR_MEMORY. */
bool mf_in_process_scorer(mf_scorer *scorer, const mf_lambda_model_source *source,
                          uint32_t max_top_n, mf_error *err);

#endif
