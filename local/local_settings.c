/* local_settings.c: the tables of the program's, a function's and a mapping's settings, and the
 * checks of what may occur several times: functions, routes, endpoints, mappings. */
#include "local/local_settings.h"

#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENGTH(array)    (sizeof(array) / sizeof((array)[0]))
#define GLOBAL(field)    MF_SETTING_FIELD(mf_local_settings, field)
#define FUNCTION(field)  MF_SETTING_FIELD(mf_local_function_settings, field)
#define MAPPING(field)   MF_SETTING_FIELD(mf_local_mapping_settings, field)
#define TEXT             .type = MF_SETTING_TEXT
#define WHOLE(low, high) .type = MF_SETTING_INTEGER, .min = (low), .max = (high)
#define REAL(low, high)  .type = MF_SETTING_REAL, .min = (low), .max = (high)
#define CHOICE(words)    .type = MF_SETTING_CHOICE, .choices = (words)

/* clang-format off */
static const mf_setting of_program[] = {
    {.name = "address", TEXT, .initial = "127.0.0.1",
     .help = "numeric address to listen on", GLOBAL(address)},
    {.name = "port", WHOLE(0, 65535), .initial = "3000",
     .help = "port to listen on; 0: any free one", GLOBAL(port)},
    {.name = "port-file", TEXT, .initial = "",
     .help = "file that receives the port's number once everything listens", GLOBAL(port_file)},
    {.name = "log", CHOICE("functions all"), .initial = "all",
     .help = "functions: the functions' own lines, without START, END and REPORT", GLOBAL(platform_lines)},
    {.name = "region", TEXT, .initial = "us-east-1",
     .help = "region in ARNs and in AWS_REGION", GLOBAL(region)},
    {.name = "account", TEXT, .initial = "123456789012",
     .help = "account in ARNs and events", GLOBAL(account)},
    {.name = "stop-seconds", REAL(0, 60), .initial = "0.5",
     .help = "seconds between SIGTERM and SIGKILL to a process", GLOBAL(stop_s)},
    {.name = "stage", TEXT, .initial = "local",
     .help = "stage of the API: /STAGE/predict is /predict", GLOBAL(stage)},
    {.name = "gateway-timeout", REAL(0.05, 29), .initial = "29",
     .help = "seconds until the API responds with 504", GLOBAL(gateway_s)},
    {.name = "rate", REAL(0, 1e9), .initial = "0",
     .help = "requests a second that the API accepts, else 429; 0: all", GLOBAL(rate)},
    {.name = "burst", REAL(1, 1e9), .initial = "1",
     .help = "requests that may arrive at once under a rate", GLOBAL(burst)},
    {.name = "binary-types", TEXT,
     .initial = "application/octet-stream,application/gzip,application/zip,image/*",
     .help = "media types whose bodies are sent as base64 (payload 1.0)", GLOBAL(binary_types)},
    {.name = "container-timeout", REAL(0.05, 3600), .initial = "60",
     .help = "seconds in which an endpoint's container must respond", GLOBAL(container_s)},
    {.name = "kinesis", TEXT, .initial = "",
     .help = "http://host:port of a stand-in; else AWS_ENDPOINT_URL_KINESIS", GLOBAL(kinesis)},
    {.name = "poll-seconds", REAL(0.001, 60), .initial = "1",
     .help = "seconds between two reads of a shard without new records", GLOBAL(poll_s)},
    {.name = "page", TEXT, .initial = "",
     .help = "model.bin of the page at /, which shows lists; empty: no page", GLOBAL(page_model)},
    {.name = "page-ratings", TEXT, .initial = "",
     .help = "file of ratings that the page shows, on this machine only", GLOBAL(page_ratings)},
    {.name = "page-api", TEXT, .initial = "/predict",
     .help = "path of the API that the page sends its requests to", GLOBAL(page_api)},
    {.name = "page-stream", TEXT, .initial = "",
     .help = "stream that ratings of the page are put on; lists are then those of the first "
             "endpoint's /recommend/cached", GLOBAL(page_stream)},
};

