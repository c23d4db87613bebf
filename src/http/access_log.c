/* access_log.c: one ring per loop, one thread that empties them.
 *
 * (1) The loop alone writes head, the thread alone tail: records from tail to head are the
 *     thread's, the others the loop's (release and acquire).
 * (2) One write() holds whole lines and no more than PIPE_BUF bytes, so that they
 *     do not mix with other lines in a pipe.
 * (3) The thread waits in poll() alone, never in write(): a pipe without a reader
 *     cannot block its end. */
#include "http/access_log.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    RING = 4096,
    INTERVAL_MS = 200,
    SAY_SECONDS = 5,
    RETRY_MS = 100,      /* for a descriptor that takes nothing just now */
    CLOSING_SECONDS = 1, /* the same in all, after close */
};

typedef struct ring {
    _Alignas(64) atomic_uint head; /* records put, ever */
    atomic_ulong dropped;
    _Alignas(64) atomic_uint tail; /* records taken, ever */
    mf_access records[RING];
} ring;

struct mf_http_access_log {
    int fd;
    int wake_fd;
    uint16_t min_status;
    uint32_t n_rings;
    ring *rings;
    atomic_bool closing;
    pthread_t thread;
    /* the thread's own */
    mf_text lines;
    int64_t second; /* that of `stamp` */
    char stamp[24];
    bool given_up;
    double give_up_at; /* 0: not closing yet, or it never had to wait */
    double say_again_at;
    unsigned long n_logged; /* dropped records that the log knows of */
};

void mf_access_log_put(mf_http_access_log *log, uint32_t loop, const mf_access *access)
{
    if (access->status < log->min_status)
        return;
    ring *r = &log->rings[loop];
    const unsigned head = atomic_load_explicit(&r->head, memory_order_relaxed);
    const unsigned n = head - atomic_load_explicit(&r->tail, memory_order_acquire);
    if (n == RING) {
        atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
        return;
    }
    r->records[head % RING] = *access;
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
    if (n + 1 == RING / 2)
        eventfd_write(log->wake_fd, 1);
}

/* -------------------------------------------------------------- the thread */

/* Waits until the descriptor takes something. At the end one second of that is enough:
 * there is no reader. */
static void wait_until_writable(mf_http_access_log *log)
{
    int patience_ms = RETRY_MS;
    const bool closing = atomic_load(&log->closing);
    if (closing) {
        const double now = mf_clock_seconds();
        if (log->give_up_at == 0)
            log->give_up_at = now + CLOSING_SECONDS;
        if (log->give_up_at < now + RETRY_MS / 1e3)
            patience_ms = log->give_up_at > now ? (int)((log->give_up_at - now) * 1e3) : 0;
    }
    struct pollfd wait = {.fd = log->fd, .events = POLLOUT};
    log->given_up =
        poll(&wait, 1, patience_ms) == 0 && closing && mf_clock_seconds() >= log->give_up_at;
}

static void write_all(mf_http_access_log *log)
{
    size_t at = 0;
    while (at < log->lines.n_bytes && !log->given_up) {
        const size_t n_left = log->lines.n_bytes - at;
        const ssize_t n =
            mf_log_try_write(log->fd, log->lines.bytes + at, n_left < PIPE_BUF ? n_left : PIPE_BUF);
        if (n >= 0) {
            at += (size_t)n;
        } else if (errno == EAGAIN) {
            wait_until_writable(log);
        } else if (errno != EINTR) {
            break; /* a log that cannot be written has nowhere to say so */
        }
    }
    mf_text_clear(&log->lines, SIZE_MAX);
}

/* Logs quote what clients sent only where it is visible ASCII. */
static void append_visible(mf_text *line, const char *text)
{
    mf_text_json(line, text, strlen(text));
}

static void append_time(mf_http_access_log *log, int64_t when_ms)
{
    const int64_t second = when_ms / 1000;
    if (second != log->second || log->stamp[0] == '\0') {
        const time_t time = (time_t)second;
        struct tm utc;
        gmtime_r(&time, &utc);
        strftime(log->stamp, sizeof log->stamp, "%Y-%m-%dT%H:%M:%S", &utc);
        log->second = second;
    }
    const unsigned ms = (unsigned)(when_ms % 1000);
    const char thousandths[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
                                (char)('0' + ms % 10), 'Z'};
    mf_text_append(&log->lines, log->stamp, strlen(log->stamp));
    mf_text_append(&log->lines, thousandths, sizeof thousandths);
}

