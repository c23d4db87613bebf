/* settings_mapping.c: event source mappings: what there may be, and what goes together. */
#include "settings_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_stream(const char *name)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && strchr("_.-", name[i]) == NULL)
            return false;
    return n > 0 && n <= 128;
}

/* The name behind "…:stream/" or "…:function:", or the text itself. */
static const char *behind(const char *text, const char *mark)
{
    const char *at = strncmp(text, "arn:", 4) == 0 ? strstr(text, mark) : NULL;
    return at != NULL ? at + strlen(mark) : text;
}

static bool set_stream(mf_mapping_settings *mapping, const mf_local_settings *settings,
                       const char *stream, mf_error *err)
{
    char arn[256];
    const char *name = behind(stream, ":stream/");
    if (!is_stream(name) || strlen(stream) >= sizeof arn)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "mapping of \"%.160s\": expected the name or ARN of a Kinesis stream",
                       stream);
    snprintf(arn, sizeof arn, "arn:aws:kinesis:%.32s:%.32s:stream/%s", settings->region,
             settings->account, name);
    return mf_local_copy(&mapping->stream, name, err) &&
           mf_local_copy(&mapping->arn, name == stream ? arn : stream, err);
}

mf_mapping_settings *mf_local_settings_add_mapping(mf_local_settings *settings, const char *stream,
                                                   const char *function, mf_error *err)
{
    if (settings->n_mappings == MF_MAPPINGS_MAX) {
        mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d mappings", MF_MAPPINGS_MAX);
        return NULL;
    }
    const uint32_t index = mf_local_find_function(settings, behind(function, ":function:"));
    if (index == settings->n_functions) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                "mapping of %.160s leads to \"%.64s\": there is no such function", stream,
                function);
        return NULL;
    }
    mf_mapping_settings *mapping = &settings->mappings[settings->n_mappings++];
    mapping->function = index;
    return mf_mapping_settings_start(mapping, err) && set_stream(mapping, settings, stream, err)
               ? mapping
               : NULL;
}

static bool check_mapping(const mf_mapping_settings *mapping, mf_error *err)
{
    const char *what = NULL;
    if (mapping->position == MF_START_UNSET)
        what = "StartingPosition is missing: TRIM_HORIZON, LATEST or AT_TIMESTAMP";
    else if ((mapping->position == MF_START_AT_TIMESTAMP) != (mapping->timestamp > 0))
        what = "StartingPosition AT_TIMESTAMP and StartingPositionTimestamp go together";
    else if (mapping->window_s > 0 && mapping->parallelization > 1)
        what = "TumblingWindowInSeconds does not go with a ParallelizationFactor above 1";
    else if (strncmp(mapping->on_failure, "arn:", 4) == 0)
        what = "OnFailure: there are no queues and topics here; expected the path of a file";
    return what == NULL ||
           mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "mapping of %s: %s", mapping->stream, what);
}

static const char *kinesis_url(const mf_local_settings *settings)
{
    static const char *const variables[] = {"AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"};
    if (settings->kinesis[0] != '\0')
        return settings->kinesis;
    for (size_t i = 0; i < 2; i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

bool mf_local_mappings_check(mf_local_settings *settings, mf_error *err)
{
    for (uint32_t i = 0; i < settings->n_mappings; i++)
        if (!check_mapping(&settings->mappings[i], err))
            return false;
    const char *url = settings->n_mappings > 0 || settings->kinesis[0] != '\0'
                          ? kinesis_url(settings)
                          : "http://none";
    if (url == NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "a mapping needs the address of a stand-in for Kinesis: the setting "
                       "kinesis, or AWS_ENDPOINT_URL_KINESIS");
    return mf_local_read_address(&settings->kinesis_at, "kinesis", url, err);
}

void mf_mapping_settings_free(mf_mapping_settings *mapping)
{
    free(mapping->stream);
    free(mapping->arn);
    free(mapping->on_failure);
}
