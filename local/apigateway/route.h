/* route.h: which route of the API a request is for.
 *
 * Threads: any. No allocation. */
#ifndef MF_LOCAL_APIGATEWAY_ROUTE_H
#define MF_LOCAL_APIGATEWAY_ROUTE_H

#include "http/parse/target.h"
#include "local/local_settings.h"

enum { MF_LOCAL_PATH_PARAMETERS_MAX = 8 };

typedef struct mf_local_path_parameters {
    mf_uri_parameter all[MF_LOCAL_PATH_PARAMETERS_MAX]; /* values as sent */
    size_t n;
} mf_local_path_parameters;

/* The path without "/STAGE" in front, if that is there. */
mf_http_view mf_local_gateway_path(mf_http_view path, const char *stage);

/* The route for a method and path: one without parameters before one with, the API's order
 * otherwise. OPTIONS goes to the first route of the path when none of them names it. NULL
 * when there is none. */
const mf_local_route *mf_local_gateway_find(const mf_local_settings *settings, mf_http_view method,
                                            mf_http_view path,
                                            mf_local_path_parameters *parameters);

#endif
