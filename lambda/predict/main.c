/* main.c: predict, the Lambda function behind POST /predict.
 *
 *     {"userId":"2","movieId":"2959"}  ─▶  {"predicted_rating": 4.4, "movie_title": "Fight Club …"}
 *
 * It connects handler.h with a real model, real movies, a log and metrics.
 *
 * (1) The start reads settings, movies and, when this process computes, the model. A failure is one
 *     sentence. With an endpoint it opens no connection but to the place of the movies and, for the
 *     password of Redis, to Secrets Manager (cache/redis.h). Movies that
 *     are there but cannot be read do not fail the start, which would be "Internal server error" for
 *     a client: requests get 500 movies_unreadable until the file is corrected, for which the
 *     function looks every MOVIES_RETRY_SECONDS.
 * (2) Before an event is handled, the movies are looked at again when the last look was
 *     MOVIES_REFRESH_SECONDS ago, for a quarter of the event's time and MOVIES_REFRESH_MS at most;
 *     the model of this process when it was MODEL_REFRESH_SECONDS ago, for half of the event's time
 *     and MF_LAMBDA_MODEL_REFRESH_MS at most. No event fails because of it.
 * (3) A problem is one line in the log: INFO for a wrong request, without its content; ERROR for our
 *     own faults and the model's, with the details that the response leaves out.
 * (4) Each event is one line of metrics: namespace Recommender, dimension Function=predict:
 *     Latency and ModelLatency (ms), MoviesAge and ModelAge (s), Errors and one more by kind
 *     (count); with Redis also CacheLatency (ms) and CacheErrors (count).
 *
 * Threads: the runtime's. */
#include "base/clock.h"
#include "base/log.h"
#include "lambda/cache/redis.h"
#include "lambda/predict/handler.h"
#include "lambda/runtime/metrics.h"
#include "lambda/runtime/runtime.h"

/* Zeroed before start. */
typedef struct function {
    mf_predict_settings settings;
    mf_aws_client *s3; /* NULL when everything is in files */
    mf_predict_movies_source movies;
    mf_lambda_model_source model; /* zeroed: it is behind an endpoint */
    mf_predict_predictor predictor;
    mf_lambda_redis redis;
    mf_predict_handler handler;
} function;

enum { MOVIES_REFRESH_MS = 1000, MOVIES_RETRY_SECONDS = 10 };

static bool start_s3(function *f, mf_error *err)
{
    const mf_aws_client_settings settings = {.service = MF_AWS_S3};
    if (!mf_aws_s3_uri_is(f->settings.movies_uri) && !mf_aws_s3_uri_is(f->settings.model_uri))
        return true;
    f->s3 = mf_aws_client_create(&settings, err);
    return f->s3 != NULL;
}

static bool start_predictor(function *f, int64_t deadline_ms, mf_error *err)
{
    const mf_inference_limits limits = mf_predict_settings_limits(&f->settings);
    f->handler.predictor = &f->predictor;
    if (f->settings.endpoint_name[0] != '\0')
        return mf_predict_endpoint_predictor(&f->predictor, f->settings.endpoint_name, err);
    mf_predict_model_predictor(&f->predictor, &f->model, &limits);
    return mf_lambda_model_source_start(&f->model, f->settings.model_uri, f->s3, err) &&
           mf_lambda_watched_load(&f->model.place, deadline_ms, err);
}

static bool start_movies(function *f, int64_t deadline_ms, mf_error *err)
{
    mf_error why = {0};
    if (f->settings.movies_uri[0] == '\0')
        return true;
    if (!mf_predict_movies_source_start(&f->movies, f->settings.movies_uri, f->s3, err))
        return false;
    if (mf_lambda_watched_load(&f->movies.place, deadline_ms, &why))
        return true;
    if (why.code != MF_ERR_PARSE && why.code != MF_ERR_FORMAT && why.code != MF_ERR_LIMIT)
        return mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
    mf_log_message(MF_LOG_ERROR, "movies_unreadable", "%s", why.text);
    return true;
}

static bool start(void *context, mf_error *err)
{
    function *f = context;
    const int64_t deadline_ms = mf_clock_wall_ms() + MF_LAMBDA_START_MS;
    mf_settings settings;
    if (!mf_predict_settings_read(&settings, &f->settings, err))
        return false;
    mf_settings_log(&settings, MF_LOG_DEBUG, "settings");
    f->handler.settings = &f->settings;
    f->handler.limits = mf_predict_settings_limits(&f->settings);
    if (!mf_lambda_redis_start(&f->redis, deadline_ms, err))
        return false;
    f->handler.cache = f->redis.session;
    return start_s3(f, err) && start_movies(f, deadline_ms, err) &&
           start_predictor(f, deadline_ms, err);
}