static const mf_setting of_functions[] = {
    {.name = "folder", TEXT, .initial = "",
     .help = "working directory; else that of local-cloud", FUNCTION(folder)},
    {.name = "handler", TEXT, .initial = "",
     .help = "_HANDLER; else the function's name", FUNCTION(handler)},
    {.name = "processes", WHOLE(1, MF_LOCAL_PROCESSES_MAX), .initial = "1",
     .help = "maximum number of execution environments", FUNCTION(n_processes)},
    {.name = "queue", WHOLE(0, 100000), .initial = "100",
     .help = "invocations that wait while all environments are busy; further ones get 429", FUNCTION(queue)},
    {.name = "timeout", REAL(0.05, 900), .initial = "3",
     .help = "seconds for an event; then the process is killed", FUNCTION(timeout_s)},
    {.name = "init-timeout", REAL(0.05, 900), .initial = "10",
     .help = "seconds for the start; then it is repeated within the timeout", FUNCTION(init_timeout_s)},
    {.name = "memory", WHOLE(128, 10240), .initial = "128",
     .help = "MB in AWS_LAMBDA_FUNCTION_MEMORY_SIZE; it is not a limit", FUNCTION(memory_mb)},
    {.name = "start", CHOICE("first early"), .initial = "first",
     .help = "first: at the first invocation; early: at once", FUNCTION(start)},
};

static const mf_setting of_mappings[] = {
    {.name = "Enabled", CHOICE("false true"), .initial = "true",
     .help = "false: the stream is not read", MAPPING(enabled)},
    {.name = "StartingPosition", CHOICE("TRIM_HORIZON LATEST AT_TIMESTAMP"),
     .initial = "TRIM_HORIZON", .help = "where reading begins; required", MAPPING(position)},
    {.name = "StartingPositionTimestamp", REAL(0, 1e11), .initial = "0",
     .help = "seconds since 1970, for AT_TIMESTAMP", MAPPING(timestamp)},
    {.name = "BatchSize", WHOLE(1, 10000), .initial = "100",
     .help = "maximum number of records of a batch", MAPPING(batch_size)},
    {.name = "MaximumBatchingWindowInSeconds", REAL(0, 300), .initial = "0",
     .help = "seconds to wait for a batch to fill", MAPPING(batching_s)},
    {.name = "ParallelizationFactor", WHOLE(1, 10), .initial = "1",
     .help = "concurrent batches of a shard", MAPPING(parallelization)},
    {.name = "MaximumRetryAttempts", WHOLE(-1, 10000), .initial = "-1",
     .help = "retries of a batch that fails; -1: no limit", MAPPING(max_retries)},
    {.name = "MaximumRecordAgeInSeconds", WHOLE(-1, 604800), .initial = "-1",
     .help = "age up to which a record is sent; -1: no limit", MAPPING(max_age_s)},
    {.name = "BisectBatchOnFunctionError", CHOICE("false true"), .initial = "false",
     .help = "true: halve a batch that fails", MAPPING(bisect)},
    {.name = "FunctionResponseTypes", CHOICE("none ReportBatchItemFailures"), .initial = "none",
     .help = "ReportBatchItemFailures: the function reports which records failed", MAPPING(takes_partial)},
    {.name = "TumblingWindowInSeconds", WHOLE(0, 900), .initial = "0",
     .help = "seconds of a tumbling window; 0: no windows", MAPPING(window_s)},
    {.name = "OnFailure", TEXT, .initial = "",
     .help = "file that receives discarded records, as JSON lines", MAPPING(on_failure)},
};
/* clang-format on */

enum { OF_STARTING_POSITION = 1 /* its index in of_mappings */ };

bool mf_local_settings_start(mf_local_settings *settings, mf_error *err)
{
    memset(settings, 0, sizeof *settings);
    return mf_settings_start(&settings->table, of_program, LENGTH(of_program), "setting", settings,
                             err);
}

bool mf_local_settings_set(mf_settings *table, const char *name, const char *value, mf_error *err)
{
    return mf_settings_change(table, name, value, strlen(value), err);
}

