/* handler.c: checks path and method, then runs one stage after the other until one sets a problem. */
#include "lambda/predict/handler.h"

#include "base/clock.h"
#include "lambda/predict/decode.h"
#include "lambda/predict/gateway.h"
#include "lambda/predict/response.h"

#include <string.h>

enum { BYTES_KEPT = 1 << 20 };

/* True for "/predict", "/v1/predict/", "/" and no path at all. */
static bool is_our_path(const mf_predict_request *request, const char *route)
{
    const size_t n_route = strlen(route);
    size_t n = request->n_path;
    if (n > 0 && request->path[n - 1] == '/')
        n--;
    if (n == 0)
        return true;
    const char *end = request->path + n;
    return n > n_route && end[-(ptrdiff_t)n_route - 1] == '/' &&
           memcmp(end - n_route, route, n_route) == 0;
}

static bool is_method(const mf_predict_request *request, const char *method)
{
    return strcmp(request->method, method) == 0;
}

static bool check_target(const mf_predict_handler *h, mf_predict_problem *problem)
{
    const mf_predict_request *request = &h->request;
    if (request->integration == MF_PREDICT_DIRECT)
        return true;
    if (request->is_health_check)
        return true;
    if (!is_our_path(request, h->settings->route))
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_NOT_FOUND,
                                      "nothing is here: POST to /%s", h->settings->route);
    if (request->method[0] == '\0')
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "the event names no method");
    if (!is_method(request, "POST") && !is_method(request, "GET") && !is_method(request, "OPTIONS"))
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_METHOD,
                                      "%.16s is not understood here: use POST or GET",
                                      request->method);
    return true;
}

static bool is_closed(const mf_predict_handler *h)
{
    return h->settings->outsiders == MF_PREDICT_CLOSED;
}

/* The instance, and the JSON that the model is sent. */
static bool read_instance(mf_predict_handler *h, mf_predict_problem *problem)
{
    const char *body = h->request.body;
    size_t n_body = h->request.n_body;
    if (is_method(&h->request, "GET") && h->request.query == NULL)
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "the request is incomplete: add ?userId=…&movieId=…");
    if (h->request.query != NULL) {
        if (!mf_predict_query_write(h->request.query, &h->query_body, problem))
            return false;
        body = h->query_body.bytes;
        n_body = h->query_body.n_bytes;
    }
    return mf_predict_decode(&h->instance, &h->limits, is_closed(h), body, n_body, &h->sent,
                             problem);
}

/* Redis gets an eighth of the time at most. True: *sent has events. */
static bool add_events(mf_predict_handler *h, int64_t budget_ms, mf_predict_outcome *outcome)
{
    if (h->cache == NULL || is_closed(h) || !mf_predict_takes_events(&h->instance))
        return false;
    const double start = mf_clock_seconds();
    const bool has_events = mf_predict_add_events(h->cache, &h->instance, budget_ms / 8, &h->sent);
    outcome->cache_ms = (mf_clock_seconds() - start) * 1e3;
    return has_events;
}

static bool is_rejection(const mf_predict_problem *problem)
{
    return problem->kind == MF_PREDICT_PROBLEM_BAD_REQUEST ||
           problem->kind == MF_PREDICT_PROBLEM_TOO_LARGE;
}

static bool predict(mf_predict_handler *h, const mf_lambda_invocation *invocation,
                    const char **model, size_t *n_model, mf_predict_outcome *outcome)
{
    const int64_t budget_ms = mf_lambda_budget_ms(invocation, h->settings->margin_ms);
    if (budget_ms == 0)
        return mf_predict_problem_hide(&outcome->problem, MF_PREDICT_PROBLEM_TIMEOUT,
                                       "the time was up before the model was called");
    const int64_t deadline_ms = mf_clock_wall_ms() + budget_ms;
    const size_t n_sent = h->sent.n_bytes;
    bool has_events = add_events(h, budget_ms, outcome);
    bool ok;
    if (h->sent.failed)
        return mf_predict_problem_hide(&outcome->problem, MF_PREDICT_PROBLEM_INTERNAL,
                                       "no memory for a request");
    const double start = mf_clock_seconds();
    while (!(ok = h->predictor->predict(h->predictor, h->sent.bytes, h->sent.n_bytes, deadline_ms,
                                        model, n_model, &outcome->problem)) &&
           has_events && is_rejection(&outcome->problem)) {
        mf_predict_drop_events(&h->sent, n_sent);
        outcome->problem = (mf_predict_problem){.kind = MF_PREDICT_PROBLEM_NONE};
        has_events = false;
    }
    outcome->called_model = true;
    outcome->model_ms = (mf_clock_seconds() - start) * 1e3;
    return ok;
}

/* Writes the body of the response to h->response_body. */
static bool compute(mf_predict_handler *h, const mf_lambda_invocation *invocation,
                    mf_predict_outcome *outcome)
{
    const char *model = NULL;
    size_t n_model = 0;
    if (!read_instance(h, &outcome->problem))
        return false;
    if (h->movies == NULL && h->settings->movies_uri[0] != '\0')
        return mf_predict_problem_hide(&outcome->problem, MF_PREDICT_PROBLEM_MOVIES, "%s",
                                       h->movies_failure);
    return predict(h, invocation, &model, &n_model, outcome) &&
           mf_predict_response_write(&h->instance, is_closed(h), model, n_model, h->movies,
                                     &h->response_body, &outcome->problem);
}

bool mf_predict_handle(mf_predict_handler *handler, const mf_lambda_invocation *invocation,
                       mf_text *response, mf_predict_outcome *outcome, mf_error *err)
{
    mf_predict_handler *h = handler;
    mf_predict_problem *problem = &outcome->problem;
    const char *origin = h->settings->allow_origin;
    *outcome = (mf_predict_outcome){.status = 0};
    mf_text_clear(&h->query_body, BYTES_KEPT);
    mf_text_clear(&h->sent, BYTES_KEPT);
    mf_text_clear(&h->response_body, BYTES_KEPT);
    bool ok =
        mf_predict_request_read(&h->request, invocation->event, invocation->n_event, problem) &&
        check_target(h, problem);
    outcome->integration = h->request.integration;
    outcome->is_health_check = h->request.is_health_check;
    if (ok && is_method(&h->request, "OPTIONS")) {
        outcome->status = 204;
        mf_predict_respond_to_options(response, outcome->integration, origin);
        return true;
    }
    if (ok && outcome->is_health_check)
        mf_text_literal(&h->response_body, "{\"status\": \"ok\"}");
    ok = ok && (outcome->is_health_check || compute(h, invocation, outcome)) &&
         mf_predict_respond(response, outcome->integration, origin, &h->response_body, problem);
    outcome->status = mf_predict_problem_status(problem->kind);
    return ok ||
           mf_predict_respond_with_problem(response, outcome->integration, origin, problem, err);
}

void mf_predict_handler_free(mf_predict_handler *handler)
{
    mf_predict_request_free(&handler->request);
    mf_instance_free(&handler->instance);
    mf_text_free(&handler->query_body);
    mf_text_free(&handler->sent);
    mf_text_free(&handler->response_body);
}
