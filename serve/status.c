/* status.c: health and metrics. A server is ready when every loop has the model, because the next
 * request may come to any of them. */
#include "serve/status.h"

#include "base/log.h"
#include "serve/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const mf_service_loop *loop_of(const mf_http_request *request, const mf_service *service)
{
    return &service->loops[mf_http_get_loop(request)];
}

static bool is_ready(const mf_service *service, const mf_service_loop *loop)
{
    return loop->loaded != NULL && atomic_load_explicit(&service->ready, memory_order_acquire);
}

void mf_handle_ping(mf_http_request *request, void *context)
{
    mf_service *service = context;
    const mf_service_loop *loop = loop_of(request, service);
    if (is_ready(service, loop)) {
        if (atomic_load_explicit(&service->failing, memory_order_relaxed))
            atomic_store_explicit(&service->failing, false, memory_order_relaxed);
        mf_http_respond(request, 200, NULL);
        return;
    }
    /* The platform replaces a container whose pings fail; its log must say why. */
    if (!atomic_exchange(&service->failing, true))
        mf_log_message(MF_LOG_WARNING, "ping_failed", "%s", loop->reason);
    mf_http_refuse(request, 503, "%s", loop->reason);
}

static const char *true_or_false(bool value)
{
    return value ? "true" : "false";
}

void mf_handle_health(mf_http_request *request, void *context)
{
    const mf_service *service = context;
    const mf_service_loop *loop = loop_of(request, service);
    if (!is_ready(service, loop)) {
        mf_http_refuse(request, 503, "%s", loop->reason);
        return;
    }
    const mf_model_parts *model = mf_model_get(loop->loaded->model);
    mf_text *response = mf_http_response(request);
    mf_text_format(response,
                   "{\"status\":\"ok\",\"version\":\"%s\",\"model\":{\"version\":\"%s\","
                   "\"users\":%u,\"items\":%u,\"ratings\":%llu,"
                   "\"models\":{\"rating\":%s,\"ranking\":%s},\"factors\":%u,"
                   "\"ranking_factors\":%u,\"lists\":%zu,\"load_seconds\":%.3f}}",
                   MF_VERSION, loop->loaded->version, model->n_users, model->n_items,
                   (unsigned long long)model->n_rated, true_or_false(model->n_factors > 0),
                   true_or_false(model->ranking.n_factors > 0), model->n_factors,
                   model->ranking.n_factors, loop->loaded->lists->n, loop->loaded->seconds);
    mf_http_respond(request, 200, "application/json");
}

void mf_handle_execution_parameters(mf_http_request *request, void *context)
{
    const mf_serve_settings *settings = &((const mf_service *)context)->settings;
    mf_text *response = mf_http_response(request);
    mf_text_format(response, "{\"MaxConcurrentTransforms\":%u,", settings->max_concurrent);
    /* The platform's default is MULTI_RECORD. The SDK's local mode fails on that word. */
    if (settings->has_batch_strategy)
        mf_text_format(response, "\"BatchStrategy\":\"%s\",",
                       settings->batch_strategy == MF_SINGLE_RECORD ? "SINGLE_RECORD"
                                                                    : "MULTI_RECORD");
    mf_text_format(response, "\"MaxPayloadInMB\":%u}", settings->max_payload_mb);
    mf_http_respond(request, 200, "application/json");
}

/* ----------------------------------------------------------------- /metrics */

/* Where the metrics go, and what their names begin with. */
typedef struct metrics {
    mf_text *text;
    const char *prefix;
} metrics;

static const char PREFIX[] = "recommender_";

static void declare(const metrics *out, const char *name, const char *type, const char *help)
{
    mf_text_format(out->text, "# HELP %s%s %s%s\n# TYPE %s%s %s\n", out->prefix, name,
                   out->prefix[0] == '\0' ? "Old name. " : "", help, out->prefix, name, type);
}

static void gauge(const metrics *out, const char *name, const char *help, double value)
{
    declare(out, name, "gauge", help);
    mf_text_format(out->text, "%s%s %.17g\n", out->prefix, name, value);
}

static void counter(const metrics *out, const char *name, const char *help, uint64_t value)
{
    declare(out, name, "counter", help);
    mf_text_format(out->text, "%s%s %llu\n", out->prefix, name, (unsigned long long)value);
}

/* Requests without a route share one name. */
static const char *route_name(const mf_service *service, size_t route)
{
    return route < service->n_routes ? service->routes[route].path : "none";
}

