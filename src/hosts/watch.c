/* watch.c: what the main thread calls. */
#include "hosts/watch.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "hosts/watch_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void wake(mf_hosts_watch *w)
{
    const uint64_t one = 1;
    if (write(w->wake, &one, sizeof one) < 0) {
        /* The counter is full: the thread wakes anyway. */
    }
}

/* mf_hosts_fail of the main thread: the others must know before it continues. */
static void tell(mf_hosts_group *group, const mf_error *failure)
{
    mf_hosts_watch *w = group->teller;
    pthread_mutex_lock(&w->lock);
    if (!w->failed && w->has_thread && !w->done) {
        w->failed = true;
        w->failure = *failure;
        w->drain = mf_clock_seconds() + MF_HOSTS_DRAIN_SECONDS;
        mf_hosts_post_failure(w);
        wake(w);
        while (!w->delivered)
            pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

/* Waits until *condition or a failure. The lock is held. */
static bool wait_until(mf_hosts_watch *w, const bool *condition, mf_error *err)
{
    while (!*condition && !w->failed)
        pthread_cond_wait(&w->changed, &w->lock);
    if (*condition)
        return true;
    while (!w->delivered)
        pthread_cond_wait(&w->changed, &w->lock);
    return mf_fail_again(err, &w->failure);
}

/* Connects to the first host and says hello. */
static bool greet(mf_hosts_watch *w, mf_error *err)
{
    char size[16];
    const mf_hosts_watch_options *o = &w->options;
    const mf_hosts_group *group = w->group;
    snprintf(size, sizeof size, "%" PRIu32, group->size);
    const char *texts[] = {MF_HOSTS_PROTOCOL,        MF_VERSION, o->job, w->settings,
                           group->name[group->rank], size};
    const int fd = mf_hosts_connect(o->first, o->n_first, o->port, o->wait_seconds, err);
    if (fd < 0)
        return false;
    w->has_interface = mf_hosts_interface_of(fd, w->interface);
    mf_hosts_connection *c = mf_hosts_add_connection(w, fd, 0, err);
    if (c == NULL)
        return false;
    mf_hosts_post(c, MF_HOSTS_HELLO, texts);
    return true;
}

mf_hosts_watch *mf_hosts_watch_start(mf_hosts_group *group, const mf_hosts_watch_options *options,
                                     mf_error *err)
{
    mf_hosts_watch *w = mf_allocate(1, sizeof *w, "the watch over hosts", err);
    if (w == NULL)
        return NULL;
    w->group = group;
    w->options = *options;
    if (group->rank != 0)
        w->options.listener = -1;
    snprintf(w->settings, sizeof w->settings, "%016" PRIx64, options->settings);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->keys.limit = (size_t)group->size * MF_HOSTS_KEYS_OF_HOST;
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->is_here = mf_allocate(group->size, sizeof *w->is_here, "the watch over hosts", err);
    int failed;
    if (w->wake < 0) {
        mf_fail_errno(err, errno, MF_NOWHERE, "the watch over hosts");
        goto failed;
    }
    if (w->is_here == NULL || (group->rank != 0 && !greet(w, err)))
        goto failed;
    w->start = w->told = mf_clock_seconds();
    failed = mf_thread_start(&w->thread, mf_hosts_watch_run, w);
    if (failed != 0) {
        mf_fail_errno(err, failed, MF_NOWHERE, "a thread");
        goto failed;
    }
    pthread_mutex_lock(&w->lock);
    w->has_thread = true;
    group->tell = tell;
    group->teller = w;
    const bool ok = wait_until(w, &w->started, err);
    pthread_mutex_unlock(&w->lock);
    if (ok)
        return w;
failed:
    group->tell = NULL;
    mf_hosts_watch_destroy(w);
    return NULL;
}

bool mf_hosts_watch_interface(mf_hosts_watch *w, char name[MF_HOSTS_INTERFACE_BYTES])
{
    pthread_mutex_lock(&w->lock);
    const bool known = w->has_interface;
    if (known)
        memcpy(name, w->interface, sizeof w->interface);
    pthread_mutex_unlock(&w->lock);
    return known;
}

bool mf_hosts_watch_put(mf_hosts_watch *w, const char *key, const char *value, mf_error *err)
{
    bool ok = true;
    const char *texts[] = {key, value};
    pthread_mutex_lock(&w->lock);
    if (mf_hosts_is_first(w))
        ok = mf_hosts_keys_add(&w->keys, key, value, err);
    else
        mf_hosts_post_all(w, MF_HOSTS_PUT, texts);
    pthread_mutex_unlock(&w->lock);
    return ok;
}

bool mf_hosts_watch_fence(mf_hosts_watch *w, mf_error *err)
{
    pthread_mutex_lock(&w->lock);
    const uint64_t before = w->fences;
    if (mf_hosts_is_first(w)) {
        w->n_fence++;
        mf_hosts_pass_fence(w);
    } else {
        mf_hosts_post_all(w, MF_HOSTS_FENCE, NULL);
    }
    wake(w);
    while (w->fences == before && !w->failed)
        pthread_cond_wait(&w->changed, &w->lock);
    const bool passed = w->fences != before && !w->failed;
    if (!passed)
        mf_fail_again(err, &w->failure);
    pthread_mutex_unlock(&w->lock);
    return passed;
}

bool mf_hosts_watch_get(mf_hosts_watch *w, const char *key, char *value, size_t n_value)
{
    pthread_mutex_lock(&w->lock);
    const char *found = mf_hosts_keys_find(&w->keys, key);
    if (found != NULL)
        snprintf(value, n_value, "%s", found);
    pthread_mutex_unlock(&w->lock);
    return found != NULL;
}

/* Waits until there is no connection, or none with something to send, for `seconds` at most. */
static void wait_for_end(mf_hosts_watch *w, bool only_sent, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)seconds + 1;
    for (;;) {
        bool waits = false;
        for (size_t i = 0; i < w->n; i++) {
            const mf_hosts_connection *c = w->connection[i];
            waits = waits || (c->rank != MF_HOSTS_UNKNOWN && (!only_sent || c->out.n_bytes > 0));
        }
        if (!waits || pthread_cond_timedwait(&w->changed, &w->lock, &until) == ETIMEDOUT)
            return;
    }
}

bool mf_hosts_watch_done(mf_hosts_watch *w, mf_error *err)
{
    bool ok = true;
    pthread_mutex_lock(&w->lock);
    if (w->failed) {
        ok = mf_fail_again(err, &w->failure);
    } else if (mf_hosts_is_first(w)) {
        w->done = true;
        mf_hosts_post_all(w, MF_HOSTS_DONE, NULL);
        wake(w);
    } else {
        ok = wait_until(w, &w->done, err);
    }
    pthread_mutex_unlock(&w->lock);
    return ok;
}

void mf_hosts_watch_leave(mf_hosts_watch *w)
{
    pthread_mutex_lock(&w->lock);
    if (!mf_hosts_is_first(w))
        mf_hosts_post_all(w, MF_HOSTS_BYE, NULL);
    wake(w);
    wait_for_end(w, !mf_hosts_is_first(w), w->options.silence_seconds);
    pthread_mutex_unlock(&w->lock);
}

void mf_hosts_watch_destroy(mf_hosts_watch *w)
{
    if (w == NULL)
        return;
    if (w->has_thread) {
        pthread_mutex_lock(&w->lock);
        w->destroyed = true;
        wake(w);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
    }
    for (size_t i = 0; i < w->n; i++) {
        if (w->connection[i]->fd >= 0)
            close(w->connection[i]->fd);
        mf_text_free(&w->connection[i]->out);
        mf_free(w->connection[i]);
    }
    if (w->wake >= 0)
        close(w->wake);
    if (w->options.listener >= 0)
        close(w->options.listener);
    mf_hosts_keys_free(&w->keys);
    mf_free(w->connection);
    mf_free(w->polled);
    mf_free(w->is_here);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    mf_free(w);
}