/* ------------------------------------------------------------------ functions */

static bool copy(char **field, const char *text, mf_error *err)
{
    *field = strdup(text);
    return *field != NULL || mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a setting");
}

static bool is_name(const char *name, const char *more, size_t max)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && strchr(more, name[i]) == NULL)
            return false;
    return n > 0 && n <= max;
}

/* Returns n_functions when there is no function of that name. */
static uint32_t find_function(const mf_local_settings *settings, const char *name)
{
    uint32_t i = 0;
    while (i < settings->n_functions && strcmp(settings->functions[i].name, name) != 0)
        i++;
    return i;
}

mf_local_function_settings *mf_local_settings_add_function(mf_local_settings *settings,
                                                           const char *name, mf_error *err)
{
    if (!is_name(name, "-_", 64)) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                "function \"%.80s\": a name has 1 to 64 letters, digits, - and _", name);
        return NULL;
    }
    if (find_function(settings, name) < settings->n_functions) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "function %s is there twice", name);
        return NULL;
    }
    if (settings->n_functions == MF_LOCAL_FUNCTIONS_MAX) {
        mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d functions", MF_LOCAL_FUNCTIONS_MAX);
        return NULL;
    }
    mf_local_function_settings *function = &settings->functions[settings->n_functions++];
    snprintf(function->name, sizeof function->name, "%s", name);
    return mf_settings_start(&function->table, of_functions, LENGTH(of_functions),
                             "function setting", function, err)
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
    return copy(&list[n], text, err);
}

/* The path becomes absolute, because the program may run in another folder. */
static bool set_program(mf_local_function_settings *function, const char *program, mf_error *err)
{
    char path[PATH_MAX + 1024], here[PATH_MAX];
    if (program[0] == '\0' || strlen(program) > 1000)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "function %s has no program",
                       function->name);
    if (program[0] == '/')
        return copy(&function->words[0], program, err);
    if (getcwd(here, sizeof here) == NULL)
        return mf_fail_errno(err, errno, MF_NOWHERE, "cannot tell the current folder");
    snprintf(path, sizeof path, "%s/%s", here, program);
    return copy(&function->words[0], path, err);
}

bool mf_local_function_settings_add_word(mf_local_function_settings *function, const char *word,
                                         mf_error *err)
{
    if (function->words[0] == NULL)
        return set_program(function, word, err);
    return append(function->words, MF_LOCAL_FUNCTION_WORDS_MAX + 1, word, "words of a command",
                  err);
}

bool mf_local_function_settings_add_variable(mf_local_function_settings *function, const char *name,
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
    if (used > MF_LOCAL_FUNCTION_VARIABLES_BYTES)
        return mf_fail(
            err, MF_ERR_LIMIT, MF_NOWHERE,
            "function %s: the variables have more than %d bytes, which is Lambda's limit",
            function->name, MF_LOCAL_FUNCTION_VARIABLES_BYTES);
    char text[MF_LOCAL_FUNCTION_VARIABLES_BYTES + 2];
    snprintf(text, sizeof text, "%s=%s", name, value);
    return append(function->variables, MF_LOCAL_FUNCTION_VARIABLES_MAX, text, "variables", err);
}

/* --------------------------------------------------------- routes, endpoints */

