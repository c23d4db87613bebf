/* target.c: percent-decoding in place, and one pass over the routes for each request: there
 * are few, and comparing a length rejects most of them. */
#include "http/parse/target.h"

#include "http/parse/head.h"

#include <string.h>

void mf_uri_split(char *target, size_t n_bytes, mf_uri *uri)
{
    static char root[] = "/"; /* decoding leaves it as it is */
    size_t at = mf_head_scheme(target, n_bytes);
    if (at > 0) {
        while (at < n_bytes && target[at] != '/' && target[at] != '?')
            at++;
        target += at;
        n_bytes -= at;
    }
    char *mark = n_bytes > 0 ? memchr(target, '?', n_bytes) : NULL;
    uri->path = target;
    uri->path_bytes = mark != NULL ? (size_t)(mark - target) : n_bytes;
    uri->query = mark != NULL ? mark + 1 : NULL;
    uri->query_bytes = mark != NULL ? n_bytes - uri->path_bytes - 1 : 0;
    if (uri->path_bytes == 0) {
        uri->path = root;
        uri->path_bytes = 1;
    }
}

/* The byte that %XX at bytes encodes, or -1. */
static int escaped(const char *bytes, size_t n_bytes)
{
    if (n_bytes < 3)
        return -1;
    const int high = mf_head_hex(bytes[1]);
    const int low = mf_head_hex(bytes[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool mf_uri_decode(char *bytes, size_t n_bytes, bool plus_is_blank, size_t *n_decoded)
{
    size_t to = 0;
    for (size_t from = 0; from < n_bytes; to++) {
        if (bytes[from] == '%') {
            const int byte = escaped(bytes + from, n_bytes - from);
            if (byte <= 0)
                return false;
            bytes[to] = (char)byte;
            from += 3;
        } else {
            bytes[to] = plus_is_blank && bytes[from] == '+' ? ' ' : bytes[from];
            from++;
        }
    }
    *n_decoded = to;
    return true;
}

bool mf_uri_equals(const char *path, size_t n_bytes, const char *text, size_t n_text)
{
    size_t at = 0;
    size_t i = 0;
    for (; at < n_bytes && i < n_text; i++) {
        if (path[at] != '%') {
            if (path[at++] != text[i])
                return false;
            continue;
        }
        const int byte = escaped(path + at, n_bytes - at);
        if (byte <= 0 || byte == '/' || (char)byte != text[i])
            return false;
        at += 3;
    }
    return at == n_bytes && i == n_text;
}

int mf_uri_parameters(char *query, size_t n_bytes,
                      mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX])
{
    int n = 0;
    for (size_t at = 0; at < n_bytes;) {
        char *name = query + at;
        const char *end = memchr(name, '&', n_bytes - at);
        const size_t n_pair = end != NULL ? (size_t)(end - name) : n_bytes - at;
        at += n_pair + 1;
        if (n_pair == 0)
            continue;
        if (n == MF_URI_PARAMETERS_MAX)
            return -1;
        char *equals = memchr(name, '=', n_pair);
        const size_t n_name = equals != NULL ? (size_t)(equals - name) : n_pair;
        char *value = equals != NULL ? equals + 1 : name + n_pair;
        const size_t n_value = equals != NULL ? n_pair - n_name - 1 : 0;
        mf_uri_parameter *parameter = &parameters[n++];
        parameter->name.bytes = name;
        parameter->value.bytes = value;
        if (!mf_uri_decode(name, n_name, true, &parameter->name.n_bytes) ||
            !mf_uri_decode(value, n_value, true, &parameter->value.n_bytes))
            return -1;
    }
    return n;
}

/* -------------------------------------------------------------------- routes */

static const struct {
    mf_http_method method;
    const char *name;
} methods[] = {
    {MF_HTTP_GET, "GET"}, {MF_HTTP_HEAD, "HEAD"},     {MF_HTTP_POST, "POST"},
    {MF_HTTP_PUT, "PUT"}, {MF_HTTP_DELETE, "DELETE"}, {MF_HTTP_OPTIONS, "OPTIONS"},
};

enum { N_METHODS = sizeof methods / sizeof methods[0] };

mf_http_method mf_routes_method(const char *name, size_t n_bytes)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (strlen(methods[i].name) == n_bytes && memcmp(methods[i].name, name, n_bytes) == 0)
            return methods[i].method;
    return MF_HTTP_OTHER;
}

const char *mf_routes_method_name(mf_http_method method)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (methods[i].method == method)
            return methods[i].name;
    return "OTHER";
}

