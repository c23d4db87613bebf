/* cpu.h: which copy of a hot loop this CPU runs.
 *
 * Hot loops are compiled once for each instruction set below. The environment variable MF_CPU
 * ("sse2", "avx2", "avx512", "neon", "generic") forces one, for tests; a name that this CPU or
 * build does not have is ignored.
 *
 * Threads: any, while the environment does not change. */
#ifndef MF_BASE_CPU_H
#define MF_BASE_CPU_H

typedef enum mf_cpu {
    MF_CPU_GENERIC, /* whatever the compiler assumes; the only one of other CPUs */
    MF_CPU_NEON,    /* every arm64, and the only one there */
    MF_CPU_SSE2,    /* every x86-64 */
    MF_CPU_AVX2,    /* and FMA, BMI, BMI2 */
    MF_CPU_AVX512,  /* all of that and AVX-512 F, BW, CD, DQ, VL */
    MF_CPUS,
} mf_cpu;

/* The best one. */
mf_cpu mf_cpu_choose(void);

#endif
