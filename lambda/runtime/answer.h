/* answer.h: the one answer that an event gets, made from what the handler did.
 *
 * It outlives its event until its fate is known (runtime.h (2)). */
#ifndef MF_LAMBDA_RUNTIME_ANSWER_H
#define MF_LAMBDA_RUNTIME_ANSWER_H

#include "base/text.h"
#include "lambda/runtime/incoming.h"
#include "lambda/runtime/runtime.h"

typedef struct mf_answer {
    char request_id[MF_REQUEST_ID_BYTES];
    const char *error_type; /* NULL: body is a response, else a report */
    mf_text body;
    bool lost; /* it was sent, and nobody knows whether it arrived */
} mf_answer;

/* Calls the handler, or refuses the event without it, and fills answer. Cannot fail: a
 * failure is an answer too. Logs a failure as one ERROR line. */
void mf_answer_make(mf_answer *answer, const mf_runtime_function *function,
                    const mf_incoming *incoming);

void mf_answer_free(mf_answer *answer);

#endif
