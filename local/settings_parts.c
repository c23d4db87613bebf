/* settings_parts.c: functions, routes and endpoints: what there may be several of. */
#include "settings_parts.h"

#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_name(const char *name, const char *more, size_t max)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && strchr(more, name[i]) == NULL)
            return false;
    return n > 0 && n <= max;
}

mf_function_settings *mf_local_settings_add_function(mf_local_settings *settings, const char *name,
                                                     mf_error *err)
{
    if (!is_name(name, "-_", 64)) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                "function \"%.80s\": a name has 1 to 64 letters, digits, - and _", name);
        return NULL;
    }
    for (uint32_t i = 0; i < settings->n_functions; i++)
        if (strcmp(settings->functions[i].name, name) == 0) {
            mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "function %s is there twice", name);
            return NULL;
        }
    if (settings->n_functions == MF_FUNCTIONS_MAX) {
        mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d functions", MF_FUNCTIONS_MAX);
        return NULL;
    }
    mf_function_settings *function = &settings->functions[settings->n_functions++];
    return mf_local_copy(&function->name, name, err) && mf_function_settings_start(function, err)
               ? function
               : NULL;
}

static bool append(char **list, size_t max, const char *text, const char *what, mf_error *err)
{
    size_t n = 0;
    while (list[n] != NULL)
        n++;
    if (n == max)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %zu %s", max, what);
    return mf_local_copy(&list[n], text, err);
}

/* It may run in another folder than ours. */
static bool set_program(mf_function_settings *function, const char *program, mf_error *err)
{
    char path[PATH_MAX + 1024], here[PATH_MAX];
    if (program[0] == '\0' || strlen(program) > 1000)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "function %s has no program",
                       function->name);
    if (program[0] == '/')
        return mf_local_copy(&function->words[0], program, err);
    if (getcwd(here, sizeof here) == NULL)
        return mf_fail_errno(err, errno, MF_NOWHERE, "cannot tell the current folder");
    snprintf(path, sizeof path, "%s/%s", here, program);
    return mf_local_copy(&function->words[0], path, err);
}

bool mf_function_settings_add_word(mf_function_settings *function, const char *word, mf_error *err)
{
    if (function->words[0] == NULL)
        return set_program(function, word, err);
    return append(function->words, MF_FUNCTION_WORDS_MAX + 1, word, "words of a command", err);
}

bool mf_function_settings_add_variable(mf_function_settings *function, const char *name,
                                       const char *value, mf_error *err)
{
    if (!is_name(name, "_", 1000) || strlen(name) < 2 || !isalpha((unsigned char)name[0]))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "function %s, variable \"%.80s\": a name has two letters, digits or _ at "
                       "least and begins with a letter",
                       function->name, name);
    if (strcmp(name, "AWS_LAMBDA_RUNTIME_API") == 0)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "function %s: AWS_LAMBDA_RUNTIME_API is for local-cloud to set",
                       function->name);
    size_t used = strlen(name) + strlen(value);
    for (char **v = function->variables; *v != NULL; v++)
        used += strlen(*v) - 1;
    if (used > MF_FUNCTION_VARIABLES_BYTES)
        return mf_fail(
            err, MF_ERR_LIMIT, MF_NOWHERE,
            "function %s: the variables have more than %d bytes, which is Lambda's limit",
            function->name, MF_FUNCTION_VARIABLES_BYTES);
    char text[MF_FUNCTION_VARIABLES_BYTES + 2];
    snprintf(text, sizeof text, "%s=%s", name, value);
    return append(function->variables, MF_FUNCTION_VARIABLES_MAX, text, "variables", err);
}

static bool check_path(const char *path)
{
    if (path[0] != '/')
        return false;
    for (const char *c = path; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == '?' || *c == '#' || *c == '%')
            return false;
        if (*c != '{')
            continue;
        const char *end = strchr(c, '}');
        const bool greedy = end != NULL && end[-1] == '+';
        if (c[-1] != '/' || end == NULL || end - c < (greedy ? 3 : 2) ||
            (greedy ? end[1] != '\0' : end[1] != '\0' && end[1] != '/'))
            return false;
        c = end;
    }
    return true;
}

static bool payload_of(const char *name, mf_payload *payload)
{
    static const char *const names[] = {"1.0", "2.0", "none"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *payload = (mf_payload)i;
            return true;
        }
    return false;
}

uint32_t mf_local_find_function(const mf_local_settings *settings, const char *name)
{
    uint32_t i = 0;
    while (i < settings->n_functions && strcmp(settings->functions[i].name, name) != 0)
        i++;
    return i;
}

