/* watch_frames.c: frames out, failures, frames in: of the first host and of the others. */
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "hosts/watch_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STRAYS_TOLD = 10, /* so many are logged */
    OUT_BYTES_MAX = 64 << 20,
};

/* --- frames out ------------------------------------------------------------------- */

void mf_hosts_post(mf_hosts_connection *c, mf_hosts_frame_kind kind, const char *const *texts)
{
    if (c->closing || c->fd < 0)
        return;
    if (c->out.n_bytes > OUT_BYTES_MAX || !mf_hosts_frame_write(&c->out, kind, texts))
        c->closing = true;
}

/* To every host that has sent its hello; of the others: to the first host. */
void mf_hosts_post_all(mf_hosts_watch *w, mf_hosts_frame_kind kind, const char *const *texts)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->connection[i]->rank != MF_HOSTS_UNKNOWN)
            mf_hosts_post(w->connection[i], kind, texts);
}

static void post_failure_to(mf_hosts_watch *w, mf_hosts_connection *c)
{
    char code[12];
    snprintf(code, sizeof code, "%d", (int)w->failure.code);
    const char *texts[] = {code, w->failure.text};
    mf_hosts_post(c, MF_HOSTS_FAIL, texts);
}

void mf_hosts_post_failure(mf_hosts_watch *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->connection[i]->rank != MF_HOSTS_UNKNOWN)
            post_failure_to(w, w->connection[i]);
}

/* --- failures --------------------------------------------------------------------- */

static double late_seconds(const mf_hosts_watch *w)
{
    const double wait = w->options.wait_seconds;
    return wait < MF_HOSTS_LATE_SECONDS ? wait : MF_HOSTS_LATE_SECONDS;
}

void mf_hosts_fail_group(mf_hosts_watch *w, const mf_error *failure, bool from_first)
{
    if (w->failed || !mf_hosts_group_set_failure(w->group, failure))
        return;
    w->failed = true;
    w->reports = true;
    w->failure = *failure;
    if (!mf_hosts_is_first(w))
        w->drain = mf_clock_seconds();
    else if (w->started)
        w->drain = mf_clock_seconds() + MF_HOSTS_DRAIN_SECONDS;
    else
        w->drain = mf_clock_seconds() + late_seconds(w);
    if (!from_first)
        mf_hosts_post_failure(w);
    pthread_cond_broadcast(&w->changed);
}

__attribute__((format(printf, 3, 4))) void mf_hosts_fail_with(mf_hosts_watch *w, mf_error_code code,
                                                              const char *format, ...)
{
    char text[MF_ERROR_TEXT_BYTES];
    mf_error failure = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mf_fail(&failure, code, MF_NOWHERE, "%s", text);
    mf_hosts_fail_group(w, &failure, false);
}
/* --- frames in -------------------------------------------------------------------- */

void mf_hosts_refuse(mf_hosts_watch *w, mf_hosts_connection *c, const char *why)
{
    const char *texts[] = {why};
    char address[MF_HOSTS_ADDRESS_BYTES];
    mf_hosts_peer_address(c->fd, address);
    mf_hosts_post(c, MF_HOSTS_REFUSED, texts);
    c->closing = true;
    if (w->strays++ < STRAYS_TOLD)
        mf_log_message(MF_LOG_WARNING, "stray_connection", "a connection from %s is closed: %s",
                       address, why);
}

static uint32_t rank_of(const mf_hosts_group *group, const char *name)
{
    for (uint32_t r = 0; r < group->size; r++)
        if (strcmp(group->name[r], name) == 0)
            return r;
    return MF_HOSTS_UNKNOWN;
}

static void begin_when_complete(mf_hosts_watch *w)
{
    if (w->n_here + 1 < w->group->size || w->started)
        return;
    w->started = true;
    mf_hosts_post_all(w, MF_HOSTS_START, NULL);
    pthread_cond_broadcast(&w->changed);
}

