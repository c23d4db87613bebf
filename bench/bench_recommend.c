/* bench_recommend.c: the function recommend between a Runtime API and an output stream that take
 * no time. The function inherits the environment, which names its scorer and its cache.
 *
 *     bench_recommend RECOMMEND BATCH BATCHES USERS [FIRST]     records a batch, batches, users
 *
 * Requests are of users u<FIRST> to u<FIRST + USERS - 1> (bench_model's names, eight digits), in
 * turn. Batches follow each other without a pause; one tenth as many come before and are not
 * counted.
 *
 * per_second   requests completed in a second, with everything that the function does
 * batch_ms     from sending an event until its response has arrived
 * cpu_us       the function's processor time for each request
 * from_cache   fraction of calls of PutRecords whose last result came from Redis
 * sample       the last result of the last call, for the caller to compare
 *
 * Ends at once if a call's last result has not 20 recommendations, or is for an unknown user: that
 * would be less work.
 *
 * The runtime is one thread, each connection of the stream another. Prints one JSON line. */
#include "base/base64.h"
#include "loopback.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_size_t n_written, n_calls, n_cached;
static char sample[8192]; /* written by one stream at a time: batches follow each other */

/* ------------------------------------------------------------------- output stream */

static size_t count(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
        n++;
    return n;
}

/* A call's last result. The first may have been computed to get the model's version. */
static void check_last(const char *request, mf_text *result)
{
    static const char data[] = "\"Data\":\"";
    const char *last = NULL;
    for (const char *at = request; (at = strstr(at, data)) != NULL; at++)
        last = at + sizeof data - 1;
    mf_text_clear(result, SIZE_MAX);
    if (last == NULL || !mf_base64_decode(result, last, strcspn(last, "\"")))
        die("a result", "is not base64");
    mf_text_append(result, "", 1);
    if (result->failed || result->n_bytes > sizeof sample ||
        strstr(result->bytes, "\"count\":20,") == NULL ||
        strstr(result->bytes, "\"known_user\":false") != NULL) {
        die("not a result of 20 for a known user", result->bytes);
    }
    if (strstr(result->bytes, "\"from_cache\":true") != NULL)
        atomic_fetch_add(&n_cached, 1);
    memcpy(sample, result->bytes, result->n_bytes);
}

