/* relay.h: requests of the page that another program responds to: the stand-in for Kinesis takes a
 * rating, the endpoint's container computes a list that knows it.
 *
 * Threads: one. */
#ifndef MF_LOCAL_PAGE_RELAY_H
#define MF_LOCAL_PAGE_RELAY_H

#include "http/server.h"
#include "local/local_settings.h"

typedef struct mf_local_relay mf_local_relay;

/* NULL without memory. settings must outlive it; they have page_stream and an endpoint. */
MF_MUST_CHECK mf_local_relay *mf_local_relay_create(struct event_base *base,
                                                    const mf_local_settings *settings);

/* NULL is fine. */
void mf_local_relay_destroy(mf_local_relay *relay);

/* Puts the rating in the request's body on the stream: an object of userId, movieId (texts or whole
 * numbers) and rating (a number; absent for an event without one). Responds with that of Kinesis; 400
 * when the body is something else, 502 when the stream does not take it. */
void mf_local_relay_put(mf_local_relay *relay, mf_http_request *request);

/* Responds with what the container of the first endpoint sends for this path and query (zero-
 * terminated, percent-encoded); 502 when it does not respond. */
void mf_local_relay_get(mf_local_relay *relay, mf_http_request *request, const char *target);

#endif
