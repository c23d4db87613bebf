/* loop.c: one thread's event loop.
 *
 * (1) In each round of the loop what came from sockets is handled first, then requests
 *     that waited for something from outside, then connections that could go on, then one
 *     slice of work. None starves.
 * (2) The tick runs only while there are connections. */
#include "http/loop.h"

#include "base/memory.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void mf_loop_touch(mf_http_loop *loop)
{
    loop->now_us = clock_us(CLOCK_MONOTONIC);
}

/* ------------------------------------------------------------- turn and tick */

void mf_loop_want_turn(mf_http_loop *loop)
{
    /* A timeout of nothing: libevent runs it after the sockets of the same round. */
    static const struct timeval at_once = {0, 0};
    if (!event_pending(loop->turn, EV_TIMEOUT, NULL))
        event_add(loop->turn, &at_once);
}

static void resume_ready(mf_http_loop *loop)
{
    const mf_connection *last = TAILQ_LAST(&loop->ready, mf_connection_list);
    bool more = last != NULL;
    while (more && loop->handled_us < MF_HANDLED_US) {
        mf_connection *connection = TAILQ_FIRST(&loop->ready);
        more = connection != last;
        TAILQ_REMOVE(&loop->ready, connection, ready_link);
        connection->queued = false;
        mf_connection_resume(connection);
    }
}

static void when_turn(evutil_socket_t fd, short what, void *argument)
{
    mf_http_loop *loop = argument;
    (void)fd;
    (void)what;
    mf_loop_touch(loop);
    loop->handled_us = 0;
    mf_work_run_deferred(loop);
    loop->handled_us = 0; /* or who was woken could starve behind them, and so on */
    mf_work_run_woken(loop);
    loop->handled_us = 0;
    resume_ready(loop);
    mf_work_run(loop);
    loop->handled_us = 0;
    if (!TAILQ_EMPTY(&loop->deferred) || !TAILQ_EMPTY(&loop->woken) || !TAILQ_EMPTY(&loop->ready) ||
        !TAILQ_EMPTY(&loop->work))
        mf_loop_want_turn(loop);
}

void mf_loop_want_tick(mf_http_loop *loop)
{
    static const struct timeval interval = {0, MF_TICK_MS * 1000};
    if (event_pending(loop->tick, EV_TIMEOUT, NULL))
        return;
    loop->wall_offset_ms = (clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC)) / 1000;
    event_add(loop->tick, &interval);
}

static void when_tick(evutil_socket_t fd, short what, void *argument)
{
    mf_http_loop *loop = argument;
    (void)fd;
    (void)what;
    mf_loop_touch(loop);
    mf_listener_go_on(loop);
    mf_deadlines_check(loop);
    if (loop->n_connections > 0)
        mf_loop_want_tick(loop);
    else
        loop->accept_warned = false;
}

/* ------------------------------------------------------- calls from outside */

void mf_loop_post(mf_http_loop *loop, mf_http_call *call)
{
    pthread_mutex_lock(&loop->mailbox_lock);
    STAILQ_INSERT_TAIL(&loop->mailbox, call, next);
    pthread_mutex_unlock(&loop->mailbox_lock);
    eventfd_write(loop->wake_fd, 1);
}

static void when_woken(evutil_socket_t fd, short what, void *argument)
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

/* --------------------------------------------------------------------- drain */

static void end_loop(mf_http_loop *loop)
{
    if (loop->settings->base == NULL)
        event_base_loopbreak(loop->base);
}

void mf_loop_check_drained(mf_http_loop *loop)
{
    if (loop->draining && loop->n_connections == 0)
        end_loop(loop);
}

