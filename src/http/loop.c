/* loop.c: events without locks: libevent's base belongs to one thread, and calls from other
 * threads come through a mailbox and an eventfd. */
#include "http/loop.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

void mf_loop_touch(mf_http_loop *loop)
{
    loop->now_us = mf_clock_us();
}

void mf_loop_want_turn(mf_http_loop *loop)
{
    /* libevent runs a timeout of zero after the sockets of the same round. */
    static const struct timeval at_once = {0, 0};
    if (!event_pending(loop->turn, EV_TIMEOUT, NULL))
        event_add(loop->turn, &at_once);
}

void mf_loop_want_tick(mf_http_loop *loop)
{
    static const struct timeval interval = {0, MF_TICK_MS * 1000};
    if (event_pending(loop->tick, EV_TIMEOUT, NULL))
        return;
    loop->wall_offset_ms = mf_clock_wall_ms() - mf_clock_us() / 1000;
    event_add(loop->tick, &interval);
}

void mf_loop_end(mf_http_loop *loop)
{
    if (loop->settings->base == NULL)
        event_base_loopbreak(loop->base);
}

/* ------------------------------------------------- calls from other threads */

void mf_loop_post(mf_http_loop *loop, mf_http_call *call)
{
    pthread_mutex_lock(&loop->mailbox_lock);
    STAILQ_INSERT_TAIL(&loop->mailbox, call, next);
    pthread_mutex_unlock(&loop->mailbox_lock);
    eventfd_write(loop->wake_fd, 1);
}

static void on_wake(evutil_socket_t fd, short what, void *argument)
{
    mf_http_loop *loop = argument;
    eventfd_t n;
    (void)what;
    eventfd_read(fd, &n);
    mf_loop_touch(loop);
    for (;;) {
        pthread_mutex_lock(&loop->mailbox_lock);
        mf_http_call *call = STAILQ_FIRST(&loop->mailbox);
        if (call != NULL)
            STAILQ_REMOVE_HEAD(&loop->mailbox, next);
        pthread_mutex_unlock(&loop->mailbox_lock);
        if (call == NULL)
            return;
        call->run(loop, call->argument);
    }
}

/* ------------------------------------------------------------------ lifetime */

void *mf_loop_run(void *argument)
{
    mf_http_loop *loop = argument;
    mf_http_server *server = loop->server;
    mf_loop_touch(loop);
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    pthread_mutex_lock(&server->lock);
    server->n_ended++;
    pthread_cond_signal(&server->done);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static struct event_base *open_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    /* One thread per base, and calls from outside have their own mailbox. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

bool mf_loop_open(mf_http_loop *loop, mf_http_server *server, uint32_t index,
                  event_callback_fn on_turn, event_callback_fn on_tick, mf_error *err)
{
    const mf_http_settings *settings = &server->settings;
    loop->server = server;
    loop->settings = settings;
    loop->index = index;
    for (int i = 0; i < MF_DEADLINES; i++)
        TAILQ_INIT(&loop->waiting[i]);
    TAILQ_INIT(&loop->runnable);
    TAILQ_INIT(&loop->deferred);
    TAILQ_INIT(&loop->work);
    TAILQ_INIT(&loop->woken);
    STAILQ_INIT(&loop->free_requests);
    STAILQ_INIT(&loop->mailbox);
    loop->duration_ms[MF_DEADLINE_IDLE] = settings->idle_ms;
    loop->duration_ms[MF_DEADLINE_HEAD] = settings->head_ms;
    loop->duration_ms[MF_DEADLINE_BODY] = settings->body_ms;
    loop->duration_ms[MF_DEADLINE_RESPONSE] = settings->response_ms;
    loop->duration_ms[MF_DEADLINE_WRITE] = settings->write_ms;
    loop->duration_ms[MF_DEADLINE_LINGER] = MF_LINGER_MS;
    if (getrandom(&loop->id_seed, sizeof loop->id_seed, 0) != sizeof loop->id_seed)
        loop->id_seed = (uint64_t)mf_clock_wall_ms() * (index + 1);
    loop->n_kept =
        settings->max_head_bytes > MF_PIPELINE_BYTES ? settings->max_head_bytes : MF_PIPELINE_BYTES;
    loop->scratch = malloc(loop->n_kept + MF_READ_BYTES);
    loop->base = settings->base != NULL ? settings->base : open_base();
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->scratch == NULL || loop->base == NULL || loop->wake_fd < 0)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "there is no memory for an event loop");
    loop->tick = event_new(loop->base, -1, 0, on_tick, loop);
    loop->turn = event_new(loop->base, -1, 0, on_turn, loop);
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    if (loop->tick == NULL || loop->turn == NULL || loop->wake == NULL ||
        event_add(loop->wake, NULL) != 0)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "there is no memory for an event loop");
    mf_loop_touch(loop);
    return true;
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void mf_loop_close(mf_http_loop *loop)
{
    free_event(loop->tick);
    free_event(loop->turn);
    free_event(loop->wake);
    if (loop->base != NULL && loop->settings->base == NULL)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    mf_text_free(&loop->out);
    mf_text_free(&loop->fixed);
    free(loop->scratch);
}

/* ------------------------------------------------------------------ counters */

const uint32_t mf_http_bucket_bounds[MF_HTTP_BUCKETS - 1] = {
    25,    50,    100,    250,    500,     1000,     2500,     5000,
    10000, 25000, 100000, 500000, 2500000, 10000000, 60000000,
};

void mf_loop_count_response(mf_http_loop *loop, uint32_t route, int status, uint64_t microseconds)
{
    int bucket = 0;
    while (bucket < MF_HTTP_BUCKETS - 1 && microseconds > mf_http_bucket_bounds[bucket])
        bucket++;
    const int class = status / 100;
    mf_http_route_stats *stats = &loop->counters.routes[route];
    mf_count(&stats->responses[class < MF_HTTP_STATUSES ? class : 0], 1);
    mf_count(&stats->buckets[bucket], 1);
    mf_count(&stats->microseconds, microseconds);
}

/* The statistics are figures of 64 bits, whose sums are those of the loops. */
void mf_http_server_stats(const mf_http_server *server, mf_http_stats *stats)
{
    enum { N = sizeof *stats / sizeof(uint64_t) };
    uint64_t *sums = (uint64_t *)stats;
    memset(stats, 0, sizeof *stats);
    for (uint32_t l = 0; l < server->n_loops; l++)
        for (size_t i = 0; i < N; i++)
            sums[i] +=
                __atomic_load_n((const uint64_t *)&server->loops[l].counters + i, __ATOMIC_RELAXED);
    stats->connections = atomic_load_explicit(&server->connections, memory_order_relaxed);
    stats->buffered_bytes = atomic_load_explicit(&server->buffered_bytes, memory_order_relaxed);
}
