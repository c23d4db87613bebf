/* test_recommend_index.c: no score is above its bound, bounds are close, and every CPU
 * computes the same ones (index.h, kernels.h). */
#include "recommend_testing.h"

#include "recommend/index.h"
#include "recommend/kernels.h"

typedef struct bounded {
    mf_index_query query;
    float *bounds; /* [n_blocks × 64] */
    float *largest;
    bool usable;
} bounded;

/* The bounds of one query as one CPU computes them, in two calls. */
static bounded bounds_of(const mf_index *index, const mf_model_parts *parts, const float *p,
                         float base, const float *bias, const float *weight)
{
    const mf_recommend_kernel *kernel = mf_recommend_kernel_choose();
    uint16_t *lines =
        testing_allocate(index->n_quads * kernel->lines_per_quad, MF_LINE_U16 * sizeof *lines);
    int8_t *codes = testing_allocate(index->n_quads, MF_INDEX_QUAD);
    uint16_t *start = testing_allocate(index->n_runs, sizeof *start);
    bounded b = {
        .query = {.lines = lines, .base = base, .bias = bias, .weight = weight},
        .bounds = testing_allocate(index->n_blocks * MF_INDEX_BLOCK, sizeof(float)),
        .largest = testing_allocate(index->n_blocks, sizeof(float)),
    };
    b.usable = mf_index_query_prepare(index, p, parts->n_factors, codes, start, &b.query);
    if (b.usable) {
        kernel->spread(codes, index->n_quads, lines);
        const size_t half = index->n_blocks / 2;
        kernel->bounds(index, &b.query, 0, half, b.bounds, b.largest);
        kernel->bounds(index, &b.query, half, index->n_blocks - half,
                       b.bounds + half * MF_INDEX_BLOCK, b.largest + half);
    }
    mf_free(lines);
    mf_free(codes);
    mf_free(start);
    return b;
}

static void bounded_release(bounded *b)
{
    mf_free(b->bounds);
    mf_free(b->largest);
}

static void check_blocks(const mf_index *index, const bounded *b)
{
    for (uint32_t item = 0; item < index->n_items; item++) {
        assert_true(isfinite(b->bounds[item]));
        assert_true(b->bounds[item] <= b->largest[item / MF_INDEX_BLOCK]);
    }
}

static uint32_t place_of(const mf_index *index, uint32_t item)
{
    return index->place_of != NULL ? index->place_of[item] : item;
}

/* Places are a permutation, by falling length, and limits hold for all that comes later. */
static void check_places(const mf_index *index, const mf_model_parts *parts, const float *p,
                         const mf_index_query *query)
{
    const size_t stride = mf_model_stride(parts->n_factors);
    float largest = -INFINITY;
    for (uint32_t place = index->n_items; place-- > 0;) {
        const uint32_t item = index->item_at[place];
        assert_true(item < index->n_items);
        assert_int_equal(index->place_of[item], place);
        largest = fmaxf(largest, mf_dot(p, item_row(parts, item), stride));
        if (place % MF_INDEX_BLOCK == 0)
            assert_true(largest <= mf_index_limit(index, query, place / MF_INDEX_BLOCK));
        if (place % MF_INDEX_BLOCK == 0 && place > 0)
            assert_true(index->norm[place / MF_INDEX_BLOCK - 1] >=
                        index->norm[place / MF_INDEX_BLOCK]);
    }
}