static void write_requests(const metrics *out, const mf_service *service,
                           const mf_http_stats *stats)
{
    declare(out, "http_requests_total", "counter", "Responses by route and class of status.");
    for (size_t r = 0; r <= service->n_routes; r++)
        for (size_t status = 1; status < MF_HTTP_STATUSES; status++)
            if (stats->routes[r].responses[status] > 0)
                mf_text_format(out->text,
                               "%shttp_requests_total{route=\"%s\",status=\"%zuxx\"} %llu\n",
                               out->prefix, route_name(service, r), status,
                               (unsigned long long)stats->routes[r].responses[status]);
}

static void write_latency(const metrics *out, const mf_service *service, const mf_http_stats *stats)
{
    static const char NAME[] = "http_request_duration_seconds";
    declare(out, NAME, "histogram", "From a request's last byte to its response.");
    for (size_t r = 0; r <= service->n_routes; r++) {
        const mf_http_route_stats *route = &stats->routes[r];
        uint64_t so_far = 0;
        for (size_t b = 0; b < MF_HTTP_BUCKETS; b++) {
            so_far += route->buckets[b];
            if (b + 1 < MF_HTTP_BUCKETS)
                mf_text_format(out->text, "%s%s_bucket{route=\"%s\",le=\"%.6g\"} %llu\n",
                               out->prefix, NAME, route_name(service, r),
                               mf_http_bucket_bounds[b] * 1e-6, (unsigned long long)so_far);
            else
                mf_text_format(out->text, "%s%s_bucket{route=\"%s\",le=\"+Inf\"} %llu\n",
                               out->prefix, NAME, route_name(service, r),
                               (unsigned long long)so_far);
        }
        mf_text_format(out->text, "%s%s_sum{route=\"%s\"} %.6f\n%s%s_count{route=\"%s\"} %llu\n",
                       out->prefix, NAME, route_name(service, r),
                       (double)route->microseconds * 1e-6, out->prefix, NAME,
                       route_name(service, r), (unsigned long long)so_far);
    }
}

static void write_model(const metrics *out, const mf_loaded *loaded)
{
    gauge(out, "model_ready", "1 when a model is in service.", loaded != NULL);
    if (loaded == NULL)
        return;
    const mf_model_parts *model = mf_model_get(loaded->model);
    declare(out, "model_info", "gauge", "Version of the model in service.");
    mf_text_format(out->text, "%smodel_info{version=\"%s\"} 1\n", out->prefix, loaded->version);
    gauge(out, "model_users", "Users in the model.", model->n_users);
    gauge(out, "model_items", "Items in the model.", model->n_items);
    gauge(out, "model_ratings", "Ratings the model was made from, including those held out.",
          (double)model->n_rated);
    gauge(out, "model_has_rating", "1 when it predicts ratings.", model->n_factors > 0);
    gauge(out, "model_has_ranking", "1 when lists are ordered by a ranking model.",
          model->ranking.n_factors > 0);
    gauge(out, "model_factors", "Factors of a user and of an item; 0 without a rating model.",
          model->n_factors);
    gauge(out, "model_ranking_factors", "Factors of an item's vector; 0 without a ranking model.",
          model->ranking.n_factors);
    gauge(out, "model_lists", "Named lists of items beside the model.", (double)loaded->lists->n);
    gauge(out, "model_load_seconds", "Time to read and check the model.", loaded->seconds);
    gauge(out, "model_index_bytes", "Memory of the top-N index.",
          (double)mf_recommender_index_bytes(loaded->recommender));
}

static void write_cache(const metrics *out, const mf_cache *cache)
{
    static const struct {
        mf_cache_count what;
        const char *name;
        const char *help;
    } counts[] = {
        {MF_CACHE_HITS, "cache_hits_total", "Lists that were in Redis."},
        {MF_CACHE_MISSES, "cache_misses_total", "Lists that Redis did not have."},
        {MF_CACHE_SKIPPED, "cache_skipped_total",
         "Lists that were not requested from Redis, or not received in time."},
        {MF_CACHE_STORED, "cache_stored_total", "Lists stored in Redis."},
        {MF_CACHE_NOT_STORED, "cache_not_stored_total",
         "Lists not sent to Redis, or not stored by it."},
        {MF_CACHE_ERRORS, "cache_errors_total",
         "Failed connections and commands, and values that cannot be decoded."},
        {MF_CACHE_CONNECTIONS, "cache_connections_total", "Connections to Redis, since the start."},
    };
    const bool is_on = cache != NULL;
    gauge(out, "cache_enabled", "1 when lists are kept in Redis.", is_on);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        counter(out, counts[i].name, counts[i].help,
                is_on ? mf_cache_counted(cache, counts[i].what) : 0);
    gauge(out, "cache_connections", "Connections to Redis that are in use.",
          is_on ? (double)mf_cache_counted(cache, MF_CACHE_CLIENTS_READY) : 0);
    gauge(out, "cache_breakers_open", "Event loops that do not use Redis after a failure.",
          is_on ? (double)mf_cache_counted(cache, MF_CACHE_CLIENTS_RESTING) : 0);
}

