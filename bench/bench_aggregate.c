/* bench_aggregate.c: the cost of an event in the function aggregate, step by step, beside jansson.
 *
 *     bench_aggregate EVENT.json [rounds]        default 15
 *
 * jansson      json_loadb of the event; its records are then still base64
 * scanned      the event read as the function reads it (lambda/streams/batch.h)
 * unpacked     and every record deaggregated
 * totalled     and every field read and added to the totals
 * measured     and the state's size measured after each record of the stream, as in a window
 *
 * One thread; medians, in user records per second of the CPU. Prints one JSON line. */
#include "base/file.h"
#include "base/memory.h"
#include "bench.h"
#include "lambda/aggregate/window.h"
#include "lambda/streams/payload.h"

#include <jansson.h>
#include <time.h>

enum { ROUNDS_MOST = 1001 };

typedef enum stage { JANSSON, SCANNED, UNPACKED, TOTALLED, MEASURED, STAGES } stage;

static mf_stream_batch batch;
static mf_stream_payload payload;
static mf_aggregate_fields fields;
static mf_aggregate_window window;
static mf_aggregate_settings settings;

/* Does the steps up to this one; returns the number of user records. */
static size_t work(const char *event, size_t n_event, stage until)
{
    mf_error err = {.code = MF_OK};
    size_t n = 0;
    if (until == JANSSON) {
        json_t *json = json_loadb(event, n_event, JSON_REJECT_DUPLICATES, NULL);
        if (json == NULL)
            die("event", "not JSON");
        json_decref(json);
        return 0;
    }
    if (!mf_stream_batch_read(&batch, event, n_event, &err))
        die("event", err.text);
    mf_aggregate_window_clear(&window);
    for (size_t i = 0; until >= UNPACKED && i < batch.n_records; i++) {
        mf_stream_user_record record;
        if (!mf_stream_payload_open(&payload, &batch.records[i], &err))
            die("event", err.text);
        for (; mf_stream_payload_next(&payload, &record); n++)
            if (until >= TOTALLED &&
                (!mf_aggregate_fields_read(&fields, &settings, record.data.bytes,
                                           record.data.n_bytes, &err) ||
                 !mf_aggregate_window_add(&window, &fields, &err)))
                die("event", err.text);
        size_t n_bytes;
        if (until >= MEASURED && !mf_aggregate_window_measure_state(&window, &n_bytes, &err))
            die("event", err.text);
    }
    return n;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double median_seconds(const char *event, size_t n_event, stage until, size_t rounds)
{
    static double seconds[ROUNDS_MOST];
    for (size_t i = 0; i < rounds; i++) {
        const double start = cpu_seconds();
        work(event, n_event, until);
        seconds[i] = cpu_seconds() - start;
    }
    return quantile(seconds, rounds, 0.5);
}

int main(int argc, char **argv)
{
    mf_error err = {.code = MF_OK};
    mf_settings read;
    char *event = NULL;
    size_t n_event = 0;
    const long given = argc > 2 ? strtol(argv[2], NULL, 10) : 15;
    const size_t rounds = given > 0 && given <= ROUNDS_MOST ? (size_t)given : 15;
    if (argc < 2)
        die("usage", "bench_aggregate EVENT.json [rounds]");
    if (!mf_file_read(argv[1], 64 << 20, &event, &n_event, &err) ||
        !mf_aggregate_settings_read(&read, &settings, &err))
        die("event", err.text);
    window.settings = &settings;
    const size_t n = work(event, n_event, TOTALLED);
    const size_t n_keys = window.n;
    double rate[STAGES];
    for (int s = JANSSON; s < STAGES; s++)
        rate[s] = (double)n / median_seconds(event, n_event, (stage)s, rounds);
    printf("{\"event_bytes\":%zu,\"stream_records\":%zu,\"records\":%zu,\"keys\":%zu,"
           "\"jansson\":%.0f,\"scanned\":%.0f,\"unpacked\":%.0f,\"totalled\":%.0f,"
           "\"measured\":%.0f}\n",
           n_event, batch.n_records, n, n_keys, rate[JANSSON], rate[SCANNED], rate[UNPACKED],
           rate[TOTALLED], rate[MEASURED]);
    mf_stream_batch_free(&batch);
    mf_stream_payload_free(&payload);
    mf_aggregate_fields_free(&fields);
    mf_aggregate_window_free(&window);
    mf_free(event);
    return 0;
}
