/* serve_settings.c: one table of all variables. The engine of base/settings.h reads and checks each
 * alone; the functions below check what must fit together and derive the figures of a batch job. */
#include "serve/serve_settings.h"

#include "base/memory_limit.h"
#include "base/number.h"
#include "http/parse/media.h"
#include "sagemaker/environment.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) MF_SETTING_FIELD(mf_serve_settings, name)

enum {
    MB = 1 << 20,
    PAYLOAD_MB = 6,       /* default of the platform */
    PAYLOADS_MB_MAX = 100 /* concurrent transforms × payload */
};

/* clang-format off */
static const mf_setting table[] = {
    {.name = "SAGEMAKER_BIND_TO_PORT", .type = MF_SETTING_INTEGER, .min = 1, .max = 65535,
     .initial = "8080", .help = "port to listen on", FIELD(port)},
    {.name = "SAGEMAKER_SAFE_PORT_RANGE", .type = MF_SETTING_TEXT, .initial = "",
     .help = "ports for other purposes, FROM-TO; none is opened", FIELD(port_range)},
    {.name = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", .type = MF_SETTING_TEXT, .initial = "",
     .help = "format of responses to requests without Accept; empty: that of the request",
     FIELD(default_accept)},
    {.name = "SAGEMAKER_MODEL_SERVER_WORKERS", .aliases = "SERVE_THREADS",
     .type = MF_SETTING_INTEGER, .min = 0, .max = 256, .initial = "0",
     .help = "number of threads, each with an event loop; 0: one for each available CPU",
     FIELD(n_threads)},
    {.name = "SAGEMAKER_MODEL_SERVER_TIMEOUT", .aliases = "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS",
     .type = MF_SETTING_INTEGER, .min = 1, .max = 3600, .initial = "60",
     .help = "seconds from a complete request to its response, else 503; 600 in a batch job", FIELD(response_seconds)},
    {.name = "SAGEMAKER_MAX_REQUEST_SIZE", .aliases = "MAX_CONTENT_LENGTH",
     .type = MF_SETTING_INTEGER, .min = 1024, .max = 4294967296.0, .initial = "26214400",
     .help = "largest body of a request in bytes, unpacked; a larger one is refused (413). When not given, at most 1/32 of the memory", FIELD(max_body_bytes)},
    {.name = "SAGEMAKER_MODEL_JOB_QUEUE_SIZE", .type = MF_SETTING_INTEGER, .min = 1, .max = 100000,
     .initial = "100", .help = "long requests in progress on one thread; further ones are refused (503)",
     FIELD(max_working)},
    {.name = "SAGEMAKER_MULTI_MODEL", .type = MF_SETTING_BOOLEAN, .initial = "false",
     .help = "must be false: a container has one model", FIELD(multi_model)},
    {.name = "SAGEMAKER_BATCH", .type = MF_SETTING_BOOLEAN, .initial = "false",
     .help = "set by a batch transform job", FIELD(batch)},
    {.name = "SAGEMAKER_MAX_PAYLOAD_IN_MB", .type = MF_SETTING_INTEGER, .min = 0, .max = 100,
     .initial = "0", .help = "set by a batch transform job: its largest body; 0: chunks of any length",
     FIELD(max_payload_mb)},
    {.name = "SAGEMAKER_BATCH_STRATEGY", .type = MF_SETTING_CHOICE,
     .choices = "MULTI_RECORD SINGLE_RECORD MultiRecord SingleRecord", .initial = "MULTI_RECORD",
     .help = "set by a batch transform job; reported only when it is", FIELD(batch_strategy)},
    {.name = "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", .type = MF_SETTING_INTEGER, .min = 0,
     .max = 1000, .initial = "0", .help = "set by a batch transform job",
     FIELD(max_concurrent)},
    {.name = "SERVE_ADDRESS", .type = MF_SETTING_TEXT, .min = 1, .initial = "0.0.0.0",
     .help = "numeric address to listen on", FIELD(address)},
    {.name = "SERVE_STRICT", .type = MF_SETTING_BOOLEAN, .initial = "false",
     .help = "refuse unknown users and items instead of predicting from biases", FIELD(strict)},
    {.name = "SERVE_MAX_TOP_N", .type = MF_SETTING_INTEGER, .min = 1, .max = 100000,
     .initial = "1000", .help = "largest number of recommendations, similar items, or candidates without top_n",
     FIELD(max_top_n)},
    {.name = "SERVE_MAX_FOLD_IN", .type = MF_SETTING_INTEGER, .min = 1, .max = 100000,
     .initial = "1000", .help = "largest number of ratings of one visitor", FIELD(max_fold_in)},
    {.name = "SERVE_INDEX_BYTES", .type = MF_SETTING_INTEGER, .min = -1, .max = 1099511627776.0,
     .initial = "-1", .help = "largest index, which makes lists fast; 0: none; -1: as large as the model needs",
     FIELD(max_index_bytes)},
    {.name = "SERVE_MAX_CONNECTIONS", .type = MF_SETTING_INTEGER, .min = 1, .max = 1000000,
     .initial = "10000", .help = "open connections; further ones are refused (503). When not given, at most one for 256 KiB of memory",
     FIELD(max_connections)},
    {.name = "SERVE_MAX_HEAD_BYTES", .type = MF_SETTING_INTEGER, .min = 1024, .max = 1048576,
     .initial = "32768", .help = "largest request line and headers; larger ones are refused (431)",
     FIELD(max_head_bytes)},
    {.name = "SERVE_MAX_BUFFERED_BYTES", .type = MF_SETTING_INTEGER, .min = 1048576,
     .max = 1099511627776.0, .initial = "536870912",
     .help = "all bodies and unsent responses together; what exceeds it is refused (503). When not given, at most 1/10 of the memory",
     FIELD(max_buffered_bytes)},
    {.name = "SERVE_RECEIVE_SECONDS", .type = MF_SETTING_INTEGER, .min = 1, .max = 3600,
     .initial = "60",
     .help = "seconds to receive a body, else 408, and to send a response; at most 10 of them for a head",
     FIELD(receive_seconds)},
    {.name = "SERVE_IDLE_SECONDS", .type = MF_SETTING_INTEGER, .min = 1, .max = 86400,
     .initial = "75", .help = "seconds after which a connection without a request is closed", FIELD(idle_seconds)},
    {.name = "SERVE_DRAIN_SECONDS", .type = MF_SETTING_INTEGER, .min = 1, .max = 3600,
     .initial = "25", .help = "seconds after SIGTERM to complete the requests in progress; the platform kills after 30",
     FIELD(drain_seconds)},
    {.name = "SERVE_ACCESS_LOG", .type = MF_SETTING_CHOICE, .choices = "all errors off",
     .initial = "all", .help = "which requests are logged (by the log level when not given); successful pings never are",
     FIELD(access_log)},
};
/* clang-format on */

