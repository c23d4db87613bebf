/* codes.c: promises in codes.h.
 *
 * The allowance for rounding is that of index.c: 64·2^-24 times the norms for the bound itself, and
 * what mf_dot may be off by. Sums of products of codes are exact. */
#include "recommend/codes.h"

#include "base/memory.h"
#include "model/model.h"

#include <math.h>
#include <string.h>

enum { LANES = MF_MODEL_LANES, CODE_LEVELS = 127, QUERY_LEVELS = 32767, ALIGNED = 64 };

_Static_assert((int64_t)MF_CODES_FACTORS_MAX *CODE_LEVELS *QUERY_LEVELS <= INT32_MAX,
               "a sum fits 32 bits");

static const double NORM_MAX = 1e18;

/* A sum of squares of n numbers in LANES floats is off by this part of it at most. */
static double sum_error(size_t n)
{
    return ((double)n / LANES + LANES) * 0x1p-24;
}

static float rounded_up(double x)
{
    return nextafterf((float)x, INFINITY);
}

static size_t code_stride(uint32_t n_factors)
{
    return ((size_t)n_factors + ALIGNED - 1) / ALIGNED * ALIGNED;
}

bool mf_codes_size(uint32_t n_items, uint32_t n_factors, size_t *n_bytes)
{
    return n_factors <= MF_CODES_FACTORS_MAX &&
           mf_mul(n_items, code_stride(n_factors) + 2 * sizeof(float), n_bytes);
}

static float sum_of(const float lanes[LANES])
{
    float sum = 0;
    for (size_t lane = 0; lane < LANES; lane++)
        sum += lanes[lane];
    return sum;
}

static float most_of(const float *row, size_t n)
{
    float most[LANES] = {0}, one = 0;
    for (size_t f = 0; f < n; f += LANES)
        for (size_t lane = 0; lane < LANES; lane++) {
            const float size = fabsf(row[f + lane]);
            most[lane] = size > most[lane] ? size : most[lane];
        }
    for (size_t lane = 0; lane < LANES; lane++)
        one = most[lane] > one ? most[lane] : one;
    return one;
}

typedef struct encoded {
    float scale; /* s */
    float error; /* ≥ |e| */
    float norm;  /* ≥ |row| and ≥ |s·w| */
} encoded;

/* n numbers as whole ones from −levels to levels. x = row/s is off by levels·2^-24 at most, r = x − w
 * is exact, so that |row − s·w| ≤ s·(|r| + levels·2^-24·√n): sizes that no scale brings out of the
 * range of floats. */
static encoded encode(const float *row, size_t n, int levels, int16_t *codes)
{
    const float scale = rounded_up((double)most_of(row, n) / levels); /* not zero */
    const float middle = (float)levels + 1.5f; /* cut off, that is the nearest whole number */
    float r_square[LANES] = {0}, w_square[LANES] = {0};
    for (size_t f = 0; f < n; f += LANES)
        for (size_t lane = 0; lane < LANES; lane++) {
            const float x = row[f + lane] / scale;
            const int32_t code = (int32_t)(x + middle) - (levels + 1);
            const float w = (float)code, r = x - w;
            codes[f + lane] = (int16_t)code;
            r_square[lane] += r * r;
            w_square[lane] += w * w;
        }
    const double most = 1 + sum_error(n);
    const double r =
        sqrt((double)sum_of(r_square)) * most + (double)levels * 0x1p-24 * sqrt((double)n);
    const double w = sqrt((double)sum_of(w_square)) * most;
    return (encoded){
        .scale = scale,
        .error = rounded_up((double)scale * r),
        .norm = rounded_up((double)scale * (w + r)),
    };
}

void mf_codes_release(mf_codes *codes)
{
    mf_free(codes->rows);
    mf_free(codes->scales);
    mf_free(codes->norms);
    *codes = (mf_codes){0};
}

bool mf_codes_create(mf_codes *codes, uint32_t n_items, uint32_t n_factors, const float *rows,
                     mf_error *err)
{
    static const char *const WHAT = "codes of items";
    int16_t wide[MF_CODES_FACTORS_MAX];
    const double width = sqrt((double)n_factors);
    *codes = (mf_codes){
        .stride = code_stride(n_factors),
        .row_stride = mf_model_stride(n_factors),
        .error = rounded_up(width * (0.5 + 0x1p-12)),
        .most = rounded_up(width * (CODE_LEVELS + 1)),
    };
    codes->rows = mf_allocate(n_items, codes->stride, WHAT, err);
    codes->scales = mf_allocate(n_items, sizeof *codes->scales, WHAT, err);
    codes->norms = mf_allocate(n_items, sizeof *codes->norms, WHAT, err);
    if (codes->rows == NULL || codes->scales == NULL || codes->norms == NULL ||
        !mf_codes_size(n_items, n_factors, &codes->n_bytes)) {
        mf_codes_release(codes);
        return false;
    }
    for (size_t item = 0; item < n_items; item++) {
        int8_t *to = codes->rows + item * codes->stride;
        const encoded e =
            encode(rows + item * codes->row_stride, codes->row_stride, CODE_LEVELS, wide);
        codes->scales[item] = e.scale;
        codes->norms[item] = e.norm;
        for (size_t f = 0; f < codes->row_stride; f++)
            to[f] = (int8_t)wide[f];
    }
    codes->n_items = n_items;
    return true;
}

/* norm and delta: those of p. */
static mf_code_query query_of(const mf_codes *codes, float unit, double norm, double delta,
                              const int16_t *v)
{
    const double of_dot = (double)codes->row_stride / LANES + 4, of_bound = 64;
    const double rounding = 0x1p-24 * (of_dot + of_bound) * (norm + delta);
    return (mf_code_query){
        .v = v,
        .unit = unit,
        .slack = rounded_up(norm * (double)codes->error * (1 + 0x1p-20)),
        .per_norm = rounded_up((delta + rounding) * (1 + 0x1p-20) + 0x1p-100),
        .constant = 0x1p-100f,
    };
}

bool mf_codes_query(const mf_codes *codes, const float *p, int16_t *v, mf_code_query *query)
{
    for (size_t f = 0; f < codes->row_stride; f++)
        if (!(fabsf(p[f]) <= (float)NORM_MAX))
            return false;
    const encoded e = encode(p, codes->row_stride, QUERY_LEVELS, v);
    memset(v + codes->row_stride, 0, (codes->stride - codes->row_stride) * sizeof *v);
    *query = query_of(codes, e.scale, (double)e.norm, (double)e.error, v);
    query->slack = rounded_up((double)query->slack + (double)query->per_norm * (double)codes->most);
    query->per_norm = 0;
    return (double)e.norm <= NORM_MAX;
}

mf_code_query mf_codes_query_of_item(const mf_codes *codes, uint32_t item, int16_t *v)
{
    const int8_t *row = codes->rows + item * codes->stride;
    const double scale = (double)codes->scales[item];
    for (size_t f = 0; f < codes->stride; f++)
        v[f] = (int16_t) + row[f];
    return query_of(codes, codes->scales[item], (double)codes->norms[item],
                    scale * (double)codes->error, v);
}
