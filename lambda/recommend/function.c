/* function.c: promises in function.h. */
#include "lambda/recommend/function.h"

#include "base/clock.h"
#include "base/log.h"
#include "lambda/recommend/in_process.h"
#include "lambda/recommend/remote.h"
#include "lambda/runtime/metrics.h"

/* Lambda gives a start 10 s; a sentence about what took too long has to get out too. */
enum { START_MS = 9000 };

static bool put(void *context, const mf_aws_kinesis_put *records, mf_aws_kinesis_tally *tally,
                mf_aws_failure *failure)
{
    mf_recommend_function *f = context;
    return mf_aws_kinesis_put_records(f->kinesis, records, tally, failure);
}

static void say(void *context, const mf_dead_letter *letter)
{
    char text[MF_ERROR_TEXT_BYTES];
    const mf_id number = letter->record->sequence_number;
    mf_log_line line;
    (void)context;
    mf_log_begin(&line, MF_LOG_WARNING, "dead_letter");
    mf_log_text(&line, "sequence_number",
                mf_printable(text, sizeof text, number.bytes, number.n_bytes));
    if (letter->is_aggregated)
        mf_log_count(&line, "sub_sequence_number", letter->sub_sequence_number);
    mf_log_text(&line, "reason",
                mf_printable(text, sizeof text, letter->reason.bytes, letter->reason.n_bytes));
    mf_log_end(&line);
}

static bool start_kinesis(mf_recommend_function *f, mf_error *err)
{
    const mf_aws_client_settings settings = {.service = MF_AWS_KINESIS};
    if (f->settings.test_run)
        return true;
    f->kinesis = mf_aws_client_create(&settings, err);
    return f->kinesis != NULL;
}

static bool start_cache(mf_recommend_function *f, mf_error *err)
{
    mf_settings settings;
    if (!mf_cache_settings_read(&settings, &f->cache_settings, err))
        return false;
    mf_settings_log(&settings, MF_LOG_DEBUG, "settings");
    if (!f->cache_settings.enabled)
        return true;
    f->cache = mf_cache_open(&f->cache_settings, err);
    if (f->cache == NULL)
        return false;
    f->handler.cache = mf_cache_session_open(f->cache, err);
    return f->handler.cache != NULL;
}

static bool start_model(mf_recommend_function *f, int64_t deadline_ms, mf_error *err)
{
    const char *uri = f->settings.model_uri;
    if (mf_aws_s3_uri_is(uri)) {
        f->s3 = mf_aws_client_create(&(mf_aws_client_settings){.service = MF_AWS_S3}, err);
        if (f->s3 == NULL)
            return false;
    }
    f->model = mf_lambda_model_source_create(uri, f->s3, err);
    return f->model != NULL && mf_lambda_model_source_load(f->model, deadline_ms, err) &&
           mf_in_process_scorer(&f->scorer, f->model, f->settings.max_top_n, err);
}

static bool start_scorer(mf_recommend_function *f, int64_t deadline_ms, mf_error *err)
{
    const mf_recommend_settings *s = &f->settings;
    if (s->model_uri[0] != '\0')
        return start_model(f, deadline_ms, err);
    return mf_remote_scorer(&f->scorer, s->service_url, s->endpoint_name, s->concurrency, err);
}

bool mf_recommend_start(void *context, mf_error *err)
{
    mf_recommend_function *f = context;
    const int64_t deadline_ms = mf_clock_wall_ms() + START_MS;
    mf_settings settings;
    if (!mf_recommend_settings_read(&settings, &f->settings, err))
        return false;
    mf_settings_log(&settings, MF_LOG_DEBUG, "settings");
    f->handler.settings = &f->settings;
    f->handler.scorer = &f->scorer;
    f->handler.put = put;
    f->handler.said = say;
    f->handler.context = f;
    f->handler.answered = mf_answered_create(f->settings.remembered, err);
    return f->handler.answered != NULL && start_kinesis(f, err) && start_cache(f, err) &&
           start_scorer(f, deadline_ms, err);
}

