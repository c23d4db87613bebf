/* bench_limits.c: the limits of this machine, with which bench.py compares the trainer:
 * multiplications and additions per second, and bytes per second, with one thread per CPU. One
 * JSON line.
 *
 * The arithmetic limit is that of the widest vectors that the trainer uses here, without fused
 * multiply-add, which it must not use (kernels.h, promise 1). */
#include "base/clock.h"
#include "base/memory.h"
#include "sgd/kernels.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

typedef float vec16 __attribute__((vector_size(64)));
enum { CHAINS = 16 };
#if defined __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* 16 independent chains of multiply and add occupy both ports. */
#define ARITHMETIC(name, target)                                                                   \
    target static double name(uint64_t rounds)                                                     \
    {                                                                                              \
        vec16 chain[CHAINS];                                                                       \
        UNROLL for (int c = 0; c < CHAINS; c++) chain[c] = (vec16){1} + (float)c;                  \
        for (uint64_t r = 0; r < rounds; r++)                                                      \
            UNROLL for (int c = 0; c < CHAINS; c++) chain[c] = chain[c] * 0.999f + 0.001f;         \
        double sum = 0;                                                                            \
        UNROLL for (int c = 0; c < CHAINS; c++) sum += (double)chain[c][c];                        \
        return sum;                                                                                \
    }

ARITHMETIC(arithmetic_base, )
#if defined __x86_64__
ARITHMETIC(arithmetic_avx2, __attribute__((target("arch=x86-64-v3"))))
ARITHMETIC(arithmetic_avx512, __attribute__((target("arch=x86-64-v4"))))
#endif

static double (*choose(void))(uint64_t)
{
#if defined __x86_64__
    const char *cpu = mf_sgd_kernel_choose()->cpu;
    if (strcmp(cpu, "avx512") == 0)
        return arithmetic_avx512;
    if (strcmp(cpu, "avx2") == 0)
        return arithmetic_avx2;
#endif
    return arithmetic_base;
}

int main(void)
{
    const int threads = omp_get_max_threads();
    double (*arithmetic)(uint64_t) = choose();
    const uint64_t rounds = UINT64_C(1) << 24;
    double sink = 0;
    double start = mf_clock_seconds();
#pragma omp parallel reduction(+ : sink)
    sink += arithmetic(rounds);
    const double flops = (double)rounds * CHAINS * 16 * 2 * threads / (mf_clock_seconds() - start);

    /* Reads and writes a block much larger than any cache. */
    const size_t n = (size_t)1 << 28;
    float *block = mf_allocate(n, sizeof *block, "the memory test", NULL);
    if (block == NULL)
        return 1;
    double best = 0;
    for (int turn = 0; turn < 3; turn++) {
        start = mf_clock_seconds();
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < n; i++)
            block[i] += 1;
        const double rate = 2.0 * (double)(n * sizeof *block) / (mf_clock_seconds() - start);
        best = rate > best ? rate : best;
    }
    mf_free(block);
    printf("{\"limits\":{\"threads\":%d,\"cpu\":\"%s\",\"gflops\":%.1f,\"memory_gb_per_s\":%.1f,"
           "\"check\":%.0f}}\n",
           threads, mf_sgd_kernel_choose()->cpu, flops / 1e9, best / 1e9, sink);
    return 0;
}
