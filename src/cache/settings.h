/* settings.h: where the cache is and how long it may take, from the environment; the same
 * variables for serve and for the functions.
 *
 * (1) A value that is not allowed, and settings that contradict each other, are an error
 *     that says what is expected.
 * (2) The password is in no table: neither --help nor a log line can show it.
 * (3) REDIS_PORT=tcp://… and the like are Kubernetes' and Docker's for a service that is
 *     called "redis", and none of our business.
 *
 * Threads: none yet when these run. */
#ifndef MF_CACHE_SETTINGS_H
#define MF_CACHE_SETTINGS_H

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
    char ca_file[MF_SETTING_TEXT_BYTES];       /* "": the system's */
    char username[MF_SETTING_TEXT_BYTES];      /* "": the default user */
    char password_file[MF_SETTING_TEXT_BYTES]; /* read at each connection; "" for none */
    char password[MF_CACHE_PASSWORD_MAX + 1];  /* "" for none */

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

#endif
