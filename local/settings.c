/* settings.c: the tables of settings, and how a text becomes a value. */
#include "settings.h"

#include "base/number.h"
#include "settings_parts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* CHOICE: the second one is true; WORD: its number; INTEGER: may be negative. */
typedef enum kind { TEXT, PORT, COUNT, INTEGER, SECONDS, NUMBER, CHOICE, WORD, TYPES } kind;

typedef struct setting {
    const char *name;
    kind kind;
    double min, max;
    const char *initial;
    const char *choices; /* with blanks between them */
    const char *help;
    size_t offset;
} setting;

#define GLOBAL(field)   .offset = offsetof(mf_local_settings, field)
#define FUNCTION(field) .offset = offsetof(mf_function_settings, field)
#define MAPPING(field)  .offset = offsetof(mf_mapping_settings, field)

/* clang-format off */
static const setting globals[] = {
    {.name = "address", .kind = TEXT, .initial = "127.0.0.1",
     .help = "numeric address to listen on", GLOBAL(address)},
    {.name = "port", .kind = PORT, .max = 65535, .initial = "3000",
     .help = "port to listen on; 0: any free one", GLOBAL(port)},
    {.name = "port-file", .kind = TEXT, .initial = "",
     .help = "file that gets the port's number when everything listens", GLOBAL(port_file)},
    {.name = "log", .kind = CHOICE, .choices = "functions all", .initial = "all",
     .help = "functions: without START, END, REPORT", GLOBAL(platform_lines)},
    {.name = "region", .kind = TEXT, .initial = "us-east-1",
     .help = "in ARNs and AWS_REGION", GLOBAL(region)},
    {.name = "account", .kind = TEXT, .initial = "123456789012",
     .help = "in ARNs and events", GLOBAL(account)},
    {.name = "stop-seconds", .kind = SECONDS, .min = 0, .max = 60, .initial = "0.5",
     .help = "that processes have between SIGTERM and SIGKILL", GLOBAL(stop_ms)},
    {.name = "stage", .kind = TEXT, .initial = "local",
     .help = "of the API: /STAGE/predict is /predict", GLOBAL(stage)},
    {.name = "gateway-timeout", .kind = SECONDS, .min = 0.05, .max = 29, .initial = "29",
     .help = "seconds until the API answers 504", GLOBAL(gateway_ms)},
    {.name = "rate", .kind = NUMBER, .min = 0, .max = 1e9, .initial = "0",
     .help = "requests a second that the API takes, else 429; 0: all", GLOBAL(rate)},
    {.name = "burst", .kind = NUMBER, .min = 1, .max = 1e9, .initial = "1",
     .help = "requests that may come at once under a rate", GLOBAL(burst)},
    {.name = "binary-types", .kind = TYPES,
     .initial = "application/octet-stream,application/gzip,application/zip,image/*",
     .help = "media types whose bodies travel as base64 (payload 1.0)", GLOBAL(binary_types)},
    {.name = "container-timeout", .kind = SECONDS, .min = 0.05, .max = 3600, .initial = "60",
     .help = "seconds that an endpoint's container has for an answer", GLOBAL(container_ms)},
    {.name = "kinesis", .kind = TEXT, .initial = "",
     .help = "http://host:port of a stand-in; else AWS_ENDPOINT_URL_KINESIS", GLOBAL(kinesis)},
    {.name = "poll-seconds", .kind = SECONDS, .min = 0.001, .max = 60, .initial = "1",
     .help = "between two looks at a shard that had nothing new", GLOBAL(poll_ms)},
};

