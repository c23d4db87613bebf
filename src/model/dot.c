/* dot.c: sixteen partial sums in four vectors, added in a fixed order. */
#include "model/dot.h"

#include "model/model.h"

/* A register of every supported CPU. A plain loop over 16 lanes has the same result, but gcc 12
 * makes shuffles of it at -O3, and vectors of 16 floats go through memory. */
typedef float four __attribute__((vector_size(16), may_alias));

_Static_assert(4 * sizeof(four) == MF_MODEL_LANES * sizeof(float), "rows are padded to lanes");

float mf_dot(const float *restrict p, const float *restrict q, size_t stride)
{
    four a = {0}, b = {0}, c = {0}, d = {0};
    for (size_t f = 0; f < stride; f += MF_MODEL_LANES) {
        const four *left = (const four *)(p + f), *right = (const four *)(q + f);
        a += left[0] * right[0];
        b += left[1] * right[1];
        c += left[2] * right[2];
        d += left[3] * right[3];
    }
    const four sum = (a + c) + (b + d);
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}