/* The first frame of a connection, on the first host. */
static void take_hello(mf_hosts_watch *w, mf_hosts_connection *c, const mf_hosts_frame *f)
{
    char size[16];
    const char *first = w->group->name[0];
    snprintf(size, sizeof size, "%" PRIu32, w->group->size);
    if (f->kind != MF_HOSTS_HELLO || strcmp(f->text[0], MF_HOSTS_PROTOCOL) != 0) {
        mf_hosts_refuse(w, c, "it does not begin as one of a host");
        return;
    }
    const uint32_t rank = rank_of(w->group, f->text[4]);
    if (strcmp(f->text[2], w->options.job) != 0)
        mf_hosts_refuse(w, c, "it is of another job");
    else if (rank == MF_HOSTS_UNKNOWN || rank == 0)
        mf_hosts_refuse(w, c, "no other host of this job has its name");
    else if (w->is_here[rank])
        mf_hosts_refuse(w, c, "the host of its name is connected already");
    if (c->closing)
        return;
    c->rank = rank;
    w->is_here[rank] = true;
    w->n_here++;
    if (!w->has_interface)
        w->has_interface = mf_hosts_interface_of(c->fd, w->interface);
    mf_log_message(MF_LOG_INFO, "host", "%s is here", w->group->name[rank]);
    if (w->failed)
        post_failure_to(w, c); /* it comes too late for the others' */
    else if (strcmp(f->text[1], MF_VERSION) != 0)
        mf_hosts_fail_with(w, MF_ERR_CONFIG,
                           "%s has version %.32s of train, and %s has " MF_VERSION
                           ": all hosts need the same image",
                           w->group->name[rank], f->text[1], first);
    else if (strcmp(f->text[5], size) != 0)
        mf_hosts_fail_with(w, MF_ERR_CONFIG,
                           "%s counts %.10s hosts, and %s counts %s (resourceconfig.json)",
                           w->group->name[rank], f->text[5], first, size);
    else if (strcmp(f->text[3], w->settings) != 0)
        mf_hosts_fail_with(w, MF_ERR_CONFIG,
                           "%s has other hyperparameters than %s: all hosts of a job need the same",
                           w->group->name[rank], first);
    else
        begin_when_complete(w);
}

/* First host: the fence is passed when all have reached it. */
void mf_hosts_pass_fence(mf_hosts_watch *w)
{
    if (w->failed || w->n_fence < w->group->size)
        return;
    w->n_fence = 0;
    w->fences++;
    for (; w->keys_sent < w->keys.n; w->keys_sent++) {
        const mf_hosts_entry *entry = &w->keys.entry[w->keys_sent];
        const char *texts[] = {entry->key, entry->value};
        mf_hosts_post_all(w, MF_HOSTS_ENTRY, texts);
    }
    mf_hosts_post_all(w, MF_HOSTS_FENCED, NULL);
    pthread_cond_broadcast(&w->changed);
}

static void add_key(mf_hosts_watch *w, const char *key, const char *value)
{
    mf_error err = {0};
    if (!mf_hosts_keys_add(&w->keys, key, value, &err))
        mf_hosts_fail_group(w, &err, false);
}

void mf_hosts_stop_all(mf_hosts_watch *w)
{
    mf_stop_request(true);
    if (w->stop_sent)
        return;
    w->stop_sent = true;
    mf_hosts_post_all(w, MF_HOSTS_STOP, NULL);
}

static void take_failure(mf_hosts_watch *w, const mf_hosts_frame *f)
{
    mf_error failure = {0};
    char *end;
    const long code = strtol(f->text[0], &end, 10);
    const bool known = *end == '\0' && code > MF_OK && code <= MF_ERR_NOT_ACCEPTABLE;
    mf_fail(&failure, known ? (mf_error_code)code : MF_ERR_IO, MF_NOWHERE, "%s", f->text[1]);
    if (w->failed && !mf_hosts_is_first(w)) {
        /* The first host has this one's, and says which came first. */
        mf_hosts_group_replace_failure(w->group, &failure);
        w->drain = 0;
    }
    mf_hosts_fail_group(w, &failure, !mf_hosts_is_first(w));
}

/* On the first host. */
static void take_from_other(mf_hosts_watch *w, mf_hosts_connection *c, const mf_hosts_frame *f)
{
    switch (f->kind) {
    case MF_HOSTS_PING:
        break;
    case MF_HOSTS_PUT:
        add_key(w, f->text[0], f->text[1]);
        break;
    case MF_HOSTS_FENCE:
        w->n_fence++;
        mf_hosts_pass_fence(w);
        break;
    case MF_HOSTS_FAIL:
        take_failure(w, f);
        break;
    case MF_HOSTS_STOP:
        mf_hosts_stop_all(w);
        break;
    case MF_HOSTS_BYE:
        c->bye = true;
        break;
    default:
        mf_hosts_fail_with(w, MF_ERR_IO, "%s sent something that no host sends",
                           w->group->name[c->rank]);
    }
}