/* Returns the mean of bound - score over all items and users, by |p||q|. */
static double check_rows(world_shape shape, bool is_spectral)
{
    world w = world_create(shape);
    const mf_model_parts *p = w.parts;
    const size_t stride = mf_model_stride(p->n_factors);
    mf_error err = {0};
    mf_index index;
    double excess = 0, n_excess = 0;
    float *weight = testing_allocate(p->n_items, sizeof *weight);
    for (uint32_t item = 0; item < p->n_items; item++)
        weight[item] = item % 9 == 0 ? 0 : mf_random_unit(9, item) * 3;
    const mf_index_rows rows = {
        .n_items = p->n_items,
        .n_factors = p->n_factors,
        .rows = p->item_factors,
        .bias = is_spectral ? NULL : p->item_bias,
        .is_spectral = is_spectral,
        .weight = weight,
    };
    size_t n_bytes;
    assert_ok(mf_index_create(&index, &rows, &err), err);
    const bool expected =
        shape.kind != KIND_HUGE && (shape.kind != KIND_HUGE_BIASES || is_spectral);
    assert_int_equal(index.n_items, expected ? p->n_items : 0);
    assert_true(mf_index_size(&rows, &n_bytes));
    assert_true(!expected || index.n_bytes == n_bytes);
    for (uint32_t user = 0; user < p->n_users && expected; user++) {
        const float *row = p->user_factors + user * stride;
        const float base = is_spectral ? 0 : p->global_mean + p->user_bias[user];
        bounded first[2] = {0};
        for (size_t c = 0; c < TESTING_CPUS; c++) {
            setenv("MF_CPU", testing_cpus[c], 1);
            const float *weights = is_spectral ? index.weight_at : weight;
            bounded b[2] = {bounds_of(&index, p, row, base, rows.bias, NULL),
                            bounds_of(&index, p, row, 0, NULL, weights)};
            if (is_spectral)
                check_places(&index, p, row, &b[0].query);
            for (size_t k = 0; k < 2; k++) {
                assert_true(b[k].usable);
                check_blocks(&index, &b[k]);
                if (c == 0) {
                    first[k] = b[k];
                    continue;
                }
                assert_memory_equal(b[k].bounds, first[k].bounds, p->n_items * sizeof(float));
                assert_memory_equal(b[k].largest, first[k].largest,
                                    index.n_items / MF_INDEX_BLOCK * sizeof(float));
                bounded_release(&b[k]);
            }
        }
        for (uint32_t item = 0; item < p->n_items; item++) {
            const float product = mf_dot(row, item_row(p, item), stride);
            const float score = is_spectral ? product : base + p->item_bias[item] + product;
            const uint32_t place = place_of(&index, item);
            assert_true(score <= first[0].bounds[place]);
            assert_true(product * weight[item] <= first[1].bounds[place]);
            double q2 = 0, p2 = 0;
            for (size_t f = 0; f < p->n_factors; f++) {
                q2 += (double)item_row(p, item)[f] * (double)item_row(p, item)[f];
                p2 += (double)row[f] * (double)row[f];
            }
            if (q2 * p2 > 0) {
                excess += ((double)first[0].bounds[place] - (double)score) / sqrt(q2 * p2);
                n_excess++;
            }
        }
        bounded_release(&first[0]);
        bounded_release(&first[1]);
    }
    unsetenv("MF_CPU");
    mf_free(weight);
    mf_index_release(&index);
    world_release(&w);
    return excess / n_excess;
}

static double check_world(world_shape shape)
{
    check_rows(shape, true);
    return check_rows(shape, false);
}

static void no_score_is_above_its_bound(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        check_world((world_shape){.kind = (world_kind)k,
                                  .n_users = 12,
                                  .n_items = 333,
                                  .n_factors = 19,
                                  .seed = (uint64_t)k});
    for (uint32_t n_factors = 1; n_factors < 140; n_factors += 3)
        check_world((world_shape){.kind = (world_kind)(n_factors % KINDS),
                                  .n_users = 3,
                                  .n_items = 100 + n_factors,
                                  .n_factors = n_factors,
                                  .seed = n_factors});
}

/* Sums of several runs of quads, and the widest row there is. */
static void many_factors(void **state)
{
    (void)state;
    static const uint32_t counts[] = {252, 256, 257, 511, 1025, 4000, MF_MODEL_FACTORS_MAX};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        const double excess = check_world((world_shape){
            .kind = KIND_NORMAL, .n_users = 1, .n_items = 40, .n_factors = counts[k], .seed = k});
        assert_true(excess > 0 && excess < 0.2);
    }
}

static void bounds_are_close(void **state)
{
    (void)state;
    const double excess = check_world((world_shape){
        .kind = KIND_NORMAL, .n_users = 10, .n_items = 500, .n_factors = 64, .seed = 1});
    assert_true(excess > 0.08 && excess < 0.13);
}

/* Worst cases: rows of 32 factors of which the first 26 are used. */
enum { FACTORS = 32, USED = 26 };

/* Items as `fill` makes them, and the query that the last of them comes with. */
static void check_tight(void (*fill)(uint64_t key, float size, float *p, float *q), float size,
                        bool is_spectral)
{
    enum { ROUNDS = 60 };
    static float rows[MF_INDEX_BLOCK * FACTORS] __attribute__((aligned(64)));
    static const float bias[MF_INDEX_BLOCK];
    const mf_model_parts parts = {
        .n_items = MF_INDEX_BLOCK, .n_factors = FACTORS, .item_bias = bias, .item_factors = rows};
    mf_error err = {0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        _Alignas(64) float p[FACTORS] = {0};
        for (size_t item = 0; item < MF_INDEX_BLOCK; item++)
            fill(mf_random_key(round, item), size, p, rows + item * FACTORS);
        mf_index index;
        const mf_index_rows made = {
            .n_items = MF_INDEX_BLOCK,
            .n_factors = FACTORS,
            .rows = rows,
            .is_spectral = is_spectral,
        };
        assert_ok(mf_index_create(&index, &made, &err), err);
        bounded b = bounds_of(&index, &parts, p, 0, NULL, NULL);
        for (size_t item = 0; item < MF_INDEX_BLOCK; item++)
            assert_true(mf_dot(p, rows + item * FACTORS, FACTORS) <=
                        b.bounds[place_of(&index, (uint32_t)item)]);
        const float last = mf_dot(p, rows + (MF_INDEX_BLOCK - 1) * FACTORS, FACTORS);
        if (size > 1e-20f && !is_spectral)
            assert_true(b.bounds[MF_INDEX_BLOCK - 1] - last < 2e-5f * fabsf(last));
        bounded_release(&b);
        mf_index_release(&index);
    }
}

