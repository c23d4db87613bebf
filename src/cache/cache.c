/* cache.c: the table of environment variables and its checks, then what connections share.
 * (1) Counters are relaxed atomics: each is read alone, for figures.
 * (2) is_down changes by exchange, so that of many threads one writes the line. */
#include "cache/cache.h"

#include "base/certificates.h"
#include "base/clock.h"
#include "base/log.h"
#include "cache/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- settings ---- */

#define FIELD(name) MF_SETTING_FIELD(mf_cache_settings, name)

/* clang-format off */
static const mf_setting table[] = {
    {.name = "REDIS_ENABLED", .type = MF_SETTING_BOOLEAN, .initial = "false",
     .help = "keep recommendations in Redis", FIELD(enabled)},
    {.name = "REDIS_ENDPOINT", .aliases = "REDIS_HOST", .type = MF_SETTING_TEXT, .initial = "",
     .help = "host of Redis: a name or an address, without a port", FIELD(host)},
    {.name = "REDIS_PORT", .type = MF_SETTING_INTEGER, .min = 1, .max = 65535, .initial = "6379",
     .help = "port of Redis", FIELD(port)},
    {.name = "REDIS_TLS", .type = MF_SETTING_BOOLEAN, .initial = "false",
     .help = "use TLS, as ElastiCache with encryption in transit requires", FIELD(tls)},
    {.name = "REDIS_CA_FILE", .type = MF_SETTING_TEXT, .initial = "",
     .help = "trusted certificates (PEM); empty: the system's", FIELD(ca_file)},
    {.name = "REDIS_USERNAME", .type = MF_SETTING_TEXT, .initial = "",
     .help = "user of AUTH; empty: the default user", FIELD(username)},
    {.name = "REDIS_PASSWORD_FILE", .type = MF_SETTING_TEXT, .initial = "",
     .help = "file with the password or token of AUTH, in place of REDIS_PASSWORD; "
             "read at each connection", FIELD(password_file)},
    {.name = "REDIS_PASSWORD_SECRET", .type = MF_SETTING_TEXT, .initial = "",
     .help = "secret of AWS Secrets Manager with the password, by ARN or name, in place of "
             "REDIS_PASSWORD; for functions, which read it at the start and when Redis rejects it",
     FIELD(password_secret)},
    {.name = "REDIS_CONNECT_MS", .type = MF_SETTING_INTEGER, .min = 1, .max = 10000,
     .initial = "100", .help = "milliseconds for name, connection, TLS and AUTH together", FIELD(connect_ms)},
    {.name = "REDIS_COMMAND_MS", .type = MF_SETTING_INTEGER, .min = 1, .max = 10000,
     .initial = "50", .help = "milliseconds from a command to its reply; after them lists are computed",
     FIELD(command_ms)},
    {.name = "REDIS_RETRY_MS", .type = MF_SETTING_INTEGER, .min = 10, .max = 600000,
     .initial = "2000", .help = "milliseconds after a failure in which Redis is not used", FIELD(retry_ms)},
    {.name = "CACHE_TTL", .type = MF_SETTING_INTEGER, .min = 1, .max = 31536000,
     .initial = "3600", .help = "seconds that a list is kept, plus or minus a tenth",
     FIELD(ttl_seconds)},
    {.name = "CACHE_UNKNOWN_TTL", .type = MF_SETTING_INTEGER, .min = 1, .max = 31536000,
     .initial = "60", .help = "the same for users who are not in the model; never more than CACHE_TTL", FIELD(unknown_ttl_seconds)},
};
/* clang-format on */

enum { N_SETTINGS = sizeof table / sizeof table[0] };

bool mf_cache_settings_start(mf_settings *settings, mf_cache_settings *values, mf_error *err)
{
    memset(values, 0, sizeof *values);
    return mf_settings_start(settings, table, N_SETTINGS, "environment variable", values, err);
}

static bool read_environment(mf_settings *settings, mf_error *err)
{
    /* tcp://… is what Kubernetes and Docker set for a service called "redis". */
    const char *port = getenv("REDIS_PORT");
    if (port != NULL && strstr(port, "://") != NULL)
        unsetenv("REDIS_PORT");
    return mf_settings_read_environment(settings, err);
}