/* On the other hosts. */
static void take_from_first(mf_hosts_watch *w, const mf_hosts_frame *f)
{
    switch (f->kind) {
    case MF_HOSTS_PING:
        break;
    case MF_HOSTS_REFUSED:
        mf_hosts_fail_with(w, MF_ERR_CONFIG, "%s refuses the connection of %s: %s",
                           w->group->name[0], w->group->name[w->group->rank], f->text[0]);
        break;
    case MF_HOSTS_START:
        w->started = true;
        break;
    case MF_HOSTS_ENTRY:
        add_key(w, f->text[0], f->text[1]);
        break;
    case MF_HOSTS_FENCED:
        w->fences++;
        break;
    case MF_HOSTS_FAIL:
        take_failure(w, f);
        break;
    case MF_HOSTS_STOP:
        w->stop_sent = true;
        mf_stop_request(true);
        break;
    case MF_HOSTS_DONE:
        w->done = true;
        break;
    default:
        mf_hosts_fail_with(w, MF_ERR_IO, "%s sent something that the first host does not send",
                           w->group->name[0]);
    }
    pthread_cond_broadcast(&w->changed);
}

static void take_broken(mf_hosts_watch *w, mf_hosts_connection *c)
{
    if (c->rank == MF_HOSTS_UNKNOWN)
        mf_hosts_refuse(w, c, "it does not begin as one of a host");
    else
        mf_hosts_fail_with(w, MF_ERR_IO, "%s sent something that no host sends",
                           w->group->name[c->rank]);
    c->closing = true;
}

/* A connection that ended: a host that is lost, unless all is done. */
void mf_hosts_take_end(mf_hosts_watch *w, mf_hosts_connection *c)
{
    close(c->fd);
    c->fd = -1;
    if (c->rank == MF_HOSTS_UNKNOWN || w->failed)
        return;
    if (w->done) {
        if (mf_hosts_is_first(w) && !c->bye)
            mf_log_message(MF_LOG_WARNING, "host", "%s ended early", w->group->name[c->rank]);
        return;
    }
    mf_hosts_fail_with(w, MF_ERR_IO, "%s is lost: its connection ended", w->group->name[c->rank]);
}

void mf_hosts_read_from(mf_hosts_watch *w, mf_hosts_connection *c)
{
    for (;;) {
        size_t capacity;
        uint8_t *at = mf_hosts_frame_space(&c->in, &capacity);
        const ssize_t got = capacity > 0 ? recv(c->fd, at, capacity, MSG_DONTWAIT) : -1;
        if (got < 0 && (capacity == 0 || errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            mf_hosts_take_end(w, c);
            return;
        }
        c->heard = mf_clock_seconds();
        c->in.n += (size_t)got;
        mf_hosts_frame f;
        mf_hosts_frame_state state;
        while (!c->closing && (state = mf_hosts_frame_next(&c->in, &f)) != MF_HOSTS_FRAME_MORE) {
            if (state == MF_HOSTS_FRAME_BROKEN)
                take_broken(w, c);
            else if (!mf_hosts_is_first(w))
                take_from_first(w, &f);
            else if (c->rank == MF_HOSTS_UNKNOWN)
                take_hello(w, c, &f);
            else
                take_from_other(w, c, &f);
        }
        if (c->closing)
            return;
    }
}

void mf_hosts_write_to(mf_hosts_watch *w, mf_hosts_connection *c)
{
    while (c->fd >= 0 && c->out.n_bytes > 0) {
        const ssize_t sent = send(c->fd, c->out.bytes, c->out.n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (sent < 0) {
            /* What has come before the end is still to be read: a failure may be in it. */
            c->out.n_bytes = 0;
            return;
        }
        c->out.n_bytes -= (size_t)sent;
        memmove(c->out.bytes, c->out.bytes + sent, c->out.n_bytes);
        if (c->out.n_bytes == 0)
            pthread_cond_broadcast(&w->changed);
    }
    if (c->fd >= 0 && c->closing)
        mf_hosts_take_end(w, c);
}