/* q is a whole number of units; what rounding takes from p points the same way. */
static void worst_query(uint64_t key, float size, float *p, float *q)
{
    for (size_t f = 0; f < USED; f++) {
        const float sign = mf_random_below(key, f, 2) == 0 ? -1 : 1;
        const float whole = (float)(1 + mf_random_below(key, 100 + f, 120));
        q[f] = f == 0 ? 0 : 7 * sign * size;
        p[f] = f == 0 ? 127 * sign : (whole + 0.499f) * sign;
    }
}

/* p is a whole number of units; what rounding takes from q points the same way, and
 * its length, 5 · 0.437499, has little to lose on the way to 8 bits. */
static void worst_item(uint64_t key, float size, float *p, float *q)
{
    for (size_t f = 0; f < USED; f++) {
        const float sign = mf_random_below(key, f, 2) == 0 ? -1 : 1;
        const float whole = (float)mf_random_below(key, 100 + f, 6);
        q[f] = f == 0 ? 7 * size : (whole + 0.437499f) * sign * size;
        p[f] = f == 0 ? 0 : sign * 0.37f;
    }
}

static void no_bound_is_too_small_in_the_worst_case(void **state)
{
    (void)state;
    static const float sizes[] = {1, 0x1p-30f, 0x1p40f, 0x1p-126f, 0x1p-140f};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (int is_spectral = 0; is_spectral < 2; is_spectral++) {
            check_tight(worst_query, sizes[k], is_spectral == 1);
            check_tight(worst_item, sizes[k], is_spectral == 1);
        }
    }
}

static void a_query_out_of_range_is_refused(void **state)
{
    (void)state;
    world w = world_create((world_shape){
        .kind = KIND_NORMAL, .n_users = 1, .n_items = 70, .n_factors = 16, .seed = 1});
    mf_error err = {0};
    mf_index index;
    assert_ok(mf_index_create(&index,
                              &(mf_index_rows){.n_items = w.parts->n_items,
                                               .n_factors = w.parts->n_factors,
                                               .rows = w.parts->item_factors,
                                               .bias = w.parts->item_bias},
                              &err),
              err);
    _Alignas(64) float p[16] = {1e18f, 1e18f};
    bounded b = bounds_of(&index, w.parts, p, 0, NULL, NULL);
    assert_false(b.usable);
    bounded_release(&b);
    p[1] = 0;
    p[0] = 0.9e18f;
    b = bounds_of(&index, w.parts, p, 0, NULL, NULL);
    assert_true(b.usable);
    bounded_release(&b);
    mf_index_release(&index);
    world_release(&w);
}

static void products_are_those_of_dot(void **state)
{
    (void)state;
    static const size_t strides[] = {16, 32, 48, 64, 128, 208};
    for (size_t s = 0; s < sizeof strides / sizeof strides[0]; s++) {
        const size_t stride = strides[s];
        float *rows = testing_allocate(41 * stride, sizeof *rows);
        for (size_t k = 0; k < 41 * stride; k++)
            rows[k] = mf_random_normal(s, k);
        uint32_t items[50];
        for (uint32_t k = 0; k < 50; k++)
            items[k] = mf_random_below(3, k, 40);
        for (size_t c = 0; c < TESTING_CPUS; c++) {
            setenv("MF_CPU", testing_cpus[c], 1);
            const mf_recommend_kernel *kernel = mf_recommend_kernel_choose();
            float all[40], some[50];
            const float *p = rows + 40 * stride;
            kernel->products(p, rows, stride, 40, all);
            kernel->products_of(p, rows, stride, items, 50, some);
            for (size_t k = 0; k < 50; k++) {
                const float expected = mf_dot(p, rows + items[k] * stride, stride);
                assert_memory_equal(&expected, &some[k], sizeof expected);
                assert_memory_equal(&expected, &all[items[k]], sizeof expected);
            }
        }
        unsetenv("MF_CPU");
        mf_free(rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_score_is_above_its_bound),
        cmocka_unit_test(many_factors),
        cmocka_unit_test(bounds_are_close),
        cmocka_unit_test(no_bound_is_too_small_in_the_worst_case),
        cmocka_unit_test(a_query_out_of_range_is_refused),
        cmocka_unit_test(products_are_those_of_dot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