static bool check_host(const mf_cache_settings *values, mf_error *err)
{
    struct in6_addr address;
    const char *host = values->host;
    if (host[0] == '\0')
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable REDIS_ENDPOINT is not set, but REDIS_ENABLED is "
                       "true: expected the host of Redis");
    if (inet_pton(AF_INET6, host, &address) == 1 || strpbrk(host, ":/@ ") == NULL)
        return true;
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "environment variable REDIS_ENDPOINT is \"%s\": expected a host name or a "
                   "numeric address alone; the port is REDIS_PORT",
                   host);
}

static bool check_secrets(const mf_cache_settings *values, mf_error *err)
{
    char password[MF_CACHE_PASSWORD_MAX + 1];
    const bool has_file = values->password_file[0] != '\0';
    const bool has_password = values->password[0] != '\0';
    const bool has_secret = values->password_secret[0] != '\0';
    if (has_file + has_password + has_secret > 1)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variables %s and %s are both set: one is too many",
                       has_password ? "REDIS_PASSWORD" : "REDIS_PASSWORD_FILE",
                       has_password && has_file ? "REDIS_PASSWORD_FILE" : "REDIS_PASSWORD_SECRET");
    if (values->username[0] != '\0' && !has_file && !has_password && !has_secret)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable REDIS_USERNAME is set without REDIS_PASSWORD, "
                       "REDIS_PASSWORD_FILE or REDIS_PASSWORD_SECRET");
    const bool ok = mf_cache_settings_password(values, password, err);
    explicit_bzero(password, sizeof password);
    return ok;
}

static bool check_certificates(const mf_cache_settings *values, mf_error *err)
{
    if (values->ca_file[0] == '\0')
        return true;
    if (!values->tls)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable REDIS_CA_FILE is set, but REDIS_TLS is not true");
    if (access(values->ca_file, R_OK) == 0)
        return true;
    return mf_fail(err, MF_ERR_CONFIG, (mf_where){.path = values->ca_file},
                   "REDIS_CA_FILE cannot be read: %s", strerrordesc_np(errno));
}

bool mf_cache_settings_read(mf_settings *settings, mf_cache_settings *values, mf_error *err)
{
    if (!mf_cache_settings_start(settings, values, err) || !read_environment(settings, err))
        return false;
    if (values->unknown_ttl_seconds > values->ttl_seconds)
        values->unknown_ttl_seconds = values->ttl_seconds;
    const char *password = getenv("REDIS_PASSWORD");
    const size_t n = password != NULL ? strlen(password) : 0;
    if (n > MF_CACHE_PASSWORD_MAX)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable REDIS_PASSWORD has %zu bytes: expected at most %d", n,
                       MF_CACHE_PASSWORD_MAX);
    if (n > 0)
        memcpy(values->password, password, n + 1);
    return !values->enabled || (check_host(values, err) && check_secrets(values, err) &&
                                check_certificates(values, err));
}

bool mf_cache_settings_password(const mf_cache_settings *values,
                                char password[MF_CACHE_PASSWORD_MAX + 1], mf_error *err)
{
    const mf_where where = {.path = values->password_file};
    if (values->password_file[0] == '\0') {
        memcpy(password, values->password, sizeof values->password);
        return true;
    }
    FILE *file = fopen(values->password_file, "re");
    if (file == NULL)
        return mf_fail(err, MF_ERR_CONFIG, where, "REDIS_PASSWORD_FILE cannot be read: %s",
                       strerrordesc_np(errno));
    size_t n = fread(password, 1, MF_CACHE_PASSWORD_MAX + 1, file);
    fclose(file);
    while (n > 0 && (password[n - 1] == '\n' || password[n - 1] == '\r'))
        n--;
    if (n == 0 || n > MF_CACHE_PASSWORD_MAX || memchr(password, '\0', n) != NULL)
        return mf_fail(err, MF_ERR_CONFIG, where,
                       "REDIS_PASSWORD_FILE: expected a password of 1 to %d bytes",
                       MF_CACHE_PASSWORD_MAX);
    password[n] = '\0';
    return true;
}

