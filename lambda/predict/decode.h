/* decode.h: the body, or the parameters, of a request as a question that is understood, and in
 * its canonical form, which the model is sent.
 *
 *     {"movieId":2959,"userId":"2"}         {"userId":"2","movieId":"2959"}
 *     ?userId=2&movieId=2959                {"userId":"2","movieId":"2959"}
 *     ?userId=2&top_n=5&include_rated=true  {"userId":"2","top_n":5,"include_rated":true}
 *     ?userId=2&movieIds=1,2,3              {"userId":"2","movieIds":["1","2","3"]}
 *     ?userId=2&top_n=5&order=rating        {"userId":"2","top_n":5,"order":"rating"}
 *
 * (1) The reader is that of the bodies of /invocations (inference/instance.h), and so are the
 *     errors: the same question is right or wrong at every entry point.
 * (2) The same question has the same canonical bytes, whatever aliases and order the client
 *     used. mf_predict_decode reads them as the same question.
 * (3) One question at a time: batches (instances) go to the endpoint itself.
 *
 * Threads: one question each. */
#ifndef MF_LAMBDA_PREDICT_DECODE_H
#define MF_LAMBDA_PREDICT_DECODE_H

#include "inference/instance.h"
#include "lambda/predict/problem.h"

struct json_t; /* jansson's */

/* Appends the question of a GET in JSON. query is an object of decoded texts. Nothing is checked:
 * names and values that cannot be are in the question as they came, and mf_predict_decode refuses
 * them by name. */
void mf_predict_query_write(const struct json_t *query, mf_text *question);

/* Reads body[0 .. n_body) and appends the question's canonical form, NUL-terminated; the terminator
 * is not counted. body NULL: there is none. */
bool mf_predict_decode(mf_instance *question, const mf_inference_limits *limits, const char *body,
                       size_t n_body, mf_text *canonical, mf_predict_problem *problem);

#endif
