/* cpu.c: see cpu.h. */
#include "base/cpu.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined __x86_64__

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

static bool usable(mf_cpu cpu)
{
    switch (cpu) {
    case MF_CPU_AVX512:
        return has_avx512();
    case MF_CPU_AVX2:
        return has_avx2();
    case MF_CPU_SSE2:
        return true;
    default:
        return false;
    }
}

#elif defined __aarch64__

static bool usable(mf_cpu cpu)
{
    return cpu == MF_CPU_NEON;
}

#else

static bool usable(mf_cpu cpu)
{
    return cpu == MF_CPU_GENERIC;
}

#endif

/* As MF_CPU has them. */
static const char *const names[MF_CPUS] = {"generic", "neon", "sse2", "avx2", "avx512"};

mf_cpu mf_cpu_choose(void)
{
    const char *wanted = getenv("MF_CPU");
    if (wanted != NULL)
        for (mf_cpu cpu = MF_CPUS; cpu-- > 0;)
            if (strcmp(wanted, names[cpu]) == 0 && usable(cpu))
                return cpu;
    for (mf_cpu cpu = MF_CPUS; cpu-- > 0;)
        if (usable(cpu))
            return cpu;
    return MF_CPU_GENERIC; /* not reached: there is always one */
}
