/* predict_settings.h: the environment variables of predict.
 *
 * The table in predict_settings.c has every name, range, default and one line of
 * help; docs/functions.md has the same table. AWS's own variables (region, keys, endpoints) are read by
 * lambda/aws, those of the platform by lambda/runtime.
 *
 * Threads: a value to read; any number. */
#ifndef MF_LAMBDA_PREDICT_PREDICT_SETTINGS_H
#define MF_LAMBDA_PREDICT_PREDICT_SETTINGS_H

#include "base/error.h"
#include "base/settings.h"
#include "inference/inference.h"
#include "lambda/aws/sagemaker_runtime.h"

/* What callers may request about a user of the training data (decode.h). */
typedef enum mf_predict_outsiders { MF_PREDICT_OPEN, MF_PREDICT_CLOSED } mf_predict_outsiders;

typedef struct mf_predict_settings {
    char endpoint_name[MF_AWS_ENDPOINT_NAME_BYTES]; /* "": the model is in this process */
    char model_uri[MF_SETTING_TEXT_BYTES];          /* "": it is behind the endpoint    */
    uint32_t model_refresh_seconds;                 /* 0: never; of model_uri           */
    char movies_uri[MF_SETTING_TEXT_BYTES];         /* s3://bucket/key or a path; "": no titles */
    uint32_t movies_refresh_seconds;                /* 0: never                         */
    char allow_origin[MF_SETTING_TEXT_BYTES];       /* "": no header */
    mf_predict_outsiders outsiders;
    char route[64];
    uint32_t max_top_n;
    uint32_t max_fold_in;
    uint32_t margin_ms;
    bool metrics;
} mf_predict_settings;

/* Reads and checks the environment. Fails MF_ERR_CONFIG with a sentence that names the
 * variable. settings is for mf_settings_log. */
MF_MUST_CHECK bool mf_predict_settings_read(mf_settings *settings, mf_predict_settings *values,
                                            mf_error *err);

/* Every variable at its default, for --help. Fails MF_ERR_ARGUMENT (never, tested). */
MF_MUST_CHECK bool mf_predict_settings_start(mf_settings *settings, mf_predict_settings *values,
                                             mf_error *err);

/* The limits of an instance. */
mf_inference_limits mf_predict_settings_limits(const mf_predict_settings *values);

#endif