bool mf_local_settings_add_route(mf_local_settings *settings, const char *what,
                                 const char *function, const char *payload, mf_error *err)
{
    if (settings->n_routes == MF_GATEWAY_ROUTES_MAX)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d routes", MF_GATEWAY_ROUTES_MAX);
    char method[32];
    const size_t n_method = strcspn(what, " ");
    snprintf(method, sizeof method, "%.*s", (int)(n_method < 31 ? n_method : 31), what);
    const char *path = what[n_method] == ' ' ? what + n_method + 1 : "";
    for (const char *c = method; *c != '\0'; c++)
        if (!isupper((unsigned char)*c))
            path = "";
    if (n_method == 0 || n_method > 31 || !check_path(path))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "route \"%.128s\": expected a method and a path, as in POST /predict, ANY "
                       "/users/{id} or GET /files/{path+}",
                       what);
    mf_gateway_route *route = &settings->routes[settings->n_routes];
    if (!payload_of(payload, &route->payload))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "route \"%.128s\" has payload \"%.32s\": expected 1.0, 2.0 or none", what,
                       payload);
    route->function = mf_local_find_function(settings, function);
    if (route->function == settings->n_functions)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "route \"%.128s\" leads to \"%.64s\": there is no such function", what,
                       function);
    settings->n_routes++;
    return mf_local_copy(&route->method, method, err) && mf_local_copy(&route->path, path, err);
}

bool mf_local_read_address(mf_address *at, const char *what, const char *url, mf_error *err)
{
    static const char HTTP[] = "http://";
    const bool has_scheme = strncmp(url, HTTP, strlen(HTTP)) == 0;
    const char *host = has_scheme ? url + strlen(HTTP) : "";
    const size_t n_host = strcspn(host, ":/");
    const char *after = host + n_host;
    uint64_t port = 80;
    const size_t n_port = *after == ':' ? strcspn(after + 1, "/") : 0;
    const bool ok = *after != ':' || mf_parse_uint64(after + 1, n_port, &port);
    after += *after == ':' ? n_port + 1 : 0;
    char base[256], copy[256];
    const size_t n_base = strlen(after) - (after[0] != '\0' && after[strlen(after) - 1] == '/');
    if (!ok || n_host == 0 || n_host >= sizeof copy || port < 1 || port > UINT16_MAX ||
        n_base >= sizeof base || strpbrk(after, " ?#") != NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s is at \"%.128s\": expected http://host:port", what, url);
    snprintf(copy, sizeof copy, "%.*s", (int)n_host, host);
    snprintf(base, sizeof base, "%.*s", (int)n_base, after);
    at->port = (uint16_t)port;
    return mf_local_copy(&at->host, copy, err) && mf_local_copy(&at->base, base, err);
}

bool mf_local_settings_add_endpoint(mf_local_settings *settings, const char *name, const char *url,
                                    mf_error *err)
{
    char what[128];
    if (!is_name(name, "-", 63) || name[0] == '-' || name[strlen(name) - 1] == '-')
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "endpoint \"%.80s\": a name has 1 to 63 letters, digits and inner -", name);
    if (settings->n_endpoints == MF_ENDPOINTS_MAX)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d endpoints", MF_ENDPOINTS_MAX);
    mf_endpoint_settings *endpoint = &settings->endpoints[settings->n_endpoints++];
    snprintf(what, sizeof what, "endpoint %s", name);
    return mf_local_copy(&endpoint->name, name, err) &&
           mf_local_read_address(&endpoint->at, what, url, err);
}

bool mf_local_settings_check(mf_local_settings *settings, mf_error *err)
{
    for (uint32_t i = 0; i < settings->n_functions; i++)
        if (settings->functions[i].words[0] == NULL)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "function %s has no program",
                           settings->functions[i].name);
    if (settings->n_functions + settings->n_endpoints == 0)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "nothing to do: there is neither a function nor an endpoint");
    return mf_local_mappings_check(settings, err);
}

static void free_list(char **list)
{
    for (; *list != NULL; list++)
        free(*list);
}

void mf_local_settings_free(mf_local_settings *settings)
{
    for (uint32_t i = 0; i < settings->n_functions; i++) {
        mf_function_settings *function = &settings->functions[i];
        free_list(function->words);
        free_list(function->variables);
        free(function->name);
        free(function->folder);
        free(function->handler);
    }
    for (uint32_t i = 0; i < settings->n_routes; i++) {
        free(settings->routes[i].method);
        free(settings->routes[i].path);
    }
    for (uint32_t i = 0; i < settings->n_endpoints; i++) {
        free(settings->endpoints[i].name);
        free(settings->endpoints[i].at.host);
        free(settings->endpoints[i].at.base);
    }
    for (uint32_t i = 0; i < settings->n_binary_types; i++)
        free(settings->binary_types[i]);
    for (uint32_t i = 0; i < settings->n_mappings; i++)
        mf_mapping_settings_free(&settings->mappings[i]);
    char *const texts[] = {settings->address,         settings->port_file,      settings->region,
                           settings->account,         settings->stage,          settings->kinesis,
                           settings->kinesis_at.host, settings->kinesis_at.base};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    memset(settings, 0, sizeof *settings);
}
