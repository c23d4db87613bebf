/* cache.h: what all connections of a process to one Redis share: settings, trusted
 * certificates, counters, and whether the cache is out of order.
 *
 *     mf_cache *cache = mf_cache_open(&settings, err);
 *     mf_cache_client_create(cache, base, err)     on an event loop (client.h)
 *     mf_cache_session_open(cache, err)            in a program without one (session.h)
 *
 * (1) An outage is one line of the log when it begins (cache_down, a warning) and one
 *     when it ends (cache_up), however many requests and connections meet it.
 * (2) The process ignores SIGPIPE from open on, unless it handles it: a Redis that closes
 *     a connection ends nothing.
 *
 * Settings come from the environment; serve and the functions have the same variables:
 *
 * (3) A value that is not allowed, and settings that contradict each other, are an error
 *     that says what is expected.
 * (4) The password is in no table: neither --help nor a log line can show it.
 * (5) REDIS_PORT=tcp://… and the like are set by Kubernetes and Docker for a service that is
 *     called "redis"; they are ignored.
 *
 * Threads: settings before threads start; open and close in one; counting and reading in any. */
#ifndef MF_CACHE_CACHE_H
#define MF_CACHE_CACHE_H

#include "base/error.h"
#include "base/settings.h"

#include <stdbool.h>
#include <stdint.h>

enum { MF_CACHE_PASSWORD_MAX = 4096 };

typedef struct mf_cache_settings {
    bool enabled;
    char host[MF_SETTING_TEXT_BYTES]; /* a name or a numeric address */
    uint32_t port;
    bool tls;
    char ca_file[MF_SETTING_TEXT_BYTES];         /* "": the system's */
    char username[MF_SETTING_TEXT_BYTES];        /* "": the default user */
    char password_file[MF_SETTING_TEXT_BYTES];   /* read at each connection; "" for none */
    char password_secret[MF_SETTING_TEXT_BYTES]; /* fetched by the program; "" for none */
    char password[MF_CACHE_PASSWORD_MAX + 1];    /* "" for none */

    uint32_t connect_ms; /* name, TCP, TLS and AUTH together */
    uint32_t command_ms; /* from a command to its reply */
    uint32_t retry_ms;   /* the cache is left alone so long after a failure */

    uint32_t ttl_seconds;
    uint32_t unknown_ttl_seconds; /* of lists for users that the model does not know */
} mf_cache_settings;

/* Reads and checks the environment. settings is for mf_settings_log. Fails
 * MF_ERR_CONFIG. */
MF_MUST_CHECK bool mf_cache_settings_read(mf_settings *settings, mf_cache_settings *values,
                                          mf_error *err);

/* Every variable at its default, for --help. Fails MF_ERR_ARGUMENT (never, tested). */
MF_MUST_CHECK bool mf_cache_settings_start(mf_settings *settings, mf_cache_settings *values,
                                           mf_error *err);

/* The password in force, without the newline at the end of a file. "" when there is none.
 * Fails MF_ERR_CONFIG: the file cannot be read, is empty or too long. */
MF_MUST_CHECK bool mf_cache_settings_password(const mf_cache_settings *values,
                                              char password[MF_CACHE_PASSWORD_MAX + 1],
                                              mf_error *err);

typedef struct mf_cache mf_cache;

/* Counters. Every key that was looked up is one of hits, misses and skipped. */
typedef enum mf_cache_count {
    MF_CACHE_HITS,
    MF_CACHE_MISSES,          /* Redis had nothing, or nothing usable */
    MF_CACHE_SKIPPED,         /* not looked up, or no response in time */
    MF_CACHE_STORED,          /* lists that Redis has taken */
    MF_CACHE_NOT_STORED,      /* lists that it was not given or did not take */
    MF_CACHE_ERRORS,          /* connections and commands that failed, values that are not ours */
    MF_CACHE_CONNECTIONS,     /* made since the start, AUTH included */
    MF_CACHE_CLIENTS_READY,   /* now */
    MF_CACHE_CLIENTS_RESTING, /* now: they leave Redis alone after a failure */
    MF_CACHE_COUNTS
} mf_cache_count;

/* Settings are copied; they were checked by mf_cache_settings_read. Fails
 * MF_ERR_CONFIG: certificates; MF_ERR_MEMORY. */
MF_MUST_CHECK mf_cache *mf_cache_open(const mf_cache_settings *settings, mf_error *err);

/* The password from here on, of password_secret. While no client is at work in another thread. Fails
 * MF_ERR_CONFIG: it is too long. */
MF_MUST_CHECK bool mf_cache_set_password(mf_cache *cache, const char *password, mf_error *err);

/* True once after Redis rejected the password or wanted one: the secret may have a newer one. */
bool mf_cache_take_rejection(mf_cache *cache);

const mf_cache_settings *mf_cache_get_settings(const mf_cache *cache);

uint64_t mf_cache_counted(const mf_cache *cache, mf_cache_count what);

/* NULL is fine. After the last client and session. */
void mf_cache_close(mf_cache *cache);

/* ---- for clients, inside src/cache; any thread ---- */

struct mf_tls;

/* NULL: without TLS. */
struct mf_tls *mf_cache_get_tls(const mf_cache *cache);

/* Modulo 2^64: UINT64_MAX is one less. */
void mf_cache_add(mf_cache *cache, mf_cache_count what, uint64_t n);

/* Redis rejected the password, or wants one. */
void mf_cache_note_rejection(mf_cache *cache);

/* A connection failed, or one works. */
void mf_cache_log_down(mf_cache *cache, const char *why);
void mf_cache_log_up(mf_cache *cache);

/* Redis works, but does not store values (cache_full), or is a replica (cache_read_only). At most a
 * line a minute of each. */
void mf_cache_log_not_stored(mf_cache *cache, bool read_only, const char *why);

#endif
