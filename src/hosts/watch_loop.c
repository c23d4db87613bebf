/* watch_loop.c: the thread of a watch: the passing of time, and waiting for bytes. */
#include "base/clock.h"
#include "base/grow.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/stop.h"
#include "hosts/watch_state.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,
    PING_SECONDS = 1,
    HELLO_SECONDS = 5,
    TELL_SECONDS = 60, /* between two log lines about missing hosts */
    STRAYS_MAX = 64,   /* connections without a hello at a time */
};

/* --- the passing of time ---------------------------------------------------------- */

/* "algo-2, algo-4 and 7 more". */
static void name_missing(const mf_hosts_watch *w, char *text, size_t n_text)
{
    enum { NAMED = 4 };
    size_t at = 0;
    uint32_t named = 0;
    const uint32_t missing = w->group->size - 1 - w->n_here;
    text[0] = '\0';
    for (uint32_t r = 1; r < w->group->size && named < NAMED; r++)
        if (!w->is_here[r])
            at += (size_t)snprintf(text + at, n_text - at, "%s%s", named++ > 0 ? ", " : "",
                                   w->group->name[r]);
    if (missing > named)
        snprintf(text + at, n_text - at, " and %" PRIu32 " more", missing - named);
}

static void look_for_missing(mf_hosts_watch *w, double now)
{
    char names[512];
    if (!mf_hosts_is_first(w) || w->started)
        return;
    name_missing(w, names, sizeof names);
    if (mf_stop_requested())
        mf_hosts_fail_with(w, MF_ERR_STOPPED, "SIGTERM came while %s waited for %s",
                           w->group->name[0], names);
    else if (now - w->start > w->options.wait_seconds)
        mf_hosts_fail_with(w, MF_ERR_IO, "%s did not come within %g s (hosts_wait)", names,
                           w->options.wait_seconds);
    else if (now - w->told > TELL_SECONDS)
        mf_log_message(MF_LOG_INFO, "waiting", "%s waits for %s", w->group->name[0], names);
    else
        return;
    w->told = now;
}

static void look_at_clock(mf_hosts_watch *w)
{
    const double now = mf_clock_seconds();
    for (size_t i = 0; i < w->n; i++) {
        mf_hosts_connection *c = w->connection[i];
        if (c->fd < 0 || w->failed)
            continue;
        if (c->rank == MF_HOSTS_UNKNOWN && now - c->since > 2 * HELLO_SECONDS)
            mf_hosts_take_end(w, c);
        else if (c->rank == MF_HOSTS_UNKNOWN && !c->closing && now - c->since > HELLO_SECONDS)
            mf_hosts_refuse(w, c, "it does not begin as one of a host");
        else if (c->rank != MF_HOSTS_UNKNOWN && !w->done &&
                 now - c->heard > w->options.silence_seconds)
            mf_hosts_fail_with(w, MF_ERR_IO, "%s is lost: nothing came from it for %g s",
                               w->group->name[c->rank], w->options.silence_seconds);
    }
    if (w->failed)
        return;
    look_for_missing(w, now);
    if ((w->started || !mf_hosts_is_first(w)) && mf_stop_requested())
        mf_hosts_stop_all(w);
    if (now - w->pinged >= PING_SECONDS) {
        mf_hosts_post_all(w, MF_HOSTS_PING, NULL);
        w->pinged = now;
    }
}

/* --- the thread ------------------------------------------------------------------- */

mf_hosts_connection *mf_hosts_add_connection(mf_hosts_watch *w, int fd, uint32_t rank,
                                             mf_error *err)
{
    mf_hosts_connection *c = mf_allocate(1, sizeof *c, "a connection of a host", err);
    if (c == NULL || !MF_GROW(w->connection, w->capacity, w->n + 1, "connections of hosts", err)) {
        mf_free(c);
        close(fd);
        return NULL;
    }
    c->fd = fd;
    c->rank = rank;
    c->since = c->heard = mf_clock_seconds();
    w->connection[w->n++] = c;
    return c;
}

static void accept_some(mf_hosts_watch *w)
{
    mf_error err = {0};
    size_t strays = 0;
    for (size_t i = 0; i < w->n; i++)
        strays += w->connection[i]->rank == MF_HOSTS_UNKNOWN;
    const int fd = accept4(w->options.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (strays >= STRAYS_MAX)
        close(fd);
    else if (mf_hosts_add_connection(w, fd, MF_HOSTS_UNKNOWN, &err) == NULL)
        mf_hosts_fail_group(w, &err, false);
}

/* Frees those that are closed. */
static void remove_closed(mf_hosts_watch *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++) {
        mf_hosts_connection *c = w->connection[i];
        if (c->fd >= 0) {
            w->connection[kept++] = c;
            continue;
        }
        mf_text_free(&c->out);
        mf_free(c);
    }
    if (kept != w->n)
        pthread_cond_broadcast(&w->changed);
    w->n = kept;
}

/* Waits for bytes, for the main thread, or LOOK_MS, and takes what has come. The lock is held, but
 * not while it waits. */
static void look(mf_hosts_watch *w)
{
    mf_error err = {0};
    const size_t n = w->n;
    if (!MF_GROW(w->polled, w->polled_capacity, n + 2, "connections of hosts", &err)) {
        mf_hosts_fail_group(w, &err, false);
        return;
    }
    w->polled[0] = (struct pollfd){.fd = w->wake, .events = POLLIN};
    w->polled[1] = (struct pollfd){.fd = w->options.listener, .events = POLLIN};
    for (size_t i = 0; i < n; i++) {
        const mf_hosts_connection *c = w->connection[i];
        const short out = c->out.n_bytes > 0 || c->closing ? POLLOUT : 0;
        w->polled[i + 2] = (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | out)};
    }
    pthread_mutex_unlock(&w->lock);
    const int ready = poll(w->polled, n + 2, LOOK_MS);
    pthread_mutex_lock(&w->lock);
    if (ready <= 0)
        return;
    if (w->polled[0].revents != 0) {
        uint64_t count;
        if (read(w->wake, &count, sizeof count) < 0)
            return;
    }
    for (size_t i = 0; i < n; i++)
        if (w->polled[i + 2].revents != 0) {
            mf_hosts_read_from(w, w->connection[i]);
            mf_hosts_write_to(w, w->connection[i]);
        }
    if (w->polled[1].revents != 0)
        accept_some(w);
}

/* A failure is out: to the first host and back, or to all others, which have ended since. Hosts that
 * come late are told as well. */
static bool is_delivered(const mf_hosts_watch *w)
{
    bool all_gone = !mf_hosts_is_first(w) || w->n_here + 1 == w->group->size;
    for (size_t i = 0; i < w->n; i++)
        all_gone = all_gone && w->connection[i]->rank == MF_HOSTS_UNKNOWN;
    return all_gone || mf_clock_seconds() > w->drain;
}

void *mf_hosts_watch_run(void *argument)
{
    mf_hosts_watch *w = argument;
    pthread_mutex_lock(&w->lock);
    while (!w->destroyed && !(w->failed && is_delivered(w))) {
        look(w);
        look_at_clock(w);
        for (size_t i = 0; i < w->n; i++)
            mf_hosts_write_to(w, w->connection[i]);
        remove_closed(w);
    }
    for (size_t i = 0; i < w->n && w->failed; i++) {
        close(w->connection[i]->fd);
        w->connection[i]->fd = -1;
    }
    const bool reports = w->failed && w->reports;
    w->delivered = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (reports && w->options.on_failure != NULL)
        w->options.on_failure(w->options.argument, &w->failure);
    return NULL;
}
