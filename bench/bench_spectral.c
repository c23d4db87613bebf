/* bench_spectral.c: the cost of training the ranking model, and its distance from limits.
 *
 *     bench_spectral RATINGS.csv [--threads N] [--factors K] [--regularization L] [--seed X]
 *                    [--tolerance T]
 *
 * Without --factors and --regularization they are chosen, as by default. One JSON line: sizes,
 * seconds and steps of each phase; product: one multiplication by YᵀY alone, the best of five,
 * with the bytes of block rows that it touches (two reads and a write for each rating, from memory
 * or from a cache). With BENCH_STEPS=1 in the environment: each step and the grid on standard error.
 *
 * Where the time goes (EPYC with AVX-512, two of its cores, 9.5 M ratings of 10,681 items, 128
 * directions): three quarters in the product (nine tenths with 25 M ratings and 256 directions),
 * which runs at 100 GFLOP/s or 300 GB/s of block rows when no other process uses the caches. Dense
 * products on the same cores reach 220 GFLOP/s each, because their operands stay in registers: the
 * limit are loads and stores from the second-level caches. More columns at a time would halve the
 * reads of indices and grades, but rows of 64 columns are no faster, so these are not the limit.
 * With 59,047 items a slice (7.5 MB, and as much for the result) comes from the third-level cache:
 * 56 GFLOP/s, and less beside other processes. Prefetching the result's lines did not help
 * measurably. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "rating_file.h"
#include "spectral/kernels.h"
#include "spectral/spectral.h"
#include "spectral/subspace.h"

#include <getopt.h>
#include <math.h>
#include <string.h>

typedef struct settings {
    const char *path;
    uint32_t n_threads;
    mf_spectral_options options;
} settings;

static settings parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"threads", required_argument, NULL, 't'},        {"factors", required_argument, NULL, 'f'},
        {"regularization", required_argument, NULL, 'l'}, {"seed", required_argument, NULL, 's'},
        {"tolerance", required_argument, NULL, 'e'},      {NULL, 0, NULL, 0},
    };
    settings s = {.n_threads = 2,
                  .options = {.regularization = MF_SPECTRAL_AUTO,
                              .recency = MF_SPECTRAL_AUTO,
                              .prior = MF_SPECTRAL_AUTO,
                              .max_steps = 40,
                              .tolerance = 1e-3,
                              .seed = 1}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (c) {
        case 't':
            s.n_threads = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'f':
            s.options.n_factors = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'l':
            s.options.regularization = strtod(optarg, NULL);
            break;
        case 's':
            s.options.seed = strtoull(optarg, NULL, 10);
            break;
        case 'e':
            s.options.tolerance = strtod(optarg, NULL);
            break;
        default:
            exit(2);
        }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: bench_spectral RATINGS.csv [options]\n");
        exit(2);
    }
    s.path = argv[optind];
    s.options.n_threads = s.n_threads;
    return s;
}

/* One product alone, on users' rows and a random block. */
static double time_product(const mf_spectral_input *input, size_t width, uint32_t n_threads)
{
    mf_error err = {0};
    const mf_spectral_kernel *kernel = mf_spectral_kernel_choose();
    const mf_sparse_rows y = {.n_rows = input->n_users,
                              .start = input->user_start,
                              .column = input->item,
                              .grade = input->grade};
    const size_t n = input->n_items;
    float value[256];
    float *x = mf_allocate(n * width, sizeof *x, "a block", &err);
    float *z = mf_allocate(n * width, sizeof *z, "a block", &err);
    if (x == NULL || z == NULL)
        die("training", err.text);
    for (int code = 0; code < 256; code++)
        value[code] = (float)code / 255;
    for (size_t i = 0; i < n * width; i++)
        x[i] = mf_random_normal(1, i);
    double best = INFINITY;
    for (int repeat = 0; repeat < 5; repeat++) {
        const double begin = mf_clock_seconds();
#pragma omp parallel for schedule(dynamic) num_threads((int)n_threads)
        for (size_t c = 0; c < width; c += MF_SPECTRAL_SLICE) {
            const size_t columns = width - c < MF_SPECTRAL_SLICE ? width - c : MF_SPECTRAL_SLICE;
            memset(z + n * c, 0, n * columns * sizeof *z);
            kernel->product(&y, value, x + n * c, z + n * c, columns, columns);
        }
        best = fmin(best, mf_clock_seconds() - begin);
    }
    mf_free(x);
    mf_free(z);
    return best;
}

