/* kernels.c: reference.c in floats, eight ratings of an item at a time.
 *
 * Compiled once for each instruction set; MF_SGD_KERNEL names the result (CMakeLists.txt). GNU C
 * vectors state the 16 lanes explicitly: each set uses the widest vectors it has, and the lanes are
 * summed by the same tree everywhere. bench/README.md has what was measured and dropped. */
#include "sgd/kernels.h"

#if defined __AVX512F__
enum { WIDTH = 16 };
#elif defined __AVX__
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 }; /* SSE2, NEON */
#endif
enum { GROUP = MF_SGD_GROUP, LANES = MF_SGD_LANES, PARTS = LANES / WIDTH, LINE_BYTES = 64 };
_Static_assert(GROUP == 8, "sum_lanes folds eight vectors");

typedef float vec __attribute__((vector_size(4 * WIDTH), may_alias));
typedef float vec4 __attribute__((vector_size(16)));
typedef float vec8 __attribute__((vector_size(32)));
typedef double wide8 __attribute__((vector_size(64)));

/* The 16 fixed lanes, in as many vectors as they take. */
typedef struct lanes {
    vec part[PARTS];
} lanes;

#define INLINE static inline __attribute__((always_inline))

/* gcc 12 keeps small arrays in registers only when every loop over them is gone: without this, half
 * the speed with AVX-512. Under a sanitizer (MF_PLAIN_LOOPS) the unrolled code takes minutes to
 * compile; the bits are the same without. */
#if defined MF_PLAIN_LOOPS
#define UNROLL
#define UNROLL_4
#elif defined __clang__
#define UNROLL   _Pragma("unroll")
#define UNROLL_4 _Pragma("unroll 4")
#else
#define UNROLL   _Pragma("GCC unroll 8")
#define UNROLL_4 _Pragma("GCC unroll 4")
#endif

/* The sums of 16 lanes are taken in the same tree at every width: l+8, l+4, l+2, l+1. First what
 * needs no shuffling: one vector of the 16 lanes. */
INLINE vec fold(lanes a)
{
#if defined __AVX512F__
    return a.part[0];
#elif defined __AVX__
    return a.part[0] + a.part[1];
#else
    return (a.part[0] + a.part[2]) + (a.part[1] + a.part[3]);
#endif
}

/* Then eight such vectors to eight sums by one transposing tree: every level folds two vectors into
 * one, so no lane idles. */
/* clang-format off */
INLINE vec8 sum_lanes(const vec a[GROUP])
{
#if defined __AVX512F__
#define FOLD8(x, y) (__builtin_shufflevector(x, y, 0,1,2,3,4,5,6,7, 16,17,18,19,20,21,22,23) + \
                     __builtin_shufflevector(x, y, 8,9,10,11,12,13,14,15, 24,25,26,27,28,29,30,31))
#define FOLD4(x, y) (__builtin_shufflevector(x, y, 0,1,2,3, 8,9,10,11, 16,17,18,19, 24,25,26,27) + \
                     __builtin_shufflevector(x, y, 4,5,6,7, 12,13,14,15, 20,21,22,23, 28,29,30,31))
#define FOLD2(x, y) (__builtin_shufflevector(x, y, 0,1,16,17, 4,5,20,21, 8,9,24,25, 12,13,28,29) + \
                     __builtin_shufflevector(x, y, 2,3,18,19, 6,7,22,23, 10,11,26,27, 14,15,30,31))
    const vec low = FOLD4(FOLD8(a[0], a[1]), FOLD8(a[2], a[3]));
    const vec high = FOLD4(FOLD8(a[4], a[5]), FOLD8(a[6], a[7]));
    const vec two = FOLD2(low, high);
    const vec one = two + __builtin_shufflevector(two, two, 1,0,3,2,5,4,7,6,9,8,11,10,13,12,15,14);
    return __builtin_shufflevector(one, one, 0, 4, 8, 12, 2, 6, 10, 14);
#elif defined __AVX__
#define FOLD4(x, y) (__builtin_shufflevector(x, y, 0,1,2,3, 8,9,10,11) + \
                     __builtin_shufflevector(x, y, 4,5,6,7, 12,13,14,15))
#define FOLD2(x, y) (__builtin_shufflevector(x, y, 0,1,8,9, 4,5,12,13) + \
                     __builtin_shufflevector(x, y, 2,3,10,11, 6,7,14,15))
