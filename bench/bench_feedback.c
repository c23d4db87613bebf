/* bench_feedback.c: the function feedback behind a Runtime API that takes no time. The function
 * inherits the environment, which names its Redis.
 *
 *     bench_feedback FEEDBACK BATCH BATCHES USERS BEFORE     records a batch, batches, users
 *
 * Each record is a rating of another item than the user's records before it, by users 0 to USERS - 1
 * in turn; BEFORE batches are not counted. Batches follow each other without a pause.
 *
 * per_second   records stored in a second, with everything that the function does
 * batch_ms     from sending an event until its response has arrived
 * cpu_us       the function's processor time for each record
 *
 * Prints one JSON line. */
#include "loopback.h"

static int write_rating(char data[RECORD_BYTES], char user[RECORD_BYTES], const void *argument,
                        size_t n)
{
    const size_t n_users = *(const size_t *)argument;
    snprintf(user, RECORD_BYTES, "%zu", n % n_users);
    return snprintf(data, RECORD_BYTES,
                    "{\"userId\":\"%s\",\"movieId\":\"%zu\",\"rating\":%.1f,\"timestamp\":%zu}",
                    user, 1000 + n / n_users % 60000, 0.5 * (double)(1 + n % 10), 1700000000 + n);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fputs("usage: bench_feedback FEEDBACK BATCH BATCHES USERS BEFORE\n", stderr);
        return 2;
    }
    const size_t batch = strtoul(argv[2], NULL, 10);
    const size_t n_batches = strtoul(argv[3], NULL, 10);
    const size_t n_users = strtoul(argv[4], NULL, 10);
    const size_t n_before = strtoul(argv[5], NULL, 10);
    double *ms = calloc(n_batches + 1, sizeof *ms);
    if (batch < 1 || n_batches < 1 || n_users < 1 || ms == NULL)
        die("usage", "the numbers must be above 0");
    char address[64];
    uint16_t port;
    const int listener = listen_here(&port);
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    setenv("AWS_LAMBDA_RUNTIME_API", address, 1);
    const pid_t pid = start_program(argv[1], environ);
    peer runtime = {.fd = take_connection(listener)};
    must_read(&runtime, "");
    mf_text event = MF_TEXT_EMPTY;
    double busy_s = 0;
    double cpu_s = 0;
    for (size_t i = 0; i < n_before + n_batches; i++) {
        if (i == n_before)
            cpu_s = cpu_seconds(pid);
        write_records(&event, batch, i * batch, write_rating, &n_users);
        const double took = invoke(&runtime, &event, i);
        if (i >= n_before) {
            ms[i - n_before] = took;
            busy_s += took / 1e3;
        }
    }
    const double n = (double)(batch * n_batches);
    cpu_s = cpu_seconds(pid) - cpu_s;
    end_program(pid);
    printf(
        "{\"bench\":\"feedback\",\"batch\":%zu,\"records\":%.0f,\"per_second\":%.0f,\"batch_ms\":"
        "{\"median\":%.3f,\"p99\":%.3f},\"cpu_us\":%.2f}\n",
        batch, n, n / busy_s, quantile(ms, n_batches, 0.5), quantile(ms, n_batches, 0.99),
        cpu_s * 1e6 / n);
    mf_text_free(&event);
    free(ms);
    return 0;
}
