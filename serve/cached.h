/* cached.h: recommendations for a user from Redis, or computed and stored there.
 *
 *   {"user_id":123,"recommendations":[…],"count":20,"from_cache":true,"latency_ms":0.412}
 *
 * latency_ms is the time from the call of the handler to the response. Ids, errors
 * and "known_user":false are those of /internal/recommend/{user_id} (invocations.h).
 *
 * (1) The list is that of the model of X-Model-Version, whether it was stored or computed: the key
 *     holds the version (cache/entry.h).
 * (2) Redis delays a request by at most REDIS_COMMAND_MS and never fails it. When Redis is not
 *     available or not configured, the list is computed at once.
 * (3) Concurrent requests of one loop for the same list cause one lookup, one computation and one
 *     stored value.
 * (4) In strict mode an unknown user is rejected, even if another server has stored a list.
 *
 * (5) A list knows the user's newest events (cache/feedback.h): they are looked up together with the
 *     list, count as newer than the model (mf_add_events) and are left out of it. When Redis is not
 *     available the list is that of the model alone.
 *
 * Threads: as handlers, on the loop of the request. */
#ifndef MF_SERVE_CACHED_H
#define MF_SERVE_CACHED_H

#include "base/error.h"
#include "http/server.h"

/* GET /recommend/cached/{user_id}?top_n=20 */
void mf_handle_cached(mf_http_request *request, void *service);

/* The lookups of one loop that are in progress. NULL: MF_ERR_MEMORY. */
typedef struct mf_shared_lookups mf_shared_lookups;
MF_MUST_CHECK mf_shared_lookups *mf_shared_lookups_create(mf_error *err);
/* After the last request. NULL is fine. */
void mf_shared_lookups_destroy(mf_shared_lookups *shared);

#endif
