/* with_events.h: a list that is computed for the user in the path with the user's newest events
 * (cache/feedback.h), which are looked up in Redis first.
 *
 * (1) Redis delays a request by at most REDIS_COMMAND_MS and never fails it. When Redis is not
 *     available or not configured, the list is computed at once, by the model alone.
 * (2) The list is that of the model that the request began with.
 *
 * Threads: as handlers, on the loop of the request. */
#ifndef MF_SERVE_WITH_EVENTS_H
#define MF_SERVE_WITH_EVENTS_H

#include "serve/service.h"

/* GET /internal/recommend/{user_id}?top_n=20, with the parameters of mf_inference_add_parameter.
 * X-Model-Version is the version of the model. */
void mf_handle_recommend(mf_http_request *request, void *service);

/* Responds as mf_serve_list does, or with parameters as mf_serve_steered (invocations.h), which are
 * copied. Must be the last call of a handler. */
void mf_serve_with_events(mf_http_request *request, mf_service *service, mf_service_loop *loop,
                          mf_loaded *loaded, uint32_t top_n, const mf_text *steering, double since);

#endif
