/* main.c: recommend, the Lambda function between two streams: requests in, recommendations out.
 *
 *     {"user_id":123,"top_n":20,"request_id":"7d0c…"}
 *     → {"request_id":"7d0c…","recommendations":[…],…}
 *
 * It connects handler.h with real streams, a real cache, a scorer, a log and metrics.
 *
 * (1) The start reads the settings and, when this process computes, the model. A failure is one
 *     sentence. It opens no connection but to the place of the model and, for the password of Redis,
 *     to Secrets Manager (cache/redis.h).
 * (2) A dead letter is one line of the log (WARN, "dead_letter") with sequence number and
 *     reason, without the record's content.
 * (3) Requests that have to come again are one line (WARN, "come_again") with the reason and
 *     their number; so are dead letters that are lost (ERROR, "dead_letters_lost").
 * (4) Each batch is one line of metrics: namespace Recommender, dimension Function=recommend:
 *     Latency, CacheLatency, ModelLatency, PutLatency, RecordAge (ms); Records, Answers,
 *     CacheHits, CacheMisses, Repeated, PutRetries, Failed (count: they come again); and failures
 *     by kind: DeadLetters, DeadLettersLost, ModelErrors, StreamErrors, CacheErrors.
 *
 * Threads: the runtime's. */
#include "base/clock.h"
#include "base/log.h"
#include "lambda/cache/redis.h"
#include "lambda/recommend/handler.h"
#include "lambda/runtime/metrics.h"
#include "lambda/runtime/runtime.h"

/* Zeroed before start. */
typedef struct function {
    mf_recommend_settings settings;
    mf_aws_client *kinesis;       /* NULL in a test run */
    mf_aws_client *s3;            /* NULL when the model is elsewhere, or in a file */
    mf_lambda_model_source model; /* zeroed when it is elsewhere                    */
    mf_lambda_redis redis;
    mf_recommend_scorer scorer;
    mf_recommend_handler handler;
} function;

static void log_dead_letter(void *context, const mf_stream_dead_letter *letter)
{
    (void)context;
    mf_stream_dead_letter_log(letter);
}

static bool start_kinesis(function *f, mf_error *err)
{
    const mf_aws_client_settings settings = {.service = MF_AWS_KINESIS};
    if (f->settings.test_run)
        return true;
    f->kinesis = mf_aws_client_create(&settings, err);
    return f->kinesis != NULL;
}

static bool start_model(function *f, int64_t deadline_ms, mf_error *err)
{
    const char *uri = f->settings.model_uri;
    if (mf_aws_s3_uri_is(uri)) {
        f->s3 = mf_aws_client_create(&(mf_aws_client_settings){.service = MF_AWS_S3}, err);
        if (f->s3 == NULL)
            return false;
    }
    mf_recommend_scorer_model(&f->scorer, &f->model, f->settings.max_top_n);
    return mf_lambda_model_source_start(&f->model, uri, f->s3, err) &&
           mf_lambda_watched_load(&f->model.place, deadline_ms, err);
}

static bool start_scorer(function *f, int64_t deadline_ms, mf_error *err)
{
    const mf_recommend_settings *s = &f->settings;
    if (s->model_uri[0] != '\0')
        return start_model(f, deadline_ms, err);
    return mf_recommend_scorer_remote(&f->scorer, s->service_url, s->endpoint_name, s->concurrency,
                                      err);
}

static bool start(void *context, mf_error *err)
{
    function *f = context;
    const int64_t deadline_ms = mf_clock_wall_ms() + MF_LAMBDA_START_MS;
    mf_settings settings;
    if (!mf_recommend_settings_read(&settings, &f->settings, err))
        return false;
    mf_settings_log(&settings, MF_LOG_DEBUG, "settings");
    f->handler.settings = &f->settings;
    f->handler.scoring.scorer = &f->scorer;
    f->handler.remembered = mf_recommend_remembered_create(f->settings.remembered, err);
    if (f->handler.remembered == NULL || !start_kinesis(f, err) ||
        !mf_lambda_redis_start(&f->redis, deadline_ms, err))
        return false;
    f->handler.emitter.put = mf_aws_kinesis_put_by;
    f->handler.emitter.log = log_dead_letter;
    f->handler.emitter.context = f->kinesis;
    f->handler.scoring.cache = f->redis.session;
    return start_scorer(f, deadline_ms, err);
}

