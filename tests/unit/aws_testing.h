/* aws_testing.h: a peer on 127.0.0.1, in a thread of the test, that takes the place of an AWS service
 * or of serve. The test says what it responds to each request, and reads the requests afterwards. */
#ifndef MF_TESTS_AWS_TESTING_H
#define MF_TESTS_AWS_TESTING_H

#include "testing.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

enum { PEER_CONNECTIONS = 64, PEER_REQUESTS = 1024, PEER_ENDS = 0 };

#ifdef PEER_CLOCK
/* With --wrap of these three: a clock that moves in waits only, which take no time. */
static int64_t peer_clock_ms = 1769851800000;

int64_t __wrap_mf_clock_wall_ms(void);
int64_t __wrap_mf_clock_wall_ms(void)
{
    return peer_clock_ms;
}

int64_t __wrap_mf_clock_us(void);
int64_t __wrap_mf_clock_us(void)
{
    return peer_clock_ms * 1000;
}

void __wrap_mf_clock_sleep_ms(int64_t wait_ms);
void __wrap_mf_clock_sleep_ms(int64_t wait_ms)
{
    peer_clock_ms += wait_ms;
}
#endif

/* status PEER_ENDS: the connection ends without a response. */
typedef struct peer_response {
    int status;
    const char *body;    /* NULL: "{}" */
    const char *headers; /* "Name: value\r\n" each; NULL: none */
} peer_response;

typedef struct aws_peer {
    /* The response to request i, whose body is NUL-terminated. */
    peer_response (*respond)(void *context, size_t i, const char *head, const char *body);
    void *context;

    int listener, stop[2];
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    size_t n_requests; /* under the lock, as are the requests */
    char *heads[PEER_REQUESTS], *bodies[PEER_REQUESTS];
    struct pollfd fds[2 + PEER_CONNECTIONS];
    size_t n_fds;
} aws_peer;

static inline bool peer_write(int fd, const char *bytes, size_t n, int flags)
{
    while (n > 0) {
        const ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL | flags);
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Reads one request and responds. False: the connection has ended. */
static inline bool peer_serve(aws_peer *peer, int fd)
{
    size_t n = 0, n_head = 0, n_body = 0, capacity = 1 << 16;
    char *bytes = malloc(capacity);
    while (bytes != NULL && (n_head == 0 || n < n_head + n_body)) {
        if (n + 1 == capacity)
            bytes = realloc(bytes, capacity *= 2);
        const ssize_t got = bytes != NULL ? read(fd, bytes + n, capacity - 1 - n) : -1;
        if (got <= 0) {
            free(bytes);
            return false;
        }
        n += (size_t)got;
        bytes[n] = '\0';
        char *end = n_head == 0 ? strstr(bytes, "\r\n\r\n") : NULL;
        if (end != NULL) {
            *end = '\0';
            const char *length = strcasestr(bytes, "\r\nContent-Length:");
            n_head = (size_t)(end - bytes) + 4;
            n_body = length != NULL ? strtoul(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
        }
    }
    pthread_mutex_lock(&peer->lock);
    const size_t i = peer->n_requests < PEER_REQUESTS ? peer->n_requests++ : PEER_REQUESTS - 1;
    peer->heads[i] = strdup(bytes);
    peer->bodies[i] = strdup(bytes + n_head);
    const peer_response r = peer->respond(peer->context, i, peer->heads[i], peer->bodies[i]);
    pthread_mutex_unlock(&peer->lock);
    free(bytes);
    char head[512];
    const char *body = r.body != NULL ? r.body : "{}";
    snprintf(head, sizeof head, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\n%s\r\n", r.status,
             strlen(body), r.headers != NULL ? r.headers : "");
    const size_t n_sent = r.status != 304 ? strlen(body) : 0;
    return r.status != PEER_ENDS && peer_write(fd, head, strlen(head), n_sent > 0 ? MSG_MORE : 0) &&
           peer_write(fd, body, n_sent, 0);
}

static inline void *peer_work(void *argument)
{
    aws_peer *peer = argument;
    while (poll(peer->fds, peer->n_fds, -1) > 0 && peer->fds[1].revents == 0) {
        if (peer->fds[0].revents != 0 && peer->n_fds < 2 + PEER_CONNECTIONS)
            peer->fds[peer->n_fds++] =
                (struct pollfd){.fd = accept(peer->listener, NULL, NULL), .events = POLLIN};
        for (size_t i = peer->n_fds; i-- > 2;) {
            if (peer->fds[i].revents == 0 || peer_serve(peer, peer->fds[i].fd))
                continue;
            close(peer->fds[i].fd);
            peer->fds[i] = peer->fds[--peer->n_fds];
        }
    }
    while (peer->n_fds-- > 2)
        close(peer->fds[peer->n_fds].fd);
    return NULL;
}

/* Starts the peer, and makes it the endpoint of all services. */
static inline void peer_start(aws_peer *peer,
                              peer_response (*respond)(void *, size_t, const char *, const char *),
                              void *context)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n_name = sizeof name;
    char url[64];
    signal(SIGPIPE, SIG_IGN);
    memset(peer, 0, sizeof *peer);
    peer->respond = respond;
    peer->context = context;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&name, n_name), 0);
    assert_int_equal(listen(peer->listener, PEER_CONNECTIONS), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&name, &n_name), 0);
    assert_int_equal(pipe(peer->stop), 0);
    peer->port = ntohs(name.sin_port);
    peer->fds[0] = (struct pollfd){.fd = peer->listener, .events = POLLIN};
    peer->fds[1] = (struct pollfd){.fd = peer->stop[0], .events = POLLIN};
    peer->n_fds = 2;
    pthread_mutex_init(&peer->lock, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", peer->port);
    setenv("AWS_ENDPOINT_URL", url, 1);
    setenv("AWS_REGION", "eu-central-1", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    unsetenv("AWS_SESSION_TOKEN");
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_work, peer), 0);
}

static inline void peer_stop(aws_peer *peer)
{
    assert_int_equal(write(peer->stop[1], "x", 1), 1);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    close(peer->stop[0]);
    close(peer->stop[1]);
    pthread_mutex_destroy(&peer->lock);
    for (size_t i = 0; i < peer->n_requests; i++) {
        free(peer->heads[i]);
        free(peer->bodies[i]);
    }
}

/* The number of requests so far. What the test wrote before, `respond` sees from now on, and what
 * `respond` wrote, the test. */
static inline size_t peer_count(aws_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    const size_t n = peer->n_requests;
    pthread_mutex_unlock(&peer->lock);
    return n;
}

/* Head and body of request i. */
static inline const char *peer_head(aws_peer *peer, size_t i)
{
    assert_true(i < peer_count(peer));
    return peer->heads[i];
}

static inline const char *peer_body(aws_peer *peer, size_t i)
{
    assert_true(i < peer_count(peer));
    return peer->bodies[i];
}

#endif
