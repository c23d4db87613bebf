/* predictor.h: whoever answers questions: an endpoint, or a model in this process.
 *
 * A question is one object as inference.h has them, in its one spelling (asked.h); an answer
 * is the body that /invocations gives for it. Handlers know no more of a model.
 *
 * Threads: one for each predictor. */
#ifndef MF_LAMBDA_PREDICT_PREDICTOR_H
#define MF_LAMBDA_PREDICT_PREDICTOR_H

#include "lambda/predict/problem.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mf_predictor {
    void *context;

    /* question[n_question] is 0. *answer lives until the next question. Ends by deadline_ms
     * (wall clock, ms since 1970). On false *problem says why. */
    bool (*ask)(void *context, const char *question, size_t n_question, int64_t deadline_ms,
                const char **answer, size_t *n_answer, mf_problem *problem);

    void (*destroy)(void *context);
} mf_predictor;

/* A zeroed one is fine. */
static inline void mf_predictor_destroy(mf_predictor *predictor)
{
    if (predictor->destroy != NULL)
        predictor->destroy(predictor->context);
    *predictor = (mf_predictor){0};
}

#endif
