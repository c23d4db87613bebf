/* predict_settings.c: the table of environment variables, and the checks that need several of
 * them. */
#include "lambda/predict/predict_settings.h"

#include "lambda/aws/s3.h"

#include <stdlib.h>
#include <string.h>

#define FIELD(name) MF_SETTING_FIELD(mf_predict_settings, name)

/* clang-format off */
static const mf_setting table[] = {
    {.name = "ENDPOINT_NAME", .type = MF_SETTING_TEXT, .initial = "",
     .help = "SageMaker endpoint to call; either this or MODEL_URI is required", FIELD(endpoint_name)},
    {.name = "MODEL_URI", .aliases = "MODEL_S3_URI MODEL_FILE", .type = MF_SETTING_TEXT,
     .initial = "", .help = "model.bin or model.tar.gz to compute with in this process: "
                            "s3://bucket/key or a path", FIELD(model_uri)},
    {.name = "MODEL_REFRESH_SECONDS", .type = MF_SETTING_INTEGER, .min = 0, .max = 31536000,
     .initial = "300", .help = "seconds between two checks for a newer model; 0: never",
     FIELD(model_refresh_seconds)},
    {.name = "MOVIES_URI", .aliases = "MOVIES_S3_URI MOVIES_FILE", .type = MF_SETTING_TEXT,
     .initial = "", .help = "movies.csv: s3://bucket/key or a path; empty: no titles", FIELD(movies_uri)},
    {.name = "MOVIES_REFRESH_SECONDS", .type = MF_SETTING_INTEGER, .min = 0, .max = 31536000,
     .initial = "300", .help = "seconds between two checks for a newer movies.csv; 0: never",
     FIELD(movies_refresh_seconds)},
    {.name = "ALLOW_ORIGIN", .type = MF_SETTING_TEXT, .initial = "*",
     .help = "Access-Control-Allow-Origin of every response: * or one origin; empty: no CORS headers",
     FIELD(allow_origin)},
    {.name = "OUTSIDERS", .type = MF_SETTING_CHOICE, .choices = "open closed", .initial = "open",
     .help = "closed: no response reveals which movies a user of the training data has rated",
     FIELD(outsiders)},
    {.name = "ROUTE", .type = MF_SETTING_TEXT, .min = 1, .initial = "predict",
     .help = "last part of the paths that are served; / is always served", FIELD(route)},
    {.name = "MAX_TOP_N", .type = MF_SETTING_INTEGER, .min = 1, .max = 100000, .initial = "1000",
     .help = "largest number of recommendations, similar movies or movieIds of a request", FIELD(max_top_n)},
    {.name = "MAX_FOLD_IN", .type = MF_SETTING_INTEGER, .min = 1, .max = 100000,
     .initial = "1000", .help = "largest number of ratings of one visitor", FIELD(max_fold_in)},
    {.name = "ANSWER_MARGIN_MS", .type = MF_SETTING_INTEGER, .min = 0, .max = 60000,
     .initial = "200",
     .help = "milliseconds before the function's timeout by which the model has to respond", FIELD(margin_ms)},
    {.name = "METRICS", .type = MF_SETTING_BOOLEAN, .initial = "true",
     .help = "write a line of CloudWatch metrics for each request", FIELD(metrics)},
};
/* clang-format on */

enum { N_SETTINGS = sizeof table / sizeof table[0] };

bool mf_predict_settings_start(mf_settings *settings, mf_predict_settings *values, mf_error *err)
{
    memset(values, 0, sizeof *values);
    return mf_settings_start(settings, table, N_SETTINGS, "environment variable", values, err);
}

static bool check_model(const mf_predict_settings *values, mf_error *err)
{
    const bool has_endpoint = values->endpoint_name[0] != '\0';
    const bool has_model = values->model_uri[0] != '\0';
    if (has_endpoint == has_model)
        return mf_fail(
            err, MF_ERR_CONFIG, MF_NOWHERE,
            "%s: set ENDPOINT_NAME to call a SageMaker endpoint, or MODEL_URI (s3://… or "
            "a path) to compute in this process",
            has_model ? "ENDPOINT_NAME and MODEL_URI are both set, one is too many"
                      : "neither ENDPOINT_NAME nor MODEL_URI is set");
    mf_error why = {0};
    if (has_endpoint && !mf_aws_endpoint_name_check(values->endpoint_name, &why))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "environment variable ENDPOINT_NAME: %s",
                       why.text);
    return !has_model || mf_aws_s3_uri_check("MODEL_URI", values->model_uri, err);
}

/* Every response has the value in a header, unchanged. */
static bool check_origin(const char *origin, mf_error *err)
{
    const char *host = strstr(origin, "://");
    for (const char *c = origin; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || *c == ',')
            host = NULL;
    if (origin[0] == '\0' || strcmp(origin, "*") == 0 || strcmp(origin, "null") == 0 ||
        (host != NULL && host > origin && host[3] != '\0' && strchr(host + 3, '/') == NULL))
        return true;
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "environment variable ALLOW_ORIGIN is \"%s\": expected * or one origin such as "
                   "https://www.example.com, or nothing for no CORS headers",
                   origin);
}

bool mf_predict_settings_read(mf_settings *settings, mf_predict_settings *values, mf_error *err)
{
    if (!mf_predict_settings_start(settings, values, err) ||
        !mf_settings_read_environment(settings, err) || !check_model(values, err))
        return false;
    /* Unlike other variables, an empty one is not an unset one. */
    const char *origin = getenv("ALLOW_ORIGIN");
    if (origin != NULL && origin[0] == '\0')
        values->allow_origin[0] = '\0';
    if (strchr(values->route, '/') != NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable ROUTE is \"%s\": expected the last part of a path, "
                       "without /",
                       values->route);
    return mf_aws_s3_uri_check("MOVIES_URI", values->movies_uri, err) &&
           check_origin(values->allow_origin, err);
}

mf_inference_limits mf_predict_settings_limits(const mf_predict_settings *values)
{
    return (mf_inference_limits){
        .max_top_n = values->max_top_n,
        .max_fold_in = values->max_fold_in,
        .max_response_bytes = MF_AWS_INVOKE_BODY_BYTES,
    };
}
