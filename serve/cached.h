/* cached.h: a user's list, from Redis or computed and put there.
 *
 *   {"user_id":123,"recommendations":[…],"count":20,"from_cache":true,"latency_ms":0.412}
 *
 * latency_ms is the time from the request's arrival at its handler to this answer. Ids, errors
 * and "known_user":false are those of /internal/recommend/{user_id} (invocations.h).
 *
 * (1) The list is the one that the model of X-Model-Version gives, from wherever it comes:
 *     its version is in the key (cache/entry.h).
 * (2) Redis costs a request at most REDIS_COMMAND_MS, and never its answer. Where Redis is
 *     not to be had, or there is none, the list is computed at once.
 * (3) Requests of one loop for the same list at the same time are one lookup, one
 *     computation and one value stored.
 * (4) In strict mode an unknown user is refused, also when another server has stored a list
 *     for it.
 *
 * Threads: as handlers, on the loop of the request. */
#ifndef MF_SERVE_CACHED_H
#define MF_SERVE_CACHED_H

#include "base/error.h"
#include "http/server.h"

/* GET /recommend/cached/{user_id}?top_n=20 */
void mf_answer_cached(mf_http_request *request, void *service);

/* The lists of one loop that are on their way. NULL: MF_ERR_MEMORY. */
typedef struct mf_flights mf_flights;
mf_flights *mf_flights_create(mf_error *err);
/* There are no requests any more. NULL is fine. */
void mf_flights_destroy(mf_flights *flights);

#endif
