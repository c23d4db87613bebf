/* kernel_choice.c: the copies of kernels.c, one for each instruction set (mf_kernels in CMake). */
#include "sgd/kernels.h"

#include "base/cpu.h"

#if defined __x86_64__

extern const mf_sgd_kernel mf_sgd_kernel_sse2;
extern const mf_sgd_kernel mf_sgd_kernel_avx2;
extern const mf_sgd_kernel mf_sgd_kernel_avx512;

static const mf_sgd_kernel *const kernels[MF_CPUS] = {
    [MF_CPU_SSE2] = &mf_sgd_kernel_sse2,
    [MF_CPU_AVX2] = &mf_sgd_kernel_avx2,
    [MF_CPU_AVX512] = &mf_sgd_kernel_avx512,
};

#elif defined __aarch64__

extern const mf_sgd_kernel mf_sgd_kernel_neon;

static const mf_sgd_kernel *const kernels[MF_CPUS] = {[MF_CPU_NEON] = &mf_sgd_kernel_neon};

#else

extern const mf_sgd_kernel mf_sgd_kernel_generic;

static const mf_sgd_kernel *const kernels[MF_CPUS] = {[MF_CPU_GENERIC] = &mf_sgd_kernel_generic};

#endif

const mf_sgd_kernel *mf_sgd_kernel_choose(void)
{
    return kernels[mf_cpu_choose()];
}
