/* function.c: promises in function.h. */
#include "lambda/predict/function.h"

#include "base/clock.h"
#include "base/log.h"
#include "lambda/predict/endpoint.h"
#include "lambda/predict/in_process.h"
#include "lambda/runtime/metrics.h"

/* Lambda gives a start 10 s; a sentence about what took too long has to get out too. */
enum { START_MS = 9000 };

static bool start_s3(mf_predict_function *f, mf_error *err)
{
    const mf_aws_client_settings settings = {.service = MF_AWS_S3};
    if (!mf_aws_s3_uri_is(f->settings.movies_uri) && !mf_aws_s3_uri_is(f->settings.model_uri))
        return true;
    f->s3 = mf_aws_client_create(&settings, err);
    return f->s3 != NULL;
}

static bool start_predictor(mf_predict_function *f, int64_t deadline_ms, mf_error *err)
{
    const mf_inference_limits limits = mf_predict_settings_limits(&f->settings);
    f->handler.predictor = &f->predictor;
    if (f->settings.endpoint_name[0] != '\0')
        return mf_endpoint_predictor(&f->predictor, f->settings.endpoint_name, err);
    f->model = mf_lambda_model_source_create(f->settings.model_uri, f->s3, err);
    return f->model != NULL && mf_lambda_model_source_load(f->model, deadline_ms, err) &&
           mf_in_process_predictor(&f->predictor, f->model, &limits, err);
}

bool mf_predict_start(void *context, mf_error *err)
{
    mf_predict_function *f = context;
    const int64_t deadline_ms = mf_clock_wall_ms() + START_MS;
    mf_settings settings;
    if (!mf_predict_settings_read(&settings, &f->settings, err))
        return false;
    mf_settings_log(&settings, MF_LOG_DEBUG, "settings");
    if (!start_s3(f, err))
        return false;
    f->movies = mf_movies_source_create(f->settings.movies_uri, f->s3, err);
    if (f->movies == NULL || !mf_movies_source_load(f->movies, deadline_ms, err) ||
        !start_predictor(f, deadline_ms, err))
        return false;
    f->handler.settings = &f->settings;
    f->handler.limits = mf_predict_settings_limits(&f->settings);
    return true;
}

/* The table may be another one afterwards. */
static void refresh_movies(mf_predict_function *f, const mf_lambda_invocation *invocation)
{
    const int64_t budget_ms = mf_lambda_budget_ms(invocation, f->settings.margin_ms);
    const int64_t until_ms = mf_lambda_watched_ask_until_ms(mf_movies_source_place(f->movies),
                                                            f->settings.movies_refresh_seconds,
                                                            budget_ms / 4, MF_REFRESH_MS);
    if (until_ms > 0)
        mf_movies_source_refresh(f->movies, until_ms);
    f->handler.movies = mf_movies_source_get(f->movies);
}

static void log_outcome(const mf_predict_outcome *outcome)
{
    const mf_problem_kind kind = outcome->problem.kind;
    const bool has_detail = outcome->problem.detail.code != MF_OK;
    /* The runtime has a line of its own for an invocation that fails. */
    if (kind == MF_PROBLEM_NONE || (outcome->wiring == MF_WIRING_BARE && !has_detail))
        return;
    mf_log_line line;
    mf_log_begin(&line, outcome->status >= 500 ? MF_LOG_ERROR : MF_LOG_INFO, "refused");
    mf_log_count(&line, "status", (uint64_t)outcome->status);
    mf_log_text(&line, "code", mf_problem_code(kind));
    if (outcome->asked_model)
        mf_log_number(&line, "model_ms", outcome->model_ms, 3);
    if (has_detail)
        mf_log_text(&line, "message", outcome->problem.detail.text);
    mf_log_end(&line);
}

static void write_metrics(const mf_predict_function *f, const mf_lambda_invocation *invocation,
                          const mf_predict_outcome *outcome, double latency_ms)
{
    static const char *const names[] = {"predict"};
    static const mf_lambda_dimension function = {"Function", names, 1};
    const mf_problem_kind kind = outcome->problem.kind;
    mf_lambda_metrics metrics;
    mf_lambda_metrics_begin(&metrics, "Recommender", invocation->request_id);
    mf_lambda_metrics_dimension(&metrics, &function, 0);
    mf_lambda_metrics_add(&metrics, "Latency", MF_LAMBDA_UNIT_MILLISECONDS, latency_ms);
    if (outcome->asked_model)
        mf_lambda_metrics_add(&metrics, "ModelLatency", MF_LAMBDA_UNIT_MILLISECONDS,
                              outcome->model_ms);
    mf_lambda_metrics_add(&metrics, "MoviesAge", MF_LAMBDA_UNIT_SECONDS,
                          (double)mf_lambda_watched_age_ms(mf_movies_source_place(f->movies)) /
                              1e3);
    if (f->model != NULL)
        mf_lambda_metrics_add(
            &metrics, "ModelAge", MF_LAMBDA_UNIT_SECONDS,
            (double)mf_lambda_watched_age_ms(mf_lambda_model_source_place(f->model)) / 1e3);
    mf_lambda_metrics_add(&metrics, "Errors", MF_LAMBDA_UNIT_COUNT,
                          kind == MF_PROBLEM_NONE ? 0 : 1);
    if (kind != MF_PROBLEM_NONE)
        mf_lambda_metrics_add(&metrics, mf_problem_metric(kind), MF_LAMBDA_UNIT_COUNT, 1);
    mf_lambda_metrics_end(&metrics);
}

bool mf_predict_event(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                      mf_error *err)
{
    mf_predict_function *f = context;
    mf_predict_outcome outcome;
    const double start = mf_clock_seconds();
    refresh_movies(f, invocation);
    mf_lambda_model_source_refresh_before(f->model, f->settings.model_refresh_seconds,
                                          mf_lambda_budget_ms(invocation, f->settings.margin_ms));
    const bool ok = mf_predict_handle(&f->handler, invocation, response, &outcome, err);
    log_outcome(&outcome);
    if (f->settings.metrics)
        write_metrics(f, invocation, &outcome, (mf_clock_seconds() - start) * 1e3);
    return ok;
}

void mf_predict_finish(void *context)
{
    mf_predict_function *f = context;
    mf_predict_handler_free(&f->handler);
    mf_predictor_destroy(&f->predictor);
    mf_lambda_model_source_destroy(f->model);
    mf_movies_source_destroy(f->movies);
    mf_aws_client_destroy(f->s3);
}
