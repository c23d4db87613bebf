/* dot.c: the sum of products in a fixed order; promises in dot.h. */
#include "model/dot.h"

#include "model/model.h"

/* One cache line of floats: a register under AVX-512, four under SSE2, lane by
 * lane the same sums. A plain inner loop over 16 lanes means the same, but gcc 12
 * turns it into shuffles at -O3. */
typedef float lanes __attribute__((vector_size(64)));

_Static_assert(sizeof(lanes) == MF_MODEL_LANES * sizeof(float), "rows are padded to lanes");

float mf_dot(const float *restrict p, const float *restrict q, size_t stride)
{
    lanes sum = {0};
    for (size_t f = 0; f < stride; f += MF_MODEL_LANES)
        sum += *(const lanes *)(p + f) * *(const lanes *)(q + f);
    float s[MF_MODEL_LANES];
    for (size_t lane = 0; lane < MF_MODEL_LANES; lane++)
        s[lane] = sum[lane];
    for (size_t half = MF_MODEL_LANES / 2; half > 0; half /= 2)
        for (size_t lane = 0; lane < half; lane++)
            s[lane] += s[lane + half];
    return s[0];
}
