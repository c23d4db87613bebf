/* recommend_settings.c: the table of environment variables, and the checks that need several of
 * them. */
#include "lambda/recommend/recommend_settings.h"

#include "lambda/aws/kinesis.h"
#include "lambda/aws/request.h"
#include "lambda/aws/s3.h"

#include <string.h>

#define FIELD(name) MF_SETTING_FIELD(mf_recommend_settings, name)

/* clang-format off */
static const mf_setting table[] = {
    {.name = "RECOMMEND_SERVICE_URL", .type = MF_SETTING_TEXT, .initial = "",
     .help = "URL of serve, such as http://10.0.0.7:8080; one of this, ENDPOINT_NAME and "
             "MODEL_URI is required", FIELD(service_url)},
    {.name = "ENDPOINT_NAME", .type = MF_SETTING_TEXT, .initial = "",
     .help = "SageMaker endpoint to call", FIELD(endpoint_name)},
    {.name = "MODEL_URI", .aliases = "MODEL_S3_URI MODEL_FILE", .type = MF_SETTING_TEXT,
     .initial = "", .help = "model.bin or model.tar.gz to compute with in this process: "
                            "s3://bucket/key or a path", FIELD(model_uri)},
    {.name = "PREDICTIONS_STREAM_NAME", .aliases = "PREDICTIONS_STREAM_ARN",
     .type = MF_SETTING_TEXT, .initial = "",
     .help = "Kinesis stream for the results, by name or ARN; required unless TEST_RUN",
     FIELD(predictions_stream)},
    {.name = "DEAD_LETTER_STREAM_NAME", .aliases = "DEAD_LETTER_STREAM_ARN",
     .type = MF_SETTING_TEXT, .initial = "",
     .help = "Kinesis stream for records that are no request, with the reason; empty: they "
             "are only logged", FIELD(dead_letter_stream)},
    {.name = "TEST_RUN", .type = MF_SETTING_BOOLEAN, .initial = "false",
     .help = "put nothing on a stream and return the results", FIELD(test_run)},
    {.name = "KEEP_ORDER", .type = MF_SETTING_BOOLEAN, .initial = "true",
     .help = "two results for one user never share a call of PutRecords, which does not "
             "guarantee an order; false: one call, in order unless a part of it fails", FIELD(keep_order)},
    {.name = "TOP_N", .type = MF_SETTING_INTEGER, .min = 1, .max = 100000, .initial = "20",
     .help = "recommendations for a request without top_n", FIELD(top_n)},
    {.name = "MAX_TOP_N", .type = MF_SETTING_INTEGER, .min = 1, .max = 100000, .initial = "1000",
     .help = "largest number of recommendations for a request", FIELD(max_top_n)},
    {.name = "CONCURRENCY", .type = MF_SETTING_INTEGER, .min = 1, .max = MF_AWS_CONNECTIONS_MOST,
     .initial = "4", .help = "concurrent requests to the service or endpoint, each for many users",
     FIELD(concurrency)},
    {.name = "MODEL_VERSION_SECONDS", .type = MF_SETTING_INTEGER, .min = 0, .max = 86400,
     .initial = "5",
     .help = "seconds between two checks of the model's version; the cache may lag a new "
             "model by this time", FIELD(version_seconds)},
    {.name = "MODEL_REFRESH_SECONDS", .type = MF_SETTING_INTEGER, .min = 0, .max = 31536000,
     .initial = "300", .help = "seconds between two checks for a newer MODEL_URI; 0: never",
     FIELD(model_refresh_seconds)},
    {.name = "REMEMBERED_REQUESTS", .type = MF_SETTING_INTEGER, .min = 0, .max = 10000000,
     .initial = "20000",
     .help = "completed requests whose ids are remembered, so that they are skipped when they "
             "come again; 0: none", FIELD(remembered)},
    {.name = "ANSWER_MARGIN_MS", .type = MF_SETTING_INTEGER, .min = 0, .max = 60000,
     .initial = "500", .help = "milliseconds before the function's timeout at which all work ends",
     FIELD(margin_ms)},
    {.name = "METRICS", .type = MF_SETTING_BOOLEAN, .initial = "true",
     .help = "write a line of CloudWatch metrics for each batch", FIELD(metrics)},
};
/* clang-format on */

enum { N_SETTINGS = sizeof table / sizeof table[0] };

bool mf_recommend_settings_start(mf_settings *settings, mf_recommend_settings *values,
                                 mf_error *err)
{
    memset(values, 0, sizeof *values);
    return mf_settings_start(settings, table, N_SETTINGS, "environment variable", values, err);
}

static bool name_variable(const char *name, const mf_error *why, mf_error *err)
{
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "environment variable %s: %s", name, why->text);
}

static bool check_source(const mf_recommend_settings *values, mf_error *err)
{
    const int n = (values->service_url[0] != '\0') + (values->endpoint_name[0] != '\0') +
                  (values->model_uri[0] != '\0');
    mf_error why = {0};
    if (n != 1)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s of RECOMMEND_SERVICE_URL, ENDPOINT_NAME and MODEL_URI %s set: set one, "
                       "to call serve, to call a SageMaker endpoint, or to compute in this process",
                       n == 0 ? "none" : "more than one", n == 0 ? "is" : "are");
    if (values->endpoint_name[0] != '\0' &&
        !mf_aws_endpoint_name_check(values->endpoint_name, &why))
        return name_variable("ENDPOINT_NAME", &why, err);
    return values->model_uri[0] == '\0' || mf_aws_s3_uri_check("MODEL_URI", values->model_uri, err);
}

static bool check_stream(const char *name, const char *stream, mf_error *err)
{
    mf_error why = {0};
    return stream[0] == '\0' || mf_aws_kinesis_stream_check(stream, &why) ||
           name_variable(name, &why, err);
}

bool mf_recommend_settings_read(mf_settings *settings, mf_recommend_settings *values, mf_error *err)
{
    if (!mf_recommend_settings_start(settings, values, err) ||
        !mf_settings_read_environment(settings, err) || !check_source(values, err) ||
        !check_stream("PREDICTIONS_STREAM_NAME", values->predictions_stream, err) ||
        !check_stream("DEAD_LETTER_STREAM_NAME", values->dead_letter_stream, err))
        return false;
    if (values->predictions_stream[0] == '\0' && !values->test_run)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "PREDICTIONS_STREAM_NAME is not set: it is the Kinesis stream for the "
                       "results (or set TEST_RUN=True, to have them returned)");
    if (values->top_n > values->max_top_n)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable TOP_N is %u, which is more than MAX_TOP_N (%u)",
                       values->top_n, values->max_top_n);
    return true;
}

mf_recommend_limits mf_recommend_settings_limits(const mf_recommend_settings *values)
{
    return (mf_recommend_limits){values->top_n, values->max_top_n};
}