#define FOLD1(x, y) (__builtin_shufflevector(x, y, 0,2,8,10, 4,6,12,14) + \
                     __builtin_shufflevector(x, y, 1,3,9,11, 5,7,13,15))
    vec four[4];
    UNROLL for (int j = 0; j < 4; j++)
        four[j] = FOLD4(a[j], a[j + 4]);
    return FOLD1(FOLD2(four[0], four[1]), FOLD2(four[2], four[3]));
#else
#define FOLD2(x, y) (__builtin_shufflevector(x, y, 0,1,4,5) + __builtin_shufflevector(x, y, 2,3,6,7))
#define FOLD1(x, y) (__builtin_shufflevector(x, y, 0,2,4,6) + __builtin_shufflevector(x, y, 1,3,5,7))
    union { vec4 half[2]; vec8 whole; } sum;
    sum.half[0] = FOLD1(FOLD2(a[0], a[1]), FOLD2(a[2], a[3]));
    sum.half[1] = FOLD1(FOLD2(a[4], a[5]), FOLD2(a[6], a[7]));
    return sum.whole;
#endif
}
/* clang-format on */

INLINE vec load(const float *at)
{
    return *(const vec *)at;
}

INLINE void store(float *at, vec value)
{
    *(vec *)at = value;
}

/* The sum of a vector's eight elements, in the order of the lane tree. */
#define SUM8(x) ((((x)[0] + (x)[4]) + ((x)[2] + (x)[6])) + (((x)[1] + (x)[5]) + ((x)[3] + (x)[7])))

INLINE void prefetch_row(const float *row, size_t stride)
{
    /* Beyond 512 bytes the hardware's own prefetcher has caught on. */
    const size_t bytes = stride * sizeof(float) < 512 ? stride * sizeof(float) : 512;
    UNROLL
    for (size_t at = 0; at < bytes; at += LINE_BYTES)
        __builtin_prefetch((const char *)row + at, 1);
}

/* One group: n ≤ 8 ratings of the item with row q. n, stride and whether there is a prior are
 * constants wherever this is inlined. Lanes from n on carry zeros. */
INLINE void group(const mf_sgd_rates *rates, const mf_grid_rating *ratings, int n, size_t stride,
                  float *restrict q, const float *restrict prior, float *item_bias, wide8 *loss)
{
    float *restrict p[GROUP];
    vec dot[GROUP];
    vec8 value = {0};
    vec8 user_bias = {0};
    const float known = *item_bias;

    UNROLL
    for (int j = 0; j < n; j++) {
        p[j] = rates->user_factors + ratings[j].user_row * stride;
        value[j] = ratings[j].value - known;
        user_bias[j] = rates->user_bias[ratings[j].user_row];
    }
    UNROLL
    for (int j = 0; j < n; j++)
        prefetch_row(rates->user_factors + ratings[j + GROUP].user_row * stride, stride);

    UNROLL
    for (int j = 0; j < GROUP; j++) {
        dot[j] = (vec){0};
        if (j < n) {
            lanes sum;
            UNROLL
            for (int i = 0; i < PARTS; i++)
                sum.part[i] = load(q + i * WIDTH) * load(p[j] + i * WIDTH);
            UNROLL_4
            for (size_t f = LANES; f < stride; f += LANES) {
                UNROLL
                for (int i = 0; i < PARTS; i++) {
                    const size_t at = f + (size_t)i * WIDTH;
                    sum.part[i] += load(q + at) * load(p[j] + at);
                }
            }
            dot[j] = fold(sum);
        }
    }
    const vec8 e = value - user_bias - sum_lanes(dot);
    const wide8 exact = __builtin_convertvector(e, wide8);
    *loss += exact * exact;

    /* Both gradients are taken at one point: the old q and p of a factor are read before either is
     * written. */
    const vec8 step = rates->learning_rate * e;
    const float item_decay = rates->item_decay[n];
    const float user_decay = rates->user_decay;
    for (size_t f = 0; f < stride; f += WIDTH) {
        const vec qf = load(q + f);
        vec move[GROUP];
        UNROLL
        for (int j = 0; j < n; j++) {
            const vec pf = load(p[j] + f);
            move[j] = step[j] * pf;
            store(p[j] + f, user_decay * pf + step[j] * qf);
        }
        /* A tree, three additions deep. */
        UNROLL
        for (int j = 0; j < GROUP; j += 2)
            if (j + 1 < n)
                move[j] += move[j + 1];
        UNROLL
        for (int j = 0; j < GROUP; j += 4)
            if (j + 2 < n)
                move[j] += move[j + 2];
        if (n > 4)
            move[0] += move[4];
        if (prior != NULL) {
            const vec z = load(prior + f);
            store(q + f, z + item_decay * (qf - z) + move[0]);
        } else {
            store(q + f, item_decay * qf + move[0]);
        }
    }
    const vec8 bias_step = rates->bias_learning_rate * e;
    const vec8 moved = rates->user_bias_decay * user_bias + bias_step;
    UNROLL
    for (int j = 0; j < n; j++)
        rates->user_bias[ratings[j].user_row] = moved[j];
    *item_bias = rates->item_bias_decay[n] * known + SUM8(bias_step);
}

