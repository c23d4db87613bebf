/* bench_predict.c: the function predict between a Runtime API and an endpoint that take no time:
 * its start, the time that it adds to a call, its memory.
 *
 *     bench_predict PREDICT MOVIES.csv [starts [requests]]      default 41 20000
 *
 * start_ms     from starting the process until its first `next` has arrived
 * added_ms     from sending the event until the response has arrived, with an endpoint that
 *              responds at once, on loopback
 * resident_kb  resident memory after the requests
 *
 * One thread is both peers, because a function does one thing at a time. The events are those of
 * an HTTP API, for one rating. Prints one JSON line. */
#include "base/clock.h"
#include "loopback.h"

enum { STARTS_MOST = 1001, WARM_UP = 200 };

static const char event[] =
    "{\"version\":\"2.0\",\"routeKey\":\"POST /predict\",\"rawPath\":\"/predict\","
    "\"headers\":{\"content-type\":\"application/json\",\"host\":\"api.example.com\"},"
    "\"requestContext\":{\"accountId\":\"123456789012\",\"stage\":\"$default\",\"http\":"
    "{\"method\":\"POST\",\"path\":\"/predict\",\"sourceIp\":\"203.0.113.7\"}},"
    "\"body\":\"{\\\"userId\\\":\\\"2\\\",\\\"movieId\\\":\\\"2959\\\"}\","
    "\"isBase64Encoded\":false}";
static const char prediction[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                 "Content-Length: 25\r\n\r\n{\"predicted_rating\":4.42}";

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
    return start_program(program, environment);
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

/* Measures the milliseconds of each request after the warm-up. */
static void measure(peer *runtime, int endpoints, double *ms, size_t n)
{
    char next[2048];
    peer endpoint = {.fd = -1};
    for (size_t i = 0; i < WARM_UP + n; i++) {
        const int n_next =
            snprintf(next, sizeof next,
                     "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: request-%zu\r\n"
                     "Lambda-Runtime-Deadline-Ms: %lld\r\nContent-Length: %zu\r\n\r\n%s",
                     i, (long long)mf_clock_wall_ms() + 29000, sizeof event - 1, event);
        const double begin = mf_clock_seconds();
        put(runtime->fd, next, (size_t)n_next);
        if (endpoint.fd < 0)
            endpoint.fd = take_connection(endpoints);
        must_read(&endpoint, "");
        put(endpoint.fd, prediction, sizeof prediction - 1);
        must_read(runtime, "");
        if (i >= WARM_UP)
            ms[i - WARM_UP] = (mf_clock_seconds() - begin) * 1e3;
        put(runtime->fd, accepted, sizeof accepted - 1);
        must_read(runtime, ""); /* the next `next` */
    }
    close(endpoint.fd);
    free(endpoint.bytes);
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
        peer runtime = {.fd = take_connection(runtimes)};
        must_read(&runtime, "");
        start_ms[i] = (mf_clock_seconds() - begin) * 1e3;
        if (i == n_starts - 1) {
            measure(&runtime, endpoints, added_ms, n);
            kb = resident_kb(pid);
        }
        close(runtime.fd);
        free(runtime.bytes);
        end_program(pid);
    }
    printf("{\"bench\":\"predict\",\"starts\":%zu,\"start_ms\":{\"least\":%.2f,\"median\":%.2f,"
           "\"p90\":%.2f},\"requests\":%zu,\"added_ms\":{\"median\":%.3f,\"p99\":%.3f,"
           "\"p99.9\":%.3f},\"resident_kb\":%ld}\n",
           n_starts, quantile(start_ms, n_starts, 0), quantile(start_ms, n_starts, 0.5),
           quantile(start_ms, n_starts, 0.9), n, quantile(added_ms, n, 0.5),
           quantile(added_ms, n, 0.99), quantile(added_ms, n, 0.999), kb);
    free(added_ms);
    return 0;
}
