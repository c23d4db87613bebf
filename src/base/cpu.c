/* cpu.c: tries MF_CPU, then the instruction sets from the best down. */
#include "base/cpu.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool usable(mf_cpu cpu)
{
#if defined __x86_64__
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
    if (cpu == MF_CPU_AVX512)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    return cpu == MF_CPU_SSE2 || (cpu == MF_CPU_AVX2 && avx2);
#elif defined __aarch64__
    return cpu == MF_CPU_NEON;
#else
    return cpu == MF_CPU_GENERIC;
#endif
}

mf_cpu mf_cpu_choose(void)
{
    /* In the order of mf_cpu. */
    static const char *const names[MF_CPUS] = {"generic", "neon", "sse2", "avx2", "avx512"};
    const char *wanted = getenv("MF_CPU");
    for (mf_cpu cpu = MF_CPUS; wanted != NULL && cpu-- > 0;)
        if (strcmp(wanted, names[cpu]) == 0 && usable(cpu))
            return cpu;
    mf_cpu best = MF_CPUS - 1;
    while (!usable(best)) /* one of them is usable on every CPU */
        best--;
    return best;
}
