/* route.c: a path is compared with each route segment by segment. A parameter takes one segment, a
 * greedy one the rest of the path. Of the routes that match, the one that names the method comes
 * first, then the one without parameters. */
#include "local/apigateway/route.h"

#include "local/service.h"

#include <string.h>

mf_http_view mf_local_gateway_path(mf_http_view path, const char *stage)
{
    const size_t n = strlen(stage);
    if (n == 0 || path.n_bytes < n + 1 || memcmp(path.bytes + 1, stage, n) != 0)
        return path;
    if (path.n_bytes == n + 1)
        return (mf_http_view){"/", 1};
    if (path.bytes[n + 1] != '/')
        return path;
    return (mf_http_view){path.bytes + n + 1, path.n_bytes - n - 1};
}

static bool add_parameter(mf_local_path_parameters *parameters, mf_http_view name,
                          mf_http_view value)
{
    if (value.n_bytes == 0 || parameters->n == MF_LOCAL_PATH_PARAMETERS_MAX)
        return false;
    parameters->all[parameters->n++] = (mf_uri_parameter){name, value};
    return true;
}

static size_t segment(const char *bytes, size_t n)
{
    const char *slash = memchr(bytes, '/', n);
    return slash != NULL ? (size_t)(slash - bytes) : n;
}

/* Compares segment by segment, each after a slash. */
static bool matches(const char *pattern, mf_http_view path, mf_local_path_parameters *parameters)
{
    const char *at = path.bytes;
    size_t left = path.n_bytes;
    parameters->n = 0;
    for (;;) {
        if (left == 0 || *at != '/' || *pattern != '/')
            return left == 0 && *pattern == '\0';
        at++;
        left--;
        pattern++;
        const size_t n_pattern = strcspn(pattern, "/");
        size_t n = segment(at, left);
        if (pattern[0] == '{') {
            const bool greedy = pattern[n_pattern - 2] == '+';
            if (greedy)
                n = left;
            const mf_http_view name = {pattern + 1, n_pattern - 2 - greedy};
            if (!add_parameter(parameters, name, (mf_http_view){at, n}))
                return false;
        } else if (n != n_pattern || memcmp(at, pattern, n) != 0) {
            return false;
        }
        at += n;
        left -= n;
        pattern += n_pattern;
    }
}

const mf_local_route *mf_local_gateway_find(const mf_local_settings *settings, mf_http_view method,
                                            mf_http_view path, mf_local_path_parameters *parameters)
{
    const mf_local_route *found = NULL;
    bool found_exact = false, found_method = false;
    for (uint32_t i = 0; i < settings->n_routes; i++) {
        const mf_local_route *route = &settings->routes[i];
        mf_local_path_parameters of_route;
        if (!matches(route->path, path, &of_route))
            continue;
        const bool exact = of_route.n == 0;
        const bool named =
            mf_local_equals(method, route->method) || strcmp(route->method, "ANY") == 0;
        if (!named && !mf_local_equals(method, "OPTIONS"))
            continue;
        if (found == NULL || (named && !found_method) ||
            (named == found_method && exact && !found_exact)) {
            found = route;
            found_exact = exact;
            found_method = named;
            *parameters = of_route;
        }
    }
    return found;
}
