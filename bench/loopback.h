/* loopback.h: the peers of a function under test on 127.0.0.1. They use almost no time and check
 * almost nothing; an error ends the program. */
#ifndef MF_BENCH_LOOPBACK_H
#define MF_BENCH_LOOPBACK_H

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

#endif
