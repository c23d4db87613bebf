/* handler.h: makes the response to an event, without a network, a clock of its own or a log.
 *
 *     event ─▶ request ─▶ instance ─▶ predictor ─▶ response with titles ─▶ shape of the event
 *      (gateway.h) (decode.h, events.h) (predictor.h)  (response.h)            (gateway.h)
 *
 * (1) The same request through every integration has the same response.
 * (2) A wrong request is a successful invocation with a status from 400 on. Only for a direct
 *     event, and for bytes that are not an event, the invocation fails.
 * (3) The predictor is called once at most for each event, and never for a wrong request; but a model
 *     that rejects a request with a user's newest events, such as an earlier `serve`, gets it without.
 *
 * Threads: one for each handler. */
#ifndef MF_LAMBDA_PREDICT_HANDLER_H
#define MF_LAMBDA_PREDICT_HANDLER_H

#include "inference/instance.h"
#include "lambda/predict/events.h"
#include "lambda/predict/gateway.h"
#include "lambda/predict/movies.h"
#include "lambda/predict/predict_settings.h"
#include "lambda/predict/predictor.h"
#include "lambda/runtime/invocation.h"

/* Zeroed but for the first six, which are borrowed; keeps its memory from event to event. */
typedef struct mf_predict_handler {
    const mf_predict_settings *settings;
    mf_inference_limits limits;
    const mf_predict_movies *movies; /* NULL: responses have no titles, or */
    const char *movies_failure;      /* why there are none though settings has movies_uri */
    mf_predict_predictor *predictor;
    mf_cache_session *cache; /* NULL: there is none */

    mf_predict_request request;
    mf_instance instance;
    mf_text query_body; /* of a GET */
    mf_text sent;       /* to the model: the instance (decode.h) */
    mf_text response_body;
} mf_predict_handler;

/* What happened, for log and metrics. */
typedef struct mf_predict_outcome {
    int status;
    mf_predict_integration integration;
    mf_predict_problem problem;
    bool is_health_check; /* of a load balancer: it is in no metric */
    bool called_model;
    double model_ms; /* that the predictor took; 0 when it was not called */
    double cache_ms; /* likewise Redis */
} mf_predict_outcome;

/* Appends the response to the empty `response`. False: the invocation fails with *err.
 * *outcome is filled either way. */
MF_MUST_CHECK bool mf_predict_handle(mf_predict_handler *handler,
                                     const mf_lambda_invocation *invocation, mf_text *response,
                                     mf_predict_outcome *outcome, mf_error *err);

/* Gives back what it kept; settings, movies and predictor are the caller's. */
void mf_predict_handler_free(mf_predict_handler *handler);

#endif