static const setting of_functions[] = {
    {.name = "folder", .kind = TEXT, .initial = "",
     .help = "where it runs; else where local-cloud does", FUNCTION(folder)},
    {.name = "handler", .kind = TEXT, .initial = "",
     .help = "_HANDLER; else the function's name", FUNCTION(handler)},
    {.name = "processes", .kind = COUNT, .min = 1, .max = MF_PROCESSES_MAX, .initial = "1",
     .help = "execution environments, at most", FUNCTION(n_processes)},
    {.name = "queue", .kind = COUNT, .min = 0, .max = 100000, .initial = "100",
     .help = "invocations that wait while all work, else 429", FUNCTION(queue)},
    {.name = "timeout", .kind = SECONDS, .min = 0.05, .max = 900, .initial = "3",
     .help = "seconds for an event; then the process is killed", FUNCTION(timeout_ms)},
    {.name = "init-timeout", .kind = SECONDS, .min = 0.05, .max = 900, .initial = "10",
     .help = "seconds for the start; then again, under the timeout", FUNCTION(init_timeout_ms)},
    {.name = "memory", .kind = COUNT, .min = 128, .max = 10240, .initial = "128",
     .help = "MB: AWS_LAMBDA_FUNCTION_MEMORY_SIZE, no limit", FUNCTION(memory_mb)},
    {.name = "start", .kind = CHOICE, .choices = "first early", .initial = "first",
     .help = "first: with the first invocation; early: at once", FUNCTION(early)},
};

static const setting of_mappings[] = {
    {.name = "Enabled", .kind = CHOICE, .choices = "false true", .initial = "true",
     .help = "false: the stream is not read", MAPPING(enabled)},
    {.name = "StartingPosition", .kind = WORD, .choices = "- TRIM_HORIZON LATEST AT_TIMESTAMP",
     .initial = "-", .help = "TRIM_HORIZON, LATEST or AT_TIMESTAMP", MAPPING(position)},
    {.name = "StartingPositionTimestamp", .kind = NUMBER, .max = 1e11, .initial = "0",
     .help = "seconds since 1970", MAPPING(timestamp)},
    {.name = "BatchSize", .kind = COUNT, .min = 1, .max = 10000, .initial = "100",
     .help = "records of a batch, at most", MAPPING(batch_size)},
    {.name = "MaximumBatchingWindowInSeconds", .kind = SECONDS, .max = 300, .initial = "0",
     .help = "wait for a batch to fill", MAPPING(batching_ms)},
    {.name = "ParallelizationFactor", .kind = COUNT, .min = 1, .max = 10, .initial = "1",
     .help = "batches of a shard at once", MAPPING(parallelization)},
    {.name = "MaximumRetryAttempts", .kind = INTEGER, .min = -1, .max = 10000, .initial = "-1",
     .help = "of a batch that fails; -1: no limit", MAPPING(max_retries)},
    {.name = "MaximumRecordAgeInSeconds", .kind = INTEGER, .min = -1, .max = 604800,
     .initial = "-1", .help = "of a record that is still sent; -1: no limit", MAPPING(max_age_s)},
    {.name = "BisectBatchOnFunctionError", .kind = CHOICE, .choices = "false true",
     .initial = "false", .help = "true: halve a batch that fails", MAPPING(bisect)},
    {.name = "FunctionResponseTypes", .kind = CHOICE, .choices = "none ReportBatchItemFailures",
     .initial = "none", .help = "or ReportBatchItemFailures", MAPPING(takes_partial)},
    {.name = "TumblingWindowInSeconds", .kind = COUNT, .max = 900, .initial = "0",
     .help = "0: no windows", MAPPING(window_s)},
    {.name = "OnFailure", .kind = TEXT, .initial = "",
     .help = "file that gets what is given up, as JSON lines", MAPPING(on_failure)},
};
/* clang-format on */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

bool mf_local_copy(char **field, const char *text, mf_error *err)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a setting");
    free(*field);
    *field = copy;
    return true;
}

static bool set_types(mf_local_settings *settings, const char *value, mf_error *err)
{
    while (settings->n_binary_types > 0)
        free(settings->binary_types[--settings->n_binary_types]);
    for (const char *at = value; *at != '\0';) {
        const size_t n = strcspn(at, ",");
        char type[128];
        if (n >= sizeof type || settings->n_binary_types == MF_BINARY_TYPES_MAX)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "binary-types: at most %d media types of less than %zu bytes",
                           MF_BINARY_TYPES_MAX, sizeof type);
        snprintf(type, sizeof type, "%.*s", (int)n, at);
        char **slot = &settings->binary_types[settings->n_binary_types];
        *slot = NULL;
        if (n > 0 && !mf_local_copy(slot, type, err))
            return false;
        settings->n_binary_types += n > 0;
        at += n + (at[n] == ',');
    }
    return true;
}

