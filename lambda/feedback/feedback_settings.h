/* feedback_settings.h: the function's settings, from the environment. Those of Redis are
 * mf_cache_settings (cache/cache.h).
 *
 * Threads: one, at the start. */
#ifndef MF_LAMBDA_FEEDBACK_SETTINGS_H
#define MF_LAMBDA_FEEDBACK_SETTINGS_H

#include "base/settings.h"

typedef struct mf_feedback_settings {
    uint32_t most;                                  /* events of a user       */
    uint32_t ttl_seconds;                           /* from the last event on */
    char dead_letter_stream[MF_SETTING_TEXT_BYTES]; /* name or ARN, or "" */
    uint32_t margin_ms; /* everything ends this long before the function's timeout */
    bool metrics;
} mf_feedback_settings;

/* Reads the environment. Fails MF_ERR_CONFIG. settings is for mf_settings_log. */
MF_MUST_CHECK bool mf_feedback_settings_read(mf_settings *settings, mf_feedback_settings *values,
                                             mf_error *err);

/* Every variable at its default, for --help. Fails MF_ERR_ARGUMENT (never, tested). */
MF_MUST_CHECK bool mf_feedback_settings_start(mf_settings *settings, mf_feedback_settings *values,
                                              mf_error *err);

#endif
