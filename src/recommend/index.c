/* index.c: promises in index.h.
 *
 * The allowance for rounding, u = 2^-24, N the block's norm: mf_dot is off by at most
 * (stride/16 + 4)·u·|p||q| (dot.h); the bound of the product is five operations on
 * numbers that together are below 4·(|p| + δ)·N. Twenty-odd u·(|p| + δ)·N would do
 * for the latter, 64 are taken. What underflows costs at most 2^-149 each, (1 + N)
 * times a few for each factor: 2^-120 is taken. */
#include "recommend/index.h"

#include "base/memory.h"
#include "recommend/norm.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { LEVELS = 7, CODE_MAX = 127, RUN_FACTORS = MF_INDEX_RUN * MF_INDEX_QUAD };

/* A run's |v·w| ≤ 7·Σ|v| must fit 16 bits. */
enum { RUN_SUM_MAX = INT16_MAX / LEVELS };

static const double NORM_MAX = 1e18;
static const double BIAS_MAX = 1e30;

typedef int32_t whole __attribute__((vector_size(MF_MODEL_LANES * sizeof(int32_t))));

static float rounded_up(double x)
{
    return nextafterf((float)x, INFINITY);
}

static size_t quads_of(uint32_t n_factors)
{
    return ((size_t)n_factors + MF_INDEX_QUAD - 1) / MF_INDEX_QUAD;
}

static size_t block_bytes_of(uint32_t n_factors)
{
    return MF_INDEX_BLOCK * (quads_of(n_factors) * sizeof(uint16_t) + sizeof(uint32_t));
}

static size_t blocks_of(uint32_t n_items)
{
    return ((size_t)n_items + MF_INDEX_BLOCK - 1) / MF_INDEX_BLOCK;
}

bool mf_index_size(const mf_index_rows *rows, size_t *n_bytes)
{
    return mf_mul(blocks_of(rows->n_items), block_bytes_of(rows->n_factors) + sizeof(float),
                  n_bytes);
}

void mf_index_release(mf_index *index)
{
    mf_free(index->blocks);
    mf_free(index->norm);
    *index = (mf_index){0};
}

/* The least float ≥ x ≥ 0 whose lower 16 bits are zero, as its bits: 8 bits of
 * precision. */
static uint32_t short_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits + 0xFFFF) & 0xFFFF0000U;
}

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float most_of(const float *q, size_t stride)
{
    mf_lanes most = {0};
    for (size_t f = 0; f < stride; f += MF_MODEL_LANES) {
        const mf_lanes x = *(const mf_lanes *)(const void *)(q + f);
        const mf_lanes size = (mf_lanes)((whole)x & 0x7FFFFFFF);
        const whole larger = size > most;
        most = (mf_lanes)(((whole)size & larger) | ((whole)most & ~larger));
    }
    float one = most[0];
    for (size_t lane = 1; lane < MF_MODEL_LANES; lane++)
        one = most[lane] > one ? most[lane] : one;
    return one;
}

/* One item at lane `lane` of its block. Returns the larger of |q| and |s·w|.
 * s has 8 bits and w has 3, so s·w is exact in float, and q − s·w is off by its own
 * last bit at most. */
static double encode(const float *q, size_t stride, size_t n_quads, uint16_t *codes, size_t lane,
                     uint32_t *sizes)
{
    const uint32_t most_bits = short_bits(most_of(q, stride) / LEVELS);
    const uint32_t scale_bits = most_bits > 0 ? most_bits : 0x10000; /* not zero */
    const float s = from_bits(scale_bits);
    mf_sums q_square = {0}, w_square = {0}, e_square = {0};
    for (size_t f = 0; f < stride; f += MF_MODEL_LANES) {
        const mf_lanes x = *(const mf_lanes *)(const void *)(q + f);
        /* x / s is from -7 to 7: 8 and a half more, cut off, is the nearest whole number. */
        const whole code = __builtin_convertvector(x / s + 8.5f, whole);
        const mf_lanes near = s * __builtin_convertvector(code - 8, mf_lanes);
        const mf_lanes e = x - near;
        mf_add_squares(&q_square, &x);
        mf_add_squares(&w_square, &near);
        mf_add_squares(&e_square, &e);
        for (size_t k = 0; k < MF_MODEL_LANES && f + k < n_quads * MF_INDEX_QUAD;
             k += MF_INDEX_QUAD)
            codes[(f + k) / MF_INDEX_QUAD * MF_INDEX_BLOCK + lane] =
                (uint16_t)(code[k] | code[k + 1] << 8 | code[k + 2] << 4 | code[k + 3] << 12);
    }
    const double error = sqrt(mf_sum(&e_square)) * (1 + 0x1p-20);
    *sizes = scale_bits | short_bits((float)error) >> 16;
    return sqrt(fmax(mf_sum(&q_square), mf_sum(&w_square)));
}

