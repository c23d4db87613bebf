/* cache.c: promises in cache.h. */
#include "cache/cache.h"

#include "base/certificates.h"
#include "base/clock.h"
#include "base/log.h"
#include "cache/shared.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct mf_cache {
    mf_cache_settings settings;
    mf_tls *tls;
    atomic_uint_least64_t counts[MF_CACHE_COUNTS];
    atomic_uint_least32_t ready;
    atomic_uint_least32_t resting;
    atomic_bool is_down;
    atomic_int_least64_t full_said_ms;
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
    } else if (settings->password[0] != '\0' || settings->password_file[0] != '\0') {
        mf_log_message(MF_LOG_WARNING, "cache_in_clear",
                       "the password of Redis goes over the network as it is: REDIS_TLS is "
                       "not true");
    }
    ignore_sigpipe();
    return cache;
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

void mf_cache_change_ready(mf_cache *cache, bool ready)
{
    atomic_fetch_add_explicit(&cache->ready, ready ? 1 : UINT32_MAX, memory_order_relaxed);
}

void mf_cache_change_resting(mf_cache *cache, bool resting)
{
    atomic_fetch_add_explicit(&cache->resting, resting ? 1 : UINT32_MAX, memory_order_relaxed);
}

uint32_t mf_cache_ready(const mf_cache *cache)
{
    return atomic_load_explicit(&cache->ready, memory_order_relaxed);
}

uint32_t mf_cache_resting(const mf_cache *cache)
{
    return atomic_load_explicit(&cache->resting, memory_order_relaxed);
}

void mf_cache_say_down(mf_cache *cache, const char *why)
{
    if (!atomic_exchange(&cache->is_down, true))
        mf_log_message(MF_LOG_WARNING, "cache_down",
                       "Redis at %s port %u cannot be used: %s; answering without it, and trying "
                       "again every %u ms",
                       cache->settings.host, cache->settings.port, why, cache->settings.retry_ms);
}

void mf_cache_say_up(mf_cache *cache)
{
    if (atomic_exchange(&cache->is_down, false))
        mf_log_message(MF_LOG_INFO, "cache_up", "Redis at %s port %u is used again",
                       cache->settings.host, cache->settings.port);
}

void mf_cache_say_full(mf_cache *cache, const char *why)
{
    enum { MINUTE_MS = 60 * 1000 };
    const int64_t now = mf_clock_wall_ms();
    int64_t said = atomic_load(&cache->full_said_ms);
    if ((said != 0 && now >= said && now - said < MINUTE_MS) ||
        !atomic_compare_exchange_strong(&cache->full_said_ms, &said, now))
        return;
    mf_log_message(MF_LOG_WARNING, "cache_full",
                   "Redis at %s port %u does not take values: %s; what it has is used",
                   cache->settings.host, cache->settings.port, why);
}

void mf_cache_close(mf_cache *cache)
{
    if (cache == NULL)
        return;
    mf_tls_destroy(cache->tls);
    explicit_bzero(&cache->settings, sizeof cache->settings);
    free(cache);
}
