/* routes.h: every path that serve answers, and by what.
 *
 * The handlers of requests that the model answers are in invocations.c and cached.c, those about
 * the server itself in status.c. openapi.json describes all of it. */
#ifndef MF_SERVE_ROUTES_H
#define MF_SERVE_ROUTES_H

#include "http/server.h"

#include <stddef.h>

extern const mf_http_route mf_routes[];
extern const size_t mf_n_routes;

#endif
