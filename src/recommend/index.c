/* index.c: promises in index.h.
 *
 * The allowance for rounding, u = 2^-24, N the block's norm: mf_dot is off by at most
 * (stride/16 + 4)·u·|p||q| (dot.h); the bound of the product is, in each of G groups, at most
 * 3 + 2·G operations on numbers that together, of all groups, are below 4·(|p| + δ)·N (Cauchy
 * and Schwarz again). 12 + 8·G times u·(|p| + δ)·N would do for the latter, 48 + 16·G are taken.
 * What underflows costs at most 2^-149 each, (1 + N) times a few for each factor: 2^-120 is taken.
 */
#include "recommend/index.h"

#include "base/memory.h"
#include "recommend/norm.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 7, CODE_MAX = 127, RUN_FACTORS = MF_INDEX_RUN * MF_INDEX_QUAD };

/* A run's |v·w| ≤ 7·Σ|v| must fit 16 bits. */
enum { RUN_SUM_MAX = INT16_MAX / LEVELS };

static const double NORM_MAX = 1e18;
static const double BIAS_MAX = 1e30;

/* Four factors: the vectors that every CPU has. */
typedef float four __attribute__((vector_size(MF_INDEX_QUAD * sizeof(float)), may_alias));
typedef int32_t four_whole __attribute__((vector_size(MF_INDEX_QUAD * sizeof(int32_t))));

static float rounded_up(double x)
{
    return nextafterf((float)x, INFINITY);
}

static size_t quads_of(uint32_t n_factors)
{
    return ((size_t)n_factors + MF_INDEX_QUAD - 1) / MF_INDEX_QUAD;
}

/* Where the groups of directions begin, in quads; index.h has the measurement. */
static const size_t GROUP_QUADS[MF_INDEX_GROUPS] = {0, 1, 4, 16, 32, 64};

static size_t groups_of(const mf_index_rows *rows)
{
    size_t n = 1;
    while (rows->is_spectral && n < MF_INDEX_GROUPS && GROUP_QUADS[n] < quads_of(rows->n_factors))
        n++;
    return n;
}

static size_t block_bytes_of(const mf_index_rows *rows)
{
    return MF_INDEX_BLOCK *
           (quads_of(rows->n_factors) * sizeof(uint16_t) + groups_of(rows) * sizeof(uint32_t));
}

static size_t blocks_of(uint32_t n_items)
{
    return ((size_t)n_items + MF_INDEX_BLOCK - 1) / MF_INDEX_BLOCK;
}

bool mf_index_size(const mf_index_rows *rows, size_t *n_bytes)
{
    size_t n_blocks_bytes, n_place_bytes;
    const size_t n_places = rows->is_spectral ? rows->n_items : 0;
    return mf_mul(blocks_of(rows->n_items), block_bytes_of(rows) + sizeof(float),
                  &n_blocks_bytes) &&
           mf_mul(n_places, 2 * sizeof(uint32_t) + (rows->weight != NULL ? sizeof(float) : 0),
                  &n_place_bytes) &&
           !__builtin_add_overflow(n_blocks_bytes, n_place_bytes, n_bytes);
}

