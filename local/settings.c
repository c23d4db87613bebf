/* settings.c: the tables of settings, and how a text becomes a value. */
#include "settings.h"

#include "base/number.h"
#include "settings_parts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind { TEXT, PORT, COUNT, SECONDS, NUMBER, CHOICE, TYPES } kind;

typedef struct setting {
    const char *name;
    kind kind;
    double min, max;
    const char *initial;
    const char *choices; /* the second one is true */
    const char *help;
    size_t offset;
} setting;

#define GLOBAL(field)   .offset = offsetof(mf_local_settings, field)
#define FUNCTION(field) .offset = offsetof(mf_function_settings, field)

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
    const bool whole = s->kind == PORT || s->kind == COUNT;
    if (!mf_parse_double(value, strlen(value), &number) || number < s->min || number > s->max ||
        (whole && number != (double)(uint64_t)number))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s is \"%.64s\": expected %s%.10g … %.10g",
                       s->name, value, whole ? "a whole number, " : "", s->min, s->max);
    if (s->kind == NUMBER)
        *(double *)(void *)field = number;
    else if (s->kind == PORT)
        *(uint16_t *)(void *)field = (uint16_t)number;
    else
        *(uint32_t *)(void *)field = (uint32_t)(s->kind == SECONDS ? number * 1000 + 0.5 : number);
    return true;
}

static bool set_choice(const setting *s, char *field, const char *value, mf_error *err)
{
    const size_t n_first = strcspn(s->choices, " ");
    const char *second = s->choices + n_first + 1;
    const bool is_first = strlen(value) == n_first && strncmp(value, s->choices, n_first) == 0;
    if (!is_first && strcmp(value, second) != 0)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s is \"%.64s\": expected %.*s or %s",
                       s->name, value, (int)n_first, s->choices, second);
    *(bool *)(void *)field = !is_first;
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
            return set_choice(s, field, value, err);
        case PORT:
        case COUNT:
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
}
