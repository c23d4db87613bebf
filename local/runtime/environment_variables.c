/* environment_variables.c: the variables of the platform, then those of the function, which replace
 * them, as one block. */
#include "local/runtime/environment_variables.h"

#include "base/text.h"
#include "local/service.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Variables under construction. */
typedef struct variables {
    const mf_local_function_settings *function;
    mf_text bytes; /* "NAME=VALUE\0", n times */
    size_t n;
} variables;

static void append(variables *all, const char *name_and_value)
{
    mf_text_append(&all->bytes, name_and_value, strlen(name_and_value) + 1);
    all->n++;
}

/* Adds a variable, unless the function has one of that name. */
static void add(variables *all, const char *name, const char *value)
{
    const size_t n = strlen(name);
    for (char *const *own = all->function->variables; *own != NULL; own++)
        if (strncmp(*own, name, n) == 0 && (*own)[n] == '=')
            return;
    mf_text_format(&all->bytes, "%s=", name);
    append(all, value);
}

static const char *inherited_or(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : fallback;
}

static void add_credentials(variables *all)
{
    const char *key = inherited_or("AWS_ACCESS_KEY_ID", NULL);
    const char *secret = inherited_or("AWS_SECRET_ACCESS_KEY", NULL);
    const char *token = inherited_or("AWS_SESSION_TOKEN", NULL);
    const bool real = key != NULL && secret != NULL;
    add(all, "AWS_ACCESS_KEY_ID", real ? key : "LOCALCLOUD");
    add(all, "AWS_SECRET_ACCESS_KEY", real ? secret : "local-cloud-secret");
    if (!real || token != NULL)
        add(all, "AWS_SESSION_TOKEN", real ? token : "local-cloud-token");
}

static void add_lambda(variables *all, unsigned number)
{
    const mf_local_function_settings *function = all->function;
    char memory[16], log[256], stream[64], id[MF_LOCAL_SHORT_ID_BYTES];
    const time_t now = time(NULL);
    struct tm day;
    gmtime_r(&now, &day);
    strftime(stream, sizeof stream, "%Y/%m/%d/[$LATEST]", &day);
    snprintf(log, sizeof log, "%s%u-%s", stream, number, mf_local_short_id(id));
    add(all, "AWS_LAMBDA_LOG_STREAM_NAME", log);
    snprintf(log, sizeof log, "/aws/lambda/%s", function->name);
    add(all, "AWS_LAMBDA_LOG_GROUP_NAME", log);
    add(all, "AWS_LAMBDA_FUNCTION_NAME", function->name);
    add(all, "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    snprintf(memory, sizeof memory, "%u", function->memory_mb);
    add(all, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory);
    add(all, "AWS_LAMBDA_INITIALIZATION_TYPE",
        function->start == MF_LOCAL_START_EARLY ? "provisioned-concurrency" : "on-demand");
    add(all, "_HANDLER", function->handler[0] != '\0' ? function->handler : function->name);
    add(all, "LAMBDA_TASK_ROOT", function->folder[0] != '\0' ? function->folder : ".");
    add(all, "LAMBDA_RUNTIME_DIR", "/var/runtime");
}

/* One block: the pointers, then the bytes. */
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

char **mf_local_environment_variables(const mf_local_settings *settings,
                                      const mf_local_function_settings *function, unsigned number,
                                      uint16_t api_port, uint16_t cloud_port)
{
    variables all = {.function = function};
    char api[32], url[64];
    snprintf(api, sizeof api, "127.0.0.1:%u", (unsigned)api_port);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)cloud_port);
    add(&all, "AWS_LAMBDA_RUNTIME_API", api);
    add_lambda(&all, number);
    add(&all, "AWS_REGION", inherited_or("AWS_REGION", settings->region));
    add(&all, "AWS_DEFAULT_REGION", inherited_or("AWS_REGION", settings->region));
    add_credentials(&all);
    if (settings->n_endpoints > 0)
        add(&all, "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url);
    if (settings->kinesis[0] != '\0')
        add(&all, "AWS_ENDPOINT_URL_KINESIS", settings->kinesis);
    add(&all, "PATH", inherited_or("PATH", "/usr/local/bin:/usr/bin:/bin"));
    add(&all, "LANG", "en_US.UTF-8");
    add(&all, "TZ", ":UTC");
    for (char *const *own = function->variables; *own != NULL; own++)
        append(&all, *own);
    char **block = lay_out(&all.bytes, all.n);
    mf_text_free(&all.bytes);
    return block;
}
