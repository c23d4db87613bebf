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
    MF_CPU_GENERIC, /* the default of the compiler; the only one of other CPUs */
    MF_CPU_NEON,    /* every arm64, and the only one there */
    MF_CPU_SSE2,    /* every x86-64 */
    MF_CPU_AVX2,    /* and FMA, BMI, BMI2 */
    MF_CPU_AVX512,  /* all of that and AVX-512 F, BW, CD, DQ, VL */
    MF_CPUS,
} mf_cpu;

/* The best one. */
mf_cpu mf_cpu_choose(void);

/* Declares the copies type_sse2, … of a constant, one for each instruction set of the build
 * (mf_kernels in CMake), and defines a table of them by mf_cpu. */
#if defined __x86_64__
#define MF_CPU_COPIES(type, table)                                                                 \
    extern const type type##_sse2, type##_avx2, type##_avx512;                                     \
    static const type *const table[MF_CPUS] = {[MF_CPU_SSE2] = &type##_sse2,                       \
                                               [MF_CPU_AVX2] = &type##_avx2,                       \
                                               [MF_CPU_AVX512] = &type##_avx512}
#elif defined __aarch64__
#define MF_CPU_COPIES(type, table)                                                                 \
    extern const type type##_neon;                                                                 \
    static const type *const table[MF_CPUS] = {[MF_CPU_NEON] = &type##_neon}
#else
#define MF_CPU_COPIES(type, table)                                                                 \
    extern const type type##_generic;                                                              \
    static const type *const table[MF_CPUS] = {[MF_CPU_GENERIC] = &type##_generic}
#endif

#endif
