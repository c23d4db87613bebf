/* bench_ratings.c: the speed of reading a file of ratings, beside libcsv or jansson alone.
 *
 *     bench_ratings FILE [threads [repeats [ranked]]]
 *
 * Prints one JSON line. The time is from opening the file to ratings grouped by user with ids
 * mapped, the median of `repeats` (5) runs; the file is in the page cache. `ranked` ranks the times
 * of each user too, as a ranking model needs them. The peer, in turn with it, is libcsv with
 * callbacks that do nothing, on one thread; for JSON Lines it is jansson that parses each line and
 * frees it. ratio is the peer's time by ours.
 * Peak memory is that of a child process that reads the file once, less that of one that reads
 * nothing. */
#include "base/clock.h"
#include "rating_file.h"

#include <csv.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPEATS_MOST = 101, PEER_BLOCK_BYTES = 1 << 20 };

static double csv_seconds(const char *path)
{
    static char block[PEER_BLOCK_BYTES];
    struct csv_parser parser;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    if (fd < 0 || csv_init(&parser, 0) != 0)
        die(path, strerror(errno));
    const double start = mf_clock_seconds();
    while ((n = read(fd, block, sizeof block)) > 0)
        csv_parse(&parser, block, (size_t)n, ignore_field, ignore_row, NULL);
    csv_fini(&parser, ignore_field, ignore_row, NULL);
    const double seconds = mf_clock_seconds() - start;
    csv_free(&parser);
    close(fd);
    return seconds;
}

static double json_seconds(const char *path)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        die(path, strerror(errno));
    const double start = mf_clock_seconds();
    while ((n = getline(&line, &capacity, file)) > 0) {
        json_t *object = json_loadb(line, (size_t)n, 0, NULL);
        if (object == NULL)
            die(path, "not JSON");
        json_decref(object);
    }
    const double seconds = mf_clock_seconds() - start;
    free(line);
    fclose(file);
    return seconds;
}

static bool is_json(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        die(path, strerror(errno));
    const int first = fgetc(file);
    fclose(file);
    return first == '{';
}

/* The peak of a child's memory in bytes; with path NULL it reads nothing. */
static double child_peak_bytes(const char *path, uint32_t n_threads, mf_times times)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0)
        die("fork", strerror(errno));
    if (child == 0) {
        if (path != NULL)
            mf_ratings_destroy(read_ratings(path, n_threads, times));
        _exit(0);
    }
    struct rusage usage;
    int status;
    if (wait4(child, &status, 0, &usage) != child || status != 0)
        die("the child", "failed");
    return (double)usage.ru_maxrss * 1024;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        die("usage", "bench_ratings FILE [threads [repeats [ranked]]]");
    const uint32_t n_threads =
        argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    size_t repeats = argc > 3 ? (size_t)strtoul(argv[3], NULL, 10) : 5;
    if (repeats < 1 || repeats > REPEATS_MOST)
        repeats = 5;
    const mf_times times = argc > 4 ? MF_TIMES_RANKED : MF_TIMES_UNUSED;
    const bool json = is_json(argv[1]);
    /* The children first: memory that this process has touched would count as theirs. */
    const double idle_bytes = child_peak_bytes(NULL, n_threads, times);
    const double peak_bytes = child_peak_bytes(argv[1], n_threads, times) - idle_bytes;
    double seconds[REPEATS_MOST];
    double peer[REPEATS_MOST];
    mf_ratings_counts counts = {0};
    uint64_t n_ratings = 0;
    uint32_t n_users = 0;
    uint32_t n_items = 0;
    for (size_t r = 0; r < repeats; r++) {
        const double start = mf_clock_seconds();
        mf_ratings *ratings = read_ratings(argv[1], n_threads, times);
        seconds[r] = mf_clock_seconds() - start;
        counts = ratings->counts;
        n_ratings = ratings->n_ratings;
        n_users = ratings->n_users;
        n_items = ratings->n_items;
        mf_ratings_destroy(ratings);
        peer[r] = json ? json_seconds(argv[1]) : csv_seconds(argv[1]);
    }
    const double megabytes = (double)counts.n_bytes / 1e6;
    const double ours = quantile(seconds, repeats, 0.5);
    const double theirs = quantile(peer, repeats, 0.5);
    printf("{\"bench\":\"ratings\",\"bytes\":%llu,\"rows\":%llu,\"users\":%lu,\"items\":%lu,"
           "\"threads\":%lu,\"times\":\"%s\",\"seconds\":%.4f,\"best_seconds\":%.4f,\"mb_per_"
           "second\":%.1f,"
           "\"best_mb_per_second\":%.1f,"
           "\"%s_alone_mb_per_second\":%.1f,\"ratio\":%.2f,\"peak_bytes_per_rating\":%.1f}\n",
           (unsigned long long)counts.n_bytes, (unsigned long long)counts.n_rows,
           (unsigned long)n_users, (unsigned long)n_items, (unsigned long)n_threads,
           times == MF_TIMES_RANKED ? "ranked" : "unused", ours, seconds[0], megabytes / ours,
           megabytes / seconds[0], json ? "jansson" : "libcsv", megabytes / theirs, theirs / ours,
           n_ratings > 0 ? peak_bytes / (double)n_ratings : 0);
    return 0;
}