static bool set_number(const setting *s, char *field, const char *value, mf_error *err)
{
    double number;
    const bool whole = s->kind == PORT || s->kind == COUNT || s->kind == INTEGER;
    if (!mf_parse_double(value, strlen(value), &number) || number < s->min || number > s->max ||
        (whole && number != (double)(int64_t)number))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s is \"%.64s\": expected %s%.10g … %.10g",
                       s->name, value, whole ? "a whole number, " : "", s->min, s->max);
    if (s->kind == NUMBER)
        *(double *)(void *)field = number;
    else if (s->kind == PORT)
        *(uint16_t *)(void *)field = (uint16_t)number;
    else if (s->kind == INTEGER)
        *(int32_t *)(void *)field = (int32_t)number;
    else
        *(uint32_t *)(void *)field = (uint32_t)(s->kind == SECONDS ? number * 1000 + 0.5 : number);
    return true;
}

static bool set_choice(const setting *s, char *field, const char *value, mf_error *err)
{
    const size_t n_value = strlen(value);
    uint32_t i = 0;
    for (const char *word = s->choices;; i++) {
        const size_t n = strcspn(word, " ");
        if (n == n_value && strncmp(word, value, n) == 0)
            break;
        if (word[n] == '\0')
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s is \"%.64s\": expected one of %s",
                           s->name, value, s->choices + (s->choices[0] == '-' ? 2 : 0));
        word += n + 1;
    }
    if (s->kind == WORD)
        *(uint32_t *)(void *)field = i;
    else
        *(bool *)(void *)field = i == 1;
    return true;
}

static bool set(const setting *table, size_t n, void *values, const char *name, const char *value,
                mf_error *err)
{
    for (const setting *s = table; s < table + n; s++) {
        if (strcmp(s->name, name) != 0)
            continue;
        char *field = (char *)values + s->offset;
        switch (s->kind) {
        case TEXT:
            return mf_local_copy((char **)(void *)field, value, err);
        case TYPES:
            return set_types(values, value, err);
        case CHOICE:
        case WORD:
            return set_choice(s, field, value, err);
        case PORT:
        case COUNT:
        case INTEGER:
        case SECONDS:
        case NUMBER:
            return set_number(s, field, value, err);
        }
    }
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "there is no setting \"%.64s\"; local-cloud --help lists them", name);
}

static bool set_all(const setting *table, size_t n, void *values, mf_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!set(table, n, values, table[i].name, table[i].initial, err))
            return false;
    return true;
}

bool mf_local_settings_start(mf_local_settings *settings, mf_error *err)
{
    memset(settings, 0, sizeof *settings);
    return set_all(globals, LENGTH(globals), settings, err);
}

bool mf_local_settings_set(mf_local_settings *settings, const char *name, const char *value,
                           mf_error *err)
{
    return set(globals, LENGTH(globals), settings, name, value, err);
}

bool mf_function_settings_start(mf_function_settings *function, mf_error *err)
{
    return set_all(of_functions, LENGTH(of_functions), function, err);
}

bool mf_function_settings_set(mf_function_settings *function, const char *name, const char *value,
                              mf_error *err)
{
    return set(of_functions, LENGTH(of_functions), function, name, value, err);
}

bool mf_mapping_settings_start(mf_mapping_settings *mapping, mf_error *err)
{
    return set_all(of_mappings, LENGTH(of_mappings), mapping, err);
}

bool mf_mapping_settings_set(mf_mapping_settings *mapping, const char *name, const char *value,
                             mf_error *err)
{
    return set(of_mappings, LENGTH(of_mappings), mapping, name, value, err);
}

static void print_table(FILE *out, const setting *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fprintf(out, "  --%-18s %s%s%s%s\n", table[i].name, table[i].help,
                table[i].initial[0] != '\0' ? " (" : "", table[i].initial,
                table[i].initial[0] != '\0' ? ")" : "");
}

void mf_local_settings_print_help(FILE *out)
{
    fputs("\nSettings, each with a value:\n\n", out);
    print_table(out, globals, LENGTH(globals));
    fputs("\nOf the function that was named last:\n\n", out);
    print_table(out, of_functions, LENGTH(of_functions));
    fputs("\nOf the mapping that was named last, as AWS calls them:\n\n", out);
    print_table(out, of_mappings, LENGTH(of_mappings));
}