static void append_line(mf_http_access_log *log, const mf_access *access)
{
    mf_text *line = &log->lines;
    mf_text_literal(line, "{\"ts\":\"");
    append_time(log, access->when_ms);
    mf_text_literal(line, "\",\"level\":\"info\",\"event\":\"request\",\"request_id\":");
    append_visible(line, access->request_id);
    if (access->inference_id[0] != '\0') {
        mf_text_literal(line, ",\"inference_id\":");
        append_visible(line, access->inference_id);
    }
    mf_text_literal(line, ",\"method\":\"");
    mf_text_append(line, access->method, strlen(access->method));
    mf_text_literal(line, "\",\"route\":");
    append_visible(line, access->route);
    mf_text_literal(line, ",\"status\":");
    mf_text_count(line, access->status);
    mf_text_literal(line, ",\"bytes_in\":");
    mf_text_count(line, access->bytes_in);
    mf_text_literal(line, ",\"bytes_out\":");
    mf_text_count(line, access->bytes_out);
    mf_text_literal(line, ",\"microseconds\":");
    mf_text_count(line, access->microseconds);
    for (int i = 0; i < MF_ACCESS_COUNTS && access->counts[i].name != NULL; i++) {
        mf_text_format(line, ",\"%s\":", access->counts[i].name);
        mf_text_count(line, access->counts[i].value);
    }
    mf_text_literal(line, "}\n");
}

static void empty_ring(mf_http_access_log *log, ring *r)
{
    const unsigned head = atomic_load_explicit(&r->head, memory_order_acquire);
    unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    for (; tail != head; tail++) {
        const size_t before = log->lines.n_bytes;
        append_line(log, &r->records[tail % RING]);
        if (log->lines.n_bytes > PIPE_BUF && before > 0) {
            /* The line that does not fit is made again for the next write. */
            log->lines.n_bytes = before;
            write_all(log);
            append_line(log, &r->records[tail % RING]);
        }
        atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
    }
    write_all(log);
}

/* At the end and every few seconds, or the log of lost lines would be the next flood. */
static void say_dropped(mf_http_access_log *log, bool last)
{
    const double now = mf_clock_seconds();
    if (!last && now < log->say_again_at)
        return;
    unsigned long n = 0;
    for (uint32_t i = 0; i < log->n_rings; i++)
        n += atomic_load_explicit(&log->rings[i].dropped, memory_order_relaxed);
    if (n == log->n_logged)
        return;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_WARNING, "access_log_dropped");
    mf_log_count(&line, "requests", n - log->n_logged);
    mf_log_end(&line);
    log->n_logged = n;
    log->say_again_at = now + SAY_SECONDS;
}

static void *run(void *argument)
{
    mf_http_access_log *log = argument;
    bool last;
    do {
        struct pollfd wait = {.fd = log->wake_fd, .events = POLLIN};
        eventfd_t n;
        last = atomic_load(&log->closing);
        if (!last && poll(&wait, 1, INTERVAL_MS) > 0)
            eventfd_read(log->wake_fd, &n);
        for (uint32_t i = 0; i < log->n_rings; i++)
            empty_ring(log, &log->rings[i]);
        say_dropped(log, last);
    } while (!last);
    return NULL;
}

/* ---------------------------------------------------------------- lifetime */

static void free_log(mf_http_access_log *log)
{
    if (log->wake_fd >= 0)
        close(log->wake_fd);
    mf_text_free(&log->lines);
    mf_free(log->rings);
    mf_free(log);
}

mf_http_access_log *mf_access_log_open(int fd, uint32_t n_loops, uint16_t min_status, mf_error *err)
{
    mf_http_access_log *log = mf_allocate(1, sizeof *log, "the access log", err);
    if (log == NULL)
        return NULL;
    log->fd = fd;
    log->min_status = min_status;
    log->n_rings = n_loops;
    log->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    log->rings = mf_allocate(n_loops, sizeof *log->rings, "the access log", err);
    if (log->rings == NULL || log->wake_fd < 0) {
        mf_fail_errno(err, errno, MF_NOWHERE, "cannot start the access log");
        free_log(log);
        return NULL;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = mf_thread_start(&log->thread, run, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        mf_fail_errno(err, failed, MF_NOWHERE, "cannot start the access log");
        free_log(log);
        return NULL;
    }
    return log;
}

void mf_access_log_close(mf_http_access_log *log)
{
    if (log == NULL)
        return;
    atomic_store(&log->closing, true);
    eventfd_write(log->wake_fd, 1);
    pthread_join(log->thread, NULL);
    free_log(log);
}
