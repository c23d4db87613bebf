/* problem.c: one table says how each kind shows: code, metric, sentence, status and error. */
#include "lambda/predict/problem.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *code;
    const char *metric;
    const char *usual;
    int status;
    mf_error_code reported;
} kinds[MF_PREDICT_PROBLEM_KINDS] = {
    [MF_PREDICT_PROBLEM_NONE] = {"ok", "Ok", "", 200, MF_OK},
    [MF_PREDICT_PROBLEM_BAD_REQUEST] = {"bad_request", "BadRequest",
                                        "the request is not understood", 400, MF_ERR_PARSE},
    [MF_PREDICT_PROBLEM_NOT_FOUND] = {"not_found", "NotFound",
                                      "the model or the movie does not exist", 404, MF_ERR_UNKNOWN},
    [MF_PREDICT_PROBLEM_METHOD] = {"method_not_allowed", "MethodNotAllowed", "use POST or GET", 405,
                                   MF_ERR_PARSE},
    [MF_PREDICT_PROBLEM_TOO_LARGE] = {"content_too_large", "TooLarge", "the request is too large",
                                      413, MF_ERR_LIMIT},
    [MF_PREDICT_PROBLEM_MEDIA_TYPE] = {"unsupported_media_type", "UnsupportedMediaType",
                                       "send JSON", 415, MF_ERR_PARSE},
    [MF_PREDICT_PROBLEM_THROTTLED] = {"too_many_requests", "Throttled",
                                      "too many requests at once: try again in a moment", 429,
                                      MF_ERR_LIMIT},
    [MF_PREDICT_PROBLEM_INTERNAL] = {"internal_error", "InternalError",
                                     "something went wrong here; the log has the details", 500,
                                     MF_ERR_ARGUMENT},
    [MF_PREDICT_PROBLEM_MOVIES] = {"movies_unreadable", "MoviesError",
                                   "the file of titles cannot be read; the log has the reason", 500,
                                   MF_ERR_CONFIG},
    [MF_PREDICT_PROBLEM_MODEL] = {"bad_gateway", "ModelError",
                                  "the model did not respond as it should; try again later", 502,
                                  MF_ERR_IO},
    [MF_PREDICT_PROBLEM_TIMEOUT] = {"gateway_timeout", "Timeout",
                                    "the model took too long to respond; try again later", 504,
                                    MF_ERR_IO},
};

int mf_predict_problem_status(mf_predict_problem_kind kind)
{
    return kinds[kind].status;
}

const char *mf_predict_problem_code(mf_predict_problem_kind kind)
{
    return kinds[kind].code;
}

const char *mf_predict_problem_metric(mf_predict_problem_kind kind)
{
    return kinds[kind].metric;
}

/* One of the problem's two sentences. */
__attribute__((format(printf, 3, 0))) static bool
fail_list(mf_error *err, mf_predict_problem_kind kind, const char *format, va_list list)
{
    char sentence[MF_ERROR_TEXT_BYTES];
    vsnprintf(sentence, sizeof sentence, format, list);
    return mf_fail(err, kinds[kind].reported, MF_NOWHERE, "%s", sentence);
}

bool mf_predict_problem_set(mf_predict_problem *problem, mf_predict_problem_kind kind,
                            const char *format, ...)
{
    if (problem->kind != MF_PREDICT_PROBLEM_NONE)
        return false;
    va_list list;
    va_start(list, format);
    fail_list(&problem->message, kind, format, list);
    va_end(list);
    problem->kind = kind;
    return false;
}

bool mf_predict_problem_hide(mf_predict_problem *problem, mf_predict_problem_kind kind,
                             const char *format, ...)
{
    if (problem->kind != MF_PREDICT_PROBLEM_NONE)
        return false;
    va_list list;
    va_start(list, format);
    fail_list(&problem->detail, kind, format, list);
    va_end(list);
    return mf_predict_problem_set(problem, kind, "%s", kinds[kind].usual);
}

bool mf_predict_problem_of_error(mf_predict_problem *problem, const mf_error *err)
{
    switch (err->code) {
    case MF_ERR_PARSE:
    case MF_ERR_NOT_ACCEPTABLE:
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST, "%s", err->text);
    case MF_ERR_LIMIT:
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_TOO_LARGE, "%s", err->text);
    case MF_ERR_UNKNOWN:
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_NOT_FOUND, "%s", err->text);
    default:
        return mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_INTERNAL, "%s: %s",
                                       mf_error_name(err->code), err->text);
    }
}

bool mf_predict_problem_to_error(const mf_predict_problem *problem, mf_error *err)
{
    return mf_fail(err, kinds[problem->kind].reported, MF_NOWHERE, "%d %s: %s",
                   kinds[problem->kind].status, kinds[problem->kind].code, problem->message.text);
}
