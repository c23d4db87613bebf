/* recommend_settings.h: the environment variables of recommend.
 *
 * The table in recommend_settings.c has every name, range, default and one line of
 * help; docs/functions.md has the same table. AWS's own variables are read by lambda/aws, REDIS_… and
 * CACHE_TTL by src/cache, those of the platform by lambda/runtime.
 *
 * Threads: a value to read; any number. */
#ifndef MF_LAMBDA_RECOMMEND_RECOMMEND_SETTINGS_H
#define MF_LAMBDA_RECOMMEND_RECOMMEND_SETTINGS_H

#include "base/settings.h"
#include "lambda/aws/sagemaker_runtime.h"

typedef struct mf_recommend_settings {
    /* One of three: */
    char service_url[MF_SETTING_TEXT_BYTES]; /* serve, somewhere          */
    char endpoint_name[MF_AWS_ENDPOINT_NAME_BYTES];
    char model_uri[MF_SETTING_TEXT_BYTES]; /* s3://bucket/key or a path */

    char predictions_stream[MF_SETTING_TEXT_BYTES]; /* name or ARN */
    char dead_letter_stream[MF_SETTING_TEXT_BYTES]; /* "": what is no request is only logged */
    bool test_run;
    bool keep_order;
    uint32_t top_n;
    uint32_t max_top_n;
    uint32_t concurrency;
    uint32_t version_seconds;
    uint32_t model_refresh_seconds;
    uint32_t remembered;
    uint32_t margin_ms;
    bool metrics;
} mf_recommend_settings;

/* Reads and checks the environment. Fails MF_ERR_CONFIG with a sentence that names the
 * variable. settings is for mf_settings_log. */
MF_MUST_CHECK bool mf_recommend_settings_read(mf_settings *settings, mf_recommend_settings *values,
                                              mf_error *err);

/* Every variable at its default, for --help. Fails MF_ERR_ARGUMENT (never, tested). */
MF_MUST_CHECK bool mf_recommend_settings_start(mf_settings *settings, mf_recommend_settings *values,
                                               mf_error *err);

/* The limits of a request. */
typedef struct mf_recommend_limits {
    uint32_t usual_top_n; /* when a request has none */
    uint32_t max_top_n;
} mf_recommend_limits;

mf_recommend_limits mf_recommend_settings_limits(const mf_recommend_settings *values);

#endif
