/* redis.h: Redis in a function: settings from the environment, a session, and its password.
 *
 * (1) Of REDIS_PASSWORD_SECRET the password is read from Secrets Manager at the start, and again
 *     after Redis rejected it, not more often than Redis is tried. A password that cannot be read is
 *     no failure: Redis is not used, and a line of the log (WARN, "no_redis_password") says why.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_CACHE_REDIS_H
#define MF_LAMBDA_CACHE_REDIS_H

#include "cache/session.h"
#include "lambda/aws/client.h"

/* Zeroed before start. */
typedef struct mf_lambda_redis {
    mf_cache_settings settings;
    mf_cache *cache;           /* NULL: REDIS_ENABLED is not true */
    mf_cache_session *session; /* likewise */

    /* Internal. */
    mf_aws_client *secrets; /* NULL: the password is in the settings, or there is none */
    bool needs_password;
    int64_t looked_for_password_ms; /* wall clock */
    uint64_t n_errors;              /* counted so far */
} mf_lambda_redis;

/* Opens no connection to Redis. Fails MF_ERR_CONFIG, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_lambda_redis_start(mf_lambda_redis *redis, int64_t deadline_ms,
                                         mf_error *err);

/* Reads the secret when there is a reason to. Before each event. */
void mf_lambda_redis_refresh(mf_lambda_redis *redis, int64_t budget_ms);

/* MF_CACHE_ERRORS since the last call. There is a cache. */
uint64_t mf_lambda_redis_take_errors(mf_lambda_redis *redis);

/* Also after a start that failed. */
void mf_lambda_redis_end(mf_lambda_redis *redis);

/* For --help. */
void mf_lambda_redis_print_settings(void);

#endif
