/* main.c: feedback, the Lambda function that keeps what users did last: events of a stream into
 * Redis, where lists find them.
 *
 *     {"user_id":7,"item_id":2959,"rating":4.5,"timestamp":1764567890}  ─▶  fb:user:7
 *
 *     event ─▶ events by user ─▶ read, merge, replace ─▶ response
 *      (streams/batch.h)  (events.h)   (profiles.h, cache/feedback.h)
 *
 * (1) The start reads the settings. It opens no connection, but for the password of Redis one to
 *     Secrets Manager (cache/redis.h).
 * (2) Each batch is one line of the log (INFO, "feedback"); a dead letter is one ("dead_letter");
 *     records that have to come again are one (WARN, "come_again") with the reason, dead letters
 *     that are lost one (ERROR, "dead_letters_lost").
 * (3) Each batch is one line of metrics: namespace Recommender, dimension Function=feedback:
 *     Latency, CacheLatency, RecordAge (ms); Records, Events, Users, UsersStored, UsersUnchanged,
 *     Forgotten, FutureTimes, ForeignValues, Conflicts, DeadLetters, DeadLettersLost, CacheErrors,
 *     Failed (count: they come again).
 *
 * Threads: the runtime's. */
#include "base/clock.h"
#include "base/log.h"
#include "lambda/cache/redis.h"
#include "lambda/feedback/handler.h"
#include "lambda/runtime/metrics.h"
#include "lambda/runtime/runtime.h"

/* Zeroed before start. */
typedef struct function {
    mf_feedback_settings settings;
    mf_lambda_redis redis;
    mf_aws_client *kinesis; /* NULL: dead letters are logged only */
    mf_feedback_handler handler;
} function;

static bool start_kinesis(function *f, mf_error *err)
{
    const mf_aws_client_settings settings = {.service = MF_AWS_KINESIS};
    if (f->settings.dead_letter_stream[0] == '\0')
        return true;
    f->kinesis = mf_aws_client_create(&settings, err);
    return f->kinesis != NULL;
}

static bool start(void *context, mf_error *err)
{
    function *f = context;
    const int64_t deadline_ms = mf_clock_wall_ms() + MF_LAMBDA_START_MS;
    mf_settings settings;
    if (!mf_feedback_settings_read(&settings, &f->settings, err))
        return false;
    mf_settings_log(&settings, MF_LOG_DEBUG, "settings");
    if (!mf_lambda_redis_start(&f->redis, deadline_ms, err) || !start_kinesis(f, err))
        return false;
    if (f->redis.session == NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable REDIS_ENABLED is not true: feedback keeps events in "
                       "Redis and nowhere else");
    f->handler.settings = &f->settings;
    f->handler.put = mf_aws_kinesis_put_by;
    f->handler.context = f->kinesis;
    f->handler.profiles.settings = &f->settings;
    f->handler.profiles.session = f->redis.session;
    return true;
}

typedef struct figure {
    const char *metric, *key; /* of the metrics, of the log */
    size_t value;
} figure;

static void log_outcome(const mf_feedback_outcome *outcome, const figure *figures, size_t n)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "feedback");
    for (size_t i = 0; i < n; i++)
        mf_log_count(&line, figures[i].key, figures[i].value);
    mf_log_end(&line);
    mf_stream_log_undone(outcome->n_failed, &outcome->failure, outcome->n_dead_lost,
                         &outcome->dead_failure);
}

static void report(function *f, const mf_lambda_invocation *invocation,
                   const mf_feedback_outcome *o, double latency_ms)
{
    const figure figures[] = {
        {"Records", "records", o->n_records},
        {"Events", "events", o->n_events},
        {"Users", "users", o->n_users},
        {"UsersStored", "stored", o->n_stored},
        {"UsersUnchanged", "unchanged", o->n_unchanged},
        {"Forgotten", "forgotten", o->n_forgetting},
        {"FutureTimes", "future_times", o->n_from_future},
        {"ForeignValues", "foreign_values", o->n_foreign},
        {"Conflicts", "conflicts", o->n_conflicts},
        {"DeadLetters", "dead_letters", o->n_dead},
        {"DeadLettersLost", "dead_letters_lost", o->n_dead_lost},
        {"Failed", "failed", o->n_failed},
    };
    enum { N = sizeof figures / sizeof figures[0] };
    mf_lambda_metrics metrics;
    log_outcome(o, figures, N);
    if (!f->settings.metrics)
        return;
    mf_lambda_metrics_begin(&metrics, "feedback", invocation->request_id);
    mf_lambda_metrics_add(&metrics, "Latency", MF_LAMBDA_UNIT_MILLISECONDS, latency_ms);
    mf_lambda_metrics_add(&metrics, "CacheLatency", MF_LAMBDA_UNIT_MILLISECONDS, o->cache_ms);
    if (o->oldest_ms > 0)
        mf_lambda_metrics_add(&metrics, "RecordAge", MF_LAMBDA_UNIT_MILLISECONDS, o->oldest_ms);
    for (size_t i = 0; i < N; i++)
        mf_lambda_metrics_add(&metrics, figures[i].metric, MF_LAMBDA_UNIT_COUNT,
                              (double)figures[i].value);
    mf_lambda_metrics_add(&metrics, "CacheErrors", MF_LAMBDA_UNIT_COUNT,
                          (double)mf_lambda_redis_take_errors(&f->redis));
    mf_lambda_metrics_end(&metrics);
}

static bool handle(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                   mf_error *err)
{
    function *f = context;
    mf_feedback_outcome outcome;
    const double start = mf_clock_seconds();
    mf_lambda_redis_refresh(&f->redis, mf_lambda_budget_ms(invocation, f->settings.margin_ms) / 4);
    const bool ok = mf_feedback_handle(&f->handler, invocation, response, &outcome, err);
    report(f, invocation, &outcome, (mf_clock_seconds() - start) * 1e3);
    return ok;
}

static void finish(void *context)
{
    function *f = context;
    mf_feedback_handler_free(&f->handler);
    mf_lambda_redis_end(&f->redis);
    mf_aws_client_destroy(f->kinesis);
}

static void print_settings(void)
{
    mf_settings settings;
    mf_feedback_settings values;
    if (mf_feedback_settings_start(&settings, &values, NULL))
        mf_settings_print_help(&settings, stdout);
    mf_lambda_redis_print_settings();
}

int main(int argc, char **argv)
{
    static function feedback;
    static const mf_lambda_function lambda = {
        .name = "feedback",
        .summary = "users' newest events, from a Kinesis stream into Redis.",
        .print_settings = print_settings,
        .start = start,
        .handle = handle,
        .finish = finish,
        .context = &feedback,
    };
    return mf_lambda_run(&lambda, argc, argv);
}