enum { N_SETTINGS = sizeof table / sizeof table[0] };

extern char **environ;

bool mf_serve_settings_start(mf_settings *settings, mf_serve_settings *values, mf_error *err)
{
    static const mf_setting_foreign foreign[] = {
        {"SERVE_PORT", "the port is SAGEMAKER_BIND_TO_PORT"},
    };
    memset(values, 0, sizeof *values);
    if (!mf_settings_start(settings, table, N_SETTINGS, "environment variable", values, err))
        return false;
    mf_settings_explain(settings, foreign, sizeof foreign / sizeof foreign[0]);
    return true;
}

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (strcmp(name, table[i].name) == 0 ||
            (table[i].aliases != NULL && strcmp(name, table[i].aliases) == 0))
            return true;
    return false;
}

/* What Kubernetes and Docker set for a service that is called "serve":
 * SERVE_SERVICE_HOST, SERVE_PORT=tcp://10.0.0.1:80, SERVE_PORT_80_TCP, … */
static bool is_link(const char *name, const char *value)
{
    return strncmp(name, "SERVE_SERVICE_", strlen("SERVE_SERVICE_")) == 0 ||
           strncmp(name, "SERVE_PORT_", strlen("SERVE_PORT_")) == 0 ||
           (strcmp(name, "SERVE_PORT") == 0 && strstr(value, "://") != NULL);
}

