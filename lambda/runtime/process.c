/* process.c: chooses the log's style from the environment, sets the allocator, and installs signal
 * handlers. A handler sets the stop flag and writes to an eventfd; both are async-signal-safe. */
#include "lambda/runtime/process.h"

#include "base/log.h"
#include "base/stop.h"
#include "lambda/runtime/invocation.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool mf_lambda_api_address(const char **address, mf_error *err)
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

void mf_lambda_start_log(void)
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

void mf_lambda_set_trace(const char *trace_id)
{
    static const char name[] = "_X_AMZN_TRACE_ID";
    static char variable[sizeof name + MF_LAMBDA_TRACE_ID_BYTES];
    unsetenv(name);
    if (trace_id[0] == '\0')
        return;
    snprintf(variable, sizeof variable, "%s=%s", name, trace_id);
    putenv(variable);
}

void mf_lambda_keep_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that glibc accepts */
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

static volatile sig_atomic_t wake_fd = -1;

static void on_signal(int signal_number)
{
    (void)signal_number;
    const int kept = errno;
    mf_stop_request(true);
    const uint64_t one = 1;
    const ssize_t written = write(wake_fd, &one, sizeof one);
    (void)written; /* it cannot block: the counter would have to reach 2^64 */
    errno = kept;
}

int mf_lambda_install_signals(mf_error *err)
{
    if (wake_fd < 0) {
        const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0) {
            mf_fail_errno(err, errno, MF_NOWHERE, "cannot make an eventfd");
            return -1;
        }
        wake_fd = fd;
    }
    mf_stop_install();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    return wake_fd;
}
