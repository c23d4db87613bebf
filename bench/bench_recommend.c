/* bench_recommend.c: the function recommend between a Runtime API and an output stream that cost
 * nothing; whom it asks and where it caches is in the environment, which it gets.
 *
 *     bench_recommend RECOMMEND BATCH BATCHES USERS [FIRST]     records a batch, batches, users
 *
 * Requests are of users u<FIRST> to u<FIRST + USERS - 1> (bench_model's names, eight digits), one
 * after the other and round again. Batches follow each other without a pause; one tenth as many
 * come before and are not counted.
 *
 * per_second   requests answered in a second, all that the function does included
 * batch_ms     from sending an event until its response is here
 * cpu_us       of the function's processor time for each request
 * from_cache   share of calls of PutRecords whose last answer came from Redis
 * sample       the last answer of the last call, for the caller to compare
 *
 * Ends at once when a call's last answer has not 20 recommendations, or is for a user whom the
 * model does not know: that would be less work.
 *
 * The runtime is one thread, each connection of the stream another. Prints one JSON line. */
#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"
#include "loopback.h"

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <time.h>

static const char taken[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
static const char fine[] = "{\"batchItemFailures\":[]}";

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

/* A call's last answer: the first may have been computed for the sake of the model's version. */
static void check_last(const char *request, mf_text *answer)
{
    static const char data[] = "\"Data\":\"";
    const char *last = NULL;
    for (const char *at = request; (at = strstr(at, data)) != NULL; at++)
        last = at + sizeof data - 1;
    mf_text_clear(answer, SIZE_MAX);
    if (last == NULL || !mf_base64_decode(answer, last, strcspn(last, "\"")))
        die("an answer is not base64");
    mf_text_append(answer, "", 1);
    if (answer->failed || answer->n_bytes > sizeof sample ||
        strstr(answer->bytes, "\"count\":20,") == NULL ||
        strstr(answer->bytes, "\"known_user\":false") != NULL) {
        fprintf(stderr, "bench_recommend: not an answer of 20 for a known user: %s\n",
                answer->bytes);
        exit(1);
    }
    if (strstr(answer->bytes, "\"from_cache\":true") != NULL)
        atomic_fetch_add(&n_cached, 1);
    memcpy(sample, answer->bytes, answer->n_bytes);
}

static void *acknowledge(void *argument)
{
    peer *p = argument;
    mf_text body = MF_TEXT_EMPTY, head = MF_TEXT_EMPTY, answer = MF_TEXT_EMPTY;
    size_t n_body;
    const char *request;
    while ((request = read_request(p, &n_body)) != NULL) {
        const size_t n = count(request, "\"PartitionKey\":");
        check_last(request, &answer);
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
    mf_text_free(&answer);
    return NULL;
}

static void *take_connections(void *argument)
{
    const int *listener = argument;
    for (;;) {
        pthread_t thread;
        peer *p = calloc(1, sizeof *p);
        if (p == NULL)
            die("memory");
        p->fd = take_connection(*listener);
        if (pthread_create(&thread, NULL, acknowledge, p) != 0)
            die("thread");
        pthread_detach(thread);
    }
    return NULL;
}

/* ------------------------------------------------------------------------- events */

typedef struct plan {
    size_t batch, n_batches, n_users, first;
} plan;

static void write_event(mf_text *event, const plan *p, size_t number)
{
    char data[256];
    mf_text_clear(event, SIZE_MAX);
    mf_text_literal(event, "{\"Records\":[");
    for (size_t i = 0; i < p->batch; i++) {
        const size_t n = number * p->batch + i;
        const int n_data =
            snprintf(data, sizeof data,
                     "{\"user_id\":\"u%08zu\",\"top_n\":20,\"request_id\":\"7d0c8f4e-5a"
                     "1b-4c55-9d1e-%012zu\",\"timestamp\":\"2026-01-31T09:30:00Z\"}",
                     p->first + n % p->n_users, n);
        mf_text_format(
            event,
            "%s{\"kinesis\":{\"kinesisSchemaVersion\":\"1.0\",\"partitionKey\":\"u%08zu\","
            "\"sequenceNumber\":\"4959033827149025660855969253836157109592%016zu\","
            "\"data\":\"",
            i > 0 ? "," : "", p->first + n % p->n_users, n);
        mf_base64_encode(event, data, (size_t)n_data);
        mf_text_format(
            event,
            "\",\"approximateArrivalTimestamp\":1545084650.987},\"eventSource\":\"aws:"
            "kinesis\",\"eventVersion\":\"1.0\",\"eventID\":\"shardId-000000000006:4959033"
            "827149025660855969253836157109592%016zu\",\"eventName\":\"aws:kinesis:record"
            "\",\"invokeIdentityArn\":\"arn:aws:iam::123456789012:role/lambda-role\","
            "\"awsRegion\":\"us-east-2\",\"eventSourceARN\":\"arn:aws:kinesis:us-east-2:"
            "123456789012:stream/lambda-stream\"}",
            n);
    }
    mf_text_literal(event, "]}");
}

static void must_read(peer *p, const char *expected)
{
    size_t n_body;
    const char *body = read_request(p, &n_body);
    if (body == NULL || strstr(body, expected) == NULL) {
        fprintf(stderr, "bench_recommend: %s\n", body != NULL ? body : "the function is gone");
        exit(1);
    }
}

/* Milliseconds that the batch takes. */
static double ask(peer *runtime, const mf_text *event, size_t number)
{
    char head[512];
    const int n = snprintf(head, sizeof head,
                           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           "Lambda-Runtime-Aws-Request-Id: request-%zu\r\n"
                           "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:"
                           "123456789012:function:recommend\r\n"
                           "Lambda-Runtime-Deadline-Ms: %lld\r\nContent-Length: %zu\r\n\r\n",
                           number, (long long)mf_clock_wall_ms() + 60000, event->n_bytes);
    const double begin = mf_clock_seconds();
    put(runtime->fd, head, (size_t)n);
    put(runtime->fd, event->bytes, event->n_bytes);
    must_read(runtime, fine);
    const double ms = (mf_clock_seconds() - begin) * 1e3;
    put(runtime->fd, taken, sizeof taken - 1);
    must_read(runtime, ""); /* the next `next` */
    return ms;
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
    char *const argv[] = {mf_without_const(program), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    if (posix_spawn(&pid, program, &actions, NULL, argv, environ) != 0)
        die(program);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* Of a process that runs, by its clock. */
static double cpu_seconds(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        die("its processor time");
    return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
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
        die("numbers");
    uint16_t runtime_port, stream_port;
    const int runtimes = listen_here(&runtime_port);
    int streams = listen_here(&stream_port);
    pthread_t thread;
    if (pthread_create(&thread, NULL, take_connections, &streams) != 0)
        die("thread");
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
        write_event(&event, &p, i);
        const double took = ask(&runtime, &event, i);
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
    end(pid);
    if (written != p.batch * p.n_batches)
        die("answers are missing");
    qsort(ms, p.n_batches, sizeof *ms, by_size);
    printf(
        "{\"bench\":\"recommend\",\"batch\":%zu,\"requests\":%zu,\"per_second\":%.0f,\"batch_ms\":"
        "{\"median\":%.3f,\"p99\":%.3f},\"cpu_us\":%.2f,\"calls\":%zu,"
        "\"from_cache\":%.4f,\"sample\":%s}\n",
        p.batch, written, n / busy_s, at(ms, p.n_batches, 0.5), at(ms, p.n_batches, 0.99),
        cpu_s * 1e6 / n, calls, (double)cached / (double)calls, sample);
    return 0;
}
