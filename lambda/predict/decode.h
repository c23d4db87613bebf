/* decode.h: reads the body or the parameters of a request as an instance, and writes the JSON that the
 * model is sent for it.
 *
 *     {"movieId":2959,"userId":"2"}         the same bytes
 *     ?userId=2&movieId=2959                {"userId":"2","movieId":"2959"}
 *     ?userId=2&top_n=5&include_rated=true  {"userId":"2","top_n":5,"include_rated":true}
 *     ?userId=2&movieIds=1,2&movieIds=3     {"userId":"2","movieIds":["1","2","3"]}
 *     ?userId=2&top_n=5&exclude=1,2         {"userId":"2","top_n":5,"exclude":["1","2"]}
 *     ?userId=2&top_n=5&where={"year":1999} {"userId":"2","top_n":5,"where":{"year":1999}}
 *
 * (1) The reader is that of the bodies of /invocations (inference/instance.h), and so are the
 *     errors: every entry point accepts and rejects the same instances.
 * (2) The model is sent the request's own JSON object, so that it reads what was read here. A list that
 *     (4) closes gets the members that are missing; events.h adds a user's newest events.
 * (3) One instance at a time: batches (instances) go to the endpoint itself.
 * (4) Closed (OUTSIDERS): a list for a userId contains what the user has rated, ordered by
 *     predicted rating, or by popularity on request. A list that leaves out rated movies tells
 *     which ones they are, the scores of a ranking tell most of them, and reasons name them. An
 *     explicit "include_rated": false, "order": "ranking" or `explain` beside userId or userIds is a bad
 *     request. Requests with `similar`, or with `ratings` and no userId, are not restricted.
 * (5) `audience`, which lists users, is a bad request, closed or open.
 *
 * Threads: one instance each. */
#ifndef MF_LAMBDA_PREDICT_DECODE_H
#define MF_LAMBDA_PREDICT_DECODE_H

#include "inference/instance.h"
#include "lambda/predict/problem.h"

struct json_t; /* jansson's */

/* Appends the parameters of a GET as a JSON object. query has a list of decoded texts for each name.
 * Only lists (movieIds, exclude, with) may be given several times; *problem names another one. Nothing else is checked:
 * unknown names and invalid values are in the object too, and mf_predict_decode rejects them by name. */
MF_MUST_CHECK bool mf_predict_query_write(struct json_t *query, mf_text *body,
                                          mf_predict_problem *problem);

/* Reads body[0 .. n_body) and appends the JSON for the model, NUL-terminated; the terminator is not
 * counted. body NULL: there is none. is_closed: see (4). On false *problem says why. */
MF_MUST_CHECK bool mf_predict_decode(mf_instance *instance, const mf_inference_limits *limits,
                                     bool is_closed, const char *body, size_t n_body, mf_text *text,
                                     mf_predict_problem *problem);

#endif