void mf_loop_drain(mf_http_loop *loop, void *unused)
{
    (void)unused;
    if (loop->draining)
        return;
    /* Whoever is in the backlog was promised a connection by the kernel. */
    mf_listener_accept(loop, MF_BACKLOG);
    mf_listener_close(loop);
    loop->draining = true;
    loop->drain_us = loop->now_us;
    /* A request may have come that nobody has looked at yet; reading it settles
     * whether the connection is idle, and closes it if it is. */
    struct mf_connection_list *idle = &loop->waiting[MF_DEADLINE_IDLE];
    const mf_connection *last = TAILQ_LAST(idle, mf_connection_list);
    bool more = last != NULL;
    while (more) {
        mf_connection *connection = TAILQ_FIRST(idle);
        more = connection != last;
        mf_connection_read(connection);
    }
    mf_loop_check_drained(loop);
}

void mf_loop_cut(mf_http_loop *loop, void *unused)
{
    (void)unused;
    for (int i = 0; i < MF_DEADLINES; i++) {
        mf_connection *connection;
        while ((connection = TAILQ_FIRST(&loop->waiting[i])) != NULL) {
            if (i != MF_DEADLINE_IDLE && i != MF_DEADLINE_LINGER)
                loop->n_cut++;
            mf_connection_destroy(connection);
        }
    }
    loop->draining = true;
    end_loop(loop);
}

void mf_loop_drop_connections(mf_http_loop *loop)
{
    for (int i = 0; i < MF_DEADLINES; i++) {
        mf_connection *connection;
        while ((connection = TAILQ_FIRST(&loop->waiting[i])) != NULL) {
            if (connection->request != NULL)
                connection->request->pending = false;
            mf_connection_destroy(connection);
        }
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

bool mf_loop_open(mf_http_loop *loop, mf_http_server *server, uint32_t index, mf_error *err)
{
    const mf_http_settings *settings = &server->settings;
    loop->server = server;
    loop->settings = settings;
    loop->index = index;
    for (int i = 0; i < MF_DEADLINES; i++)
        TAILQ_INIT(&loop->waiting[i]);
    TAILQ_INIT(&loop->ready);
    TAILQ_INIT(&loop->deferred);
    TAILQ_INIT(&loop->work);
    TAILQ_INIT(&loop->woken);
    STAILQ_INIT(&loop->free_requests);
    STAILQ_INIT(&loop->mailbox);
    loop->duration_ms[MF_DEADLINE_IDLE] = settings->idle_ms;
    loop->duration_ms[MF_DEADLINE_HEAD] = settings->head_ms;
    loop->duration_ms[MF_DEADLINE_BODY] = settings->body_ms;
    loop->duration_ms[MF_DEADLINE_ANSWER] = settings->answer_ms;
    loop->duration_ms[MF_DEADLINE_WRITE] = settings->write_ms;
    loop->duration_ms[MF_DEADLINE_LINGER] = MF_LINGER_MS;
    if (getrandom(&loop->id_seed, sizeof loop->id_seed, 0) != sizeof loop->id_seed)
        loop->id_seed = (uint64_t)clock_us(CLOCK_REALTIME) * (index + 1);
    loop->n_kept =
        settings->max_head_bytes > MF_PIPELINE_BYTES ? settings->max_head_bytes : MF_PIPELINE_BYTES;
    loop->scratch = malloc(loop->n_kept + MF_READ_BYTES);
    loop->base = settings->base != NULL ? settings->base : open_base();
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->scratch == NULL || loop->base == NULL || loop->wake_fd < 0)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "there is no memory for an event loop");
    loop->tick = event_new(loop->base, -1, 0, when_tick, loop);
    loop->turn = event_new(loop->base, -1, 0, when_turn, loop);
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, when_woken, loop);
    if (loop->tick == NULL || loop->turn == NULL || loop->wake == NULL ||
        event_add(loop->wake, NULL) != 0 || !mf_listener_start(loop))
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
    mf_listener_close(loop);
    if (loop->server == NULL) /* it was never opened */
        return;
    if (loop->base != NULL)
        mf_loop_cut(loop, NULL);
    free_event(loop->tick);
    free_event(loop->turn);
    free_event(loop->wake);
    if (loop->base != NULL && loop->settings->base == NULL)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    mf_request_pool_free(loop);
    mf_text_free(&loop->out);
    mf_text_free(&loop->fixed);
    free(loop->scratch);
}
