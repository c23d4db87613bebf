/* kernels.c: promises in kernels.h.
 *
 * Compiled once for each instruction set, with MF_RECOMMEND_KERNEL naming the result
 * (CMakeLists.txt).
 *
 * Bounds: an item is a lane of 16 bits, so its sum needs no shuffling. The sums are
 * taken mod 2^16 and fit at the end, because index.c chooses the query's unit so.
 * Each code holds four factors, and there are three ways to multiply them:
 *
 *   pairs    AVX2 and AVX-512 have an instruction for the products of two pairs of
 *            bytes added up: at most 2 · 15 · 127, so it does not saturate
 *   bytes    NEON adds products of bytes to sums of 16 bits; the two sums of an item
 *            stand side by side and are added at the end of a run
 *   powers   four multiplications of 16 bits, written as GNU C vectors; SSE2
 *
 * Bounds of 60,000 items, 64 factors, µs: AVX-512 pairs 70, powers 107; AVX2 74 and
 * 120; SSE2 207. With the items already in the second-level cache: 54, 83; 77, 107;
 * 205. So pairs are at the bandwidth of the third-level cache, and what helps is
 * fewer bytes (sizes of 16 bits: 80 → 70) and asking for them early (AVX2: 102 → 82). */
#include "recommend/kernels.h"

#include "model/model.h"

#include <math.h>
#if defined __SSE2__
#include <immintrin.h>
#elif defined __ARM_NEON
#include <arm_neon.h>
#endif

#if defined __AVX512BW__
enum { BYTES = 64 };
#elif defined __AVX2__
enum { BYTES = 32 };
#else
enum { BYTES = 16 }; /* SSE2, NEON */
#endif
enum {
    BLOCK = MF_INDEX_BLOCK,
    ITEMS = BYTES / 2, /* one in each 16 bits */
    PARTS = BLOCK / ITEMS,
    WIDTH = BYTES / 4,
    GROUPS = BLOCK / WIDTH,
    LANES = MF_MODEL_LANES,
    ROWS = BYTES > 16 ? 4 : 2, /* that are multiplied at a time: their sums fit the registers */
    AHEAD_BYTES = 2048,        /* of the codes; 1024 … 16384 are much the same */
};