/* A last group of n ratings. n is a constant, so that the loops over it unroll. */
#define REST(n)                                                                                    \
    case n:                                                                                        \
        group(rates, ratings, n, stride, q, z, &bias, &loss);                                      \
        break;

INLINE double block(const mf_sgd_rates *rates, const mf_grid_segment *segments, size_t n_segments,
                    const mf_grid_rating *ratings, size_t stride, int with_priors)
{
    wide8 loss = {0};
    for (size_t s = 0; s < n_segments; s++) {
        const size_t row = segments[s].item_row;
        float *q = rates->item_factors + row * stride;
        const float *z = with_priors ? rates->item_priors + row * stride : NULL;
        float bias = rates->item_bias[row];
        uint32_t left = segments[s].count;
        if (s + 1 < n_segments)
            prefetch_row(rates->item_factors + segments[s + 1].item_row * stride, stride);
        for (; left >= GROUP; left -= GROUP, ratings += GROUP)
            group(rates, ratings, GROUP, stride, q, z, &bias, &loss);
        switch (left) {
            REST(7) REST(6) REST(5) REST(4) REST(3) REST(2) REST(1)
        }
        ratings += left;
        rates->item_bias[row] = bias;
    }
    return SUM8(loss);
}

/* The common strides as constants, so that the loops over factors unroll. */
#define STRIDE(n)                                                                                  \
    case n:                                                                                        \
        return block(rates, segments, n_segments, ratings, n, with_priors);

INLINE double any_stride(const mf_sgd_rates *rates, const mf_grid_segment *segments,
                         size_t n_segments, const mf_grid_rating *ratings, int with_priors)
{
#if !defined MF_PLAIN_LOOPS
    switch (rates->stride) {
        STRIDE(16) STRIDE(32) STRIDE(64) STRIDE(128)
    }
#endif
    return block(rates, segments, n_segments, ratings, rates->stride, with_priors);
}

static double sgd_block(const mf_sgd_rates *rates, const mf_grid_segment *segments,
                        size_t n_segments, const mf_grid_rating *ratings)
{
    if (rates->item_priors != NULL)
        return any_stride(rates, segments, n_segments, ratings, 1);
    return any_stride(rates, segments, n_segments, ratings, 0);
}

/* Of each rating: to[user] += from[item], or with to_items to[item] += from[user]. */
INLINE void add_rows(float *restrict to, const float *restrict from, size_t stride,
                     const mf_grid_segment *segments, size_t n_segments,
                     const mf_grid_rating *ratings, int to_items)
{
    const float *users = to_items ? from : to;
    for (size_t s = 0; s < n_segments; s++) {
        const size_t item = segments[s].item_row * stride;
        const mf_grid_rating *end = ratings + segments[s].count;
        for (; ratings < end; ratings++) {
            const size_t user = ratings->user_row * stride;
            float *sum = to + (to_items ? item : user);
            const float *row = from + (to_items ? user : item);
            prefetch_row(users + ratings[GROUP].user_row * stride, stride);
            for (size_t f = 0; f < stride; f += WIDTH)
                store(sum + f, load(sum + f) + load(row + f));
        }
    }
}

static void items_to_users(float *restrict to, const float *restrict from, size_t stride,
                           const mf_grid_segment *segments, size_t n_segments,
                           const mf_grid_rating *ratings)
{
    add_rows(to, from, stride, segments, n_segments, ratings, 0);
}

static void users_to_items(float *restrict to, const float *restrict from, size_t stride,
                           const mf_grid_segment *segments, size_t n_segments,
                           const mf_grid_rating *ratings)
{
    add_rows(to, from, stride, segments, n_segments, ratings, 1);
}

extern const mf_sgd_kernel MF_SGD_KERNEL;
const mf_sgd_kernel MF_SGD_KERNEL = {MF_SGD_CPU, sgd_block, items_to_users, users_to_items};
