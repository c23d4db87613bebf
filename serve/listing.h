/* listing.h: a user's list for a request that waits for it: at once, or in slices where the
 * catalogue takes long to look through, so that its loop answers others in between.
 *
 * Threads: as handlers, on the loop of the request. */
#ifndef MF_SERVE_LISTING_H
#define MF_SERVE_LISTING_H

#include "http/server.h"
#include "service.h"

/* Of a loop's time at a stretch: long enough that switching does not count, short
 * enough that a /ping behind a few of them is still answered within a few ms. */
enum { MF_SLICE_MICROSECONDS = 1000 };

/* Answers with the list; since: when the request came, mf_clock_seconds(). */
typedef void mf_listed(mf_http_request *request, mf_service_loop *loop, const mf_loaded *loaded,
                       const mf_text *items, const mf_inference_list *list, double since);

/* The list of the user whom the path names; `listed` or a refusal follows. As the last thing
 * of a handler. */
void mf_serve_list(mf_http_request *request, const mf_service *service, mf_service_loop *loop,
                   mf_loaded *loaded, uint32_t top_n, double since, mf_listed *listed);

#endif