/* The second number of /proc/self/statm, in pages. */
static uint64_t resident_bytes(void)
{
    char text[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    const char *line = fgets(text, sizeof text, file);
    fclose(file);
    const char *second = line != NULL ? strchr(line, ' ') : NULL;
    return second != NULL ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

typedef enum loop_count { PREDICTIONS, UNKNOWN_USERS, UNKNOWN_ITEMS, CLIPPED } loop_count;

static uint64_t sum_loops(const mf_service *service, loop_count which)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < service->http.n_threads; i++) {
        const mf_service_loop *loop = &service->loops[i];
        const atomic_uint_fast64_t *const counts[] = {
            [PREDICTIONS] = &loop->n_predictions,
            [UNKNOWN_USERS] = &loop->n_unknown_users,
            [UNKNOWN_ITEMS] = &loop->n_unknown_items,
            [CLIPPED] = &loop->n_clipped,
        };
        n += atomic_load_explicit(counts[which], memory_order_relaxed);
    }
    return n;
}

static void write_all(const metrics *out, mf_service *service, const mf_loaded *loaded,
                      const mf_http_stats *stats)
{
    write_requests(out, service, stats);
    write_latency(out, service, stats);
    counter(out, "predictions_total",
            "Responses to instances; those of a batch are counted one by one.",
            sum_loops(service, PREDICTIONS));
    write_model(out, loaded);
    counter(out, "model_reloads_total", "Models that replaced another.",
            atomic_load(&service->reloads));
    counter(out, "model_reloads_refused_total", "Models that were not usable on reload.",
            atomic_load(&service->reloads_refused));
    write_cache(out, service->cache);
    gauge(out, "http_connections", "Open connections.", (double)stats->connections);
    counter(out, "http_connections_total", "Connections accepted.", stats->accepted);
    counter(out, "http_connections_refused_total", "Connections over the limit.", stats->refused);
    counter(out, "http_timeouts_total", "Connections closed for being slow.", stats->timed_out);
    gauge(out, "http_requests_working", "Long requests at work.", (double)stats->working);
    gauge(out, "http_buffered_bytes", "Bodies and unsent responses in memory.",
          (double)stats->buffered_bytes);
    counter(out, "http_received_bytes_total", "Bytes received.", stats->bytes_in);
    counter(out, "http_sent_bytes_total", "Bytes sent.", stats->bytes_out);
}

void mf_handle_metrics(mf_http_request *request, void *context)
{
    enum { MILLI = 1000 };
    mf_service *service = context;
    mf_http_stats stats;
    mf_http_server_stats(service->server, &stats);
    mf_text *text = mf_http_response(request);
    const metrics ours = {text, PREFIX};
    const metrics process = {text, "process_"};
    const metrics old = {text, ""}; /* names without a prefix, for one more release */
    const mf_loaded *loaded = loop_of(request, service)->loaded;
    write_all(&ours, service, loaded, &stats);
    counter(
        &ours, "unknown_users_total",
        "Responses for a user who is not in the training data; those of a batch are counted one by "
        "one.",
        sum_loops(service, UNKNOWN_USERS));
    counter(&ours, "unknown_items_total",
            "Ids of items in requests and events that are not in the training data.",
            sum_loops(service, UNKNOWN_ITEMS));
    counter(&ours, "clipped_ratings_total",
            "Ratings in requests and events that are outside the scale of the training data and "
            "count as its ends.",
            sum_loops(service, CLIPPED));
    gauge(&process, "resident_memory_bytes", "Resident memory.", (double)resident_bytes());
    gauge(&process, "start_time_seconds", "When the process started, in seconds since 1970.",
          (double)service->started_ms / MILLI);
    write_all(&old, service, loaded, &stats);
    mf_http_respond(request, 200, "text/plain; version=0.0.4; charset=utf-8");
}