char *mf_routes_allow(unsigned allowed, char text[MF_ROUTES_ALLOW_BYTES])
{
    char *to = text;
    for (size_t i = 0; i < N_METHODS; i++) {
        if ((allowed & methods[i].method) == 0)
            continue;
        if (to != text)
            to = stpcpy(to, ", ");
        to = stpcpy(to, methods[i].name);
    }
    *to = '\0';
    return text;
}

bool mf_routes_prepare(mf_routes *table, const mf_http_route *routes, size_t n_routes,
                       mf_error *err)
{
    if (n_routes == 0 || n_routes > MF_HTTP_ROUTES_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "there must be 1 to %d routes, not %zu",
                       MF_HTTP_ROUTES_MAX, n_routes);
    table->routes = routes;
    table->n_routes = (uint32_t)n_routes;
    for (size_t i = 0; i < n_routes; i++) {
        const char *path = routes[i].path;
        const bool is_any = path != NULL && strcmp(path, "*") == 0;
        if (path == NULL || (path[0] != '/' && !is_any) || routes[i].handle == NULL ||
            routes[i].methods == 0)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                           "route %zu must have a path that begins with /, methods and a handler",
                           i);
        const size_t n = strlen(path);
        const size_t brace = strcspn(path, "{");
        table->paths[i].n_bytes = brace;
        table->paths[i].is_any = is_any;
        table->paths[i].has_segment = brace < n;
        if (brace < n && (path[brace - 1] != '/' || strcspn(path + brace, "}/") != n - brace - 1 ||
                          path[n - 1] != '}'))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                           "the path of route %s may have braces around its last segment only",
                           path);
    }
    return true;
}

/* Where the last segment of a path begins. */
static size_t last_segment(const char *path, size_t n_bytes)
{
    const char *slash = memrchr(path, '/', n_bytes);
    return slash != NULL ? (size_t)(slash - path) + 1 : n_bytes;
}

static bool is_path(const char *path, size_t n_bytes, const char *text, size_t n_text)
{
    if (n_bytes == n_text && memcmp(path, text, n_text) == 0)
        return true;
    return n_bytes > n_text && mf_uri_equals(path, n_bytes, text, n_text);
}

mf_route_match mf_routes_match(const mf_routes *table, char *path, size_t n_bytes,
                               mf_http_method method)
{
    mf_route_match match = {.index = table->n_routes};
    n_bytes -= n_bytes > 1 && path[n_bytes - 1] == '/';
    for (uint32_t i = 0; i < table->n_routes; i++) {
        const mf_http_route *route = &table->routes[i];
        const bool has_segment = table->paths[i].has_segment;
        const size_t n_fixed = has_segment ? last_segment(path, n_bytes) : n_bytes;
        if (!table->paths[i].is_any &&
            (!is_path(path, n_fixed, route->path, table->paths[i].n_bytes) ||
             (has_segment && n_fixed == n_bytes)))
            continue;
        match.allowed |= route->methods;
        const bool takes = (route->methods & method) != 0;
        if (match.index < table->n_routes && !takes)
            continue;
        match.index = i;
        match.is_any = table->paths[i].is_any;
        match.segment = has_segment ? path + n_fixed : NULL;
        match.segment_bytes = n_bytes - n_fixed;
        if (takes) {
            match.found = true;
            break;
        }
    }
    return match;
}
