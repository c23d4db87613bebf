/* bench_ratings.c: how fast ratings.csv becomes ratings, beside libcsv alone.
 *
 *     bench_ratings FILE [threads [repeats]]
 *
 * Prints one JSON line. The time is from opening the file to ratings grouped by
 * user with ids mapped, the median of `repeats` (5) runs; the file is in the page
 * cache. The peer, in turn with it, is libcsv with callbacks that do nothing, on
 * one thread; ratio is how many times as fast as it we are. Peak memory is that of a child that
 * reads the file once, less what a child needs that reads nothing. */
#include "base/clock.h"
#include "ratings/ratings.h"

#include <csv.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPEATS_MOST = 101, PEER_BLOCK_BYTES = 1 << 20 };

static _Noreturn void die(const char *text)
{
    fprintf(stderr, "bench_ratings: %s\n", text);
    exit(1);
}

static mf_ratings *read_all(const char *path, uint32_t n_threads)
{
    const mf_ratings_options options = {.n_threads = n_threads};
    mf_error err = {0};
    mf_ratings_verdict verdict;
    char reason[MF_RATINGS_REASON_BYTES];
    mf_ratings_reader *reader = mf_ratings_reader_create(&options, &err);
    if (reader == NULL || !mf_ratings_reader_add(reader, path, &verdict, reason, &err))
        die(err.text);
    if (verdict != MF_RATINGS_READ)
        die(reason);
    mf_ratings *ratings = mf_ratings_reader_finish(reader, &err);
    if (ratings == NULL)
        die(err.text);
    mf_ratings_reader_destroy(reader);
    return ratings;
}

static void nothing_of_field(void *bytes, size_t n_bytes, void *context)
{
    (void)bytes;
    (void)n_bytes;
    (void)context;
}

static void nothing_of_row(int end, void *context)
{
    (void)end;
    (void)context;
}

static double peer_seconds(const char *path)
{
    static char block[PEER_BLOCK_BYTES];
    struct csv_parser parser;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    if (fd < 0 || csv_init(&parser, 0) != 0)
        die("cannot open the file");
    const double start = mf_clock_seconds();
    while ((n = read(fd, block, sizeof block)) > 0)
        csv_parse(&parser, block, (size_t)n, nothing_of_field, nothing_of_row, NULL);
    csv_fini(&parser, nothing_of_field, nothing_of_row, NULL);
    const double seconds = mf_clock_seconds() - start;
    csv_free(&parser);
    close(fd);
    return seconds;
}

/* The peak of a child's memory in bytes; with path NULL it only starts. */
static double child_peak_bytes(const char *path, uint32_t n_threads)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0)
        die("cannot fork");
    if (child == 0) {
        if (path != NULL)
            mf_ratings_destroy(read_all(path, n_threads));
        _exit(0);
    }
    struct rusage usage;
    int status;
    if (wait4(child, &status, 0, &usage) != child || status != 0)
        die("the child failed");
    return (double)usage.ru_maxrss * 1024;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare);
    return values[n / 2];
}

int main(int argc, char **argv)
{
    if (argc < 2)
        die("usage: bench_ratings FILE [threads [repeats]]");
    const uint32_t n_threads =
        argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    size_t repeats = argc > 3 ? (size_t)strtoul(argv[3], NULL, 10) : 5;
    if (repeats < 1 || repeats > REPEATS_MOST)
        repeats = 5;
    /* The children first: what this process has touched would count as theirs. */
    const double idle_bytes = child_peak_bytes(NULL, n_threads);
    const double peak_bytes = child_peak_bytes(argv[1], n_threads) - idle_bytes;
    double seconds[REPEATS_MOST];
    double peer[REPEATS_MOST];
    mf_ratings_counts counts = {0};
    uint64_t n_ratings = 0;
    uint32_t n_users = 0;
    uint32_t n_items = 0;
    for (size_t r = 0; r < repeats; r++) {
        const double start = mf_clock_seconds();
        mf_ratings *ratings = read_all(argv[1], n_threads);
        seconds[r] = mf_clock_seconds() - start;
        counts = ratings->counts;
        n_ratings = ratings->n_ratings;
        n_users = ratings->n_users;
        n_items = ratings->n_items;
        mf_ratings_destroy(ratings);
        peer[r] = peer_seconds(argv[1]);
    }
    const double megabytes = (double)counts.n_bytes / 1e6;
    const double ours = median(seconds, repeats);
    const double theirs = median(peer, repeats);
    printf("{\"bench\":\"ratings\",\"bytes\":%llu,\"rows\":%llu,\"users\":%lu,\"items\":%lu,"
           "\"threads\":%lu,\"seconds\":%.4f,\"best_seconds\":%.4f,\"mb_per_second\":%.1f,"
           "\"best_mb_per_second\":%.1f,"
           "\"libcsv_alone_mb_per_second\":%.1f,\"ratio\":%.2f,\"peak_bytes_per_rating\":%.1f}\n",
           (unsigned long long)counts.n_bytes, (unsigned long long)counts.n_rows,
           (unsigned long)n_users, (unsigned long)n_items, (unsigned long)n_threads, ours,
           seconds[0], megabytes / ours, megabytes / seconds[0], megabytes / theirs, theirs / ours,
           n_ratings > 0 ? peak_bytes / (double)n_ratings : 0);
    return 0;
}
