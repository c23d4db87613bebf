/* loopback.h: a function's peers on 127.0.0.1, as benchmarks need them: they cost next to
 * nothing, believe what they are told, and end the program when anything is odd. */
#ifndef MF_BENCH_LOOPBACK_H
#define MF_BENCH_LOOPBACK_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static inline _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline int listen_here(uint16_t *port)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof here;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, n) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&here, &n) != 0)
        die("listen");
    *port = ntohs(here.sin_port);
    return fd;
}

static inline int take_connection(int listener)
{
    const int on = 1;
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        die("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* A connection and what was read from it. */
typedef struct peer {
    int fd;
    char *bytes; /* [room] the request, zero-terminated */
    size_t room;
} peer;

/* One whole request into peer->bytes; its body, n_body bytes. NULL when the other side is
 * gone. */
static inline char *read_request(peer *p, size_t *n_body)
{
    size_t n = 0, n_head = 0;
    *n_body = 0;
    for (;;) {
        if (p->room < n + 65536) {
            p->room = 2 * p->room + 65536;
            p->bytes = realloc(p->bytes, p->room);
            if (p->bytes == NULL)
                die("memory");
        }
        const ssize_t got = read(p->fd, p->bytes + n, p->room - 1 - n);
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
            die("write");
        bytes += sent;
        n -= (size_t)sent;
    }
}

static inline void end(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static inline int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double at(const double *sorted, size_t n, double share)
{
    return sorted[(size_t)((double)(n - 1) * share)];
}

#endif