typedef uint16_t vec16 __attribute__((vector_size(BYTES), may_alias));
typedef float vec __attribute__((vector_size(BYTES), may_alias));
typedef float loose __attribute__((vector_size(BYTES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(BYTES)));
typedef uint32_t uvec __attribute__((vector_size(BYTES), may_alias));
typedef int16_t narrow __attribute__((vector_size(BYTES / 2), may_alias));
typedef float vec8 __attribute__((vector_size(32), may_alias));
typedef float vec4 __attribute__((vector_size(16), may_alias));
typedef float loose_vec4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t ivec4 __attribute__((vector_size(16)));
typedef int32_t loose_ivec4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef double dvec __attribute__((vector_size(BYTES), may_alias));

#define INLINE static inline __attribute__((always_inline))

#if defined MF_PLAIN_LOOPS
#define UNROLL
#elif defined __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#if defined __AVX2__

enum { LINES = 2 };

/* A line is one pair of factors, again and again. */

static void spread(const int8_t *codes, size_t n_quads, uint16_t *lines)
{
    for (size_t quad = 0; quad < n_quads; quad++)
        for (size_t half = 0; half < 2; half++) {
            const uint16_t low = (uint8_t)codes[quad * 4 + half * 2];
            const uint16_t high = (uint8_t)codes[quad * 4 + half * 2 + 1];
            for (size_t k = 0; k < MF_LINE_U16; k++)
                lines[(quad * LINES + half) * MF_LINE_U16 + k] = (uint16_t)(low | high << 8);
        }
}

INLINE vec16 multiply_pairs(vec16 codes, const uint16_t *line)
{
#if defined __AVX512BW__
    return (vec16)_mm512_maddubs_epi16((__m512i)codes, *(const __m512i *)line);
#else
    return (vec16)_mm256_maddubs_epi16((__m256i)codes, *(const __m256i *)line);
#endif
}

typedef vec16 partial;

INLINE partial begin(uint16_t start)
{
    return (vec16){0} + start;
}

INLINE partial add_quad(partial sum, vec16 codes, const uint16_t *lines)
{
    const uint16_t low = 0x0F0F;
    sum += multiply_pairs(codes & low, lines);
    return sum + multiply_pairs((codes >> 4) & low, lines + MF_LINE_U16);
}

INLINE vec16 total(partial sum)
{
    return sum;
}

#elif defined __ARM_NEON

enum { LINES = 1 };

/* A line is the one pair of factors eight times, the other pair eight times, and padding. */
static void spread(const int8_t *codes, size_t n_quads, uint16_t *lines)
{
    for (size_t quad = 0; quad < n_quads; quad++, codes += 4)
        for (size_t k = 0; k < MF_LINE_U16; k++) {
            const int8_t *pair = k / ITEMS % 2 == 0 ? codes : codes + 2;
            *lines++ = (uint16_t)((uint8_t)pair[0] | (uint8_t)pair[1] << 8);
        }
}

/* Of the first and the last four items. */
typedef struct partial {
    int16x8_t first, last;
} partial;

/* In the one sum of an item; the other begins at 0. */
INLINE partial begin(uint16_t start)
{
    const int16x8_t both = vreinterpretq_s16_u32(vdupq_n_u32(start));
    return (partial){both, both};
}

INLINE partial add_quad(partial sum, vec16 codes, const uint16_t *lines)
{
    const int8x16_t one = vld1q_s8((const int8_t *)lines);
    const int8x16_t other = vld1q_s8((const int8_t *)(lines + ITEMS));
    const uint8x16_t bytes = (uint8x16_t)codes;
    const int8x16_t low = (int8x16_t)(bytes & 0x0F), high = (int8x16_t)(bytes >> 4);
    sum.first = vmlal_s8(sum.first, vget_low_s8(low), vget_low_s8(one));
    sum.last = vmlal_high_s8(sum.last, low, one);
    sum.first = vmlal_s8(sum.first, vget_low_s8(high), vget_low_s8(other));
    sum.last = vmlal_high_s8(sum.last, high, other);
    return sum;
}

INLINE vec16 total(partial sum)
{
    return (vec16)vpaddq_s16(sum.first, sum.last);
}

#else

enum { LINES = 4 };

/* The digits n_j of a code x = Σ n_j 16^j need not be separated. With x_j = x >> 4j,
 * n_j = x_j − 16 x_{j+1}, so Σ v_j n_j = Σ (v_j − 16 v_{j−1}) x_j, which is exact mod
 * 2^16. A line is one of these multipliers. */
static void spread(const int8_t *codes, size_t n_quads, uint16_t *lines)
{
    static const int order[] = {0, 2, 1, 3}; /* index.h */
    for (size_t quad = 0; quad < n_quads; quad++) {
        const int8_t *v = codes + quad * 4;
        for (size_t j = 0; j < 4; j++) {
            const int multiplier = v[order[j]] - (j > 0 ? 16 * v[order[j - 1]] : 0);
            for (size_t k = 0; k < MF_LINE_U16; k++)
                lines[(quad * LINES + j) * MF_LINE_U16 + k] = (uint16_t)multiplier;
        }
    }
}

typedef vec16 partial;

INLINE partial begin(uint16_t start)
{
    return (vec16){0} + start;
}

INLINE partial add_quad(partial sum, vec16 codes, const uint16_t *lines)
{
    sum += codes * *(const vec16 *)lines;
    sum += (codes >> 4) * *(const vec16 *)(lines + MF_LINE_U16);
    sum += (codes >> 8) * *(const vec16 *)(lines + 2 * MF_LINE_U16);
    return sum + (codes >> 12) * *(const vec16 *)(lines + 3 * MF_LINE_U16);
}

INLINE vec16 total(partial sum)
{
    return sum;
}

#endif

INLINE vec load(const float *at)
{
    return *(const loose *)at;
}

/* v·w of a block's items, of at most MF_INDEX_RUN quads. */
INLINE void add_run(const uint16_t *codes, const uint16_t *lines, size_t n_quads, uint16_t start,
                    int16_t *restrict sums)
{
    partial sum[PARTS];
    UNROLL
    for (int part = 0; part < PARTS; part++)
        sum[part] = begin(start);
    for (size_t quad = 0; quad < n_quads; quad++) {
        __builtin_prefetch((const char *)codes + AHEAD_BYTES);
        __builtin_prefetch((const char *)codes + AHEAD_BYTES + 64);
        UNROLL
        for (int part = 0; part < PARTS; part++)
            sum[part] = add_quad(sum[part], *(const vec16 *)(codes + part * ITEMS), lines);
        codes += BLOCK;
        lines += LINES * MF_LINE_U16;
    }
    UNROLL
    for (int part = 0; part < PARTS; part++)
        *(vec16 *)(sums + part * ITEMS) = total(sum[part]);
}

/* Lane by lane; of numbers. */
INLINE vec larger(vec a, vec b)
{
#if defined __AVX512F__
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined __AVX2__
    return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined __ARM_NEON
    return (vec)vmaxq_f32((float32x4_t)a, (float32x4_t)b);
#else
    const ivec which = a > b;
    return (vec)(((ivec)a & which) | ((ivec)b & ~which));
#endif
}

INLINE float largest_lane(vec a)
{
#if defined __AVX512F__
    return _mm512_reduce_max_ps((__m512)a);
#elif defined __ARM_NEON
    return vmaxvq_f32((float32x4_t)a);
#else
    float most = a[0];
    for (int lane = 1; lane < WIDTH; lane++)
        most = a[lane] > most ? a[lane] : most;
    return most;
#endif
}

INLINE vec to_floats(const int16_t *sums)
{
#if defined __ARM_NEON /* gcc 12 would extract every lane */
    return (vec)vcvtq_f32_s32(vmovl_s16(vld1_s16(sums)));
#else
    return __builtin_convertvector(__builtin_convertvector(*(const narrow *)sums, ivec), vec);
#endif
}

/* The v·w of a block's items in one group, as floats; *run is its first run. */
INLINE void add_group(const mf_index *index, const mf_index_query *query, const uint16_t *codes,
                      size_t group, size_t *run, vec wide[GROUPS])
{
    _Alignas(64) int16_t sums[BLOCK];
    size_t quad = group == 0 ? 0 : index->group_quads[group];
    const size_t end = index->group_quads[group + 1];
    const size_t n_first = end - quad < MF_INDEX_RUN ? end - quad : MF_INDEX_RUN;
    add_run(codes + quad * BLOCK, query->lines + quad * LINES * MF_LINE_U16, n_first,
            query->start[(*run)++], sums);
    UNROLL
    for (int g = 0; g < GROUPS; g++)
        wide[g] = to_floats(sums + g * WIDTH);
    for (quad += n_first; quad < end; quad += MF_INDEX_RUN) {
        const size_t left = end - quad;
        add_run(codes + quad * BLOCK, query->lines + quad * LINES * MF_LINE_U16,
                left < MF_INDEX_RUN ? left : MF_INDEX_RUN, query->start[(*run)++], sums);
        UNROLL
        for (int g = 0; g < GROUPS; g++)
            wide[g] += to_floats(sums + g * WIDTH); /* exact: below 2^24 */
    }
}

/* n_groups is index->n_groups; a constant 1 where it is one, for a shorter loop. */
INLINE float block_bounds(const mf_index *index, const mf_index_query *query, size_t n_groups,
                          size_t block, const float *bias, const float *weight,
                          float *restrict bounds)
{
    const unsigned char *bytes = index->blocks + block * index->block_bytes;
    const uint16_t *codes = (const uint16_t *)(const void *)bytes;
    const uint32_t *sizes = (const uint32_t *)(const void *)(codes + index->n_quads * BLOCK);
    const float slack = query->per_norm * index->norm[block] + query->constant;
    vec products[GROUPS], wide[GROUPS];
    size_t run = 0;
    for (size_t group = 0; group < n_groups; group++, sizes += BLOCK) {
        const float unit = query->unit[group], norm = query->group_norm[group];
        add_group(index, query, codes, group, &run, wide);
        UNROLL
        for (int g = 0; g < GROUPS; g++) {
            const uvec both = *(const uvec *)(sizes + g * WIDTH);
            const vec scale = (vec)(both & 0xFFFF0000U), error = (vec)(both << 16);
            const vec product = scale * (unit * wide[g]) + norm * error;
            if (group == 0)
                products[g] = product;
            else
                products[g] += product;
        }
    }
    vec most = (vec){0} - INFINITY;
    UNROLL
    for (int g = 0; g < GROUPS; g++) {
        const vec product = products[g] + slack;
        vec bound = product;
        if (bias != NULL)
            bound = (query->base + load(bias + g * WIDTH)) + product;
        if (weight != NULL)
            bound *= load(weight + g * WIDTH);
        *(loose *)(bounds + g * WIDTH) = bound;
        most = larger(most, bound);
    }
    return largest_lane(most);
}

static void bounds(const mf_index *index, const mf_index_query *query, size_t first, size_t n,
                   float *bounds, float *largest)
{
    for (size_t k = 0; k < n; k++) {
        const size_t item = (first + k) * BLOCK;
        const size_t left = index->n_items - item;
        const float *bias = query->bias != NULL ? query->bias + item : NULL;
        const float *weight = query->weight != NULL ? query->weight + item : NULL;
        _Alignas(64) float last[2][BLOCK];
        if (left < BLOCK) { /* the arrays end with the last item */
            for (size_t j = 0; j < BLOCK; j++) {
                last[0][j] = j < left && bias != NULL ? bias[j] : -INFINITY;
                last[1][j] = j < left && weight != NULL ? weight[j] : 0;
            }
            bias = bias != NULL ? last[0] : NULL;
            weight = weight != NULL ? last[1] : NULL;
        }
        float *to = bounds + k * BLOCK;
        if (index->n_groups > 1)
            largest[k] = block_bounds(index, query, index->n_groups, first + k, NULL, weight, to);
        else if (weight != NULL)
            largest[k] = block_bounds(index, query, 1, first + k, NULL, weight, to);
        else if (bias != NULL)
            largest[k] = block_bounds(index, query, 1, first + k, bias, NULL, to);
        else
            largest[k] = block_bounds(index, query, 1, first + k, NULL, NULL, to);
    }
}

#if defined __ARM_NEON

/* Sixteen bytes, all bits of them set or none. */
INLINE uint8x16_t sixteen_at_least(const float *bounds, float32x4_t floor)
{
    uint16x8_t half[2];
    UNROLL
    for (int k = 0; k < 2; k++) {
        const float *at = bounds + k * 8;
        half[k] = vuzp1q_u16((uint16x8_t)vcgeq_f32(vld1q_f32(at), floor),
                             (uint16x8_t)vcgeq_f32(vld1q_f32(at + 4), floor));
    }
    return vuzp1q_u8((uint8x16_t)half[0], (uint8x16_t)half[1]);
}

/* Each byte keeps its own bit; three additions of neighbours make a byte of eight. */
static uint64_t at_least(const float *bounds, float floor)
{
    static const uint8_t bit[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t own = vld1q_u8(bit);
    const float32x4_t least = vdupq_n_f32(floor);
    uint8x16_t sum[4];
    UNROLL
    for (int k = 0; k < 4; k++)
        sum[k] = sixteen_at_least(bounds + k * 16, least) & own;
    const uint8x16_t four = vpaddq_u8(vpaddq_u8(sum[0], sum[1]), vpaddq_u8(sum[2], sum[3]));
    return vgetq_lane_u64((uint64x2_t)vpaddq_u8(four, four), 0);
}

#else

static uint64_t at_least(const float *bounds, float floor)
{
    uint64_t set = 0;
    for (size_t k = 0; k < BLOCK; k += WIDTH) {
#if defined __AVX512F__
        const uint64_t bits =
            _mm512_cmp_ps_mask((__m512)load(bounds + k), _mm512_set1_ps(floor), _CMP_GE_OQ);
#elif defined __AVX2__
        const uint64_t bits = (unsigned)_mm256_movemask_ps(
            _mm256_cmp_ps((__m256)load(bounds + k), _mm256_set1_ps(floor), _CMP_GE_OQ));
#elif defined __SSE2__
        const uint64_t bits =
            (unsigned)_mm_movemask_ps(_mm_cmpge_ps((__m128)load(bounds + k), _mm_set1_ps(floor)));
#else
        uint64_t bits = 0;
        for (size_t l = 0; l < WIDTH; l++)
            bits |= (uint64_t)(bounds[k + l] >= floor) << l;
#endif
        set |= bits << k;
    }
    return set;
}

#endif

/* The tree of mf_dot: lane l and l+8, l+4, l+2, l+1. */
INLINE float sum_lanes(const vec *sum)
{
#if defined __AVX512F__
    const vec8 eight = __builtin_shufflevector(sum[0], sum[0], 0, 1, 2, 3, 4, 5, 6, 7) +
                       __builtin_shufflevector(sum[0], sum[0], 8, 9, 10, 11, 12, 13, 14, 15);
    const vec4 four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                      __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#elif defined __AVX__
    const vec8 eight = sum[0] + sum[1];
    const vec4 four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                      __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#else
    const vec4 four = (sum[0] + sum[2]) + (sum[1] + sum[3]);
#endif
    return (four[0] + four[2]) + (four[1] + four[3]);
}

/* With n rows at a time, whose sums do not wait for each other. */
INLINE void some_products(const float *p, const float *const *rows, size_t stride, size_t n,
                          float *products)
{
    enum { PER_ROW = LANES / WIDTH };
    vec sum[ROWS][PER_ROW];
    UNROLL
    for (size_t k = 0; k < n; k++) {
        UNROLL
        for (int part = 0; part < PER_ROW; part++)
            sum[k][part] = (vec){0};
    }
    for (size_t f = 0; f < stride; f += LANES) {
        UNROLL
        for (int part = 0; part < PER_ROW; part++) {
            const vec x = *(const vec *)(p + f + part * WIDTH);
            UNROLL
            for (size_t k = 0; k < n; k++)
                sum[k][part] += x * *(const vec *)(rows[k] + f + part * WIDTH);
        }
    }
    UNROLL
    for (size_t k = 0; k < n; k++)
        products[k] = sum_lanes(sum[k]);
}

static void products(const float *p, const float *rows, size_t stride, size_t n, float *products)
{
    size_t k = 0;
    for (; k + ROWS <= n; k += ROWS) {
        const float *some[ROWS];
        UNROLL
        for (size_t row = 0; row < ROWS; row++)
            some[row] = rows + (k + row) * stride;
        some_products(p, some, stride, ROWS, products + k);
    }
    for (; k < n; k++) {
        const float *one = rows + k * stride;
        some_products(p, &one, stride, 1, products + k);
    }
}

static void products_of(const float *p, const float *rows, size_t stride, const uint32_t *items,
                        size_t n, float *products)
{
    size_t k = 0;
    for (; k + ROWS <= n; k += ROWS) {
        const float *some[ROWS];
        UNROLL
        for (size_t row = 0; row < ROWS; row++)
            some[row] = rows + items[k + row] * stride;
        some_products(p, some, stride, ROWS, products + k);
    }
    for (; k < n; k++) {
        const float *one = rows + items[k] * stride;
        some_products(p, &one, stride, 1, products + k);
    }
}

enum { FOUR = 4 }; /* rows of codes at a time */

#if defined __AVX512BW__

enum { CODES = 32 }; /* of a row at a time */

INLINE ivec add_codes(ivec sum, const int8_t *w, const int16_t *v)
{
    const __m512i wide = _mm512_cvtepi8_epi16(*(const __m256i *)w);
    return sum + (ivec)_mm512_madd_epi16(wide, *(const __m512i *)v);
}

#elif defined __AVX2__

enum { CODES = 16 };

INLINE ivec add_codes(ivec sum, const int8_t *w, const int16_t *v)
{
    const __m256i wide = _mm256_cvtepi8_epi16(*(const __m128i *)w);
    return sum + (ivec)_mm256_madd_epi16(wide, *(const __m256i *)v);
}

#elif defined __SSE2__

enum { CODES = 8 };

INLINE ivec add_codes(ivec sum, const int8_t *w, const int16_t *v)
{
    const __m128i both = _mm_loadl_epi64((const __m128i *)w);
    const __m128i wide = _mm_srai_epi16(_mm_unpacklo_epi8(both, both), 8);
    return sum + (ivec)_mm_madd_epi16(wide, *(const __m128i *)v);
}

#elif defined __ARM_NEON

enum { CODES = 8 };

INLINE ivec add_codes(ivec sum, const int8_t *w, const int16_t *v)
{
    const int16x8_t wide = vmovl_s8(vld1_s8(w)), by = vld1q_s16(v);
    const int32x4_t low = vmlal_s16((int32x4_t)sum, vget_low_s16(wide), vget_low_s16(by));
    return (ivec)vmlal_high_s16(low, wide, by);
}

#else

enum { CODES = WIDTH };

INLINE ivec add_codes(ivec sum, const int8_t *w, const int16_t *v)
{
    for (size_t lane = 0; lane < WIDTH; lane++)
        sum[lane] += v[lane] * w[lane];
    return sum;
}

#endif

/* The sums of four vectors' lanes: neighbours of all four are added at once. */
INLINE ivec4 sum_each(const ivec *sum)
{
#if defined __SSE2__
#if defined __AVX512BW__
#define PAIRS(half, width, x, y) (ivec) _mm512_unpack##half##_epi##width((__m512i)(x), (__m512i)(y))
#elif defined __AVX2__
#define PAIRS(half, width, x, y) (ivec) _mm256_unpack##half##_epi##width((__m256i)(x), (__m256i)(y))
#else
#define PAIRS(half, width, x, y) (ivec) _mm_unpack##half##_epi##width((__m128i)(x), (__m128i)(y))
#endif
    const ivec ab = PAIRS(lo, 32, sum[0], sum[1]) + PAIRS(hi, 32, sum[0], sum[1]);
    const ivec cd = PAIRS(lo, 32, sum[2], sum[3]) + PAIRS(hi, 32, sum[2], sum[3]);
    const ivec all = PAIRS(lo, 64, ab, cd) + PAIRS(hi, 64, ab, cd);
#undef PAIRS
#if defined __AVX512BW__
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256((__m512i)all),
                                          _mm512_extracti64x4_epi64((__m512i)all, 1));
    return (ivec4)_mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
#elif defined __AVX2__
    return (ivec4)_mm_add_epi32(_mm256_castsi256_si128((__m256i)all),
                                _mm256_extracti128_si256((__m256i)all, 1));
#else
    return (ivec4)all;
#endif
#elif defined __ARM_NEON
    const int32x4_t ab = vpaddq_s32((int32x4_t)sum[0], (int32x4_t)sum[1]);
    const int32x4_t cd = vpaddq_s32((int32x4_t)sum[2], (int32x4_t)sum[3]);
    return (ivec4)vpaddq_s32(ab, cd);
#else
    ivec4 all = {0};
    for (size_t k = 0; k < FOUR; k++)
        for (size_t lane = 0; lane < WIDTH; lane++)
            all[k] += sum[k][lane];
    return all;
#endif
}

INLINE ivec4 four_code_products(const int16_t *v, const int8_t *rows, size_t stride,
                                const uint32_t *items)
{
    const int8_t *some[FOUR];
    ivec sum[FOUR];
    UNROLL
    for (size_t row = 0; row < FOUR; row++) {
        some[row] = rows + items[row] * stride;
        sum[row] = (ivec){0};
    }
    for (size_t f = 0; f < stride; f += CODES) {
        UNROLL
        for (size_t row = 0; row < FOUR; row++)
            sum[row] = add_codes(sum[row], some[row] + f, v + f);
    }
    return sum_each(sum);
}

/* The last items, and the first of them again for what is missing of FOUR. */
INLINE const uint32_t *last_items(const uint32_t *items, size_t n, uint32_t *last)
{
    for (size_t k = 0; k < FOUR; k++)
        last[k] = items[k < n ? k : 0];
    return last;
}

static void code_products(const int16_t *v, const int8_t *rows, size_t stride,
                          const uint32_t *items, size_t n, int32_t *products)
{
    uint32_t last[FOUR];
    size_t k = 0;
    for (; k + FOUR <= n; k += FOUR)
        *(loose_ivec4 *)(products + k) = four_code_products(v, rows, stride, items + k);
    if (k == n)
        return;
    const ivec4 some = four_code_products(v, rows, stride, last_items(items + k, n - k, last));
    for (size_t row = 0; k + row < n; row++)
        products[k + row] = some[row];
}

INLINE vec4 four_code_bounds(const mf_codes *codes, const mf_code_query *query,
                             const uint32_t *items)
{
    const ivec4 products = four_code_products(query->v, codes->rows, codes->stride, items);
    const vec4 scales = {codes->scales[items[0]], codes->scales[items[1]], codes->scales[items[2]],
                         codes->scales[items[3]]};
    return scales * (query->unit * __builtin_convertvector(products, vec4) + query->slack) +
           query->constant;
}

static void code_bounds(const mf_codes *codes, const mf_code_query *query, const uint32_t *items,
                        size_t n, float *bounds)
{
    uint32_t last[FOUR];
    size_t k = 0;
    for (; k + FOUR <= n; k += FOUR)
        *(loose_vec4 *)(bounds + k) = four_code_bounds(codes, query, items + k);
    if (k == n)
        return;
    const vec4 some = four_code_bounds(codes, query, last_items(items + k, n - k, last));
    for (size_t row = 0; k + row < n; row++)
        bounds[k + row] = some[row];
}

/* Every factor is a sum of its own, so lanes change no order. */
INLINE void add_some_rows(const float *const *rows, const float *weights, size_t n, size_t stride,
                          float *restrict sum)
{
    for (size_t f = 0; f < stride; f += WIDTH) {
        vec x = *(const vec *)(sum + f);
        UNROLL
        for (size_t k = 0; k < n; k++)
            x += weights[k] * *(const vec *)(rows[k] + f);
        *(vec *)(sum + f) = x;
    }
}

static void add_rows(const float *rows, size_t stride, const uint32_t *items, const float *weights,
                     size_t n, float *restrict sum)
{
    enum {
        TOGETHER = 4,
        PREFETCH_FLOATS = 64
    }; /* the processor fetches the rest of a longer row */
    size_t k = 0;
    for (; k + TOGETHER <= n; k += TOGETHER) {
        const float *some[TOGETHER];
        UNROLL
        for (size_t row = 0; row < TOGETHER; row++)
            some[row] = rows + items[k + row] * stride;
        for (size_t next = k + TOGETHER; next < n && next < k + 2 * TOGETHER; next++)
            for (size_t f = 0; f < PREFETCH_FLOATS && f < stride; f += LANES)
                __builtin_prefetch(rows + items[next] * stride + f);
        add_some_rows(some, weights + k, TOGETHER, stride, sum);
    }
    for (; k < n; k++) {
        const float *one = rows + items[k] * stride;
        add_some_rows(&one, weights + k, 1, stride, sum);
    }
}

/* Four rows by two vectors at a time: their sums stay in registers, with the sign
 * turned if need be, which changes no rounding. */
static void add_product(double *restrict tile, const double *a, const double *b, double sign)
{
    enum { TALL = 4, WIDE = 2, STEP = BYTES / (int)sizeof(double), SIDE = MF_TILE_SIDE };
    for (size_t i = 0; i < SIDE; i += TALL)
        for (size_t j = 0; j < SIDE; j += WIDE * STEP) {
            double *corner = tile + i * SIDE + j;
            dvec sum[TALL][WIDE];
            UNROLL
            for (int row = 0; row < TALL; row++) {
                sum[row][0] = sign * *(const dvec *)(corner + row * SIDE);
                sum[row][1] = sign * *(const dvec *)(corner + row * SIDE + STEP);
            }
            for (size_t r = 0; r < SIDE; r++) {
                const dvec left = *(const dvec *)(b + r * SIDE + j);
                const dvec right = *(const dvec *)(b + r * SIDE + j + STEP);
                UNROLL
                for (int row = 0; row < TALL; row++) {
                    const double factor = a[r * SIDE + i + (size_t)row];
                    sum[row][0] += factor * left;
                    sum[row][1] += factor * right;
                }
            }
            UNROLL
            for (int row = 0; row < TALL; row++) {
                *(dvec *)(corner + row * SIDE) = sign * sum[row][0];
                *(dvec *)(corner + row * SIDE + STEP) = sign * sum[row][1];
            }
        }
}

extern const mf_recommend_kernel MF_RECOMMEND_KERNEL;
const mf_recommend_kernel MF_RECOMMEND_KERNEL = {
    MF_RECOMMEND_CPU, LINES,         spread,      bounds,   at_least,    products,
    products_of,      code_products, code_bounds, add_rows, add_product,
};