/* Rejects an unknown SERVE_ variable: a mistyped one would otherwise have no effect. */
static bool check_own_names(mf_settings *settings, mf_error *err)
{
    for (char **variable = environ; *variable != NULL; variable++) {
        char name[128];
        const size_t n_name = strcspn(*variable, "=");
        snprintf(name, sizeof name, "%.*s", (int)n_name, *variable);
        if (strncmp(name, "SERVE_", strlen("SERVE_")) == 0 && !is_ours(name) &&
            !is_link(name, *variable + n_name))
            return mf_settings_set(settings, name, "", 0, err); /* fails with its name */
    }
    return true;
}

/* "9000-9100", in order. */
static bool check_port_range(const char *range, mf_error *err)
{
    const char *dash = strchr(range, '-');
    uint64_t from = 0, to = 0;
    if (range[0] == '\0' ||
        (dash != NULL && mf_parse_uint64(range, (size_t)(dash - range), &from) &&
         mf_parse_uint64(dash + 1, strlen(dash + 1), &to) && from >= 1 && from <= to &&
         to <= UINT16_MAX))
        return true;
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "environment variable SAGEMAKER_SAFE_PORT_RANGE is \"%s\": expected two ports "
                   "as in 8080-8090",
                   range);
}

static bool choose_accept(mf_serve_settings *values, mf_error *err)
{
    values->accept = MF_INFERENCE_FORMATS;
    if (values->default_accept[0] == '\0')
        return true;
    for (int f = 0; f < MF_INFERENCE_FORMATS; f++)
        if (mf_media_is(values->default_accept, strlen(values->default_accept),
                        mf_inference_media_types[f])) {
            values->accept = (mf_inference_format)f;
            return true;
        }
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "environment variable SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is \"%s\": expected "
                   "application/json, application/jsonlines or text/csv",
                   values->default_accept);
}

static bool is_given(const mf_settings *settings, const char *name)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (strcmp(table[i].name, name) == 0)
            return mf_settings_is_given(settings, i);
    return false;
}

static uint32_t smaller(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

/* Defaults that are too large for the memory of the machine or of the control group become this part
 * of it. What is buffered may take half as much again (base/text.h), and the allocator keeps some:
 * together that is below a quarter (tests/integration/test_serve_load.py). */
static void fit_memory(const mf_settings *settings, mf_serve_settings *values)
{
    enum { BUFFERED = 10, BODY = 32, CONNECTION_BYTES = 256 * 1024 };
    const uint64_t memory = mf_memory_limit("");
    if (!is_given(settings, "SERVE_MAX_BUFFERED_BYTES") &&
        values->max_buffered_bytes > memory / BUFFERED)
        values->max_buffered_bytes = memory / BUFFERED;
    if (!is_given(settings, "SAGEMAKER_MAX_REQUEST_SIZE") && values->max_body_bytes > memory / BODY)
        values->max_body_bytes = memory / BODY;
    if (!is_given(settings, "SERVE_MAX_CONNECTIONS"))
        values->max_connections = smaller(values->max_connections, memory / CONNECTION_BYTES);
}

/* MB of the largest body that /execution-parameters allows: the job's value (0: chunks without a
 * limit), else the platform's default if it fits. */
static uint32_t choose_payload(const mf_settings *settings, const mf_serve_settings *values)
{
    if (is_given(settings, "SAGEMAKER_MAX_PAYLOAD_IN_MB"))
        return values->max_payload_mb;
    uint32_t payload = smaller(PAYLOAD_MB, values->max_body_bytes / MB);
    if (values->max_concurrent > 0)
        payload = smaller(payload, PAYLOADS_MB_MAX / values->max_concurrent);
    return payload > 0 ? payload : 1;
}

/* The figures of a batch transform job, given or reported by /execution-parameters. */
static bool settle_batch(const mf_settings *settings, mf_serve_settings *values, mf_error *err)
{
    enum { JOB_SECONDS = 600, CHUNKED_MB = 1024 };
    /* The platform writes true, the SDK's local mode True: the one difference that a container sees. */
    const char *batch = getenv("SAGEMAKER_BATCH");
    values->sdk_batch = batch != NULL && strcmp(batch, "True") == 0;
    values->batch_strategy %= 2; /* MultiRecord and MULTI_RECORD are the same */
    values->has_batch_strategy = is_given(settings, "SAGEMAKER_BATCH_STRATEGY");
    const bool given = is_given(settings, "SAGEMAKER_MAX_PAYLOAD_IN_MB");
    const uint32_t payload = choose_payload(settings, values);
    if (given && (uint64_t)values->max_concurrent * payload > PAYLOADS_MB_MAX)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable SAGEMAKER_MAX_CONCURRENT_TRANSFORMS is %u: expected "
                       "at most %u, so that times %u MB it is no more than %d MB",
                       values->max_concurrent, PAYLOADS_MB_MAX / payload, payload, PAYLOADS_MB_MAX);
    values->max_payload_mb = payload;
    if (values->max_concurrent == 0)
        values->max_concurrent =
            smaller(values->n_threads, PAYLOADS_MB_MAX / (payload > 0 ? payload : 1));
    const uint64_t most = (uint64_t)MB * (given && payload == 0 ? CHUNKED_MB : payload);
    if ((values->batch || given) && values->max_body_bytes < most)
        values->max_body_bytes = most;
    if (values->batch && !is_given(settings, "SAGEMAKER_MODEL_SERVER_TIMEOUT"))
        values->response_seconds = JOB_SECONDS; /* as long as the platform waits */
    if (values->max_buffered_bytes < 3 * values->max_body_bytes)
        values->max_buffered_bytes = 3 * values->max_body_bytes;
    return true;
}