static void log_outcome(const mf_predict_outcome *outcome)
{
    const mf_predict_problem_kind kind = outcome->problem.kind;
    const bool has_detail = outcome->problem.detail.code != MF_OK;
    /* The runtime has a line of its own for an invocation that fails. */
    if (kind == MF_PREDICT_PROBLEM_NONE ||
        (outcome->integration == MF_PREDICT_DIRECT && !has_detail))
        return;
    mf_log_line line;
    mf_log_begin(&line, outcome->status >= 500 ? MF_LOG_ERROR : MF_LOG_INFO, "refused");
    mf_log_count(&line, "status", (uint64_t)outcome->status);
    mf_log_text(&line, "code", mf_predict_problem_code(kind));
    if (outcome->called_model)
        mf_log_number(&line, "model_ms", outcome->model_ms, 3);
    if (has_detail)
        mf_log_text(&line, "message", outcome->problem.detail.text);
    mf_log_end(&line);
}

static void write_metrics(function *f, const mf_lambda_invocation *invocation,
                          const mf_predict_outcome *outcome, double latency_ms)
{
    const mf_predict_problem_kind kind = outcome->problem.kind;
    mf_lambda_metrics metrics;
    mf_lambda_metrics_begin(&metrics, "predict", invocation->request_id);
    mf_lambda_metrics_add(&metrics, "Latency", MF_LAMBDA_UNIT_MILLISECONDS, latency_ms);
    if (outcome->called_model)
        mf_lambda_metrics_add(&metrics, "ModelLatency", MF_LAMBDA_UNIT_MILLISECONDS,
                              outcome->model_ms);
    if (f->movies.movies != NULL)
        mf_lambda_metrics_add(&metrics, "MoviesAge", MF_LAMBDA_UNIT_SECONDS,
                              (double)mf_lambda_watched_age_ms(&f->movies.place) / 1e3);
    if (f->model.model != NULL)
        mf_lambda_metrics_add(&metrics, "ModelAge", MF_LAMBDA_UNIT_SECONDS,
                              (double)mf_lambda_watched_age_ms(&f->model.place) / 1e3);
    if (f->redis.cache != NULL) {
        mf_lambda_metrics_add(&metrics, "CacheLatency", MF_LAMBDA_UNIT_MILLISECONDS,
                              outcome->cache_ms);
        mf_lambda_metrics_add(&metrics, "CacheErrors", MF_LAMBDA_UNIT_COUNT,
                              (double)mf_lambda_redis_take_errors(&f->redis));
    }
    mf_lambda_metrics_add(&metrics, "Errors", MF_LAMBDA_UNIT_COUNT,
                          kind == MF_PREDICT_PROBLEM_NONE ? 0 : 1);
    if (kind != MF_PREDICT_PROBLEM_NONE)
        mf_lambda_metrics_add(&metrics, mf_predict_problem_metric(kind), MF_LAMBDA_UNIT_COUNT, 1);
    mf_lambda_metrics_end(&metrics);
}

static void refresh_movies(function *f, const mf_lambda_invocation *invocation)
{
    uint32_t every_seconds = f->settings.movies_refresh_seconds;
    if (f->settings.movies_uri[0] == '\0')
        return;
    if (f->movies.movies == NULL && every_seconds > MOVIES_RETRY_SECONDS)
        every_seconds = MOVIES_RETRY_SECONDS;
    mf_lambda_watched_refresh_if_due(&f->movies.place, every_seconds,
                                     mf_lambda_budget_ms(invocation, f->settings.margin_ms) / 4,
                                     MOVIES_REFRESH_MS);
    f->handler.movies = f->movies.movies;
    f->handler.movies_failure = f->movies.place.failure.text;
}

static bool handle(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                   mf_error *err)
{
    function *f = context;
    mf_predict_outcome outcome;
    const double start = mf_clock_seconds();
    refresh_movies(f, invocation);
    mf_lambda_model_source_refresh_before(&f->model, f->settings.model_refresh_seconds,
                                          mf_lambda_budget_ms(invocation, f->settings.margin_ms));
    mf_lambda_redis_refresh(&f->redis, mf_lambda_budget_ms(invocation, f->settings.margin_ms) / 4);
    const bool ok = mf_predict_handle(&f->handler, invocation, response, &outcome, err);
    log_outcome(&outcome);
    if (f->settings.metrics && !outcome.is_health_check)
        write_metrics(f, invocation, &outcome, (mf_clock_seconds() - start) * 1e3);
    return ok;
}

static void finish(void *context)
{
    function *f = context;
    mf_lambda_redis_end(&f->redis);
    mf_predict_handler_free(&f->handler);
    mf_predict_predictor_end(&f->predictor);
    mf_lambda_model_source_end(&f->model);
    mf_predict_movies_source_end(&f->movies);
    mf_aws_client_destroy(f->s3);
}

static void print_settings(void)
{
    mf_settings settings;
    mf_predict_settings values;
    if (mf_predict_settings_start(&settings, &values, NULL))
        mf_settings_print_help(&settings, stdout);
    mf_lambda_redis_print_settings();
}

int main(int argc, char **argv)
{
    static function predict;
    static const mf_lambda_function lambda = {
        .name = "predict",
        .summary = "ratings, recommendations and similar movies with titles, behind POST /predict.",
        .print_settings = print_settings,
        .start = start,
        .handle = handle,
        .finish = finish,
        .context = &predict,
    };
    return mf_lambda_run(&lambda, argc, argv);
}
