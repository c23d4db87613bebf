/* offered.c: latency at a given rate, measured from the time at which a request was due.
 *
 *   offered PORT PER_SECOND SECONDS CONNECTIONS PATH [BODY [CONTENT_TYPE]]
 *
 * Requests are sent on a fixed schedule, independent of the responses (an open loop). The wait for
 * a free connection is part of a request's latency, so a stall counts for every request that was
 * due meanwhile. With a BODY it is POST, else GET. A {} in a path without a body is replaced by the
 * lines of standard input, in turn.
 *
 * Prints one JSON line: requests, errors (not 200), p50, p99 and slowest in µs. */
#include "base/clock.h"
#include "bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, RESPONSE_MAX = 1 << 16 };

typedef struct connection {
    int fd;
    bool busy;
    double due;
    size_t n;
    char response[RESPONSE_MAX];
} connection;

static connection connections[CONNECTIONS_MAX];
static uint64_t errors;

static int connect_to(uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* True when the response is complete. */
static bool read_response(connection *c)
{
    const ssize_t n = read(c->fd, c->response + c->n, sizeof c->response - c->n - 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        die("server", "closed a connection");
    c->n += (size_t)n;
    c->response[c->n] = '\0';
    const char *body = strstr(c->response, "\r\n\r\n");
    const char *length = strcasestr(c->response, "\r\nContent-Length:");
    if (body == NULL || length == NULL)
        return false;
    if (c->n < (size_t)(body + 4 - c->response) +
                   strtoul(length + strlen("\r\nContent-Length:"), NULL, 10))
        return false;
    if (strncmp(c->response, "HTTP/1.1 200", strlen("HTTP/1.1 200")) != 0)
        errors++;
    c->n = 0;
    c->busy = false;
    return true;
}

/* ---- lines of standard input ---- */

static char **words;
static size_t n_words;

static void read_words(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    while ((n = getline(&line, &capacity, stdin)) > 0) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        char **more = realloc(words, (n_words + 1) * sizeof *words);
        if (more == NULL || (more[n_words] = strdup(line)) == NULL)
            die("memory", strerror(ENOMEM));
        words = more;
        n_words++;
    }
    free(line);
    if (n_words == 0)
        die("{} in the path", "no lines on standard input");
}

/* Writes the request for PATH, with a word in place of {}. */
static int write_get(char *request, size_t capacity, const char *path, size_t nth)
{
    const char *gap = strstr(path, "{}");
    const char *word = gap != NULL ? words[nth % n_words] : "";
    const int before = gap != NULL ? (int)(gap - path) : (int)strlen(path);
    return snprintf(request, capacity, "GET %.*s%s%s HTTP/1.1\r\nHost: localhost\r\n\r\n", before,
                    path, word, gap != NULL ? gap + 2 : "");
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
        die("start", strerror(errno));
    for (int i = 0; i < n_connections; i++) {
        connections[i].fd = connect_to((uint16_t)strtoul(argv[1], NULL, 10));
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0)
            die("epoll", strerror(errno));
    }
    const double start = mf_clock_seconds() + 0.01;
    size_t sent = 0, done = 0;
    int next = 0;
    while (done < n) {
        const double due = start + (double)sent / per_second;
        if (sent < n && mf_clock_seconds() >= due) {
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
                    die("write", strerror(errno));
                c->busy = true;
                c->due = due;
                next = (next + 1) % n_connections;
                sent++;
            }
        }
        /* Polls without sleeping, which would add the scheduler's latency to the server's. */
        struct epoll_event events[64];
        const int ready = epoll_wait(epoll, events, 64, 0);
        for (int e = 0; e < ready; e++) {
            connection *c = &connections[events[e].data.u32];
            if (read_response(c))
                latency[done++] = mf_clock_seconds() - c->due;
        }
    }
    printf("{\"bench\":\"offered\",\"requests\":%zu,\"per_second\":%.0f,\"connections\":%d,"
           "\"errors\":%llu,\"p50_us\":%.0f,\"p99_us\":%.0f,\"slowest_us\":%.0f}\n",
           n, per_second, n_connections, (unsigned long long)errors,
           1e6 * quantile(latency, n, 0.5), 1e6 * quantile(latency, n, 0.99),
           1e6 * quantile(latency, n, 1));
    free(latency);
    for (size_t i = 0; i < n_words; i++)
        free(words[i]);
    free(words);
    return 0;
}
