/* failure.c: promises in failure.h. */
#include "lambda/aws/failure.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[MF_AWS_KINDS] = {
    [MF_AWS_FINE] = "fine",           [MF_AWS_THROTTLED] = "throttled",
    [MF_AWS_REJECTED] = "rejected",   [MF_AWS_MISSING] = "missing",
    [MF_AWS_MODEL] = "model",         [MF_AWS_SERVER] = "server",
    [MF_AWS_TIMED_OUT] = "timed_out", [MF_AWS_UNREACHABLE] = "unreachable",
    [MF_AWS_DENIED] = "denied",       [MF_AWS_EXPIRED] = "expired",
    [MF_AWS_SKEWED] = "skewed",       [MF_AWS_WRONG_REGION] = "wrong_region",
    [MF_AWS_UNTRUSTED] = "untrusted", [MF_AWS_TOO_LARGE] = "too_large",
    [MF_AWS_LOCAL] = "local",
};

const char *mf_aws_kind_name(mf_aws_kind kind)
{
    return names[kind];
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
