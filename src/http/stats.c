/* stats.c: counters, written by their loops and summed by whoever asks. */
#include "http/loop.h"

#include <string.h>

const uint32_t mf_http_bucket_bounds[MF_HTTP_BUCKETS - 1] = {
    25,    50,    100,    250,    500,     1000,     2500,     5000,
    10000, 25000, 100000, 500000, 2500000, 10000000, 60000000,
};

void mf_stats_answer(mf_http_loop *loop, uint32_t route, int status, uint64_t microseconds)
{
    int bucket = 0;
    while (bucket < MF_HTTP_BUCKETS - 1 && microseconds > mf_http_bucket_bounds[bucket])
        bucket++;
    const int class = status / 100;
    mf_count(&loop->counters.routes[route].answers[class < MF_HTTP_STATUSES ? class : 0], 1);
    mf_count(&loop->counters.routes[route].buckets[bucket], 1);
    mf_count(&loop->counters.routes[route].microseconds, microseconds);
}

static uint64_t get(const atomic_uint_least64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_loop(const mf_http_counters *counters, mf_http_stats *stats)
{
    for (int r = 0; r < MF_HTTP_ROUTES_MAX + 1; r++) {
        for (int s = 0; s < MF_HTTP_STATUSES; s++)
            stats->routes[r].answers[s] += get(&counters->routes[r].answers[s]);
        for (int b = 0; b < MF_HTTP_BUCKETS; b++)
            stats->routes[r].buckets[b] += get(&counters->routes[r].buckets[b]);
        stats->routes[r].microseconds += get(&counters->routes[r].microseconds);
    }
    stats->accepted += get(&counters->accepted);
    stats->refused += get(&counters->refused);
    stats->timed_out += get(&counters->timed_out);
    stats->bytes_in += get(&counters->bytes_in);
    stats->bytes_out += get(&counters->bytes_out);
    stats->working += atomic_load_explicit(&counters->working, memory_order_relaxed);
}

void mf_http_server_stats(const mf_http_server *server, mf_http_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    for (uint32_t i = 0; i < server->n_loops; i++)
        add_loop(&server->loops[i].counters, stats);
    stats->connections = atomic_load_explicit(&server->connections, memory_order_relaxed);
    stats->buffered_bytes = atomic_load_explicit(&server->buffered_bytes, memory_order_relaxed);
}