/* ---- the cache ---- */

struct mf_cache {
    mf_cache_settings settings;
    mf_tls *tls;
    atomic_uint_least64_t counts[MF_CACHE_COUNTS];
    atomic_bool is_down;
    atomic_bool is_rejected;
    atomic_int_least64_t not_stored_logged_ms[2];
};

static void ignore_sigpipe(void)
{
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

mf_cache *mf_cache_open(const mf_cache_settings *settings, mf_error *err)
{
    mf_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a cache");
        return NULL;
    }
    cache->settings = *settings;
    if (settings->tls) {
        const char *found = mf_certificates_file();
        const char *file = settings->ca_file[0] != '\0' ? settings->ca_file : found;
        cache->tls = mf_tls_create(file != NULL ? file : "", settings->host, err);
        if (cache->tls == NULL) {
            free(cache);
            return NULL;
        }
    } else if (settings->password[0] != '\0' || settings->password_file[0] != '\0' ||
               settings->password_secret[0] != '\0') {
        mf_log_message(MF_LOG_WARNING, "cache_in_clear",
                       "the password of Redis goes over the network as it is: REDIS_TLS is "
                       "not true");
    }
    ignore_sigpipe();
    return cache;
}

bool mf_cache_set_password(mf_cache *cache, const char *password, mf_error *err)
{
    const size_t n = strlen(password);
    if (n > MF_CACHE_PASSWORD_MAX)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "a password of %zu bytes: expected at most %d", n, MF_CACHE_PASSWORD_MAX);
    memcpy(cache->settings.password, password, n + 1);
    return true;
}

bool mf_cache_take_rejection(mf_cache *cache)
{
    return atomic_exchange(&cache->is_rejected, false);
}

void mf_cache_note_rejection(mf_cache *cache)
{
    atomic_store(&cache->is_rejected, true);
}

const mf_cache_settings *mf_cache_get_settings(const mf_cache *cache)
{
    return &cache->settings;
}

mf_tls *mf_cache_get_tls(const mf_cache *cache)
{
    return cache->tls;
}

void mf_cache_add(mf_cache *cache, mf_cache_count what, uint64_t n)
{
    atomic_fetch_add_explicit(&cache->counts[what], n, memory_order_relaxed);
}

uint64_t mf_cache_counted(const mf_cache *cache, mf_cache_count what)
{
    return atomic_load_explicit(&cache->counts[what], memory_order_relaxed);
}

void mf_cache_log_down(mf_cache *cache, const char *why)
{
    if (!atomic_exchange(&cache->is_down, true))
        mf_log_message(MF_LOG_WARNING, "cache_down",
                       "Redis at %s port %u cannot be used: %s; computing without it, and trying "
                       "again every %u ms",
                       cache->settings.host, cache->settings.port, why, cache->settings.retry_ms);
}

void mf_cache_log_up(mf_cache *cache)
{
    if (atomic_exchange(&cache->is_down, false))
        mf_log_message(MF_LOG_INFO, "cache_up", "Redis at %s port %u is used again",
                       cache->settings.host, cache->settings.port);
}

void mf_cache_log_not_stored(mf_cache *cache, bool read_only, const char *why)
{
    enum { MINUTE_MS = 60 * 1000 };
    const int64_t now = mf_clock_wall_ms();
    int64_t logged = atomic_load(&cache->not_stored_logged_ms[read_only]);
    if ((logged != 0 && now >= logged && now - logged < MINUTE_MS) ||
        !atomic_compare_exchange_strong(&cache->not_stored_logged_ms[read_only], &logged, now))
        return;
    mf_log_message(MF_LOG_WARNING, read_only ? "cache_read_only" : "cache_full",
                   "Redis at %s port %u does not take values: %s; what it has is used%s",
                   cache->settings.host, cache->settings.port, why,
                   read_only ? ", and the name is looked up again: after a failover it is another "
                               "node's"
                             : "");
}

void mf_cache_close(mf_cache *cache)
{
    if (cache == NULL)
        return;
    mf_tls_destroy(cache->tls);
    explicit_bzero(&cache->settings, sizeof cache->settings);
    free(cache);
}
