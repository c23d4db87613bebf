/* function.h: the function as the runtime runs it: the handler with a real model, real
 * movies, a log and metrics.
 *
 *     static mf_predict_function predict;
 *     return mf_lambda_run(&(mf_lambda_function){
 *         .name = "predict", .start = mf_predict_start, .handle = mf_predict_event,
 *         .finish = mf_predict_finish, .context = &predict});
 *
 * (1) start reads settings, movies and, when it is to answer by itself, the model; anything
 *     wrong there is one sentence. With an endpoint it connects to nobody but the place of
 *     the movies.
 * (2) Movies that were last looked at MOVIES_REFRESH_SECONDS ago are looked at again before
 *     an event is handled, for MF_REFRESH_MS or a quarter of the event's time at most.
 *     The model of this process likewise, MODEL_REFRESH_SECONDS ago, for half of the event's
 *     time and MF_LAMBDA_MODEL_REFRESH_MS at most. No event fails for it.
 * (3) What went wrong is one line in the log: INFO for a request that is wrong (no word of
 *     it), ERROR for ourselves and the model, with the details that nobody else sees.
 * (4) Each event is one line of metrics, namespace Recommender, dimension Function=predict:
 *     Latency and ModelLatency (ms), MoviesAge and ModelAge (s), Errors and one more by kind
 *     (count).
 *
 * Threads: the runtime's. */
#ifndef MF_LAMBDA_PREDICT_FUNCTION_H
#define MF_LAMBDA_PREDICT_FUNCTION_H

#include "lambda/model/model_source.h"
#include "lambda/predict/handler.h"
#include "lambda/predict/movies_source.h"

enum { MF_REFRESH_MS = 1000 };

/* Zeroed before start. */
typedef struct mf_predict_function {
    mf_predict_settings settings;
    mf_aws_client *s3; /* NULL when everything is in files */
    mf_movies_source *movies;
    mf_lambda_model_source *model; /* NULL: it is behind an endpoint */
    mf_predictor predictor;
    mf_predict_handler handler;
} mf_predict_function;

bool mf_predict_start(void *context, mf_error *err);

bool mf_predict_event(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                      mf_error *err);

void mf_predict_finish(void *context);

#endif
