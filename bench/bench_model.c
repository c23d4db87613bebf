/* bench_model.c: the time to open a model, beside hashing and reading the same file.
 *
 *   bench_model [megabytes [n_factors [file]]]     default 1024 64
 *
 * With a file: writes the model there and measures nothing. Otherwise makes a model of about that
 * size in TMPDIR (or /tmp), then measures in one run, in turn, with the file in the page cache:
 *
 *   open       mf_model_open and mf_model_close: map, hash, check, id tables
 *   xxh3_map   map the file and hash it in one call: the minimum for a checksum
 *   xxh3       hash the same bytes, mapped and touched before
 *   read       read() the file into one buffer: the minimum for a parser
 *   tables     check both id tables alone, a part of open
 *
 * Prints one JSON line; medians and p99 (of few runs: the slowest) in ms. */
#include "base/clock.h"
#include "made_models.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { RATINGS_PER_USER = 20, RUNS = 11 };

static void make_model(const char *path, size_t megabytes, uint32_t n_factors)
{
    mf_model_parts p = {.n_factors = n_factors, .rating_min = 0.5f, .rating_max = 5};
    const size_t stride = mf_model_stride(n_factors), row = stride * sizeof(float);
    /* Per user: a row, bias, id, two starts, about three slots, the ratings. */
    const size_t user_bytes = row + 4 + ID_BYTES + 16 + 12 + RATINGS_PER_USER * 4;
    p.n_users = (uint32_t)((megabytes << 20) / (user_bytes + row / 4));
    p.n_items = p.n_users / 4 + RATINGS_PER_USER + 1;
    p.user_bias = normal_rows(p.n_users, 1, 1, 1, 1);
    p.item_bias = normal_rows(p.n_items, 1, 1, 1, 2);
    p.user_factors = normal_rows(p.n_users, n_factors, stride, 1, 3);
    p.item_factors = normal_rows(p.n_items, n_factors, stride, 1, 4);
    p.users = numbered_ids(p.n_users, 'u');
    p.items = numbered_ids(p.n_items, 'i');
    uint32_t *rated = allocate((size_t)p.n_users * RATINGS_PER_USER, sizeof *rated);
    for (uint32_t user = 0; user < p.n_users; user++) {
        const uint32_t first = mf_random_below(5, user, p.n_items - RATINGS_PER_USER);
        for (uint32_t k = 0; k < RATINGS_PER_USER; k++)
            rated[(size_t)user * RATINGS_PER_USER + k] = first + k;
    }
    write_model(path, &p, rated, RATINGS_PER_USER);
}

static volatile uint64_t sink; /* keeps the compiler from removing the work */

static void run_open(const char *path, size_t n_bytes)
{
    (void)n_bytes;
    mf_model *model = open_model(path);
    sink = mf_model_checksum(model);
    mf_model_close(model);
}

static void run_xxh3_map(const char *path, size_t n_bytes)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd < 0 || map == MAP_FAILED)
        die("map", strerror(errno));
    sink = XXH3_64bits(map, n_bytes);
    munmap(map, n_bytes);
    close(fd);
}

static const void *touched; /* the file, mapped and in memory */

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
        die("read", strerror(errno));
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
            die("tables", err.text);
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
        make_model(argv[3], megabytes, n_factors);
        return 0;
    }
    temporary_path(path);
    make_model(path, megabytes, n_factors);
    struct stat status;
    if (stat(path, &status) != 0)
        die("stat", strerror(errno));
    const size_t n_bytes = (size_t)status.st_size;

    mf_model *model = open_model(path);
    const mf_model_parts parts = *mf_model_get(model);
    both[0].list = parts.users;
    both[1].list = parts.items;
    for (size_t t = 0; t < 2; t++) {
        both[t].n_slots = mf_id_table_slots(both[t].list.n);
        both[t].slots = allocate(both[t].n_slots, sizeof(uint32_t));
        if (!mf_id_table_build(&both[t].list, both[t].slots, both[t].n_slots, &err))
            die("table", err.text);
    }
    buffer = allocate(n_bytes, 1);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    touched = mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (fd < 0 || touched == MAP_FAILED)
        die("map", strerror(errno));
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
    double median[N];
    for (size_t c = 0; c < N; c++) {
        median[c] = quantile(ms[c], RUNS, 0.5);
        printf(",\"%s_ms\":%.1f,\"%s_p99_ms\":%.1f", contenders[c].name, median[c],
               contenders[c].name, ms[c][RUNS - 1]);
    }
    printf(",\"open_gb_per_s\":%.2f,\"open_to_xxh3_map\":%.2f,\"open_to_xxh3\":%.2f,"
           "\"open_to_read\":%.2f}\n",
           (double)n_bytes / median[0] * 1e-6, median[0] / median[1], median[0] / median[2],
           median[0] / median[3]);
    mf_model_close(model);
    unlink(path);
    return 0;
}
