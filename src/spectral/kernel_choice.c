/* kernel_choice.c: the copies of kernels.c, one for each instruction set. */
#include "spectral/kernels.h"

#include "base/cpu.h"

MF_CPU_COPIES(mf_spectral_kernel, kernels);

const mf_spectral_kernel *mf_spectral_kernel_choose(void)
{
    return kernels[mf_cpu_choose()];
}