static bool check_path(const char *path)
{
    if (path[0] != '/' || strlen(path) >= MF_LOCAL_TEXT_BYTES)
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

static bool payload_of(const char *name, mf_local_payload *payload)
{
    static const char *const names[] = {"1.0", "2.0", "none"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *payload = (mf_local_payload)i;
            return true;
        }
    return false;
}

bool mf_local_settings_add_route(mf_local_settings *settings, const char *what,
                                 const char *function, const char *payload, mf_error *err)
{
    if (settings->n_routes == MF_LOCAL_ROUTES_MAX)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d routes", MF_LOCAL_ROUTES_MAX);
    mf_local_route *route = &settings->routes[settings->n_routes];
    const size_t n_method = strcspn(what, " ");
    const char *path = what[n_method] == ' ' ? what + n_method + 1 : "";
    for (size_t i = 0; i < n_method; i++)
        if (!isupper((unsigned char)what[i]))
            path = "";
    if (n_method == 0 || n_method >= sizeof route->method || !check_path(path))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "route \"%.128s\": expected a method and a path, as in POST /predict, ANY "
                       "/users/{id} or GET /files/{path+}",
                       what);
    if (!payload_of(payload, &route->payload))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "route \"%.128s\" has payload \"%.32s\": expected 1.0, 2.0 or none", what,
                       payload);
    route->function = find_function(settings, function);
    if (route->function == settings->n_functions)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "route \"%.128s\" leads to \"%.64s\": there is no such function", what,
                       function);
    snprintf(route->method, sizeof route->method, "%.*s", (int)n_method, what);
    snprintf(route->path, sizeof route->path, "%s", path);
    settings->n_routes++;
    return true;
}

/* what names the address in errors: "endpoint movies". */
static bool read_address(mf_local_address *at, const char *what, const char *url, mf_error *err)
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
    const size_t n_base = strlen(after) - (after[0] != '\0' && after[strlen(after) - 1] == '/');
    if (!ok || n_host == 0 || n_host >= sizeof at->host || port < 1 || port > UINT16_MAX ||
        n_base >= sizeof at->base || strpbrk(after, " ?#") != NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s is at \"%.128s\": expected http://host:port", what, url);
    snprintf(at->host, sizeof at->host, "%.*s", (int)n_host, host);
    snprintf(at->base, sizeof at->base, "%.*s", (int)n_base, after);
    at->port = (uint16_t)port;
    return true;
}

bool mf_local_settings_add_endpoint(mf_local_settings *settings, const char *name, const char *url,
                                    mf_error *err)
{
    char what[128];
    if (!is_name(name, "-", 63) || name[0] == '-' || name[strlen(name) - 1] == '-')
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "endpoint \"%.80s\": a name has 1 to 63 letters, digits and inner -", name);
    if (settings->n_endpoints == MF_LOCAL_ENDPOINTS_MAX)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d endpoints",
                       MF_LOCAL_ENDPOINTS_MAX);
    mf_local_endpoint_settings *endpoint = &settings->endpoints[settings->n_endpoints++];
    snprintf(endpoint->name, sizeof endpoint->name, "%s", name);
    snprintf(what, sizeof what, "endpoint %s", name);
    return read_address(&endpoint->at, what, url, err);
}

/* ------------------------------------------------------------------- mappings */

/* The name after "…:stream/" or "…:function:", or the text itself. */
static const char *name_in_arn(const char *text, const char *mark)
{
    const char *at = strncmp(text, "arn:", 4) == 0 ? strstr(text, mark) : NULL;
    return at != NULL ? at + strlen(mark) : text;
}

static bool set_stream(mf_local_mapping_settings *mapping, const mf_local_settings *settings,
                       const char *stream, mf_error *err)
{
    const char *name = name_in_arn(stream, ":stream/");
    if (!is_name(name, "_.-", sizeof mapping->stream - 1) || strlen(stream) >= sizeof mapping->arn)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "mapping of \"%.160s\": expected the name or ARN of a Kinesis stream",
                       stream);
    snprintf(mapping->stream, sizeof mapping->stream, "%s", name);
    if (name == stream)
        snprintf(mapping->arn, sizeof mapping->arn, "arn:aws:kinesis:%s:%s:stream/%s",
                 settings->region, settings->account, name);
    else
        snprintf(mapping->arn, sizeof mapping->arn, "%s", stream);
    return true;
}

