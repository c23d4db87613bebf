/* command_line.c: promises in command_line.h. */
#include "command_line.h"

#include "settings_file.h"

#include <string.h>

void mf_command_line_print_usage(FILE *out)
{
    fputs("usage: local-cloud [--config FILE] [--SETTING VALUE …]\n"
          "                   [--function NAME=PROGRAM [--argument WORD …]\n"
          "                    [--variable NAME=VALUE …] [--SETTING VALUE …]] …\n"
          "                   [--route 'METHOD /PATH=FUNCTION[,PAYLOAD]' …]\n"
          "                   [--endpoint NAME=URL …]\n"
          "                   [--mapping STREAM=FUNCTION [--SETTING VALUE …]] …\n"
          "\n"
          "Takes the place of Lambda, API Gateway and a SageMaker endpoint on this machine, for\n"
          "development: it runs functions as processes and brings them events, over\n"
          "\n"
          "  POST /2015-03-31/functions/NAME/invocations   aws lambda invoke --endpoint-url …\n"
          "  METHOD /PATH                                  a route of the API\n"
          "  POST /endpoints/NAME/invocations              aws sagemaker-runtime invoke-endpoint\n"
          "\n"
          "PAYLOAD of a route is 1.0 (REST API with proxy integration), 2.0 (HTTP API) or none\n"
          "(the body is the event). A mapping brings the records of a Kinesis stream, which a\n"
          "stand-in has (--kinesis), to a function. Nothing checks credentials: do not let "
          "strangers reach it.\n"
          "\n"
          "  --help, --version\n",
          out);
}

/* Cuts "name=value" in two; false without '='. */
static bool cut(const char *text, char *name, size_t name_size, const char **value)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || (size_t)(equals - text) >= name_size)
        return false;
    snprintf(name, name_size, "%.*s", (int)(equals - text), text);
    *value = equals + 1;
    return true;
}

static mf_function_settings *last_function(mf_local_settings *settings)
{
    return settings->n_functions > 0 ? &settings->functions[settings->n_functions - 1] : NULL;
}

/* A path may hold '=', a function's name does not. */
static bool add_route(mf_local_settings *settings, const char *text, mf_error *err)
{
    char what[512], function[128];
    const char *equals = strrchr(text, '=');
    if (equals == NULL || (size_t)(equals - text) >= sizeof what)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "--route %.128s: expected 'METHOD /PATH=FUNCTION'", text);
    snprintf(what, sizeof what, "%.*s", (int)(equals - text), text);
    const size_t n_function = strcspn(equals + 1, ",");
    snprintf(function, sizeof function, "%.*s", (int)(n_function < 127 ? n_function : 127),
             equals + 1);
    const char *payload = equals[1 + n_function] == ',' ? equals + 1 + n_function + 1 : "1.0";
    return mf_local_settings_add_route(settings, what, function, payload, err);
}

static bool take(mf_local_settings *settings, const char *name, const char *value, mf_error *err)
{
    static const char *const of_functions[] = {"folder",   "handler", "processes", "queue",
                                               "timeout",  "memory",  "start",     "init-timeout",
                                               "argument", "variable"};
    mf_function_settings *function = last_function(settings);
    char key[128] = "";
    const char *rest = "";
    if (strcmp(name, "config") == 0)
        return mf_local_settings_read(settings, value, err);
    if (strcmp(name, "route") == 0)
        return add_route(settings, value, err);
    if (name[0] >= 'A' && name[0] <= 'Z') { /* AWS's own names */
        if (settings->n_mappings == 0)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "--%s stands before any --mapping",
                           name);
        return mf_mapping_settings_set(&settings->mappings[settings->n_mappings - 1], name, value,
                                       err);
    }
    if (strcmp(name, "endpoint") == 0 || strcmp(name, "function") == 0 ||
        strcmp(name, "variable") == 0 || strcmp(name, "mapping") == 0) {
        if (!cut(value, key, sizeof key, &rest))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "--%s %.128s: expected NAME=…", name,
                           value);
        if (name[0] == 'e')
            return mf_local_settings_add_endpoint(settings, key, rest, err);
        if (name[0] == 'm')
            return mf_local_settings_add_mapping(settings, key, rest, err) != NULL;
        if (name[0] == 'f') {
            function = mf_local_settings_add_function(settings, key, err);
            return function != NULL && mf_function_settings_add_word(function, rest, err);
        }
    }
    for (size_t i = 0; i < sizeof of_functions / sizeof of_functions[0]; i++) {
        if (strcmp(name, of_functions[i]) != 0)
            continue;
        if (function == NULL)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "--%s stands before any --function",
                           name);
        if (strcmp(name, "argument") == 0)
            return mf_function_settings_add_word(function, value, err);
        if (strcmp(name, "variable") == 0)
            return mf_function_settings_add_variable(function, key, rest, err);
        return mf_function_settings_set(function, name, value, err);
    }
    return mf_local_settings_set(settings, name, value, err);
}

mf_command mf_command_line_read(mf_local_settings *settings, int n_words, char *const *words,
                                mf_error *err)
{
    for (int i = 1; i < n_words; i += 2) {
        if (strcmp(words[i], "--help") == 0)
            return MF_COMMAND_HELP;
        if (strcmp(words[i], "--version") == 0)
            return MF_COMMAND_VERSION;
        if (strncmp(words[i], "--", 2) != 0) {
            mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "unknown argument %.128s", words[i]);
            return MF_COMMAND_REFUSED;
        }
        if (i + 1 == n_words) {
            mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a value is missing after %.128s", words[i]);
            return MF_COMMAND_REFUSED;
        }
        if (!take(settings, words[i] + 2, words[i + 1], err))
            return MF_COMMAND_REFUSED;
    }
    return mf_local_settings_check(settings, err) ? MF_COMMAND_RUN : MF_COMMAND_REFUSED;
}
