/* service.h: the state of the program: settings, the loops' models, and readiness.
 *
 *   main thread   loads models, switches them, waits for signals (main.c)
 *   loops         handle requests (routes in service.c), each with its own pointer to the model
 *
 * A switch of models runs on each loop between two requests (mf_http_server_each_loop), so a
 * request looks at its loop's pointer without a lock, and every response is of one model. */
#ifndef MF_SERVE_SERVICE_H
#define MF_SERVE_SERVICE_H

#include "base/error.h"
#include "cache/client.h"
#include "http/access_log.h"
#include "http/server.h"
#include "inference/inference.h"
#include "serve/loaded.h"
#include "serve/serve_settings.h"

#include <stdatomic.h>
#include <stdint.h>

/* What one loop owns; padded so that loops do not share cache lines. */
typedef struct mf_service_loop {
    _Alignas(64) mf_loaded *loaded; /* NULL: not ready */
    mf_workspace *workspace;
    mf_cache_client *cache;             /* NULL: there is none */
    struct mf_shared_lookups *shared;   /* its lookups in progress (cached.h), or NULL */
    atomic_uint_fast64_t n_predictions; /* these three are written by this loop only */
    atomic_uint_fast64_t n_unknown_users;
    atomic_uint_fast64_t n_unknown_items;
    atomic_uint_fast64_t n_clipped;
    char reason[MF_ERROR_TEXT_BYTES]; /* why there is no model */
} mf_service_loop;

typedef struct mf_service {
    mf_serve_settings settings;
    mf_http_settings http;
    mf_http_server *server;
    const mf_http_route *routes; /* [n_routes] every path that is handled */
    size_t n_routes;
    mf_http_access_log *access_log;
    mf_cache *cache;        /* shared by the loops; NULL: there is none */
    mf_service_loop *loops; /* [http.n_threads] */

    atomic_bool ready;   /* every loop has a model: what /ping and /health say */
    atomic_bool failing; /* a /ping got 503 since the last 200 */

    int64_t started_ms;            /* since 1970 */
    atomic_int_fast64_t warned_us; /* the last warning about unknown users, mf_clock_us() */
    atomic_uint_fast64_t reloads;
    atomic_uint_fast64_t reloads_refused;
} mf_service;

/* Creates everything but the model: sockets bound, threads not started, reason "loading".
 * settings are copied. *service stays where it is until destroyed.
 * Fails MF_ERR_IO (port taken), MF_ERR_CONFIG (the cache's certificates), MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_service_create(mf_service *service, const mf_serve_settings *settings,
                                     const mf_cache_settings *cache, mf_error *err);

/* Starts the loops; /ping is 503 until there is a model. */
MF_MUST_CHECK bool mf_service_start(mf_service *service, mf_error *err);

/* Replaces the model of every loop; the service takes over the reference. Returns the previous
 * model with its reference, or NULL. Main thread, while started. */
mf_loaded *mf_service_switch(mf_service *service, mf_loaded *loaded);

/* Sets the reason that /ping reports while there is no model. */
void mf_service_set_reason(mf_service *service, const char *reason);

/* Stops (http/server.h, mf_http_server_drain) and frees everything but the models of
 * the caller. Returns how many requests were cut off. */
uint32_t mf_service_stop(mf_service *service);

#endif