mf_local_mapping_settings *mf_local_settings_add_mapping(mf_local_settings *settings,
                                                         const char *stream, const char *function,
                                                         mf_error *err)
{
    if (settings->n_mappings == MF_LOCAL_MAPPINGS_MAX) {
        mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d mappings", MF_LOCAL_MAPPINGS_MAX);
        return NULL;
    }
    const uint32_t index = find_function(settings, name_in_arn(function, ":function:"));
    if (index == settings->n_functions) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                "mapping of %.160s leads to \"%.64s\": there is no such function", stream,
                function);
        return NULL;
    }
    mf_local_mapping_settings *mapping = &settings->mappings[settings->n_mappings++];
    mapping->function = index;
    return mf_settings_start(&mapping->table, of_mappings, LENGTH(of_mappings), "mapping setting",
                             mapping, err) &&
                   set_stream(mapping, settings, stream, err)
               ? mapping
               : NULL;
}

static bool check_mapping(const mf_local_mapping_settings *mapping, mf_error *err)
{
    const char *what = NULL;
    if (!mf_settings_is_given(&mapping->table, OF_STARTING_POSITION))
        what = "StartingPosition is missing: TRIM_HORIZON, LATEST or AT_TIMESTAMP";
    else if ((mapping->position == MF_LOCAL_AT_TIMESTAMP) != (mapping->timestamp > 0))
        what = "StartingPosition AT_TIMESTAMP and StartingPositionTimestamp go together";
    else if (mapping->window_s > 0 && mapping->parallelization > 1)
        what = "TumblingWindowInSeconds does not go with a ParallelizationFactor above 1";
    else if (strncmp(mapping->on_failure, "arn:", 4) == 0)
        what = "OnFailure: there are no queues and topics here; expected the path of a file";
    return what == NULL ||
           mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "mapping of %s: %s", mapping->stream, what);
}

static const char *kinesis_url(const mf_local_settings *settings)
{
    static const char *const variables[] = {"AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"};
    if (settings->kinesis[0] != '\0')
        return settings->kinesis;
    for (size_t i = 0; i < 2; i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

/* ---------------------------------------------------------------------- whole */

bool mf_local_settings_check(mf_local_settings *settings, mf_error *err)
{
    for (uint32_t i = 0; i < settings->n_functions; i++)
        if (settings->functions[i].words[0] == NULL)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "function %s has no program",
                           settings->functions[i].name);
    if (settings->n_functions + settings->n_endpoints == 0)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "nothing to do: there is neither a function nor an endpoint");
    for (uint32_t i = 0; i < settings->n_mappings; i++)
        if (!check_mapping(&settings->mappings[i], err))
            return false;
    if (settings->page_stream[0] != '\0' &&
        (settings->page_model[0] == '\0' || settings->n_endpoints == 0))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "page-stream needs a page and an endpoint, which computes its lists");
    if (settings->n_mappings == 0 && settings->kinesis[0] == '\0' &&
        settings->page_stream[0] == '\0')
        return true;
    const char *url = kinesis_url(settings);
    if (url == NULL)
        return mf_fail(
            err, MF_ERR_CONFIG, MF_NOWHERE,
            "a mapping or page-stream needs the address of a stand-in for Kinesis: the setting "
            "kinesis, or AWS_ENDPOINT_URL_KINESIS");
    return read_address(&settings->kinesis_at, "kinesis", url, err);
}

void mf_local_settings_free(mf_local_settings *settings)
{
    for (uint32_t i = 0; i < settings->n_functions; i++) {
        for (char **word = settings->functions[i].words; *word != NULL; word++)
            free(*word);
        for (char **variable = settings->functions[i].variables; *variable != NULL; variable++)
            free(*variable);
    }
    memset(settings, 0, sizeof *settings);
}

void mf_local_settings_print_help(FILE *out)
{
    static const struct {
        const char *title;
        const mf_setting *table;
        size_t n;
    } parts[] = {{"Settings, each with a value:", of_program, LENGTH(of_program)},
                 {"Of the function that was named last:", of_functions, LENGTH(of_functions)},
                 {"Of the mapping that was named last, with AWS's names:", of_mappings,
                  LENGTH(of_mappings)}};
    for (size_t i = 0; i < LENGTH(parts); i++) {
        const mf_settings table = {.table = parts[i].table, .n = parts[i].n, .prefix = "--"};
        fprintf(out, "\n%s\n\n", parts[i].title);
        mf_settings_print_help(&table, out);
    }
}
