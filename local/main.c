/* main.c: local-cloud and its command line.
 *
 *     local-cloud --config local.json --port 0
 *     local-cloud --function predict=build/release/bin/predict --processes 4
 *                 --variable SAGEMAKER_ENDPOINT_NAME=movies
 *                 --route 'POST /predict=predict' --endpoint movies=http://127.0.0.1:8080
 *
 * Words apply in their order; words after --config change the settings of the file. */
#include "base/log.h"
#include "local/cloud.h"
#include "local/local_settings.h"

#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "usage: local-cloud [--config FILE] [--SETTING VALUE …]\n"
    "                   [--function NAME=PROGRAM [--argument WORD …]\n"
    "                    [--variable NAME=VALUE …] [--SETTING VALUE …]] …\n"
    "                   [--route 'METHOD /PATH=FUNCTION[,PAYLOAD]' …]\n"
    "                   [--endpoint NAME=URL …]\n"
    "                   [--mapping STREAM=FUNCTION [--SETTING VALUE …]] …\n"
    "\n"
    "Takes the place of Lambda, API Gateway and a SageMaker endpoint on this machine, for\n"
    "development: it runs functions as processes and sends them events, over\n"
    "\n"
    "  POST /2015-03-31/functions/NAME/invocations   aws lambda invoke --endpoint-url …\n"
    "  METHOD /PATH                                  a route of the API\n"
    "  POST /endpoints/NAME/invocations              aws sagemaker-runtime invoke-endpoint\n"
    "\n"
    "PAYLOAD of a route is 1.0 (REST API with proxy integration), 2.0 (HTTP API) or none\n"
    "(the body is the event). A mapping sends the records of a Kinesis stream, which a\n"
    "stand-in has (--kinesis), to a function. Nothing checks credentials: keep it on a\n"
    "network that you trust.\n"
    "\n"
    "  --help, --version\n";

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

/* A path may contain '=', a function's name does not. */
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

static bool read_function_word(mf_local_settings *settings, const char *name, const char *value,
                               mf_error *err)
{
    char key[128];
    const char *rest;
    if (settings->n_functions == 0)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "--%s stands before any --function", name);
    mf_local_function_settings *function = &settings->functions[settings->n_functions - 1];
    if (strcmp(name, "argument") == 0)
        return mf_local_function_settings_add_word(function, value, err);
    if (strcmp(name, "variable") != 0)
        return mf_local_settings_set(&function->table, name, value, err);
    if (!cut(value, key, sizeof key, &rest))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "--%s %.128s: expected NAME=…", name,
                       value);
    return mf_local_function_settings_add_variable(function, key, rest, err);
}

static bool read_word(mf_local_settings *settings, const char *name, const char *value,
                      mf_error *err)
{
    static const char *const of_functions[] = {"folder",   "handler", "processes", "queue",
                                               "timeout",  "memory",  "start",     "init-timeout",
                                               "argument", "variable"};
    char key[128];
    const char *rest;
    if (strcmp(name, "config") == 0)
        return mf_local_settings_read(settings, value, err);
    if (strcmp(name, "route") == 0)
        return add_route(settings, value, err);
    if (name[0] >= 'A' && name[0] <= 'Z') { /* AWS's own names */
        if (settings->n_mappings == 0)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "--%s stands before any --mapping",
                           name);
        return mf_local_settings_set(&settings->mappings[settings->n_mappings - 1].table, name,
                                     value, err);
    }
    for (size_t i = 0; i < sizeof of_functions / sizeof of_functions[0]; i++)
        if (strcmp(name, of_functions[i]) == 0)
            return read_function_word(settings, name, value, err);
    if (strcmp(name, "endpoint") != 0 && strcmp(name, "function") != 0 &&
        strcmp(name, "mapping") != 0)
        return mf_local_settings_set(&settings->table, name, value, err);
    if (!cut(value, key, sizeof key, &rest))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "--%s %.128s: expected NAME=…", name,
                       value);
    if (name[0] == 'e')
        return mf_local_settings_add_endpoint(settings, key, rest, err);
    if (name[0] == 'm')
        return mf_local_settings_add_mapping(settings, key, rest, err) != NULL;
    mf_local_function_settings *function = mf_local_settings_add_function(settings, key, err);
    return function != NULL && mf_local_function_settings_add_word(function, rest, err);
}

/* *is_done: --help or --version was printed. Fails MF_ERR_ARGUMENT when the words are wrong. */
static bool read_command_line(mf_local_settings *settings, int n_words, char *const *words,
                              bool *is_done, mf_error *err)
{
    for (int i = 1; i < n_words; i += 2) {
        *is_done = true;
        if (strcmp(words[i], "--help") == 0) {
            fputs(USAGE, stdout);
            mf_local_settings_print_help(stdout);
            return true;
        }
        if (strcmp(words[i], "--version") == 0) {
            puts("local-cloud " MF_VERSION);
            return true;
        }
        *is_done = false;
        if (strncmp(words[i], "--", 2) != 0)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "unknown argument %.128s", words[i]);
        if (i + 1 == n_words)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a value is missing after %.128s",
                           words[i]);
        if (!read_word(settings, words[i] + 2, words[i + 1], err))
            return false;
    }
    return mf_local_settings_check(settings, err);
}

int main(int argc, char **argv)
{
    static mf_local_settings settings; /* large */
    mf_error err = {0};
    int status = 0;
    bool is_done = false;
    if (!mf_local_settings_start(&settings, &err) ||
        !read_command_line(&settings, argc, argv, &is_done, &err)) {
        fprintf(stderr, "local-cloud: %s\n", err.text);
        status = err.code == MF_ERR_ARGUMENT ? 2 : 1;
        if (status == 2)
            fputs("local-cloud --help says how to use it\n", stderr);
    } else if (!is_done && !mf_local_run(&settings, &err)) {
        mf_log_message(MF_LOG_ERROR, "failed", "%s", err.text);
        status = 1;
    } else if (!is_done) {
        mf_log_message(MF_LOG_INFO, "stopped", "no process is left");
    }
    mf_local_settings_free(&settings);
    return status;
}
