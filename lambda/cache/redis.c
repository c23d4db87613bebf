/* redis.c: the start of a session, and when its password is read. */
#include "lambda/cache/redis.h"

#include "base/clock.h"
#include "base/log.h"
#include "lambda/aws/secrets.h"

#include <string.h>

enum { PASSWORD_MS = 2000 };

void mf_lambda_redis_refresh(mf_lambda_redis *redis, int64_t budget_ms)
{
    char password[MF_CACHE_PASSWORD_MAX + 1];
    const int64_t now_ms = mf_clock_wall_ms();
    const int64_t since_ms = now_ms - redis->looked_for_password_ms;
    mf_aws_failure failure;
    mf_error err = {0};
    if (redis->secrets == NULL)
        return;
    redis->needs_password = mf_cache_take_rejection(redis->cache) || redis->needs_password;
    if (!redis->needs_password || (since_ms >= 0 && since_ms < redis->settings.retry_ms))
        return;
    if (!mf_aws_secret_get(redis->secrets, redis->settings.password_secret, "password",
                           now_ms + (budget_ms < PASSWORD_MS ? budget_ms : PASSWORD_MS), password,
                           sizeof password, &failure))
        mf_aws_failure_to_error(&failure, &err);
    else if (mf_cache_set_password(redis->cache, password, &err))
        redis->needs_password = false;
    explicit_bzero(password, sizeof password);
    redis->looked_for_password_ms = mf_clock_wall_ms();
    if (redis->needs_password)
        mf_log_message(MF_LOG_WARNING, "no_redis_password", "%s", err.text);
}

static bool start_password(mf_lambda_redis *redis, int64_t deadline_ms, mf_error *err)
{
    const mf_aws_client_settings settings = {.service = MF_AWS_SECRETS_MANAGER};
    if (redis->settings.password_secret[0] == '\0')
        return true;
    redis->secrets = mf_aws_client_create(&settings, err);
    if (redis->secrets == NULL)
        return false;
    redis->needs_password = true;
    mf_lambda_redis_refresh(redis, deadline_ms - mf_clock_wall_ms());
    return true;
}

bool mf_lambda_redis_start(mf_lambda_redis *redis, int64_t deadline_ms, mf_error *err)
{
    mf_settings settings;
    if (!mf_cache_settings_read(&settings, &redis->settings, err))
        return false;
    mf_settings_log(&settings, MF_LOG_DEBUG, "settings");
    if (!redis->settings.enabled)
        return true;
    redis->cache = mf_cache_open(&redis->settings, err);
    if (redis->cache == NULL || !start_password(redis, deadline_ms, err))
        return false;
    redis->session = mf_cache_session_open(redis->cache, err);
    return redis->session != NULL;
}

uint64_t mf_lambda_redis_take_errors(mf_lambda_redis *redis)
{
    const uint64_t n = mf_cache_counted(redis->cache, MF_CACHE_ERRORS);
    const uint64_t n_new = n - redis->n_errors;
    redis->n_errors = n;
    return n_new;
}

void mf_lambda_redis_end(mf_lambda_redis *redis)
{
    mf_cache_session_close(redis->session);
    mf_cache_close(redis->cache);
    mf_aws_client_destroy(redis->secrets);
}

void mf_lambda_redis_print_settings(void)
{
    mf_settings settings;
    mf_cache_settings values;
    if (mf_cache_settings_start(&settings, &values, NULL))
        mf_settings_print_help(&settings, stdout);
}