int main(int argc, char **argv)
{
    settings s = parse(argc, argv);
    mf_error err = {0};
    mf_ratings *ratings = read_ratings(s.path, s.n_threads, MF_TIMES_RANKED);
    const uint64_t n = ratings->n_ratings;
    uint8_t *grade = mf_allocate(n, sizeof *grade, "grades", &err);
    uint8_t *relevant = mf_allocate(n, sizeof *relevant, "relevant", &err);
    if (grade == NULL || relevant == NULL)
        die("training", err.text);
    double mean = 0;
    double squares = 0;
    for (uint64_t k = 0; k < n; k++) {
        mean += (double)ratings->value[k] / (double)n;
        squares += (double)ratings->value[k] * (double)ratings->value[k] / (double)n;
    }
    const mf_grading grading = {MF_GRADING_LOGISTIC, (float)mean,
                                (float)sqrt(fmax(0, squares - mean * mean))};
    for (uint64_t k = 0; k < n; k++) {
        grade[k] = mf_grade_code(&grading, ratings->value[k]);
        relevant[k] = (double)ratings->value[k] >= mean;
    }
    const mf_spectral_input input = {
        ratings->n_users,   ratings->n_items, ratings->user_start, ratings->item, grade,
        ratings->time_rank, relevant};

    double seconds[MF_SPECTRAL_DONE] = {0};
    uint32_t steps[MF_SPECTRAL_DONE] = {0};
    const double begin = mf_clock_seconds();
    mf_spectral *spectral = mf_spectral_create(&s.options, &input, &err);
    if (spectral == NULL)
        die("training", err.text);
    const double created = mf_clock_seconds() - begin;
    while (!mf_spectral_done(spectral)) {
        const mf_spectral_phase phase = mf_spectral_progress_get(spectral).phase;
        if (!mf_spectral_step(spectral, &err))
            die("training", err.text);
        const mf_spectral_progress progress = mf_spectral_progress_get(spectral);
        if (getenv("BENCH_STEPS") != NULL)
            fprintf(stderr, "phase %d step %u change %.3e %.4f s\n", (int)phase, progress.step,
                    progress.change, progress.seconds);
        seconds[phase] += progress.seconds;
        steps[phase]++;
    }
    mf_spectral_result result;
    if (!mf_spectral_result_get(spectral, &result, &err))
        die("training", err.text);
    const double whole = mf_clock_seconds() - begin;
    const size_t width = mf_subspace_width(result.n_factors, input.n_items);
    const double product = time_product(&input, width, s.n_threads);
    printf("{\"users\":%u,\"items\":%u,\"ratings\":%llu,\"threads\":%u,\"cpu\":\"%s\","
           "\"factors\":%u,\"regularization\":%.2f,\"converged\":%s,\"seconds\":%.3f,"
           "\"create_seconds\":%.3f,\"choosing_steps\":%u,\"choosing_seconds\":%.3f,"
           "\"grid_steps\":%u,\"grid_seconds\":%.3f,\"learning_steps\":%u,"
           "\"learning_seconds\":%.3f,\"product_seconds\":%.4f,\"product_gflops\":%.1f,"
           "\"product_gbytes_per_second\":%.1f}\n",
           input.n_users, input.n_items, (unsigned long long)n, s.n_threads,
           mf_spectral_kernel_choose()->cpu, result.n_factors, (double)result.regularization,
           result.converged ? "true" : "false", whole, created, steps[MF_SPECTRAL_CHOOSING],
           seconds[MF_SPECTRAL_CHOOSING], steps[MF_SPECTRAL_GRID], seconds[MF_SPECTRAL_GRID],
           steps[MF_SPECTRAL_LEARNING], seconds[MF_SPECTRAL_LEARNING], product,
           4e-9 * (double)n * (double)width / product, 12e-9 * (double)n * (double)width / product);
    if (getenv("BENCH_STEPS") != NULL)
        for (uint32_t c = 0; c < result.n_choices; c++)
            fprintf(stderr, "%s lambda %.2f k %u ndcg %.5f\n", c == result.chosen ? "*" : " ",
                    result.choices[c].regularization, result.choices[c].n_factors,
                    result.choices[c].ndcg);
    mf_spectral_destroy(spectral);
    mf_free(grade);
    mf_free(relevant);
    mf_ratings_destroy(ratings);
    return 0;
}
