/* routes.h: which route a path belongs to.
 *
 * Threads: any; a table does not change once it is made. No allocation. */
#ifndef MF_HTTP_ROUTES_H
#define MF_HTTP_ROUTES_H

#include "http/server.h"

typedef struct mf_routes {
    const mf_http_route *routes;
    uint32_t n_routes;
    struct {
        size_t n_bytes; /* of the path, up to the brace */
        bool has_segment;
        bool is_any; /* "*" */
    } paths[MF_HTTP_ROUTES_MAX];
} mf_routes;

/* Checks the routes; they must outlive the table. Fails MF_ERR_ARGUMENT. */
bool mf_routes_prepare(mf_routes *table, const mf_http_route *routes, size_t n_routes,
                       mf_error *err);

typedef struct mf_route_match {
    uint32_t index;   /* the first route of this path; n_routes when there is none */
    unsigned allowed; /* methods of all routes of this path */
    bool is_any;      /* `index` is a route "*" */
    bool found;       /* a route of this path takes the method: it is `index` */
    char *segment;    /* what stands for {…}, as sent; NULL when the route has none */
    size_t segment_bytes;
} mf_route_match;

/* A segment is never empty and holds no slash of its own. */
mf_route_match mf_routes_match(const mf_routes *table, char *path, size_t n_bytes,
                               mf_http_method method);

/* "GET, HEAD" and the like. Returns text. */
enum { MF_ROUTES_ALLOW_BYTES = 48 };
char *mf_routes_allow(unsigned methods, char text[MF_ROUTES_ALLOW_BYTES]);

mf_http_method mf_routes_method(const char *name, size_t n_bytes);

/* "GET"; "OTHER" for one that has no name here. Static. */
const char *mf_routes_method_name(mf_http_method method);

#endif