static void log_outcome(const mf_recommend_outcome *outcome)
{
    mf_log_line line;
    if (outcome->failure.code != MF_OK) {
        mf_log_begin(&line, MF_LOG_WARNING, "come_again");
        mf_log_count(&line, "records", outcome->n_failed);
        mf_log_text(&line, "message", outcome->failure.text);
        mf_log_end(&line);
    }
    if (outcome->dead_failure.code != MF_OK) {
        mf_log_begin(&line, MF_LOG_ERROR, "dead_letters_lost");
        mf_log_count(&line, "records", outcome->n_dead_lost);
        mf_log_text(&line, "message", outcome->dead_failure.text);
        mf_log_end(&line);
    }
}

static void count(mf_lambda_metrics *metrics, const char *name, size_t value)
{
    mf_lambda_metrics_add(metrics, name, MF_LAMBDA_UNIT_COUNT, (double)value);
}

static void time_of(mf_lambda_metrics *metrics, const char *name, double ms)
{
    mf_lambda_metrics_add(metrics, name, MF_LAMBDA_UNIT_MILLISECONDS, ms);
}

static void write_metrics(mf_recommend_function *f, const mf_lambda_invocation *invocation,
                          const mf_recommend_outcome *outcome, double latency_ms)
{
    static const char *const names[] = {"recommend"};
    static const mf_lambda_dimension function = {"Function", names, 1};
    mf_lambda_metrics metrics;
    mf_lambda_metrics_begin(&metrics, "Recommender", invocation->request_id);
    mf_lambda_metrics_dimension(&metrics, &function, 0);
    time_of(&metrics, "Latency", latency_ms);
    if (outcome->oldest_ms > 0)
        time_of(&metrics, "RecordAge", outcome->oldest_ms);
    if (outcome->asked_scorer)
        time_of(&metrics, "ModelLatency", outcome->score_ms);
    if (outcome->tally.n_calls > 0)
        time_of(&metrics, "PutLatency", outcome->put_ms);
    count(&metrics, "Records", outcome->n_records);
    count(&metrics, "Answers", outcome->n_answered);
    count(&metrics, "DeadLetters", outcome->n_dead);
    count(&metrics, "DeadLettersLost", outcome->n_dead_lost);
    count(&metrics, "ModelErrors", outcome->n_unanswered);
    count(&metrics, "StreamErrors", outcome->n_unwritten);
    count(&metrics, "Repeated", outcome->n_repeated);
    count(&metrics, "Failed", outcome->n_failed);
    count(&metrics, "PutRetries", outcome->tally.n_refused);
    if (f->cache != NULL) {
        const uint64_t n_errors = mf_cache_counted(f->cache, MF_CACHE_ERRORS);
        time_of(&metrics, "CacheLatency", outcome->cache_ms);
        count(&metrics, "CacheHits", outcome->n_from_cache);
        count(&metrics, "CacheMisses", outcome->n_computed);
        count(&metrics, "CacheErrors", (size_t)(n_errors - f->n_cache_errors));
        f->n_cache_errors = n_errors;
    }
    mf_lambda_metrics_end(&metrics);
}

bool mf_recommend_event(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                        mf_error *err)
{
    mf_recommend_function *f = context;
    mf_recommend_outcome outcome;
    const double start = mf_clock_seconds();
    mf_lambda_model_source_refresh_before(f->model, f->settings.model_refresh_seconds,
                                          mf_lambda_budget_ms(invocation, f->settings.margin_ms));
    const bool ok = mf_recommend_handle(&f->handler, invocation, response, &outcome, err);
    log_outcome(&outcome);
    if (f->settings.metrics)
        write_metrics(f, invocation, &outcome, (mf_clock_seconds() - start) * 1e3);
    return ok;
}

void mf_recommend_finish(void *context)
{
    mf_recommend_function *f = context;
    mf_cache_session_close(f->handler.cache);
    mf_cache_close(f->cache);
    mf_answered_destroy(f->handler.answered);
    mf_recommend_handler_free(&f->handler);
    mf_scorer_destroy(&f->scorer);
    mf_lambda_model_source_destroy(f->model);
    mf_aws_client_destroy(f->kinesis);
    mf_aws_client_destroy(f->s3);
}
