/* handler.c: promises in handler.h. */
#include "lambda/predict/handler.h"

#include "base/clock.h"
#include "lambda/predict/answer.h"
#include "lambda/predict/asked.h"
#include "lambda/predict/query.h"
#include "lambda/predict/reply.h"

#include <string.h>

enum { BYTES_KEPT = 1 << 20 };

/* "/predict", "/v1/predict/", "/" and no path at all are ours. */
static bool is_our_path(const mf_request *request, const char *route)
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

static bool is_method(const mf_request *request, const char *method)
{
    return strcmp(request->method, method) == 0;
}

static bool check_target(const mf_predict_handler *h, mf_problem *problem)
{
    const mf_request *request = &h->request;
    if (request->wiring == MF_WIRING_BARE)
        return true;
    if (!is_our_path(request, h->settings->route))
        return mf_problem_say(problem, MF_PROBLEM_NOT_FOUND, "nothing is here: POST to /%s",
                              h->settings->route);
    if (request->method[0] == '\0')
        return mf_problem_say(problem, MF_PROBLEM_BAD_REQUEST, "the event names no method");
    if (!is_method(request, "POST") && !is_method(request, "GET") && !is_method(request, "OPTIONS"))
        return mf_problem_say(problem, MF_PROBLEM_METHOD,
                              "%.16s is not understood here: use POST or GET", request->method);
    return true;
}

/* The question, understood, and its spelling. */
static bool read_question(mf_predict_handler *h, mf_problem *problem)
{
    const char *body = h->request.body;
    size_t n_body = h->request.n_body;
    if (is_method(&h->request, "GET")) {
        if (h->request.query == NULL)
            return mf_problem_say(problem, MF_PROBLEM_BAD_REQUEST,
                                  "nothing is asked: add ?userId=…&movieId=…");
        mf_query_write(h->request.query, &h->body);
        if (h->body.failed)
            return mf_problem_hide(problem, MF_PROBLEM_INTERNAL, "no memory for a query");
        body = h->body.bytes;
        n_body = h->body.n_bytes;
    }
    return mf_asked_read(&h->question, &h->limits, body, n_body, &h->spelling, problem);
}

static bool ask(mf_predict_handler *h, const mf_lambda_invocation *invocation, const char **said,
                size_t *n_said, mf_predict_outcome *outcome)
{
    const int64_t budget_ms = mf_lambda_budget_ms(invocation, h->settings->margin_ms);
    if (budget_ms == 0)
        return mf_problem_hide(&outcome->problem, MF_PROBLEM_TIMEOUT,
                               "the time was up before the model was asked");
    const double start = mf_clock_seconds();
    const bool ok =
        h->predictor->ask(h->predictor->context, h->spelling.bytes, h->spelling.n_bytes,
                          mf_clock_wall_ms() + budget_ms, said, n_said, &outcome->problem);
    outcome->asked_model = true;
    outcome->model_ms = (mf_clock_seconds() - start) * 1e3;
    return ok;
}

/* The body of the answer, into h->answer. */
static bool answer(mf_predict_handler *h, const mf_lambda_invocation *invocation,
                   mf_predict_outcome *outcome)
{
    const char *said = NULL;
    size_t n_said = 0;
    return read_question(h, &outcome->problem) && ask(h, invocation, &said, &n_said, outcome) &&
           mf_predict_answer_write(&h->question, said, n_said, h->movies, &h->answer,
                                   &outcome->problem);
}

bool mf_predict_handle(mf_predict_handler *handler, const mf_lambda_invocation *invocation,
                       mf_text *response, mf_predict_outcome *outcome, mf_error *err)
{
    mf_predict_handler *h = handler;
    mf_problem *problem = &outcome->problem;
    const char *origin = h->settings->allow_origin;
    *outcome = (mf_predict_outcome){.status = 0};
    mf_text_clear(&h->body, BYTES_KEPT);
    mf_text_clear(&h->spelling, BYTES_KEPT);
    mf_text_clear(&h->answer, BYTES_KEPT);
    bool ok = mf_request_read(&h->request, invocation->event, invocation->n_event, problem) &&
              check_target(h, problem);
    outcome->wiring = h->request.wiring;
    if (ok && is_method(&h->request, "OPTIONS")) {
        outcome->status = 204;
        mf_reply_options(response, origin);
        return true;
    }
    ok = ok && answer(h, invocation, outcome) &&
         mf_reply_answer(response, outcome->wiring, origin, &h->answer, problem);
    outcome->status = mf_problem_status(problem->kind);
    return ok || mf_reply_problem(response, outcome->wiring, origin, problem, err);
}

void mf_predict_handler_free(mf_predict_handler *handler)
{
    mf_request_free(&handler->request);
    mf_question_free(&handler->question);
    mf_text_free(&handler->body);
    mf_text_free(&handler->spelling);
    mf_text_free(&handler->answer);
}
