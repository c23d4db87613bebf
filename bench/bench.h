/* bench.h: what the benchmarks share: errors that end the program, quantiles, and callbacks of
 * libcsv without work. */
#ifndef MF_BENCH_BENCH_H
#define MF_BENCH_BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static inline _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    exit(1);
}

static inline int compare_values(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which this share of the n values is: 0 the least, 0.5 the median. Sorts them. */
static inline double quantile(double *values, size_t n, double share)
{
    qsort(values, n, sizeof *values, compare_values);
    return values[(size_t)((double)(n - 1) * share)];
}

static inline void ignore_field(void *bytes, size_t n_bytes, void *context)
{
    (void)bytes, (void)n_bytes, (void)context;
}

static inline void ignore_row(int end, void *context)
{
    (void)end, (void)context;
}

#endif
