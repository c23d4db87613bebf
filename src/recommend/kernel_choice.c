/* kernel_choice.c: the copies of kernels.c, one for each instruction set. */
#include "recommend/kernels.h"

#include "base/cpu.h"

MF_CPU_COPIES(mf_recommend_kernel, kernels);

const mf_recommend_kernel *mf_recommend_kernel_choose(void)
{
    return kernels[mf_cpu_choose()];
}