void mf_index_release(mf_index *index)
{
    mf_free(index->blocks);
    mf_free(index->norm);
    mf_free(index->item_at);
    mf_free(index->place_of);
    mf_free(index->weight_at);
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

static float most_of(const float *q, size_t n_quads)
{
    four_whole most = {0}; /* floats without sign are in the order of their bits */
    for (size_t f = 0; f < n_quads * MF_INDEX_QUAD; f += MF_INDEX_QUAD) {
        const four_whole size = (four_whole) * (const four *)(q + f) & INT32_MAX;
        const four_whole larger = size > most;
        most = (size & larger) | (most & ~larger);
    }
    int32_t one = most[0];
    for (size_t lane = 1; lane < MF_INDEX_QUAD; lane++)
        one = most[lane] > one ? most[lane] : one;
    return from_bits((uint32_t)one);
}

/* One item at lane `lane` of its block. Returns a bound of |q| and |s·w|.
 * s has 8 bits and w has 3, so s·w is exact in float. r = q/s − w is summed, which no length of q
 * brings out of the range of floats: |q − s·w| = s·|r|, and |q| ≤ s·(|w| + |r|). q/s, below 8, is off
 * by 2^-22 at most; the sum of n squares, four lanes, by (n/4 + 4)·2^-24 of itself. */
static double encode(const float *q, size_t n_quads, uint16_t *codes, size_t lane, uint32_t *sizes)
{
    const uint32_t most_bits = short_bits(most_of(q, n_quads) / LEVELS);
    const uint32_t scale_bits = most_bits > 0 ? most_bits : 0x10000; /* not zero */
    const float s = from_bits(scale_bits);
    four r_square = {0};
    four w_square = {0}; /* whole numbers: exact */
    for (size_t f = 0; f < n_quads * MF_INDEX_QUAD; f += MF_INDEX_QUAD) {
        const four x = *(const four *)(q + f) / s;
        /* x is from -7 to 7: 8 and a half more, cut off, is the nearest whole number. */
        const four_whole code = __builtin_convertvector(x + 8.5f, four_whole);
        const four w = __builtin_convertvector(code, four) - 8;
        const four r = x - w;
        r_square += r * r;
        w_square += w * w;
        uint64_t two[2]; /* codes of factors 0 and 1, 2 and 3, each in 32 bits */
        memcpy(two, &code, sizeof two);
        codes[f / MF_INDEX_QUAD * MF_INDEX_BLOCK + lane] =
            (uint16_t)((two[0] | two[0] >> 24) | (two[1] | two[1] >> 24) << 4);
    }
    double r = 0, w = 0;
    for (size_t l = 0; l < MF_INDEX_QUAD; l++) {
        r += (double)r_square[l];
        w += (double)w_square[l];
    }
    const double n = (double)(n_quads * MF_INDEX_QUAD);
    r = sqrt(r) * (1 + (n / 4 + 4) * 0x1p-24) + 0x1p-22 * sqrt(n);
    *sizes = scale_bits | short_bits((float)((double)s * r)) >> 16;
    return (double)s * (sqrt(w) + r);
}

/* One item at lane `lane` of a block, group by group. Returns what encode returns, of the whole
 * row. */
static double encode_groups(const mf_index *index, const float *q, unsigned char *block,
                            size_t lane)
{
    uint16_t *codes = (void *)block;
    uint32_t *sizes = (void *)(codes + index->n_quads * MF_INDEX_BLOCK);
    double square = 0;
    for (size_t g = 0; g < index->n_groups; g++) {
        const size_t first = index->group_quads[g];
        const double norm =
            encode(q + first * MF_INDEX_QUAD, index->group_quads[g + 1] - first,
                   codes + first * MF_INDEX_BLOCK, lane, &sizes[g * MF_INDEX_BLOCK + lane]);
        square += norm * norm;
    }
    return sqrt(square) * (1 + 0x1p-40);
}

typedef struct length {
    float norm;
    uint32_t item;
} length;

static int longest_first(const void *a, const void *b)
{
    const length *x = a, *y = b;
    if (x->norm != y->norm)
        return x->norm > y->norm ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* By falling length; equal ones, and what is too long to tell, by item. */
static bool choose_places(mf_index *index, const mf_index_rows *rows, mf_error *err)
{
    static const char *const WHAT = "an index of items";
    const size_t stride = mf_model_stride(rows->n_factors);
    length *lengths = mf_allocate(rows->n_items, sizeof *lengths, WHAT, err);
    index->item_at = mf_allocate(rows->n_items, sizeof *index->item_at, WHAT, err);
    index->place_of = mf_allocate(rows->n_items, sizeof *index->place_of, WHAT, err);
    if (rows->weight != NULL)
        index->weight_at = mf_allocate(rows->n_items, sizeof *index->weight_at, WHAT, err);
    const bool ok = lengths != NULL && index->item_at != NULL && index->place_of != NULL &&
                    (rows->weight == NULL || index->weight_at != NULL);
    for (uint32_t item = 0; ok && item < rows->n_items; item++) {
        const double norm = mf_norm(rows->rows + item * stride, stride);
        lengths[item] = (length){norm < NORM_MAX ? (float)norm : (float)NORM_MAX, item};
    }
    if (ok)
        qsort(lengths, rows->n_items, sizeof *lengths, longest_first);
    for (uint32_t place = 0; ok && place < rows->n_items; place++) {
        const uint32_t item = lengths[place].item;
        index->item_at[place] = item;
        index->place_of[item] = place;
        if (rows->weight != NULL)
            index->weight_at[place] = rows->weight[item];
    }
    mf_free(lengths);
    return ok;
}

/* Encodes all items. False when a row is too long. */
static bool fill(mf_index *index, const mf_index_rows *rows)
{
    const size_t stride = mf_model_stride(rows->n_factors);
    for (uint32_t place = 0; place < rows->n_items; place++) {
        const uint32_t item = index->item_at != NULL ? index->item_at[place] : place;
        const size_t block = place / MF_INDEX_BLOCK;
        const double norm =
            encode_groups(index, rows->rows + item * stride,
                          index->blocks + block * index->block_bytes, place % MF_INDEX_BLOCK);
        if (!(norm <= NORM_MAX))
            return false;
        index->norm[block] = fmaxf(index->norm[block], rounded_up(norm));
    }
    /* Lengths fall, but bounds of them may not. */
    for (size_t block = index->n_blocks - 1; index->item_at != NULL && block > 0; block--)
        index->norm[block - 1] = fmaxf(index->norm[block - 1], index->norm[block]);
    for (size_t block = 0; block < index->n_blocks; block++)
        index->typical_norm += (double)index->norm[block] / (double)index->n_blocks;
    return true;
}

bool mf_index_create(mf_index *index, const mf_index_rows *rows, mf_error *err)
{
    static const char *const WHAT = "an index of items";
    *index = (mf_index){
        .n_blocks = blocks_of(rows->n_items),
        .n_quads = quads_of(rows->n_factors),
        .n_groups = groups_of(rows),
        .block_bytes = block_bytes_of(rows),
    };
    for (size_t g = 0; g < index->n_groups; g++) {
        const size_t end = g + 1 < index->n_groups ? GROUP_QUADS[g + 1] : index->n_quads;
        index->group_quads[g] = GROUP_QUADS[g];
        index->group_quads[g + 1] = end;
        index->n_runs += (end - GROUP_QUADS[g] + MF_INDEX_RUN - 1) / MF_INDEX_RUN;
    }
    for (uint32_t item = 0; rows->bias != NULL && item < rows->n_items; item++) {
        if (fabs((double)rows->bias[item]) > BIAS_MAX)
            return true;
        index->most_bias = fmaxf(index->most_bias, fabsf(rows->bias[item]));
    }
    bool ok = false, is_usable = false;
    index->blocks = mf_allocate(index->n_blocks, index->block_bytes, WHAT, err);
    index->norm = mf_allocate(index->n_blocks, sizeof *index->norm, WHAT, err);
    if (index->blocks == NULL || index->norm == NULL ||
        (rows->is_spectral && !choose_places(index, rows, err)))
        goto done;
    ok = true;
    is_usable = fill(index, rows) && mf_index_size(rows, &index->n_bytes);
    if (is_usable)
        index->n_items = rows->n_items;
done:
    if (!is_usable)
        mf_index_release(index);
    return ok;
}

/* Of these factors of p, less than a run in each of their runs.
 *
 * The unit in which v is whole numbers that fit: none beyond CODE_MAX, no run's sum beyond
 * RUN_SUM_MAX. */
static double unit_of(const float *p, size_t first, size_t end)
{
    double most = 0, most_sum = 0;
    for (size_t run = first; run < end; run += RUN_FACTORS) {
        double sum = 0;
        for (size_t f = run; f < end && f < run + RUN_FACTORS; f++) {
            most = fmax(most, fabs((double)p[f]));
            sum += fabs((double)p[f]);
        }
        most_sum = fmax(most_sum, sum);
    }
    /* Rounding to whole numbers adds at most a half for each factor of a run. */
    const int sum_max = RUN_SUM_MAX - RUN_FACTORS / 2;
    return fmax(most / CODE_MAX, most_sum / sum_max);
}

/* One group: its factors' codes, its runs' starts from *run on, unit and norm. Returns δ². */
static double prepare_group(const mf_index *index, const float *p, uint32_t n_factors, size_t g,
                            int8_t *codes, uint16_t *start, size_t *run, mf_index_query *query)
{
    const size_t first = index->group_quads[g] * MF_INDEX_QUAD;
    const size_t end =
        g + 1 < index->n_groups ? index->group_quads[g + 1] * MF_INDEX_QUAD : n_factors;
    const float unit = rounded_up(unit_of(p, first, end));
    double p_square = 0, d_square = 0;
    for (size_t at = first; at < end; at += RUN_FACTORS) {
        long sum = 0;
        for (size_t f = at; f < end && f < at + RUN_FACTORS; f++) {
            const long v = lrintf(p[f] / unit);
            const double d = (double)p[f] - (double)unit * (double)v;
            d_square += d * d;
            p_square += (double)p[f] * (double)p[f];
            codes[f] = (int8_t)v;
            sum += v;
        }
        start[(*run)++] = (uint16_t)(-8 * sum);
    }
    query->unit[g] = unit;
    query->group_norm[g] = rounded_up(sqrt(p_square) * (1 + 0x1p-40));
    return d_square;
}

bool mf_index_query_prepare(const mf_index *index, const float *p, uint32_t n_factors,
                            int8_t *codes, uint16_t *start, mf_index_query *query)
{
    const double norm = mf_norm(p, mf_model_stride(n_factors));
    if (!(norm <= NORM_MAX))
        return false;
    double d_square = 0;
    size_t run = 0;
    memset(codes, 0, index->n_quads * MF_INDEX_QUAD);
    for (size_t g = 0; g < index->n_groups; g++)
        d_square += prepare_group(index, p, n_factors, g, codes, start, &run, query);
    const double delta = sqrt(d_square);
    const double of_dot = (double)mf_model_stride(n_factors) / MF_MODEL_LANES + 4;
    const double of_bound = 48 + 16 * (double)index->n_groups;
    const double both = 0x1p-24 * (of_dot + of_bound) * (norm + delta) * 1.01;
    query->start = start;
    query->norm = rounded_up(norm);
    query->per_norm = rounded_up((delta + both) * (1 + 0x1p-20) + 0x1p-120);
    query->constant = 0x1p-120f;
    return true;
}

float mf_index_limit(const mf_index *index, const mf_index_query *query, size_t block)
{
    /* per_norm has all that mf_dot may add. */
    const double norm = (double)query->norm + (double)query->per_norm;
    return rounded_up(norm * (double)index->norm[block] + (double)query->constant);
}
