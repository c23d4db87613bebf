/* target.h: from the target of a request (RFC 3986, RFC 9112 3.2) to a route, the segment of
 * its path that varies, and the parameters of its query.
 *
 * Everything is decoded in place: decoding only shrinks.
 *
 * Threads: any; a table of routes does not change once it is prepared. No allocation. */
#ifndef MF_HTTP_PARSE_TARGET_H
#define MF_HTTP_PARSE_TARGET_H

#include "base/error.h"
#include "http/server.h"

enum { MF_URI_PARAMETERS_MAX = 32 };

typedef struct mf_uri {
    char *path; /* as sent; "/" when https://host has none, "*" stays */
    size_t path_bytes;
    char *query; /* as sent, without '?'; NULL without one */
    size_t query_bytes;
} mf_uri;

/* Finds path and query in a target that mf_head_parse let through. */
void mf_uri_split(char *target, size_t n_bytes, mf_uri *uri);

/* Undoes percent-encoding in place. False at a '%' without two hexadecimal digits
 * and at %00, which no id of ours can hold and which ends a C string. */
MF_MUST_CHECK bool mf_uri_decode(char *bytes, size_t n_bytes, bool plus_is_blank,
                                 size_t *n_decoded);

/* True when a path is `text` after decoding. A slash in `text` is never an encoded
 * one: %2F is a byte of a segment, '/' separates two. */
bool mf_uri_equals(const char *path, size_t n_bytes, const char *text, size_t n_text);

typedef struct mf_uri_parameter {
    mf_http_view name;
    mf_http_view value;
} mf_uri_parameter;

/* Takes a query string apart at '&' and '=' and decodes it in place. Returns how
 * many parameters there are, or -1: it cannot be decoded or holds more than
 * MF_URI_PARAMETERS_MAX of them. */
MF_MUST_CHECK int mf_uri_parameters(char *query, size_t n_bytes,
                                    mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX]);

/* -------------------------------------------------------------------- routes */

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
MF_MUST_CHECK bool mf_routes_prepare(mf_routes *table, const mf_http_route *routes, size_t n_routes,
                                     mf_error *err);

typedef struct mf_route_match {
    uint32_t index;   /* the first route of this path; n_routes when there is none */
    unsigned allowed; /* methods of all routes of this path */
    bool is_any;      /* `index` is a route "*" */
    bool found;       /* a route of this path takes the method: it is `index` */
    char *segment;    /* what matches {…}, as sent; NULL when the route has none */
    size_t segment_bytes;
} mf_route_match;

/* A segment is never empty and holds no slash of its own. One slash at the end of the path does not
 * count. */
mf_route_match mf_routes_match(const mf_routes *table, char *path, size_t n_bytes,
                               mf_http_method method);

/* "GET, HEAD" and the like. Returns text. */
enum { MF_ROUTES_ALLOW_BYTES = 48 };
char *mf_routes_allow(unsigned methods, char text[MF_ROUTES_ALLOW_BYTES]);

mf_http_method mf_routes_method(const char *name, size_t n_bytes);

/* "GET"; "OTHER" for one that has no name here. Static. */
const char *mf_routes_method_name(mf_http_method method);

#endif
