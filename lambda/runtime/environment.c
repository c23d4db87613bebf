/* environment.c: promises in environment.h. */
#include "lambda/runtime/environment.h"

#include "base/log.h"
#include "lambda/runtime/incoming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool mf_environment_address(const char **address, mf_error *err)
{
    const char *value = getenv("AWS_LAMBDA_RUNTIME_API");
    if (value == NULL || value[0] == '\0')
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "AWS_LAMBDA_RUNTIME_API is not set: this program runs inside AWS Lambda "
                       "or beside a service that takes its place");
    const size_t n = strlen(value);
    if (n > 255 || strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789.-_:[]") != n)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "AWS_LAMBDA_RUNTIME_API is \"%.64s\": expected host:port", value);
    *address = value;
    return true;
}

static mf_log_level level_from(const char *name)
{
    static const struct {
        const char *name;
        mf_log_level level;
    } levels[] = {
        {"TRACE", MF_LOG_DEBUG},  {"DEBUG", MF_LOG_DEBUG}, {"INFO", MF_LOG_INFO},
        {"WARN", MF_LOG_WARNING}, {"ERROR", MF_LOG_ERROR}, {"FATAL", MF_LOG_FATAL},
    };
    for (size_t i = 0; name != NULL && i < sizeof levels / sizeof levels[0]; i++)
        if (strcasecmp(name, levels[i].name) == 0)
            return levels[i].level;
    return MF_LOG_INFO;
}

void mf_environment_start_log(void)
{
    const char *format = getenv("AWS_LAMBDA_LOG_FORMAT");
    const mf_log_style style = {
        .fd = STDOUT_FILENO,
        .format = format != NULL && strcasecmp(format, "Text") == 0 ? MF_LOG_PLAIN : MF_LOG_JSON,
        .time_key = "timestamp",
        .level_names = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"},
        .context_key = "requestId",
        .always_a_message = true,
    };
    mf_log_set_style(&style);
    mf_log_set_context("");
    mf_log_set_level(level_from(getenv("AWS_LAMBDA_LOG_LEVEL")));
}

void mf_environment_set_trace(const char *trace_id)
{
    static const char name[] = "_X_AMZN_TRACE_ID";
    static char variable[sizeof name + MF_TRACE_ID_BYTES];
    unsetenv(name);
    if (trace_id[0] == '\0')
        return;
    snprintf(variable, sizeof variable, "%s=%s", name, trace_id);
    putenv(variable);
}
