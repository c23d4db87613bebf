/* uri.h: a request target taken apart (RFC 3986, RFC 9112 3.2).
 *
 * Everything is decoded where it stands: decoding only shrinks.
 *
 * Threads: any. No allocation. */
#ifndef MF_HTTP_URI_H
#define MF_HTTP_URI_H

#include "http/server.h"

enum { MF_URI_PARAMETERS_MAX = 32 };

typedef struct mf_uri {
    char *path; /* as sent; "/" when http://host has none, "*" stays */
    size_t path_bytes;
    char *query; /* as sent, without '?'; NULL without one */
    size_t query_bytes;
} mf_uri;

/* Finds path and query in a target that mf_head_parse let through. */
void mf_uri_split(char *target, size_t n_bytes, mf_uri *uri);

/* Undoes percent-encoding in place. False at a '%' without two hexadecimal digits
 * and at %00, which no id of ours can hold and which ends a C string. */
bool mf_uri_decode(char *bytes, size_t n_bytes, bool plus_is_blank, size_t *n_decoded);

/* True when a path is `text` after decoding. A slash in `text` is never an encoded
 * one: %2F is a byte of a segment, '/' is what stands between two. */
bool mf_uri_equals(const char *path, size_t n_bytes, const char *text, size_t n_text);

typedef struct mf_uri_parameter {
    mf_http_view name;
    mf_http_view value;
} mf_uri_parameter;

/* Takes a query string apart at '&' and '=' and decodes it in place. Returns how
 * many parameters there are, or -1: it cannot be decoded or holds more than
 * MF_URI_PARAMETERS_MAX of them. */
int mf_uri_parameters(char *query, size_t n_bytes,
                      mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX]);

#endif