bool mf_index_create(mf_index *index, const mf_index_rows *rows, mf_error *err)
{
    const size_t stride = mf_model_stride(rows->n_factors);
    *index = (mf_index){
        .n_blocks = blocks_of(rows->n_items),
        .n_quads = quads_of(rows->n_factors),
        .block_bytes = block_bytes_of(rows->n_factors),
    };
    for (uint32_t item = 0; rows->bias != NULL && item < rows->n_items; item++)
        if (fabs((double)rows->bias[item]) > BIAS_MAX)
            return true;
    index->blocks = mf_allocate(index->n_blocks, index->block_bytes, "an index of items", err);
    index->norm = mf_allocate(index->n_blocks, sizeof *index->norm, "an index of items", err);
    if (index->blocks == NULL || index->norm == NULL) {
        mf_index_release(index);
        return false;
    }
    for (uint32_t item = 0; item < rows->n_items; item++) {
        const size_t block = item / MF_INDEX_BLOCK, lane = item % MF_INDEX_BLOCK;
        uint16_t *codes = (void *)(index->blocks + block * index->block_bytes);
        uint32_t *sizes = (void *)(codes + index->n_quads * MF_INDEX_BLOCK);
        const double norm =
            encode(rows->rows + item * stride, stride, index->n_quads, codes, lane, &sizes[lane]);
        if (!(norm <= NORM_MAX)) {
            mf_index_release(index);
            return true;
        }
        index->norm[block] = fmaxf(index->norm[block], rounded_up(norm));
    }
    index->n_items = rows->n_items;
    return mf_index_size(rows, &index->n_bytes);
}

/* The unit in which v is whole numbers that fit: none beyond CODE_MAX, no run's sum
 * beyond RUN_SUM_MAX. */
static double unit_of(const float *p, uint32_t n_factors)
{
    double most = 0, most_sum = 0;
    for (size_t run = 0; run < n_factors; run += RUN_FACTORS) {
        double sum = 0;
        for (size_t f = run; f < n_factors && f < run + RUN_FACTORS; f++) {
            most = fmax(most, fabs((double)p[f]));
            sum += fabs((double)p[f]);
        }
        most_sum = fmax(most_sum, sum);
    }
    /* Rounding to whole numbers adds at most a half for each factor of a run. */
    const int room = RUN_SUM_MAX - RUN_FACTORS / 2;
    return fmax(most / CODE_MAX, most_sum / room);
}

bool mf_index_query_prepare(const mf_index *index, const float *p, uint32_t n_factors,
                            int8_t *codes, uint16_t *start, mf_index_query *query)
{
    const double norm = mf_norm(p, mf_model_stride(n_factors));
    if (!(norm <= NORM_MAX))
        return false;
    const float unit = rounded_up(unit_of(p, n_factors));
    double d_square = 0;
    memset(codes, 0, index->n_quads * MF_INDEX_QUAD);
    for (size_t run = 0; run < n_factors; run += RUN_FACTORS) {
        long sum = 0;
        for (size_t f = run; f < n_factors && f < run + RUN_FACTORS; f++) {
            const long v = lrintf(p[f] / unit);
            const double d = (double)p[f] - (double)unit * (double)v;
            d_square += d * d;
            codes[f] = (int8_t)v;
            sum += v;
        }
        start[run / RUN_FACTORS] = (uint16_t)(-8 * sum);
    }
    const double delta = sqrt(d_square);
    const double roundings = (double)mf_model_stride(n_factors) / MF_MODEL_LANES + 4 + 64;
    const double both = 0x1p-24 * roundings * (norm + delta) * 1.01;
    query->start = start;
    query->unit = unit;
    query->norm = rounded_up(norm);
    query->per_norm = rounded_up((delta + both) * (1 + 0x1p-20) + 0x1p-120);
    query->constant = 0x1p-120f;
    return true;
}