static void count(mf_lambda_metrics *metrics, const char *name, size_t value)
{
    mf_lambda_metrics_add(metrics, name, MF_LAMBDA_UNIT_COUNT, (double)value);
}

static void time_of(mf_lambda_metrics *metrics, const char *name, double ms)
{
    mf_lambda_metrics_add(metrics, name, MF_LAMBDA_UNIT_MILLISECONDS, ms);
}

static void write_metrics(function *f, const mf_lambda_invocation *invocation,
                          const mf_recommend_outcome *outcome, double latency_ms)
{
    mf_lambda_metrics metrics;
    mf_lambda_metrics_begin(&metrics, "recommend", invocation->request_id);
    time_of(&metrics, "Latency", latency_ms);
    if (outcome->oldest_ms > 0)
        time_of(&metrics, "RecordAge", outcome->oldest_ms);
    if (outcome->called_scorer)
        time_of(&metrics, "ModelLatency", outcome->score_ms);
    if (outcome->tally.n_calls > 0)
        time_of(&metrics, "PutLatency", outcome->put_ms);
    count(&metrics, "Records", outcome->n_records);
    count(&metrics, "Answers", outcome->n_results);
    count(&metrics, "DeadLetters", outcome->n_dead);
    count(&metrics, "DeadLettersLost", outcome->n_dead_lost);
    count(&metrics, "ModelErrors", outcome->n_failed_lookups);
    count(&metrics, "StreamErrors", outcome->n_unwritten);
    count(&metrics, "Repeated", outcome->n_repeated);
    count(&metrics, "Failed", outcome->n_failed);
    count(&metrics, "PutRetries", outcome->tally.n_refused);
    if (f->redis.cache != NULL) {
        time_of(&metrics, "CacheLatency", outcome->cache_ms);
        count(&metrics, "CacheHits", outcome->n_from_cache);
        count(&metrics, "CacheMisses", outcome->n_computed);
        count(&metrics, "CacheErrors", mf_lambda_redis_take_errors(&f->redis));
    }
    mf_lambda_metrics_end(&metrics);
}

static bool handle(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                   mf_error *err)
{
    function *f = context;
    mf_recommend_outcome outcome;
    const double start = mf_clock_seconds();
    mf_lambda_model_source_refresh_before(&f->model, f->settings.model_refresh_seconds,
                                          mf_lambda_budget_ms(invocation, f->settings.margin_ms));
    mf_lambda_redis_refresh(&f->redis, mf_lambda_budget_ms(invocation, f->settings.margin_ms) / 4);
    const bool ok = mf_recommend_handle(&f->handler, invocation, response, &outcome, err);
    mf_stream_log_undone(outcome.n_failed, &outcome.failure, outcome.n_dead_lost,
                         &outcome.dead_failure);
    if (f->settings.metrics)
        write_metrics(f, invocation, &outcome, (mf_clock_seconds() - start) * 1e3);
    return ok;
}

static void finish(void *context)
{
    function *f = context;
    mf_lambda_redis_end(&f->redis);
    mf_recommend_remembered_destroy(f->handler.remembered);
    mf_recommend_handler_free(&f->handler);
    mf_recommend_scorer_end(&f->scorer);
    mf_lambda_model_source_end(&f->model);
    mf_aws_client_destroy(f->kinesis);
    mf_aws_client_destroy(f->s3);
}

static void print_settings(void)
{
    mf_settings settings;
    mf_recommend_settings values;
    if (mf_recommend_settings_start(&settings, &values, NULL))
        mf_settings_print_help(&settings, stdout);
    mf_lambda_redis_print_settings();
}

int main(int argc, char **argv)
{
    static function recommend;
    static const mf_lambda_function lambda = {
        .name = "recommend",
        .summary = "recommendations for the requests of one Kinesis stream, onto another.",
        .print_settings = print_settings,
        .start = start,
        .handle = handle,
        .finish = finish,
        .context = &recommend,
    };
    return mf_lambda_run(&lambda, argc, argv);
}
