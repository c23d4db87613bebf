/* service.c: the table of routes, and how the server, the cache, the loops and the access log are
 * created, share a model and are freed. */
#include "serve/service.h"

#include "base/clock.h"
#include "base/memory.h"
#include "serve/cached.h"
#include "serve/invocations.h"
#include "serve/status.h"
#include "serve/with_events.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Every path that serve handles; openapi.json describes them.
 *
 * Routes with GET allow HEAD too. Health checks use GET, HEAD or POST, depending on the client.
 * Successful ones are not logged, because they come every few seconds as long as an endpoint
 * exists. */
enum { READ = MF_HTTP_GET | MF_HTTP_HEAD };

static const mf_http_route routes[] = {
    {.path = "/ping", .methods = READ | MF_HTTP_POST, .handle = mf_handle_ping, .quiet = true},
    {.path = "/invocations", .methods = MF_HTTP_POST, .handle = mf_handle_invocations},
    {.path = "/internal/recommend/{user_id}", .methods = READ, .handle = mf_handle_recommend},
    {.path = "/recommend/cached/{user_id}", .methods = READ, .handle = mf_handle_cached},
    {.path = "/execution-parameters", .methods = READ, .handle = mf_handle_execution_parameters},
    {.path = "/health", .methods = READ, .handle = mf_handle_health, .quiet = true},
    {.path = "/metrics", .methods = READ, .handle = mf_handle_metrics, .quiet = true},
};

enum { N_ROUTES = sizeof routes / sizeof routes[0] };

/* Frees what was created. The access log is closed after the last loop that writes to it. */
static void release(mf_service *service)
{
    /* Connections to the cache live on the server's loops, whose threads have ended. */
    for (uint32_t i = 0; service->loops != NULL && i < service->http.n_threads; i++) {
        mf_cache_client_destroy(service->loops[i].cache);
        mf_shared_lookups_destroy(service->loops[i].shared);
        mf_workspace_destroy(service->loops[i].workspace);
    }
    mf_http_server_destroy(service->server);
    mf_access_log_close(service->access_log);
    mf_cache_close(service->cache);
    mf_free(service->loops);
    service->cache = NULL;
    service->server = NULL;
    service->access_log = NULL;
    service->loops = NULL;
}

static void set_reason(mf_service_loop *loop, const char *reason)
{
    snprintf(loop->reason, sizeof loop->reason, "%s", reason);
}

/* A connection for each loop; they open when the loops run. */
static bool connect_cache(mf_service *service, const mf_cache_settings *settings, mf_error *err)
{
    if (!settings->enabled)
        return true;
    service->cache = mf_cache_open(settings, err);
    for (uint32_t i = 0; service->cache != NULL && i < service->http.n_threads; i++) {
        mf_service_loop *loop = &service->loops[i];
        loop->cache =
            mf_cache_client_create(service->cache, mf_http_server_base(service->server, i), err);
        loop->shared = mf_shared_lookups_create(err);
        if (loop->cache == NULL || loop->shared == NULL)
            return false;
        mf_cache_client_start(loop->cache);
    }
    return service->cache != NULL;
}

bool mf_service_create(mf_service *service, const mf_serve_settings *settings,
                       const mf_cache_settings *cache, mf_error *err)
{
    memset(service, 0, sizeof *service);
    service->started_ms = mf_clock_wall_ms();
    service->warned_us = INT64_MIN;
    service->settings = *settings;
    service->http = mf_serve_settings_http(&service->settings);
    service->http.context = service;
    service->routes = routes;
    service->n_routes = N_ROUTES;
    service->loops = mf_allocate(service->http.n_threads, sizeof *service->loops, "loops", err);
    if (service->loops == NULL)
        return false;
    for (uint32_t i = 0; i < service->http.n_threads; i++) {
        set_reason(&service->loops[i], "the model is being loaded");
        if ((service->loops[i].workspace = mf_workspace_create(err)) == NULL)
            goto failed;
    }
    if (settings->access_log != MF_ACCESS_OFF) {
        const uint16_t min_status = settings->access_log == MF_ACCESS_ERRORS ? 400 : 100;
        service->access_log =
            mf_access_log_open(STDERR_FILENO, service->http.n_threads, min_status, err);
        if (service->access_log == NULL)
            goto failed;
        service->http.access_log = service->access_log;
    }
    service->server = mf_http_server_create(&service->http, routes, N_ROUTES, err);
    if (service->server == NULL || !connect_cache(service, cache, err))
        goto failed;
    return true;
failed:
    release(service);
    return false;
}

bool mf_service_start(mf_service *service, mf_error *err)
{
    if (mf_http_server_start(service->server, err))
        return true;
    release(service);
    return false;
}

typedef struct change {
    mf_service *service;
    mf_loaded *loaded;
    mf_loaded *before;
    const char *reason;
} change;

static void switch_loop(uint32_t loop, void *argument)
{
    change *c = argument;
    mf_loaded **mine = &c->service->loops[loop].loaded;
    if (loop == 0) /* every loop has the same model */
        c->before = *mine;
    if (*mine != NULL)
        mf_loaded_release(*mine);
    if (c->loaded != NULL)
        mf_loaded_hold(c->loaded);
    *mine = c->loaded;
}

mf_loaded *mf_service_switch(mf_service *service, mf_loaded *loaded)
{
    change c = {.service = service, .loaded = loaded};
    mf_http_server_each_loop(service->server, switch_loop, &c);
    atomic_store_explicit(&service->ready, loaded != NULL, memory_order_release);
    return c.before;
}

static void set_loop_reason(uint32_t loop, void *argument)
{
    const change *c = argument;
    set_reason(&c->service->loops[loop], c->reason);
}

void mf_service_set_reason(mf_service *service, const char *reason)
{
    change c = {.service = service, .reason = reason};
    mf_http_server_each_loop(service->server, set_loop_reason, &c);
}

uint32_t mf_service_stop(mf_service *service)
{
    enum { MILLI = 1000 };
    const uint32_t cut_off =
        mf_http_server_drain(service->server, MILLI * service->settings.drain_seconds);
    for (uint32_t i = 0; i < service->http.n_threads; i++)
        if (service->loops[i].loaded != NULL)
            mf_loaded_release(service->loops[i].loaded);
    release(service);
    return cut_off;
}
