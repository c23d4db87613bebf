/* lambda_echo.c: a Lambda function that does what its event says, so that tests can
 * provoke everything that the runtime promises.
 *
 *     {"do":"echo"}                          the event, byte for byte
 *     {"do":"fail","code":"parse","message":"…"}
 *     {"do":"sleep","ms":50}                 then {"slept":50}
 *     {"do":"big","bytes":100}               a JSON text of exactly that many bytes
 *     {"do":"nothing"}                       no response at all
 *     {"do":"crash"}, {"do":"exit","status":3}
 *     {"do":"allocate","bytes":1000}         touches them and gives them back
 *     {"do":"log"}                           a line at every level
 *     {"do":"metrics"}                       one document
 *     {"do":"env","name":"TZ"}               {"value":"…"} or {"value":null}
 *     {"do":"invocation"}                    what the runtime passes about it
 *
 * ECHO_START=fail makes its start fail, ECHO_START=sleep makes it take 200 ms. */
#include "base/log.h"
#include "base/text.h"
#include "lambda/runtime/invocation.h"
#include "lambda/runtime/metrics.h"
#include "lambda/runtime/runtime.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct request {
    const mf_lambda_invocation *invocation;
    json_t *event;
    unsigned n_calls; /* of the handler, this one included */
    mf_text *response;
    mf_error *err;
} request;

static size_t number(const request *r, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(r->event, key));
    return value > 0 ? (size_t)value : 0;
}

static void pause_ms(size_t ms)
{
    const struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static bool echo(request *r)
{
    mf_text_append(r->response, r->invocation->event, r->invocation->n_event);
    return true;
}

static bool fail(request *r)
{
    const char *wanted = json_string_value(json_object_get(r->event, "code"));
    const char *message = json_string_value(json_object_get(r->event, "message"));
    mf_text_literal(r->response, "half an ans");
    for (int code = MF_OK; code <= MF_ERR_NOT_ACCEPTABLE; code++)
        if (wanted != NULL && strcmp(mf_error_name((mf_error_code)code), wanted) == 0)
            mf_fail(r->err, (mf_error_code)code, MF_NOWHERE, "%s", message != NULL ? message : "");
    return false;
}

static bool slumber(request *r)
{
    pause_ms(number(r, "ms"));
    mf_text_format(r->response, "{\"slept\":%zu}", number(r, "ms"));
    return true;
}

static bool big(request *r)
{
    const size_t n = number(r, "bytes");
    if (n < 2 || !mf_text_reserve(r->response, n))
        return n < 2;
    memset(r->response->bytes, 'x', n);
    r->response->bytes[0] = r->response->bytes[n - 1] = '"';
    r->response->n_bytes = n;
    return true;
}

static bool nothing(request *r)
{
    (void)r;
    return true;
}

static bool crash(request *r)
{
    (void)r;
    abort();
}

static bool leave(request *r)
{
    exit((int)number(r, "status"));
}

static bool allocate(request *r)
{
    const size_t n = number(r, "bytes");
    char *bytes = malloc(n + 1);
    if (bytes == NULL)
        return mf_fail(r->err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %zu bytes", n);
    memset(bytes, 'x', n);
    mf_text_format(r->response, "{\"last\":\"%c\"}", n > 0 ? bytes[n - 1] : ' ');
    free(bytes);
    return true;
}

static bool say(request *r)
{
    mf_log_message(MF_LOG_DEBUG, "sample", "at debug");
    mf_log_message(MF_LOG_INFO, "sample", "at info");
    mf_log_message(MF_LOG_WARNING, "sample", "at warn");
    mf_log_message(MF_LOG_ERROR, "sample", "at error: \"quoted\"\n\x01 𝄞 \xFF");
    mf_log_message(MF_LOG_FATAL, "sample", "at fatal");
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "fields_only");
    mf_log_count(&line, "n", 3);
    mf_log_end(&line);
    mf_text_literal(r->response, "{}");
    return true;
}

static bool measure(request *r)
{
    mf_lambda_metrics metrics;
    mf_lambda_metrics_begin(&metrics, "lambda_echo", r->invocation->request_id);
    mf_lambda_metrics_add(&metrics, "Latency", MF_LAMBDA_UNIT_MILLISECONDS, 12.5);
    mf_lambda_metrics_add(&metrics, "Broken", MF_LAMBDA_UNIT_COUNT, strtod("nan", NULL));
    mf_lambda_metrics_add(&metrics, "CacheHit", MF_LAMBDA_UNIT_COUNT, 1);
    mf_lambda_metrics_end(&metrics);
    mf_text_literal(r->response, "{}");
    return true;
}

static void text_or_null(mf_text *response, const char *key, const char *value)
{
    mf_text_format(response, "\"%s\":", key);
    if (value == NULL)
        mf_text_literal(response, "null");
    else
        mf_text_json(response, value, strlen(value));
}

static bool environment(request *r)
{
    const char *name = json_string_value(json_object_get(r->event, "name"));
    mf_text_literal(r->response, "{");
    text_or_null(r->response, "value", name != NULL ? getenv(name) : NULL);
    mf_text_literal(r->response, "}");
    return true;
}

static bool describe(request *r)
{
    const mf_lambda_invocation *i = r->invocation;
    mf_text_literal(r->response, "{");
    text_or_null(r->response, "request_id", i->request_id);
    mf_text_literal(r->response, ",");
    text_or_null(r->response, "function_arn", i->function_arn);
    mf_text_literal(r->response, ",");
    text_or_null(r->response, "trace_id", i->trace_id);
    mf_text_format(r->response,
                   ",\"deadline_ms\":%lld,\"received_ms\":%lld,\"budget_ms\":%lld,\"n_calls\":%u}",
                   (long long)i->deadline_ms, (long long)i->received_ms,
                   (long long)mf_lambda_budget_ms(i, 100), r->n_calls);
    return true;
}

static const struct {
    const char *name;
    bool (*act)(request *r);
} actions[] = {
    {"echo", echo},       {"fail", fail},       {"sleep", slumber},   {"big", big},
    {"nothing", nothing}, {"crash", crash},     {"exit", leave},      {"allocate", allocate},
    {"log", say},         {"metrics", measure}, {"env", environment}, {"invocation", describe},
};

static bool handle(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                   mf_error *err)
{
    unsigned *n_calls = context;
    request r = {invocation, NULL, ++*n_calls, response, err};
    r.event = mf_lambda_event_parse(invocation->event, invocation->n_event, err);
    if (r.event == NULL)
        return false;
    bool ok = false;
    bool known = false;
    const char *wanted = json_string_value(json_object_get(r.event, "do"));
    for (size_t i = 0; wanted != NULL && i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, wanted) == 0) {
            known = true;
            ok = actions[i].act(&r);
        }
    if (!known)
        mf_fail(err, MF_ERR_UNKNOWN, MF_NOWHERE, "do: \"%s\" is none of ours",
                wanted != NULL ? wanted : "");
    json_decref(r.event);
    return ok;
}

static bool start(void *context, mf_error *err)
{
    (void)context;
    const char *how = getenv("ECHO_START");
    if (how != NULL && strcmp(how, "sleep") == 0)
        pause_ms(200);
    if (how != NULL && strcmp(how, "fail") == 0)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "ECHO_START is \"fail\"");
    return true;
}

int main(int argc, char **argv)
{
    unsigned n_calls = 0;
    const mf_lambda_function function = {
        .name = "lambda_echo",
        .start = start,
        .handle = handle,
        .context = &n_calls,
    };
    return mf_lambda_run(&function, argc, argv);
}
