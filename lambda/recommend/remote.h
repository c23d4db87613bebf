/* remote.h: the scorer that asks somebody else: serve at a URL, or a SageMaker endpoint.
 *
 *     POST …/invocations, application/jsonlines
 *     {"userId":"123","top_n":20}
 *     {"userId":"7","top_n":5}
 *
 * Many users go in one request, and a few such requests are under way at once: a request
 * for each user would cost both sides more than the answer (script/bench recommend).
 *
 * (1) A request that the model refuses (400, 413, 424 with such a status inside) is asked
 *     again user by user; who is then refused can never be answered. So is one that it breaks
 *     on (500), when tries are used up: who then fails, fails alone.
 * (2) What is throttled, broken or late is tried again by lambda/aws, within the deadline;
 *     then it has failed.
 * (3) An answer that does not fit its question is a failure of all of its users.
 * (4) The model's version is what the answer's custom attributes say (model_version=…),
 *     which serve is asked for. A container that says none is asked all the same, and what
 *     it answers is not cached.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_RECOMMEND_REMOTE_H
#define MF_LAMBDA_RECOMMEND_REMOTE_H

#include "lambda/recommend/scorer.h"

#include <stdint.h>

/* Exactly one of url and endpoint_name is not "". Connects to nobody. Fails MF_ERR_CONFIG naming
 * the variable, MF_ERR_MEMORY. */
bool mf_remote_scorer(mf_scorer *scorer, const char *url, const char *endpoint_name,
                      uint32_t concurrency, mf_error *err);

#endif
