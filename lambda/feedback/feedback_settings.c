/* feedback_settings.c: the table of environment variables. */
#include "lambda/feedback/feedback_settings.h"

#include "cache/feedback.h"
#include "lambda/aws/kinesis.h"

#include <string.h>

#define FIELD(name) MF_SETTING_FIELD(mf_feedback_settings, name)

/* clang-format off */
static const mf_setting table[] = {
    {.name = "PROFILE_EVENTS", .type = MF_SETTING_INTEGER, .min = 1, .max = MF_FEEDBACK_MOST,
     .initial = "200", .help = "newest events of a user that are kept", FIELD(most)},
    {.name = "PROFILE_TTL", .type = MF_SETTING_INTEGER, .min = 60, .max = 31536000,
     .initial = "2592000", .help = "seconds that a user's events are kept after the last one; longer "
                                   "than it takes until a model is trained on them",
     FIELD(ttl_seconds)},
    {.name = "DEAD_LETTER_STREAM_NAME", .aliases = "DEAD_LETTER_STREAM_ARN",
     .type = MF_SETTING_TEXT, .initial = "",
     .help = "Kinesis stream for records that are no event, with the reason; empty: they are only logged",
     FIELD(dead_letter_stream)},
    {.name = "ANSWER_MARGIN_MS", .type = MF_SETTING_INTEGER, .min = 0, .max = 60000,
     .initial = "500", .help = "milliseconds before the function's timeout at which all work ends",
     FIELD(margin_ms)},
    {.name = "METRICS", .type = MF_SETTING_BOOLEAN, .initial = "true",
     .help = "write a line of CloudWatch metrics for each batch", FIELD(metrics)},
};
/* clang-format on */

enum { N_SETTINGS = sizeof table / sizeof table[0] };

bool mf_feedback_settings_start(mf_settings *settings, mf_feedback_settings *values, mf_error *err)
{
    memset(values, 0, sizeof *values);
    return mf_settings_start(settings, table, N_SETTINGS, "environment variable", values, err);
}

bool mf_feedback_settings_read(mf_settings *settings, mf_feedback_settings *values, mf_error *err)
{
    mf_error why = {0};
    if (!mf_feedback_settings_start(settings, values, err) ||
        !mf_settings_read_environment(settings, err))
        return false;
    return values->dead_letter_stream[0] == '\0' ||
           mf_aws_kinesis_stream_check(values->dead_letter_stream, &why) ||
           mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "environment variable DEAD_LETTER_STREAM_NAME: %s", why.text);
}
