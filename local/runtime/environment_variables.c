/* environment_variables.c: all variables in one block; those of the function replace the others. */
#include "local/runtime/environment_variables.h"

#include "base/text.h"
#include "local/service.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void add(mf_text *text, size_t *n, const char *name, const char *value)
{
    mf_text_format(text, "%s=%s", name, value);
    mf_text_append(text, "", 1);
    ++*n;
}

static void add_number(mf_text *text, size_t *n, const char *name, unsigned value)
{
    mf_text_format(text, "%s=%u", name, value);
    mf_text_append(text, "", 1);
    ++*n;
}

static const char *inherited_or(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : fallback;
}

static void add_credentials(mf_text *text, size_t *n)
{
    const char *key = inherited_or("AWS_ACCESS_KEY_ID", NULL);
    const char *secret = inherited_or("AWS_SECRET_ACCESS_KEY", NULL);
    const char *token = inherited_or("AWS_SESSION_TOKEN", NULL);
    const bool real = key != NULL && secret != NULL;
    add(text, n, "AWS_ACCESS_KEY_ID", real ? key : "LOCALCLOUD");
    add(text, n, "AWS_SECRET_ACCESS_KEY", real ? secret : "local-cloud-secret");
    if (!real || token != NULL)
        add(text, n, "AWS_SESSION_TOKEN", real ? token : "local-cloud-token");
}

static void add_lambda(mf_text *text, size_t *n, const mf_local_function_settings *function,
                       unsigned number)
{
    char log[256], stream[64], id[MF_LOCAL_SHORT_ID_BYTES];
    const time_t now = time(NULL);
    struct tm day;
    gmtime_r(&now, &day);
    strftime(stream, sizeof stream, "%Y/%m/%d/[$LATEST]", &day);
    snprintf(log, sizeof log, "%s%u-%s", stream, number, mf_local_short_id(id));
    add(text, n, "AWS_LAMBDA_LOG_STREAM_NAME", log);
    snprintf(log, sizeof log, "/aws/lambda/%s", function->name);
    add(text, n, "AWS_LAMBDA_LOG_GROUP_NAME", log);
    add(text, n, "AWS_LAMBDA_FUNCTION_NAME", function->name);
    add(text, n, "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    add_number(text, n, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function->memory_mb);
    add(text, n, "AWS_LAMBDA_INITIALIZATION_TYPE",
        function->start == MF_LOCAL_START_EARLY ? "provisioned-concurrency" : "on-demand");
    add(text, n, "_HANDLER", function->handler[0] != '\0' ? function->handler : function->name);
    add(text, n, "LAMBDA_TASK_ROOT", function->folder[0] != '\0' ? function->folder : ".");
    add(text, n, "LAMBDA_RUNTIME_DIR", "/var/runtime");
}

/* The pointers first, the bytes behind them. */
static char **lay_out(const mf_text *text, size_t n)
{
    char **block = text->failed ? NULL : malloc((n + 1) * sizeof *block + text->n_bytes);
    if (block == NULL)
        return NULL;
    char *at = (char *)(block + n + 1);
    if (text->n_bytes > 0)
        memcpy(at, text->bytes, text->n_bytes);
    for (size_t i = 0; i < n; i++) {
        block[i] = at;
        at += strlen(at) + 1;
    }
    block[n] = NULL;
    return block;
}

static bool overridden(const mf_local_function_settings *function, const char *variable)
{
    const size_t n = strcspn(variable, "=") + 1;
    for (char *const *own = function->variables; *own != NULL; own++)
        if (strncmp(*own, variable, n) == 0)
            return true;
    return false;
}

char **mf_local_environment_variables(const mf_local_settings *settings,
                                      const mf_local_function_settings *function, unsigned number,
                                      uint16_t api_port, uint16_t cloud_port)
{
    mf_text all = MF_TEXT_EMPTY, text = MF_TEXT_EMPTY;
    size_t n_all = 0, n = 0;
    char api[32], url[64];
    snprintf(api, sizeof api, "127.0.0.1:%u", (unsigned)api_port);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)cloud_port);
    add(&all, &n_all, "AWS_LAMBDA_RUNTIME_API", api);
    add_lambda(&all, &n_all, function, number);
    add(&all, &n_all, "AWS_REGION", inherited_or("AWS_REGION", settings->region));
    add(&all, &n_all, "AWS_DEFAULT_REGION", inherited_or("AWS_REGION", settings->region));
    add_credentials(&all, &n_all);
    if (settings->n_endpoints > 0)
        add(&all, &n_all, "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url);
    if (settings->kinesis[0] != '\0')
        add(&all, &n_all, "AWS_ENDPOINT_URL_KINESIS", settings->kinesis);
    add(&all, &n_all, "PATH", inherited_or("PATH", "/usr/local/bin:/usr/bin:/bin"));
    add(&all, &n_all, "LANG", "en_US.UTF-8");
    add(&all, &n_all, "TZ", ":UTC");
    const char *end = all.bytes + all.n_bytes;
    for (const char *v = all.bytes; !all.failed && v < end; v += strlen(v) + 1)
        if (!overridden(function, v)) {
            mf_text_append(&text, v, strlen(v) + 1);
            n++;
        }
    for (char *const *own = function->variables; *own != NULL; own++, n++)
        mf_text_append(&text, *own, strlen(*own) + 1);
    char **block = all.failed ? NULL : lay_out(&text, n);
    mf_text_free(&all);
    mf_text_free(&text);
    return block;
}
