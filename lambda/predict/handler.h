/* handler.h: from an event to its response, without a network, a clock of its own or a log.
 *
 *     event ─▶ request ─▶ question ─▶ predictor ─▶ answer with titles ─▶ reply
 *      (request.h)    (query.h, asked.h)  (predictor.h)   (answer.h)     (reply.h)
 *
 * (1) The same request through every wiring has the same answer.
 * (2) A request that is wrong is a successful invocation with a status from 400 on; only a
 *     bare event, and what is no event at all, ends as the function's error.
 * (3) The model is asked at most once for each event, and not at all for a wrong one.
 *
 * Threads: one for each handler. */
#ifndef MF_LAMBDA_PREDICT_HANDLER_H
#define MF_LAMBDA_PREDICT_HANDLER_H

#include "lambda/predict/movies.h"
#include "lambda/predict/predictor.h"
#include "lambda/predict/request.h"
#include "lambda/predict/settings.h"
#include "lambda/runtime/invocation.h"

#include "inference/question.h"

/* What a handler works with; zeroed but for the first four. What it needs for an event it
 * keeps for the next. */
typedef struct mf_predict_handler {
    const mf_predict_settings *settings;
    mf_inference_limits limits;
    const mf_movies *movies;
    const mf_predictor *predictor;

    mf_request request;
    mf_question question;
    mf_text body;     /* of a GET */
    mf_text spelling; /* of the question */
    mf_text answer;
} mf_predict_handler;

/* How it went, for log and metrics. */
typedef struct mf_predict_outcome {
    int status;
    mf_wiring wiring;
    mf_problem problem;
    bool asked_model;
    double model_ms; /* that the predictor took; 0 when it was not asked */
} mf_predict_outcome;

/* Appends the response to the empty `response`. False: the invocation fails with *err.
 * *outcome is filled either way. */
bool mf_predict_handle(mf_predict_handler *handler, const mf_lambda_invocation *invocation,
                       mf_text *response, mf_predict_outcome *outcome, mf_error *err);

/* Gives back what it kept; settings, movies and predictor are the caller's. */
void mf_predict_handler_free(mf_predict_handler *handler);

#endif
