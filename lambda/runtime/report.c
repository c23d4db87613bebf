/* report.c: promises in report.h. */
#include "lambda/runtime/report.h"

#include <string.h>

const char *mf_report_type(mf_error_code code)
{
    switch (code) {
    case MF_ERR_PARSE:
        return "Function.InvalidEvent";
    case MF_ERR_UNKNOWN:
        return "Function.NotFound";
    case MF_ERR_NOT_ACCEPTABLE:
        return "Function.NotAcceptable";
    case MF_ERR_LIMIT:
        return "Function.LimitExceeded";
    case MF_ERR_CONFIG:
        return "Function.ConfigurationError";
    case MF_ERR_FORMAT:
        return "Function.InvalidData";
    case MF_ERR_IO:
        return "Function.DownstreamError";
    case MF_ERR_MEMORY:
        return "Function.OutOfMemory";
    case MF_ERR_STOPPED:
        return "Function.Stopped";
    case MF_OK:
    case MF_ERR_ARGUMENT:
    case MF_ERR_DIVERGED:
        break;
    }
    return "Function.InternalError";
}

void mf_report_write(mf_text *text, const char *type, const char *message)
{
    mf_text_clear(text, text->room);
    mf_text_literal(text, "{\"errorMessage\":");
    mf_text_json(text, message, strlen(message));
    mf_text_literal(text, ",\"errorType\":");
    mf_text_json(text, type, strlen(type));
    mf_text_literal(text, ",\"stackTrace\":[]}");
}
