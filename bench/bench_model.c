/* bench_model.c: how long a model takes to open, beside its peers.
 *
 *   bench_model [megabytes [n_factors [file]]]     default 1024 64
 *
 * With a file: writes the model there and measures nothing. Otherwise makes a model of about that
 * size in TMPDIR (or /tmp), then measures in one run, in turn, the file in the page cache:
 *
 *   open       mf_model_open and mf_model_close: map, hash, check, id tables
 *   xxh3_map   map the file and hash it in one call: the least a checksum costs
 *   xxh3       hash the same bytes, mapped and touched before
 *   read       read() the file into one buffer: the least a parser would cost
 *   tables     the walk of both id tables alone, a part of open
 *
 * Prints one JSON line; medians and p99 (here: the slowest) in ms. */
#include "base/clock.h"
#include "base/random.h"
#include "made_models.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { RATINGS_PER_USER = 20, RUNS = 11 };

static float *random_floats(size_t n_rows, uint32_t n_factors, uint64_t key)
{
    const size_t stride = mf_model_stride(n_factors);
    float *rows = allocate(n_rows, stride * sizeof(float));
    for (size_t row = 0; row < n_rows; row++)
        for (size_t f = 0; f < n_factors; f++)
            rows[row * stride + f] = mf_random_normal(key, row * stride + f);
    return rows;
}

static void write_model(const char *path, size_t megabytes, uint32_t n_factors)
{
    mf_model_parts p = {.n_factors = n_factors, .rating_min = 0.5f, .rating_max = 5};
    const size_t row = mf_model_stride(n_factors) * sizeof(float);
    /* Per user: a row, bias, id, two starts, about three slots, the ratings. */
    const size_t user_bytes = row + 4 + ID_BYTES + 16 + 12 + RATINGS_PER_USER * 4;
    p.n_users = (uint32_t)((megabytes << 20) / (user_bytes + row / 4));
    p.n_items = p.n_users / 4 + RATINGS_PER_USER + 1;
    p.n_rated = (uint64_t)p.n_users * RATINGS_PER_USER;
    p.user_bias = random_floats(p.n_users, MF_MODEL_LANES, 1);
    p.item_bias = random_floats(p.n_items, MF_MODEL_LANES, 2);
    p.user_factors = random_floats(p.n_users, n_factors, 3);
    p.item_factors = random_floats(p.n_items, n_factors, 4);
    p.users = numbered_ids(p.n_users, 'u');
    p.items = numbered_ids(p.n_items, 'i');
    uint64_t *start = allocate((size_t)p.n_users + 1, sizeof *start);
    uint32_t *items = allocate(p.n_rated, sizeof *items);
    uint32_t *count = allocate(p.n_items, sizeof *count);
    for (uint32_t user = 0; user < p.n_users; user++) {
        start[user + 1] = start[user] + RATINGS_PER_USER;
        uint32_t item = mf_random_below(5, user, p.n_items - RATINGS_PER_USER);
        for (uint64_t k = start[user]; k < start[user + 1]; k++, item++) {
            items[k] = item;
            count[item]++;
        }
    }
    p.rated_start = start;
    p.rated_items = items;
    p.item_count = count;
    p.metadata = "{}";
    p.metadata_bytes = 2;
    if (!mf_model_write(path, &p, &err))
        die("write");
    mf_free(p.user_bias);
    mf_free(p.item_bias);
    mf_free(p.user_factors);
    mf_free(p.item_factors);
    mf_free(p.users.start);
    mf_free(p.users.bytes);
    mf_free(p.items.start);
    mf_free(p.items.bytes);
    mf_free(start);
    mf_free(items);
    mf_free(count);
}

static volatile uint64_t sink; /* keeps the peers' work from being left out */

static void run_open(const char *path, size_t n_bytes)
{
    (void)n_bytes;
    mf_model *model = mf_model_open(path, &err);
    if (model == NULL)
        die("open");
    sink = mf_model_checksum(model);
    mf_model_close(model);
}

static void run_xxh3_map(const char *path, size_t n_bytes)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd < 0 || map == MAP_FAILED)
        die("map");
    sink = XXH3_64bits(map, n_bytes);
    munmap(map, n_bytes);
    close(fd);
}

