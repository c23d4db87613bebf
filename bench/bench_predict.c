/* bench_predict.c: the function predict between a Runtime API and an endpoint that cost
 * nothing: how soon it is there, what it adds to a call, what it weighs.
 *
 *     bench_predict PREDICT MOVIES.csv [starts [requests]]      default 41 20000
 *
 * start_ms     from starting the process until its first `next` is here
 * added_ms     from sending the event until the response is here, the endpoint answering at
 *              once: all that stands between a caller and the endpoint, on loopback
 * resident_kb  after the requests
 *
 * One thread plays both peers, because a function does one thing at a time. The events are
 * an HTTP API's, for one rating. Prints one JSON line. */
#include "base/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STARTS_MOST = 1001, WARM_UP = 200, BUFFER_BYTES = 65536 };

static const char event[] =
    "{\"version\":\"2.0\",\"routeKey\":\"POST /predict\",\"rawPath\":\"/predict\","
    "\"headers\":{\"content-type\":\"application/json\",\"host\":\"api.example.com\"},"
    "\"requestContext\":{\"accountId\":\"123456789012\",\"stage\":\"$default\",\"http\":"
    "{\"method\":\"POST\",\"path\":\"/predict\",\"sourceIp\":\"203.0.113.7\"}},"
    "\"body\":\"{\\\"userId\\\":\\\"2\\\",\\\"movieId\\\":\\\"2959\\\"}\","
    "\"isBase64Encoded\":false}";
static const char said[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           "Content-Length: 25\r\n\r\n{\"predicted_rating\":4.42}";
static const char taken[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_here(uint16_t *port)
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

static int take_connection(int listener)
{
    const int on = 1;
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        die("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* One whole request; its head and body are of no interest. */
static void read_request(int fd)
{
    static char buffer[BUFFER_BYTES];
    size_t n = 0;
    for (;;) {
        const ssize_t got = read(fd, buffer + n, sizeof buffer - 1 - n);
        if (got <= 0)
            die("the function is gone");
        n += (size_t)got;
        buffer[n] = '\0';
        const char *end = strstr(buffer, "\r\n\r\n");
        if (end == NULL)
            continue;
        const char *length = strcasestr(buffer, "\r\nContent-Length:");
        const size_t n_body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
        if (n >= (size_t)(end - buffer) + 4 + n_body)
            return;
    }
}

static void put(int fd, const char *bytes, size_t n)
{
    if (write(fd, bytes, n) != (ssize_t)n)
        die("write");
}

static pid_t start(const char *program, const char *movies, uint16_t runtime, uint16_t endpoint)
{
    char address[64], url[64], uri[4096];
    snprintf(address, sizeof address, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:%u", runtime);
    snprintf(url, sizeof url, "AWS_ENDPOINT_URL=http://127.0.0.1:%u", endpoint);
    snprintf(uri, sizeof uri, "MOVIES_URI=%s", movies);
    char *const environment[] = {address,
                                 url,
                                 uri,
                                 "ENDPOINT_NAME=movies",
                                 "AWS_REGION=eu-central-1",
                                 "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
                                 "AWS_SECRET_ACCESS_KEY=secret",
                                 "AWS_SESSION_TOKEN=token",
                                 NULL};
    char *const argv[] = {(char *)program, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    if (posix_spawn(&pid, program, &actions, NULL, argv, environment) != 0)
        die(program);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(const double *sorted, size_t n, double share)
{
    return sorted[(size_t)((double)(n - 1) * share)];
}

static long resident_kb(pid_t pid)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kb;
}

/* Milliseconds that each request takes after the warm-up. */
static void ask(int runtime, int endpoints, double *ms, size_t n)
{
    char next[2048];
    int endpoint = -1;
    for (size_t i = 0; i < WARM_UP + n; i++) {
        const int n_next =
            snprintf(next, sizeof next,
                     "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: request-%zu\r\n"
                     "Lambda-Runtime-Deadline-Ms: %lld\r\nContent-Length: %zu\r\n\r\n%s",
                     i, (long long)mf_clock_wall_ms() + 29000, sizeof event - 1, event);
        const double begin = mf_clock_seconds();
        put(runtime, next, (size_t)n_next);
        if (endpoint < 0)
            endpoint = take_connection(endpoints);
        read_request(endpoint);
        put(endpoint, said, sizeof said - 1);
        read_request(runtime);
        if (i >= WARM_UP)
            ms[i - WARM_UP] = (mf_clock_seconds() - begin) * 1e3;
        put(runtime, taken, sizeof taken - 1);
        read_request(runtime); /* the next `next` */
    }
    close(endpoint);
}

int main(int argc, char **argv)
{
    const size_t n_starts = argc > 3 ? strtoul(argv[3], NULL, 10) : 41;
    const size_t n = argc > 4 ? strtoul(argv[4], NULL, 10) : 20000;
    static double start_ms[STARTS_MOST];
    double *added_ms = calloc(n > 0 ? n : 1, sizeof *added_ms);
    if (argc < 3 || n_starts < 1 || n_starts > STARTS_MOST || n < 1 || added_ms == NULL) {
        fputs("usage: bench_predict PREDICT MOVIES.csv [starts [requests]]\n", stderr);
        free(added_ms);
        return 2;
    }
    uint16_t runtime_port, endpoint_port;
    const int runtimes = listen_here(&runtime_port);
    const int endpoints = listen_here(&endpoint_port);
    long kb = 0;
    for (size_t i = 0; i < n_starts; i++) {
        const double begin = mf_clock_seconds();
        const pid_t pid = start(argv[1], argv[2], runtime_port, endpoint_port);
        const int runtime = take_connection(runtimes);
        read_request(runtime);
        start_ms[i] = (mf_clock_seconds() - begin) * 1e3;
        if (i == n_starts - 1) {
            ask(runtime, endpoints, added_ms, n);
            kb = resident_kb(pid);
        }
        close(runtime);
        end(pid);
    }
    qsort(start_ms, n_starts, sizeof *start_ms, by_size);
    qsort(added_ms, n, sizeof *added_ms, by_size);
    printf("{\"bench\":\"predict\",\"starts\":%zu,\"start_ms\":{\"least\":%.2f,\"median\":%.2f,"
           "\"p90\":%.2f},\"requests\":%zu,\"added_ms\":{\"median\":%.3f,\"p99\":%.3f,"
           "\"p99.9\":%.3f},\"resident_kb\":%ld}\n",
           n_starts, start_ms[0], at(start_ms, n_starts, 0.5), at(start_ms, n_starts, 0.9), n,
           at(added_ms, n, 0.5), at(added_ms, n, 0.99), at(added_ms, n, 0.999), kb);
    free(added_ms);
    return 0;
}
