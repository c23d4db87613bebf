/* watch.c: one thread with all connections of this host.
 *
 * In order: frames out, failures, frames in (of the first host, of the others), the passing of time,
 * the thread, the calls of the main thread.
 *
 * `lock` guards everything but what is set before the thread starts. The main thread only appends to
 * a connection's `out` and wakes the thread. */
#include "hosts/watch.h"

#include "base/clock.h"
#include "base/grow.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/thread.h"
#include "hosts/frame.h"
#include "hosts/keys.h"
#include "hosts/state.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,
    PING_SECONDS = 1,
    HELLO_SECONDS = 5,
    TELL_SECONDS = 60, /* between two log lines about missing hosts */
    DRAIN_SECONDS = 2, /* for a failure to reach the others */
    STRAYS_MAX = 64,   /* connections without a hello at a time */
    STRAYS_TOLD = 10,  /* so many are logged */
    OUT_BYTES_MAX = 64 << 20,
};

static const char PROTOCOL[] = "mf-hosts-1";
static const uint32_t UNKNOWN = UINT32_MAX;

typedef struct connection {
    int fd;
    uint32_t rank; /* UNKNOWN before the hello */
    bool closing;  /* after `out` is sent */
    bool bye;
    double since;
    double heard;
    mf_text out;
    mf_hosts_frame_reader in;
} connection;

struct mf_hosts_watch {
    mf_hosts_group *group;
    mf_hosts_watch_options options;
    char settings[24];
    pthread_t thread;
    bool has_thread;
    int wake; /* an eventfd */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    connection **connection; /* [n] */
    size_t n;
    size_t capacity;
    struct pollfd *polled;
    size_t polled_capacity;

    double start;
    double told;
    double pinged;
    uint32_t strays;
    bool *is_here;   /* [size], of the first host */
    uint32_t n_here; /* of the others */
    bool started;    /* all hosts are there */
    bool stop_sent;
    bool done; /* the first host has written everything */
    bool destroyed;
    bool failed;    /* and the thread only passes that on, until `drain` */
    bool reports;   /* the failure did not come from the main thread */
    bool delivered; /* the thread has ended with it */
    double drain;
    mf_error failure;
    bool has_interface;
    char interface[MF_HOSTS_INTERFACE_BYTES];

    mf_hosts_keys keys;
    size_t keys_sent;
    uint32_t n_fence; /* hosts that wait for the next fence; first host */
    uint64_t fences;  /* that are passed */
};

static bool is_first(const mf_hosts_watch *w)
{
    return w->group->rank == 0;
}

/* --- frames out ------------------------------------------------------------------- */

static void post(connection *c, mf_hosts_frame_kind kind, const char *const *texts)
{
    if (c->closing || c->fd < 0)
        return;
    if (c->out.n_bytes > OUT_BYTES_MAX || !mf_hosts_frame_write(&c->out, kind, texts))
        c->closing = true;
}

/* To every host that has sent its hello; of the others: to the first host. */
static void post_all(mf_hosts_watch *w, mf_hosts_frame_kind kind, const char *const *texts)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->connection[i]->rank != UNKNOWN)
            post(w->connection[i], kind, texts);
}

static void post_failure(mf_hosts_watch *w)
{
    char code[12];
    snprintf(code, sizeof code, "%d", (int)w->failure.code);
    const char *texts[] = {code, w->failure.text};
    post_all(w, MF_HOSTS_FAIL, texts);
}

static void wake(mf_hosts_watch *w)
{
    const uint64_t one = 1;
    if (write(w->wake, &one, sizeof one) < 0) {
        /* The counter is full: the thread wakes anyway. */
    }
}

/* --- failures --------------------------------------------------------------------- */

/* The group fails now, unless it has. */
static void fail_group(mf_hosts_watch *w, const mf_error *failure, bool from_first)
{
    if (w->failed || !mf_hosts_group_set_failure(w->group, failure))
        return;
    w->failed = true;
    w->reports = true;
    w->failure = *failure;
    w->drain = mf_clock_seconds() + (is_first(w) ? DRAIN_SECONDS : 0);
    if (!from_first)
        post_failure(w);
    pthread_cond_broadcast(&w->changed);
}

__attribute__((format(printf, 3, 4))) static void fail_with(mf_hosts_watch *w, mf_error_code code,
                                                            const char *format, ...)
{
    char text[MF_ERROR_TEXT_BYTES];
    mf_error failure = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mf_fail(&failure, code, MF_NOWHERE, "%s", text);
    fail_group(w, &failure, false);
}