static const void *touched; /* the file mapped once and for all */

static void run_xxh3(const char *path, size_t n_bytes)
{
    (void)path;
    sink = XXH3_64bits(touched, n_bytes);
}

static char *buffer;

static void run_read(const char *path, size_t n_bytes)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    for (ssize_t got; (got = read(fd, buffer + used, n_bytes - used)) > 0;)
        used += (size_t)got;
    if (used != n_bytes)
        die("read");
    close(fd);
}

typedef struct tables {
    mf_id_list list;
    uint32_t *slots;
    uint64_t n_slots;
} tables;

static tables both[2];

static void run_tables(const char *path, size_t n_bytes)
{
    (void)path, (void)n_bytes;
    for (size_t t = 0; t < 2; t++)
        if (!mf_id_table_check(&both[t].list, both[t].slots, both[t].n_slots, &err))
            die("tables");
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    const size_t megabytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
    const uint32_t n_factors = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 64;
    static const struct {
        const char *name;
        void (*run)(const char *path, size_t n_bytes);
    } contenders[] = {{"open", run_open},
                      {"xxh3_map", run_xxh3_map},
                      {"xxh3", run_xxh3},
                      {"read", run_read},
                      {"tables", run_tables}};
    enum { N = sizeof contenders / sizeof contenders[0] };
    double ms[N][RUNS];
    char path[512];
    if (megabytes == 0 || n_factors == 0) {
        fprintf(stderr, "usage: bench_model [megabytes [n_factors [file]]]\n");
        return 2;
    }
    if (argc > 3) {
        write_model(argv[3], megabytes, n_factors);
        return 0;
    }
    snprintf(path, sizeof path, "%s/bench_model.%ld.bin",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (long)getpid());
    write_model(path, megabytes, n_factors);
    struct stat status;
    if (stat(path, &status) != 0)
        die("stat");
    const size_t n_bytes = (size_t)status.st_size;

    mf_model *model = mf_model_open(path, &err);
    if (model == NULL)
        die("open");
    const mf_model_parts parts = *mf_model_get(model);
    both[0].list = parts.users;
    both[1].list = parts.items;
    for (size_t t = 0; t < 2; t++) {
        both[t].n_slots = mf_id_table_slots(both[t].list.n);
        both[t].slots = allocate(both[t].n_slots, sizeof(uint32_t));
        if (!mf_id_table_build(&both[t].list, both[t].slots, both[t].n_slots, &err))
            die("table");
    }
    buffer = allocate(n_bytes, 1);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    touched = mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (fd < 0 || touched == MAP_FAILED)
        die("map");
    for (int run = 0; run < RUNS; run++)
        for (size_t c = 0; c < N; c++) {
            const double before = mf_clock_seconds();
            contenders[c].run(path, n_bytes);
            ms[c][run] = 1e3 * (mf_clock_seconds() - before);
        }
    printf("{\"bench\":\"model\",\"bytes\":%zu,\"n_users\":%lu,\"n_items\":%lu,\"n_factors\":%lu,"
           "\"threads\":1,\"runs\":%d",
           n_bytes, (unsigned long)parts.n_users, (unsigned long)parts.n_items,
           (unsigned long)n_factors, RUNS);
    for (size_t c = 0; c < N; c++) {
        qsort(ms[c], RUNS, sizeof ms[c][0], by_value);
        printf(",\"%s_ms\":%.1f,\"%s_p99_ms\":%.1f", contenders[c].name, ms[c][RUNS / 2],
               contenders[c].name, ms[c][RUNS - 1]);
    }
    printf(",\"open_gb_per_s\":%.2f,\"open_to_xxh3_map\":%.2f,\"open_to_xxh3\":%.2f,"
           "\"open_to_read\":%.2f}\n",
           (double)n_bytes / ms[0][RUNS / 2] * 1e-6, ms[0][RUNS / 2] / ms[1][RUNS / 2],
           ms[0][RUNS / 2] / ms[2][RUNS / 2], ms[0][RUNS / 2] / ms[3][RUNS / 2]);
    mf_model_close(model);
    unlink(path);
    return 0;
}
