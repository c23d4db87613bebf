/* problem.h: why a request fails: a message for its sender, and a detail for the log alone.
 *
 *     kind          status  code                 error of a direct event
 *     bad request   400     bad_request          Function.InvalidEvent
 *     not found     404     not_found            Function.NotFound
 *     method        405     method_not_allowed   Function.InvalidEvent
 *     too large     413     content_too_large    Function.LimitExceeded
 *     media type    415     unsupported_media_type Function.InvalidEvent
 *     throttled     429     too_many_requests    Function.LimitExceeded
 *     internal      500     internal_error       Function.InternalError
 *     movies        500     movies_unreadable    Function.ConfigurationError
 *     model         502     bad_gateway          Function.DownstreamError
 *     timeout       504     gateway_timeout      Function.DownstreamError
 *
 * (1) `message` is for the sender: what is wrong with the request, or the usual sentence of the
 *     kind. It never names endpoints, hosts, buckets, accounts or keys.
 * (2) `detail` is for the log: it may name all of those, and quotes nothing that a user sent.
 * (3) The first problem wins, as with errors.
 *
 * Threads: a value. */
#ifndef MF_LAMBDA_PREDICT_PROBLEM_H
#define MF_LAMBDA_PREDICT_PROBLEM_H

#include "base/error.h"

typedef enum mf_predict_problem_kind {
    MF_PREDICT_PROBLEM_NONE = 0,
    MF_PREDICT_PROBLEM_BAD_REQUEST,
    MF_PREDICT_PROBLEM_NOT_FOUND,
    MF_PREDICT_PROBLEM_METHOD,
    MF_PREDICT_PROBLEM_TOO_LARGE,
    MF_PREDICT_PROBLEM_MEDIA_TYPE,
    MF_PREDICT_PROBLEM_THROTTLED,
    MF_PREDICT_PROBLEM_INTERNAL,
    MF_PREDICT_PROBLEM_MOVIES,
    MF_PREDICT_PROBLEM_MODEL,
    MF_PREDICT_PROBLEM_TIMEOUT,
    MF_PREDICT_PROBLEM_KINDS,
} mf_predict_problem_kind;

typedef struct mf_predict_problem {
    mf_predict_problem_kind kind;
    mf_error message;
    mf_error detail; /* MF_OK: none */
} mf_predict_problem;

/* 400 …; 200 for none. */
int mf_predict_problem_status(mf_predict_problem_kind kind);

/* "bad_request": the code in an error's body, in the words of serve. */
const char *mf_predict_problem_code(mf_predict_problem_kind kind);

/* "BadRequest": the metric that counts them. */
const char *mf_predict_problem_metric(mf_predict_problem_kind kind);

/* The request is wrong: the sentence says how. Returns false. */
__attribute__((format(printf, 3, 4))) bool mf_predict_problem_set(mf_predict_problem *problem,
                                                                  mf_predict_problem_kind kind,
                                                                  const char *format, ...);

/* Something else failed: the log gets the sentence, the sender gets the usual one of the kind.
 * Returns false. */
__attribute__((format(printf, 3, 4))) bool mf_predict_problem_hide(mf_predict_problem *problem,
                                                                   mf_predict_problem_kind kind,
                                                                   const char *format, ...);

/* An error of src/inference: PARSE and NOT_ACCEPTABLE are bad requests, LIMIT is too large, UNKNOWN
 * is not found; all others are internal and hidden.
 * Returns false. */
bool mf_predict_problem_of_error(mf_predict_problem *problem, const mf_error *err);

/* The same as the error of a handler: "400 bad_request: …", so that a pattern over
 * errorMessage ("^400 .*") can choose the status of an API without proxy. Returns false. */
bool mf_predict_problem_to_error(const mf_predict_problem *problem, mf_error *err);

#endif
