/* loopback.h: the peers of a function under test on 127.0.0.1. They use almost no time and check
 * almost nothing; an error ends the program. */
#ifndef MF_BENCH_LOOPBACK_H
#define MF_BENCH_LOOPBACK_H

#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"
#include "bench.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the Runtime API responds to the function's response. */
static const char accepted[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";

static inline int listen_here(uint16_t *port)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof here;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, n) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&here, &n) != 0)
        die("listen", strerror(errno));
    *port = ntohs(here.sin_port);
    return fd;
}

static inline int take_connection(int listener)
{
    const int on = 1;
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        die("accept", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* A connection and its last request. */
typedef struct peer {
    int fd;
    char *bytes; /* [capacity] the request, NUL-terminated */
    size_t capacity;
} peer;

/* Reads one whole request into peer->bytes. Returns its body of n_body bytes, or NULL when the
 * connection has ended. */
static inline char *read_request(peer *p, size_t *n_body)
{
    size_t n = 0, n_head = 0;
    *n_body = 0;
    for (;;) {
        if (p->capacity < n + 65536) {
            p->capacity = 2 * p->capacity + 65536;
            p->bytes = realloc(p->bytes, p->capacity);
            if (p->bytes == NULL)
                die("memory", strerror(ENOMEM));
        }
        const ssize_t got = read(p->fd, p->bytes + n, p->capacity - 1 - n);
        if (got <= 0)
            return NULL;
        n += (size_t)got;
        p->bytes[n] = '\0';
        const char *end = n_head == 0 ? strstr(p->bytes, "\r\n\r\n") : NULL;
        if (end != NULL) {
            const char *length = strcasestr(p->bytes, "\r\nContent-Length:");
            n_head = (size_t)(end - p->bytes) + 4;
            *n_body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
        }
        if (n_head > 0 && n >= n_head + *n_body)
            return p->bytes + n_head;
    }
}

static inline void put(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t sent = write(fd, bytes, n);
        if (sent <= 0)
            die("write", strerror(errno));
        bytes += sent;
        n -= (size_t)sent;
    }
}

/* Starts a program without its standard output. */
static inline pid_t start_program(const char *program, char *const environment[])
{
    char *const argv[] = {mf_without_const(program), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    const int error = posix_spawn(&pid, program, &actions, NULL, argv, environment);
    if (error != 0)
        die(program, strerror(error));
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static inline void end_program(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

enum { RECORD_BYTES = 256 };

/* An event with n records, counted from `first` on. write writes record i and its partition key, and
 * returns the bytes of the record. */
static inline void write_records(mf_text *event, size_t n, size_t first,
                                 int (*write)(char data[RECORD_BYTES], char key[RECORD_BYTES],
                                              const void *argument, size_t i),
                                 const void *argument)
{
    char data[RECORD_BYTES];
    char key[RECORD_BYTES];
    mf_text_clear(event, SIZE_MAX);
    mf_text_literal(event, "{\"Records\":[");
    for (size_t i = first; i < first + n; i++) {
        const int n_data = write(data, key, argument, i);
        mf_text_format(event,
                       "%s{\"kinesis\":{\"kinesisSchemaVersion\":\"1.0\",\"partitionKey\":\"%s\","
                       "\"sequenceNumber\":\"4959033827149025660855969253836157109592%016zu\","
                       "\"data\":\"",
                       i > first ? "," : "", key, i);
        mf_base64_encode(event, data, (size_t)n_data);
        mf_text_format(
            event,
            "\",\"approximateArrivalTimestamp\":1769851800.987},\"eventSource\":\"aws:"
            "kinesis\",\"eventVersion\":\"1.0\",\"eventID\":\"shardId-000000000006:4959033"
            "827149025660855969253836157109592%016zu\",\"eventName\":\"aws:kinesis:record"
            "\",\"invokeIdentityArn\":\"arn:aws:iam::123456789012:role/lambda-role\","
            "\"awsRegion\":\"us-east-2\",\"eventSourceARN\":\"arn:aws:kinesis:us-east-2:"
            "123456789012:stream/lambda-stream\"}",
            i);
    }
    mf_text_literal(event, "]}");
}

static inline void must_read(peer *p, const char *expected)
{
    size_t n_body;
    const char *body = read_request(p, &n_body);
    if (body == NULL || strstr(body, expected) == NULL)
        die("the function", body != NULL ? body : "has ended");
}

/* The milliseconds that the batch takes. */
static inline double invoke(peer *runtime, const mf_text *event, size_t number)
{
    char head[512];
    const int n = snprintf(head, sizeof head,
                           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           "Lambda-Runtime-Aws-Request-Id: request-%zu\r\n"
                           "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:"
                           "123456789012:function:f\r\n"
                           "Lambda-Runtime-Deadline-Ms: %lld\r\nContent-Length: %zu\r\n\r\n",
                           number, (long long)mf_clock_wall_ms() + 60000, event->n_bytes);
    const double begin = mf_clock_seconds();
    put(runtime->fd, head, (size_t)n);
    put(runtime->fd, event->bytes, event->n_bytes);
    must_read(runtime, "{\"batchItemFailures\":[]}");
    const double ms = (mf_clock_seconds() - begin) * 1e3;
    put(runtime->fd, accepted, sizeof accepted - 1);
    must_read(runtime, ""); /* the next `next` */
    return ms;
}

/* Processor time of a running process. */
static inline double cpu_seconds(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        die("processor time", strerror(errno));
    return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

#endif
