/* asked.h: the body of a request as a question that is understood, and in its one spelling.
 *
 *     {"movieId":2959,"userId":"2"}   is asked of the model as   {"userId":"2","movieId":"2959"}
 *
 * (1) It is read by the same code as the bodies of /invocations (inference/question.h), and
 *     refused in the same words: the same question is right or wrong at every door.
 * (2) The same question has the same bytes, whoever spelled it how. They are an object
 *     that mf_asked_read reads as the same question.
 * (3) One question at a time: batches (instances) go to the endpoint itself.
 *
 * Threads: one question each. */
#ifndef MF_LAMBDA_PREDICT_ASKED_H
#define MF_LAMBDA_PREDICT_ASKED_H

#include "inference/question.h"
#include "lambda/predict/problem.h"

/* Reads body[0 .. n_body) and appends the question's spelling; a zero byte, not counted,
 * stands behind it. body NULL: there is none. */
bool mf_asked_read(mf_question *question, const mf_inference_limits *limits, const char *body,
                   size_t n_body, mf_text *spelling, mf_problem *problem);

#endif
