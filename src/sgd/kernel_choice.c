/* kernel_choice.c: the copies of kernels.c, one for each instruction set. */
#include "sgd/kernels.h"

#include "base/cpu.h"

MF_CPU_COPIES(mf_sgd_kernel, kernels);

const mf_sgd_kernel *mf_sgd_kernel_choose(void)
{
    return kernels[mf_cpu_choose()];
}
