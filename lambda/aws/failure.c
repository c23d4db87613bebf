/* failure.c: promises in failure.h. */
#include "lambda/aws/failure.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name;
    const char *public_text;
} kinds[MF_AWS_KINDS] = {
    [MF_AWS_FINE] = {"fine", ""},
    [MF_AWS_THROTTLED] = {"throttled", "the service is busy, please try again in a moment"},
    [MF_AWS_REJECTED] = {"rejected", "the request could not be carried out"},
    [MF_AWS_MISSING] = {"missing", "the service is not available"},
    [MF_AWS_MODEL] = {"model", "the model could not answer this request"},
    [MF_AWS_SERVER] = {"server", "the service is not available, please try again in a moment"},
    [MF_AWS_TIMED_OUT] = {"timed_out", "the service took too long to answer"},
    [MF_AWS_UNREACHABLE] = {"unreachable",
                            "the service is not available, please try again in a moment"},
    [MF_AWS_DENIED] = {"denied", "the service is not available"},
    [MF_AWS_EXPIRED] = {"expired", "the service is not available"},
    [MF_AWS_SKEWED] = {"skewed", "the service is not available"},
    [MF_AWS_WRONG_REGION] = {"wrong_region", "the service is not available"},
    [MF_AWS_UNTRUSTED] = {"untrusted", "the service is not available"},
    [MF_AWS_TOO_LARGE] = {"too_large", "the answer would be too large"},
    [MF_AWS_LOCAL] = {"local", "the request could not be carried out"},
};

const char *mf_aws_kind_name(mf_aws_kind kind)
{
    return kinds[kind].name;
}

const char *mf_aws_failure_public(const mf_aws_failure *failure)
{
    return kinds[failure->kind].public_text;
}

bool mf_aws_fail(mf_aws_failure *failure, mf_error_code code, const char *format, ...)
{
    char text[MF_ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    failure->kind = MF_AWS_LOCAL;
    return mf_fail(&failure->error, code, MF_NOWHERE, "%s", text);
}

bool mf_aws_failure_to_error(const mf_aws_failure *failure, mf_error *err)
{
    return mf_fail(err, failure->error.code, MF_NOWHERE, "%s", failure->error.text);
}
