/* offered.c: latency at a given rate, measured from when a request was due.
 *
 *   offered PORT PER_SECOND SECONDS CONNECTIONS PATH [BODY [CONTENT_TYPE]]
 *
 * Requests leave on a fixed schedule whatever the answers do (an open loop); one
 * that has to wait for a free connection has waited all the same, so a stall counts
 * for every request that was due meanwhile. With a BODY it is POST, else GET. Where a
 * path without a body holds {}, the words of standard input stand there, one after the
 * other and round again.
 *
 * Prints one JSON line: how many, errors (no 200), p50 / p99 / slowest in µs. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, ANSWER_MAX = 1 << 16 };

typedef struct connection {
    int fd;
    bool busy;
    double due;
    size_t n;
    char answer[ANSWER_MAX];
} connection;

static connection connections[CONNECTIONS_MAX];
static uint64_t errors;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int connect_to(uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("offered: connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* True when the answer is there. */
static bool read_answer(connection *c)
{
    const ssize_t n = read(c->fd, c->answer + c->n, sizeof c->answer - c->n - 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        fprintf(stderr, "offered: the server closed a connection\n");
        exit(1);
    }
    c->n += (size_t)n;
    c->answer[c->n] = '\0';
    const char *body = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");
    if (body == NULL || length == NULL)
        return false;
    if (c->n <
        (size_t)(body + 4 - c->answer) + strtoul(length + strlen("\r\nContent-Length:"), NULL, 10))
        return false;
    if (strncmp(c->answer, "HTTP/1.1 200", strlen("HTTP/1.1 200")) != 0)
        errors++;
    c->n = 0;
    c->busy = false;
    return true;
}

/* ---------------------------------------------------------------------- words */

static char **words;
static size_t n_words;

static void read_words(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&line, &room, stdin)) > 0) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        char **more = realloc(words, (n_words + 1) * sizeof *words);
        if (more == NULL || (more[n_words] = strdup(line)) == NULL)
            die("offered");
        words = more;
        n_words++;
    }
    free(line);
    if (n_words == 0) {
        fprintf(stderr, "offered: {} in the path, but no words on standard input\n");
        exit(2);
    }
}

/* The request for PATH, with the word where {} is. */
static int write_get(char *request, size_t room, const char *path, size_t nth)
{
    const char *gap = strstr(path, "{}");
    const char *word = gap != NULL ? words[nth % n_words] : "";
    const int before = gap != NULL ? (int)(gap - path) : (int)strlen(path);
    return snprintf(request, room, "GET %.*s%s%s HTTP/1.1\r\nHost: localhost\r\n\r\n", before, path,
                    word, gap != NULL ? gap + 2 : "");
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: offered PORT PER_SECOND SECONDS CONNECTIONS PATH [BODY [TYPE]]\n");
        return 2;
    }
    const double per_second = strtod(argv[2], NULL);
    const size_t n = (size_t)(per_second * strtod(argv[3], NULL));
    const int n_connections = (int)strtol(argv[4], NULL, 10);
    if (n == 0 || n_connections < 1 || n_connections > CONNECTIONS_MAX)
        return 2;
    char request[8192];
    const bool varies = argc == 6 && strstr(argv[5], "{}") != NULL;
    if (varies)
        read_words();
    int n_request =
        argc > 6
            ? snprintf(request, sizeof request,
                       "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       argv[5], argc > 7 ? argv[7] : "application/json", strlen(argv[6]), argv[6])
            : write_get(request, sizeof request, argv[5], 0);
    double *latency = calloc(n, sizeof *latency);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (latency == NULL || epoll < 0 || n_request < 0 || (size_t)n_request >= sizeof request)
        die("offered");
    for (int i = 0; i < n_connections; i++) {
        connections[i].fd = connect_to((uint16_t)strtoul(argv[1], NULL, 10));
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0)
            die("offered: epoll");
    }
    const double start = now() + 0.01;
    size_t sent = 0, done = 0;
    int next = 0;
    while (done < n) {
        const double due = start + (double)sent / per_second;
        if (sent < n && now() >= due) {
            int tried = 0;
            while (tried < n_connections && connections[next].busy) {
                next = (next + 1) % n_connections;
                tried++;
            }
            if (tried < n_connections) {
                connection *c = &connections[next];
                if (varies)
                    n_request = write_get(request, sizeof request, argv[5], sent);
                if (write(c->fd, request, (size_t)n_request) != n_request)
                    die("offered: write");
                c->busy = true;
                c->due = due;
                next = (next + 1) % n_connections;
                sent++;
            }
        }
        /* Busy waiting: sleeping would add the scheduler's latency to the server's. */
        struct epoll_event events[64];
        const int ready = epoll_wait(epoll, events, 64, 0);
        for (int e = 0; e < ready; e++) {
            connection *c = &connections[events[e].data.u32];
            if (read_answer(c))
                latency[done++] = now() - c->due;
        }
    }
    qsort(latency, n, sizeof *latency, by_value);
    printf("{\"bench\":\"offered\",\"requests\":%zu,\"per_second\":%.0f,\"connections\":%d,"
           "\"errors\":%llu,\"p50_us\":%.0f,\"p99_us\":%.0f,\"slowest_us\":%.0f}\n",
           n, per_second, n_connections, (unsigned long long)errors, 1e6 * latency[n / 2],
           1e6 * latency[n * 99 / 100], 1e6 * latency[n - 1]);
    free(latency);
    for (size_t i = 0; i < n_words; i++)
        free(words[i]);
    free(words);
    return 0;
}
