/* predictor_endpoint.c: the predictor that asks a SageMaker endpoint. */
#include "lambda/predict/predictor.h"

#include "base/memory.h"
#include "lambda/aws/sagemaker_runtime.h"

#include <jansson.h>
#include <string.h>

typedef struct endpoint {
    mf_aws_client *client;
    const char *name;
} endpoint;

/* The message of serve's {"error":{"code","message"}}, which is about the question and
 * nothing else. Another container may say anything in those words too, so what looks like
 * a part of the system is not passed on. */
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
    default: /* 401, 405, 408, …: the container and we do not understand each other */
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
    const bool is_question = kind == MF_PREDICT_PROBLEM_BAD_REQUEST ||
                             kind == MF_PREDICT_PROBLEM_NOT_FOUND ||
                             kind == MF_PREDICT_PROBLEM_TOO_LARGE;
    if (is_question && quote_container(problem, kind, failure->original_message))
        return false;
    if (kind == MF_PREDICT_PROBLEM_BAD_REQUEST)
        return mf_predict_problem_set(problem, kind, "the model refuses this question");
    return mf_predict_problem_hide(problem, kind, "%s (%s, %s, status %d, %u tries)",
                                   failure->error.text, mf_aws_kind_name(failure->kind),
                                   failure->code[0] != '\0' ? failure->code : "no code",
                                   failure->status, (unsigned)failure->n_tries);
}

static bool ask(void *context, const char *question, size_t n_question, int64_t deadline_ms,
                const char **response, size_t *n_response, mf_predict_problem *problem)
{
    const endpoint *e = context;
    const mf_aws_invocation invocation = {
        .endpoint_name = e->name,
        .content_type = "application/json",
        .accept = "application/json",
        .body = question,
        .n_body = n_question,
        .deadline_ms = deadline_ms,
    };
    mf_aws_inference inference;
    mf_aws_failure failure;
    if (!mf_aws_invoke_endpoint(e->client, &invocation, &inference, &failure))
        return mf_predict_endpoint_problem(problem, &failure);
    *response = inference.body;
    *n_response = inference.n_body;
    return true;
}

static void destroy(void *context)
{
    endpoint *e = context;
    mf_aws_client_destroy(e->client);
    mf_free(e);
}

bool mf_predict_endpoint_predictor(mf_predict_predictor *predictor, const char *endpoint_name,
                                   mf_error *err)
{
    const mf_aws_client_settings settings = {.service = MF_AWS_SAGEMAKER_RUNTIME};
    endpoint *e = mf_allocate(1, sizeof *e, "an endpoint", err);
    if (e == NULL)
        return false;
    e->name = endpoint_name;
    e->client = mf_aws_client_create(&settings, err);
    if (e->client == NULL) {
        mf_free(e);
        return false;
    }
    *predictor = (mf_predict_predictor){.context = e, .ask = ask, .destroy = destroy};
    return true;
}