static void *acknowledge(void *argument)
{
    peer *p = argument;
    mf_text body = MF_TEXT_EMPTY, head = MF_TEXT_EMPTY, result = MF_TEXT_EMPTY;
    size_t n_body;
    const char *request;
    while ((request = read_request(p, &n_body)) != NULL) {
        const size_t n = count(request, "\"PartitionKey\":");
        check_last(request, &result);
        mf_text_clear(&body, SIZE_MAX);
        mf_text_clear(&head, SIZE_MAX);
        mf_text_literal(&body, "{\"FailedRecordCount\":0,\"Records\":[");
        for (size_t i = 0; i < n; i++) {
            if (i > 0)
                mf_text_literal(&body, ",");
            mf_text_literal(&body,
                            "{\"SequenceNumber\":\"4959033827149025660855969253836157109592157"
                            "5989136588898\",\"ShardId\":\"shardId-000000000000\"}");
        }
        mf_text_literal(&body, "]}");
        mf_text_format(&head,
                       "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       body.n_bytes);
        mf_text_append(&head, body.bytes, body.n_bytes);
        atomic_fetch_add(&n_written, n);
        atomic_fetch_add(&n_calls, 1);
        put(p->fd, head.bytes, head.n_bytes);
    }
    close(p->fd);
    free(p->bytes);
    free(p);
    mf_text_free(&body);
    mf_text_free(&head);
    mf_text_free(&result);
    return NULL;
}

static void *accept_connections(void *argument)
{
    const int *listener = argument;
    for (;;) {
        pthread_t thread;
        peer *p = calloc(1, sizeof *p);
        if (p == NULL)
            die("memory", strerror(ENOMEM));
        p->fd = take_connection(*listener);
        if (pthread_create(&thread, NULL, acknowledge, p) != 0)
            die("thread", "cannot start");
        pthread_detach(thread);
    }
    return NULL;
}

/* ------------------------------------------------------------------------- events */

typedef struct plan {
    size_t batch, n_batches, n_users, first;
} plan;

static int write_request(char data[RECORD_BYTES], char user[RECORD_BYTES], const void *argument,
                         size_t n)
{
    const plan *p = argument;
    snprintf(user, RECORD_BYTES, "u%08zu", p->first + n % p->n_users);
    return snprintf(data, RECORD_BYTES,
                    "{\"user_id\":\"%s\",\"top_n\":20,\"request_id\":\"7d0c8f4e-5a"
                    "1b-4c55-9d1e-%012zu\",\"timestamp\":\"2026-01-31T09:30:00Z\"}",
                    user, n);
}

static pid_t start(const char *program, uint16_t runtime, uint16_t stream)
{
    char address[64], url[64];
    snprintf(address, sizeof address, "127.0.0.1:%u", runtime);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", stream);
    setenv("AWS_LAMBDA_RUNTIME_API", address, 1);
    setenv("AWS_ENDPOINT_URL_KINESIS", url, 1);
    setenv("PREDICTIONS_STREAM_NAME", "predictions", 1);
    setenv("AWS_REGION", "eu-central-1", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("AWS_SESSION_TOKEN", "token", 1);
    return start_program(program, environ);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("usage: bench_recommend RECOMMEND BATCH BATCHES USERS [FIRST]\n", stderr);
        return 2;
    }
    const plan p = {.batch = strtoul(argv[2], NULL, 10),
                    .n_batches = strtoul(argv[3], NULL, 10),
                    .n_users = strtoul(argv[4], NULL, 10),
                    .first = argc > 5 ? strtoul(argv[5], NULL, 10) : 0};
    const size_t n_before = p.n_batches / 10 + 1;
    double *ms = calloc(p.n_batches + 1, sizeof *ms);
    if (p.batch < 1 || p.n_batches < 1 || p.n_users < 1 || ms == NULL)
        die("usage", "the numbers must be above 0");
    uint16_t runtime_port, stream_port;
    const int runtimes = listen_here(&runtime_port);
    int streams = listen_here(&stream_port);
    pthread_t thread;
    if (pthread_create(&thread, NULL, accept_connections, &streams) != 0)
        die("thread", "cannot start");
    const pid_t pid = start(argv[1], runtime_port, stream_port);
    peer runtime = {.fd = take_connection(runtimes)};
    must_read(&runtime, "");
    mf_text event = MF_TEXT_EMPTY;
    double busy_s = 0, cpu_s = 0;
    size_t calls = 0, written = 0, cached = 0;
    for (size_t i = 0; i < n_before + p.n_batches; i++) {
        if (i == n_before) {
            cpu_s = cpu_seconds(pid);
            calls = atomic_load(&n_calls);
            written = atomic_load(&n_written);
            cached = atomic_load(&n_cached);
        }
        write_records(&event, p.batch, i * p.batch, write_request, &p);
        const double took = invoke(&runtime, &event, i);
        if (i >= n_before) {
            ms[i - n_before] = took;
            busy_s += took / 1e3;
        }
    }
    const double n = (double)(p.batch * p.n_batches);
    cpu_s = cpu_seconds(pid) - cpu_s;
    written = atomic_load(&n_written) - written;
    calls = atomic_load(&n_calls) - calls;
    cached = atomic_load(&n_cached) - cached;
    end_program(pid);
    if (written != p.batch * p.n_batches)
        die("results", "are missing");
    printf(
        "{\"bench\":\"recommend\",\"batch\":%zu,\"requests\":%zu,\"per_second\":%.0f,\"batch_ms\":"
        "{\"median\":%.3f,\"p99\":%.3f},\"cpu_us\":%.2f,\"calls\":%zu,"
        "\"from_cache\":%.4f,\"sample\":%s}\n",
        p.batch, written, n / busy_s, quantile(ms, p.n_batches, 0.5),
        quantile(ms, p.n_batches, 0.99), cpu_s * 1e6 / n, calls, (double)cached / (double)calls,
        sample);
    return 0;
}
