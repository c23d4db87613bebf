/* kernel_choice.c: which copy of kernels.c this CPU runs. */
#include "sgd/kernels.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined __x86_64__

extern const mf_sgd_kernel mf_sgd_kernel_sse2;
extern const mf_sgd_kernel mf_sgd_kernel_avx2;
extern const mf_sgd_kernel mf_sgd_kernel_avx512;

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

static bool has_sse2(void)
{
    return true; /* part of x86-64 */
}

/* Best first. */
static const struct {
    const mf_sgd_kernel *kernel;
    bool (*usable)(void);
} kernels[] = {
    {&mf_sgd_kernel_avx512, has_avx512},
    {&mf_sgd_kernel_avx2, has_avx2},
    {&mf_sgd_kernel_sse2, has_sse2},
};

#else

extern const mf_sgd_kernel mf_sgd_kernel_generic;

static bool always(void)
{
    return true;
}

static const struct {
    const mf_sgd_kernel *kernel;
    bool (*usable)(void);
} kernels[] = {{&mf_sgd_kernel_generic, always}};

#endif

const mf_sgd_kernel *mf_sgd_kernel_choose(void)
{
    enum { N = sizeof kernels / sizeof kernels[0] };
    const char *wanted = getenv("MF_CPU");
    if (wanted != NULL)
        for (size_t i = 0; i < N; i++)
            if (strcmp(wanted, kernels[i].kernel->cpu) == 0 && kernels[i].usable())
                return kernels[i].kernel;
    for (size_t i = 0; i < N; i++)
        if (kernels[i].usable())
            return kernels[i].kernel;
    return NULL; /* not reached: the last one always runs */
}
