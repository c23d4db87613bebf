/* predictor.c: a model in this process works in slices, between which the deadline is checked. A
 * failed call of an endpoint becomes a problem that shows no more of it than its user may see. */
#include "lambda/predict/predictor.h"

#include "base/clock.h"
#include "lambda/aws/sagemaker_runtime.h"

#include <jansson.h>
#include <string.h>

enum {
    SLICE_US = 5000, /* between two looks at the clock */
    RESPONSE_BYTES_KEPT = 1 << 20,
};

/* ----------------------------------------------------------- a model in this process */

static bool work(mf_inference *inference, mf_workspace *workspace, int64_t deadline_ms,
                 mf_predict_problem *problem)
{
    mf_error err = {0};
    mf_inference_progress progress;
    while ((progress = mf_inference_step(inference, workspace, SLICE_US, &err)) ==
           MF_INFERENCE_MORE)
        if (mf_clock_wall_ms() >= deadline_ms)
            return mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_TIMEOUT,
                                           "the model was not done in time");
    return progress == MF_INFERENCE_DONE || mf_predict_problem_of_error(problem, &err);
}

static bool compute(mf_predict_predictor *p, const char *instance, size_t n_instance,
                    int64_t deadline_ms, const char **response, size_t *n_response,
                    mf_predict_problem *problem)
{
    const mf_lambda_model *held = p->source->model;
    mf_inference_limits limits = p->limits;
    mf_error err = {0};
    limits.lists = held->lists;
    mf_text_clear(&p->response, RESPONSE_BYTES_KEPT);
    mf_inference *inference =
        mf_inference_create(held->recommender, &limits, MF_INFERENCE_JSON, MF_INFERENCE_JSON,
                            instance, n_instance, &p->response, &err);
    if (inference == NULL)
        return mf_predict_problem_of_error(problem, &err);
    const bool ok = work(inference, held->workspace, deadline_ms, problem);
    mf_inference_destroy(inference);
    *response = p->response.bytes;
    *n_response = p->response.n_bytes;
    return ok;
}

void mf_predict_model_predictor(mf_predict_predictor *predictor,
                                const mf_lambda_model_source *source,
                                const mf_inference_limits *limits)
{
    *predictor = (mf_predict_predictor){.predict = compute, .source = source, .limits = *limits};
}

/* ----------------------------------------------------------------------- an endpoint */

/* The message of serve's {"error":{"code","message"}}, which is about the instance and
 * nothing else. Another container may put anything there, so a message that looks like a part of
 * the system is not passed on. */
static bool quote_container(mf_predict_problem *problem, mf_predict_problem_kind kind,
                            const char *body)
{
    static const char *const suspect[] = {"arn:", "://", "amazonaws", "/opt/", "Traceback"};
    bool quoted = false;
    json_t *root = json_loads(body, 0, NULL);
    const json_t *error = json_object_get(root, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    if (message != NULL && json_is_string(json_object_get(error, "code")) &&
        json_object_size(root) == 1) {
        bool is_clean = message[0] != '\0';
        for (size_t i = 0; i < sizeof suspect / sizeof suspect[0]; i++)
            is_clean = is_clean && strstr(message, suspect[i]) == NULL;
        if (is_clean) {
            mf_predict_problem_set(problem, kind, "%s", message);
            quoted = true;
        }
    }
    json_decref(root);
    return quoted;
}

static mf_predict_problem_kind kind_of_model(int original_status)
{
    switch (original_status) {
    case 404:
        return MF_PREDICT_PROBLEM_NOT_FOUND;
    case 413:
        return MF_PREDICT_PROBLEM_TOO_LARGE;
    case 429:
        return MF_PREDICT_PROBLEM_THROTTLED;
    case 400:
    case 406:
    case 422:
        return MF_PREDICT_PROBLEM_BAD_REQUEST;
    default: /* 401, 405, 408, …: not a mistake of the user's */
        return MF_PREDICT_PROBLEM_MODEL;
    }
}

static mf_predict_problem_kind kind_of(const mf_aws_failure *failure)
{
    switch (failure->kind) {
    case MF_AWS_THROTTLED:
        return MF_PREDICT_PROBLEM_THROTTLED;
    case MF_AWS_TIMED_OUT:
        return MF_PREDICT_PROBLEM_TIMEOUT;
    case MF_AWS_LOCAL:
        return MF_PREDICT_PROBLEM_INTERNAL;
    case MF_AWS_MODEL:
        return kind_of_model(failure->original_status);
    default:
        return MF_PREDICT_PROBLEM_MODEL;
    }
}

bool mf_predict_endpoint_problem(mf_predict_problem *problem, const mf_aws_failure *failure)
{
    const mf_predict_problem_kind kind = kind_of(failure);
    const bool is_users = kind == MF_PREDICT_PROBLEM_BAD_REQUEST ||
                          kind == MF_PREDICT_PROBLEM_NOT_FOUND ||
                          kind == MF_PREDICT_PROBLEM_TOO_LARGE;
    if (is_users && quote_container(problem, kind, failure->original_message))
        return false;
    if (kind == MF_PREDICT_PROBLEM_BAD_REQUEST)
        return mf_predict_problem_set(problem, kind, "the model rejects this request");
    return mf_predict_problem_hide(problem, kind, "%s (%s, %s, status %d, %u tries)",
                                   failure->error.text, mf_aws_kind_name(failure->kind),
                                   failure->code[0] != '\0' ? failure->code : "no code",
                                   failure->status, (unsigned)failure->n_tries);
}

static bool call(mf_predict_predictor *p, const char *instance, size_t n_instance,
                 int64_t deadline_ms, const char **response, size_t *n_response,
                 mf_predict_problem *problem)
{
    const mf_aws_invocation invocation = {
        .endpoint_name = p->endpoint_name,
        .content_type = "application/json",
        .accept = "application/json",
        .body = instance,
        .n_body = n_instance,
        .deadline_ms = deadline_ms,
    };
    mf_aws_inference inference;
    mf_aws_failure failure;
    if (!mf_aws_invoke_endpoint(p->client, &invocation, &inference, &failure))
        return mf_predict_endpoint_problem(problem, &failure);
    *response = inference.body;
    *n_response = inference.n_body;
    return true;
}

bool mf_predict_endpoint_predictor(mf_predict_predictor *predictor, const char *endpoint_name,
                                   mf_error *err)
{
    const mf_aws_client_settings settings = {.service = MF_AWS_SAGEMAKER_RUNTIME};
    *predictor = (mf_predict_predictor){.predict = call,
                                        .client = mf_aws_client_create(&settings, err),
                                        .endpoint_name = endpoint_name};
    return predictor->client != NULL;
}

void mf_predict_predictor_end(mf_predict_predictor *predictor)
{
    mf_text_free(&predictor->response);
    mf_aws_client_destroy(predictor->client);
    *predictor = (mf_predict_predictor){.predict = NULL};
}