static bool check_address(const char *address, mf_error *err)
{
    struct in6_addr any;
    if (inet_pton(AF_INET, address, &any) == 1 || inet_pton(AF_INET6, address, &any) == 1)
        return true;
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "environment variable SERVE_ADDRESS is \"%s\": expected a numeric address as "
                   "0.0.0.0, 127.0.0.1 or ::1",
                   address);
}

/* By default the level of the log decides about the access log too. */
static void settle_access_log(const mf_settings *settings, mf_serve_settings *values)
{
    const mf_log_level level = mf_environment_log_level(NULL);
    if (is_given(settings, "SERVE_ACCESS_LOG") || level <= MF_LOG_INFO)
        return;
    values->access_log = level == MF_LOG_WARNING ? MF_ACCESS_ERRORS : MF_ACCESS_OFF;
}

bool mf_serve_settings_read(mf_settings *settings, mf_serve_settings *values, mf_error *err)
{
    if (!mf_serve_settings_start(settings, values, err) || !check_own_names(settings, err) ||
        !mf_settings_read_environment(settings, err) ||
        !check_port_range(values->port_range, err) || !choose_accept(values, err) ||
        !check_address(values->address, err))
        return false;
    if (values->multi_model)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable SAGEMAKER_MULTI_MODEL is true: this image serves one "
                       "model; deploy it as a single-model endpoint");
    if (values->n_threads == 0)
        values->n_threads = mf_http_settings_default().n_threads;
    settle_access_log(settings, values);
    fit_memory(settings, values);
    return settle_batch(settings, values, err);
}

mf_http_settings mf_serve_settings_http(const mf_serve_settings *values)
{
    enum { MILLI = 1000, HEAD_SECONDS = 10 };
    mf_http_settings http = mf_http_settings_default();
    http.address = values->address;
    http.port = (uint16_t)values->port;
    http.n_threads = values->n_threads;
    http.max_connections = values->max_connections;
    http.max_head_bytes = values->max_head_bytes;
    http.max_body_bytes = values->max_body_bytes;
    http.max_buffered_bytes = values->max_buffered_bytes;
    http.max_working = values->max_working;
    http.head_ms = MILLI * (values->receive_seconds < HEAD_SECONDS ? values->receive_seconds
                                                                   : (uint32_t)HEAD_SECONDS);
    http.body_ms = MILLI * values->receive_seconds;
    http.idle_ms = MILLI * values->idle_seconds;
    http.response_ms = MILLI * values->response_seconds;
    http.write_ms = MILLI * values->receive_seconds;
    http.server = "movie-recommender/" MF_VERSION;
    return http;
}

size_t mf_serve_settings_index_bytes(const mf_serve_settings *values)
{
    return values->max_index_bytes < 0 ? SIZE_MAX : (size_t)values->max_index_bytes;
}

mf_inference_limits mf_serve_settings_limits(const mf_serve_settings *values)
{
    return (mf_inference_limits){
        .strict = values->strict,
        .batch = values->batch,
        .max_top_n = values->max_top_n,
        .max_fold_in = values->max_fold_in,
        .max_response_bytes =
            values->max_buffered_bytes / 8, /* no single client may use all of it */
    };
}