/* mf_hosts_fail of the main thread: the others must know before it continues. */
static void tell(mf_hosts_group *group, const mf_error *failure)
{
    mf_hosts_watch *w = group->teller;
    pthread_mutex_lock(&w->lock);
    if (!w->failed && w->has_thread && !w->done) {
        w->failed = true;
        w->failure = *failure;
        w->drain = mf_clock_seconds() + DRAIN_SECONDS;
        post_failure(w);
        wake(w);
        while (!w->delivered)
            pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

/* --- frames in -------------------------------------------------------------------- */

static void refuse(mf_hosts_watch *w, connection *c, const char *why)
{
    const char *texts[] = {why};
    char address[MF_HOSTS_ADDRESS_BYTES];
    mf_hosts_peer_address(c->fd, address);
    post(c, MF_HOSTS_REFUSED, texts);
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
    return UNKNOWN;
}

static void begin_when_complete(mf_hosts_watch *w)
{
    if (w->n_here + 1 < w->group->size || w->started)
        return;
    w->started = true;
    post_all(w, MF_HOSTS_START, NULL);
    pthread_cond_broadcast(&w->changed);
}

/* The first frame of a connection, on the first host. */
static void take_hello(mf_hosts_watch *w, connection *c, const mf_hosts_frame *f)
{
    char size[16];
    const char *first = w->group->name[0];
    snprintf(size, sizeof size, "%" PRIu32, w->group->size);
    if (f->kind != MF_HOSTS_HELLO || strcmp(f->text[0], PROTOCOL) != 0) {
        refuse(w, c, "it does not begin as one of a host");
        return;
    }
    const uint32_t rank = rank_of(w->group, f->text[4]);
    if (strcmp(f->text[2], w->options.job) != 0)
        refuse(w, c, "it is of another job");
    else if (rank == UNKNOWN || rank == 0)
        refuse(w, c, "no other host of this job has its name");
    else if (w->is_here[rank])
        refuse(w, c, "the host of its name is connected already");
    if (c->closing)
        return;
    c->rank = rank;
    w->is_here[rank] = true;
    w->n_here++;
    if (!w->has_interface)
        w->has_interface = mf_hosts_interface_of(c->fd, w->interface);
    mf_log_message(MF_LOG_INFO, "host", "%s is here", w->group->name[rank]);
    if (strcmp(f->text[1], MF_VERSION) != 0)
        fail_with(w, MF_ERR_CONFIG,
                  "%s has version %.32s of train, and %s has " MF_VERSION
                  ": all hosts need the same image",
                  w->group->name[rank], f->text[1], first);
    else if (strcmp(f->text[5], size) != 0)
        fail_with(w, MF_ERR_CONFIG, "%s counts %.10s hosts, and %s counts %s (resourceconfig.json)",
                  w->group->name[rank], f->text[5], first, size);
    else if (strcmp(f->text[3], w->settings) != 0)
        fail_with(w, MF_ERR_CONFIG,
                  "%s has other hyperparameters than %s: all hosts of a job need the same",
                  w->group->name[rank], first);
    else
        begin_when_complete(w);
}

/* First host: the fence is passed when all have reached it. */
static void pass_fence(mf_hosts_watch *w)
{
    if (w->n_fence < w->group->size)
        return;
    w->n_fence = 0;
    w->fences++;
    for (; w->keys_sent < w->keys.n; w->keys_sent++) {
        const mf_hosts_entry *entry = &w->keys.entry[w->keys_sent];
        const char *texts[] = {entry->key, entry->value};
        post_all(w, MF_HOSTS_ENTRY, texts);
    }
    post_all(w, MF_HOSTS_FENCED, NULL);
    pthread_cond_broadcast(&w->changed);
}

static void add_key(mf_hosts_watch *w, const char *key, const char *value)
{
    mf_error err = {0};
    if (!mf_hosts_keys_add(&w->keys, key, value, &err))
        fail_group(w, &err, false);
}

static void stop_all(mf_hosts_watch *w)
{
    mf_stop_request(true);
    if (w->stop_sent)
        return;
    w->stop_sent = true;
    post_all(w, MF_HOSTS_STOP, NULL);
}

static void take_failure(mf_hosts_watch *w, const mf_hosts_frame *f)
{
    mf_error failure = {0};
    char *end;
    const long code = strtol(f->text[0], &end, 10);
    const bool known = *end == '\0' && code > MF_OK && code <= MF_ERR_NOT_ACCEPTABLE;
    mf_fail(&failure, known ? (mf_error_code)code : MF_ERR_IO, MF_NOWHERE, "%s", f->text[1]);
    if (w->failed && !is_first(w)) {
        /* The first host has this one's, and says which came first. */
        mf_hosts_group_replace_failure(w->group, &failure);
        w->drain = 0;
    }
    fail_group(w, &failure, !is_first(w));
}

/* On the first host. */
static void take_from_other(mf_hosts_watch *w, connection *c, const mf_hosts_frame *f)
{
    switch (f->kind) {
    case MF_HOSTS_PING:
        break;
    case MF_HOSTS_PUT:
        add_key(w, f->text[0], f->text[1]);
        break;
    case MF_HOSTS_FENCE:
        w->n_fence++;
        pass_fence(w);
        break;
    case MF_HOSTS_FAIL:
        take_failure(w, f);
        break;
    case MF_HOSTS_STOP:
        stop_all(w);
        break;
    case MF_HOSTS_BYE:
        c->bye = true;
        break;
    default:
        fail_with(w, MF_ERR_IO, "%s sent something that no host sends", w->group->name[c->rank]);
    }
}

/* On the other hosts. */
static void take_from_first(mf_hosts_watch *w, const mf_hosts_frame *f)
{
    switch (f->kind) {
    case MF_HOSTS_PING:
        break;
    case MF_HOSTS_REFUSED:
        fail_with(w, MF_ERR_CONFIG, "%s refuses the connection of %s: %s", w->group->name[0],
                  w->group->name[w->group->rank], f->text[0]);
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
        fail_with(w, MF_ERR_IO, "%s sent something that the first host does not send",
                  w->group->name[0]);
    }
    pthread_cond_broadcast(&w->changed);
}

static void take_broken(mf_hosts_watch *w, connection *c)
{
    if (c->rank == UNKNOWN)
        refuse(w, c, "it does not begin as one of a host");
    else
        fail_with(w, MF_ERR_IO, "%s sent something that no host sends", w->group->name[c->rank]);
    c->closing = true;
}

/* A connection that ended: a host that is lost, unless all is done. */
static void take_end(mf_hosts_watch *w, connection *c)
{
    close(c->fd);
    c->fd = -1;
    if (c->rank == UNKNOWN || w->failed)
        return;
    if (w->done) {
        if (is_first(w) && !c->bye)
            mf_log_message(MF_LOG_WARNING, "host", "%s ended early", w->group->name[c->rank]);
        return;
    }
    fail_with(w, MF_ERR_IO, "%s is lost: its connection ended", w->group->name[c->rank]);
}

static void read_from(mf_hosts_watch *w, connection *c)
{
    for (;;) {
        size_t capacity;
        uint8_t *at = mf_hosts_frame_space(&c->in, &capacity);
        const ssize_t got = capacity > 0 ? recv(c->fd, at, capacity, MSG_DONTWAIT) : -1;
        if (got < 0 && (capacity == 0 || errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            take_end(w, c);
            return;
        }
        c->heard = mf_clock_seconds();
        c->in.n += (size_t)got;
        mf_hosts_frame f;
        mf_hosts_frame_state state;
        while (!c->closing && (state = mf_hosts_frame_next(&c->in, &f)) != MF_HOSTS_FRAME_MORE) {
            if (state == MF_HOSTS_FRAME_BROKEN)
                take_broken(w, c);
            else if (!is_first(w))
                take_from_first(w, &f);
            else if (c->rank == UNKNOWN)
                take_hello(w, c, &f);
            else
                take_from_other(w, c, &f);
        }
        if (c->closing)
            return;
    }
}

static void write_to(mf_hosts_watch *w, connection *c)
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
        take_end(w, c);
}

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
    if (!is_first(w) || w->started)
        return;
    name_missing(w, names, sizeof names);
    if (mf_stop_requested())
        fail_with(w, MF_ERR_STOPPED, "SIGTERM came while %s waited for %s", w->group->name[0],
                  names);
    else if (now - w->start > w->options.wait_seconds)
        fail_with(w, MF_ERR_IO, "%s did not come within %g s (hosts_wait)", names,
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
        connection *c = w->connection[i];
        if (c->fd < 0 || w->failed)
            continue;
        if (c->rank == UNKNOWN && now - c->since > 2 * HELLO_SECONDS)
            take_end(w, c);
        else if (c->rank == UNKNOWN && !c->closing && now - c->since > HELLO_SECONDS)
            refuse(w, c, "it does not begin as one of a host");
        else if (c->rank != UNKNOWN && !w->done && now - c->heard > w->options.silence_seconds)
            fail_with(w, MF_ERR_IO, "%s is lost: nothing came from it for %g s",
                      w->group->name[c->rank], w->options.silence_seconds);
    }
    if (w->failed)
        return;
    look_for_missing(w, now);
    if ((w->started || !is_first(w)) && mf_stop_requested())
        stop_all(w);
    if (now - w->pinged >= PING_SECONDS) {
        post_all(w, MF_HOSTS_PING, NULL);
        w->pinged = now;
    }
}

/* --- the thread ------------------------------------------------------------------- */

static connection *add_connection(mf_hosts_watch *w, int fd, uint32_t rank, mf_error *err)
{
    connection *c = mf_allocate(1, sizeof *c, "a connection of a host", err);
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
        strays += w->connection[i]->rank == UNKNOWN;
    const int fd = accept4(w->options.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (strays >= STRAYS_MAX)
        close(fd);
    else if (add_connection(w, fd, UNKNOWN, &err) == NULL)
        fail_group(w, &err, false);
}

/* Frees those that are closed. */
static void remove_closed(mf_hosts_watch *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++) {
        connection *c = w->connection[i];
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
        fail_group(w, &err, false);
        return;
    }
    w->polled[0] = (struct pollfd){.fd = w->wake, .events = POLLIN};
    w->polled[1] = (struct pollfd){.fd = w->options.listener, .events = POLLIN};
    for (size_t i = 0; i < n; i++) {
        const connection *c = w->connection[i];
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
            read_from(w, w->connection[i]);
            write_to(w, w->connection[i]);
        }
    if (w->polled[1].revents != 0)
        accept_some(w);
}

/* A failure is out: to the first host and back, or to all others, which have ended since. */
static bool is_delivered(const mf_hosts_watch *w)
{
    bool all_gone = true;
    for (size_t i = 0; i < w->n; i++)
        all_gone = all_gone && w->connection[i]->rank == UNKNOWN;
    return all_gone || mf_clock_seconds() > w->drain;
}

static void *run(void *argument)
{
    mf_hosts_watch *w = argument;
    pthread_mutex_lock(&w->lock);
    while (!w->destroyed && !(w->failed && is_delivered(w))) {
        look(w);
        look_at_clock(w);
        for (size_t i = 0; i < w->n; i++)
            write_to(w, w->connection[i]);
        remove_closed(w);
    }
    const bool reports = w->failed && w->reports && !w->destroyed;
    w->delivered = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (reports && w->options.on_failure != NULL)
        w->options.on_failure(w->options.argument, &w->failure);
    return NULL;
}

/* --- calls of the main thread ----------------------------------------------------- */

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
    const char *texts[] = {PROTOCOL, MF_VERSION, o->job, w->settings, group->name[group->rank],
                           size};
    const int fd = mf_hosts_connect(o->first, o->n_first, o->port, o->wait_seconds, err);
    if (fd < 0)
        return false;
    w->has_interface = mf_hosts_interface_of(fd, w->interface);
    connection *c = add_connection(w, fd, 0, err);
    if (c == NULL)
        return false;
    post(c, MF_HOSTS_HELLO, texts);
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
    failed = mf_thread_start(&w->thread, run, w);
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
    if (is_first(w))
        ok = mf_hosts_keys_add(&w->keys, key, value, err);
    else
        post_all(w, MF_HOSTS_PUT, texts);
    pthread_mutex_unlock(&w->lock);
    return ok;
}

bool mf_hosts_watch_fence(mf_hosts_watch *w, mf_error *err)
{
    pthread_mutex_lock(&w->lock);
    const uint64_t before = w->fences;
    if (is_first(w)) {
        w->n_fence++;
        pass_fence(w);
    } else {
        post_all(w, MF_HOSTS_FENCE, NULL);
    }
    wake(w);
    while (w->fences == before && !w->failed)
        pthread_cond_wait(&w->changed, &w->lock);
    const bool passed = w->fences != before;
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
            const connection *c = w->connection[i];
            waits = waits || (c->rank != UNKNOWN && (!only_sent || c->out.n_bytes > 0));
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
    } else if (is_first(w)) {
        w->done = true;
        post_all(w, MF_HOSTS_DONE, NULL);
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
    if (!is_first(w))
        post_all(w, MF_HOSTS_BYE, NULL);
    wake(w);
    wait_for_end(w, !is_first(w), w->options.silence_seconds);
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
