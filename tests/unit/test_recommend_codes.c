/* test_recommend_codes.c: no product is above its bound, bounds are close, and every CPU multiplies
 * codes alike (codes.h). */
#include "recommend_testing.h"

#include "recommend/codes.h"
#include "recommend/kernels.h"

/* v·w of all items, by every CPU, and by a plain loop. */
static void multiply(const mf_codes *codes, const int16_t *v, const uint32_t *items, size_t n,
                     int32_t *products)
{
    int32_t *other = testing_allocate(n, sizeof *other);
    for (size_t k = 0; k < n; k++) {
        int64_t sum = 0;
        for (size_t f = 0; f < codes->stride; f++)
            sum += (int64_t)v[f] * codes->rows[items[k] * codes->stride + f];
        assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
        products[k] = (int32_t)sum;
    }
    for (size_t c = 0; c < TESTING_CPUS; c++) {
        setenv("MF_CPU", testing_cpus[c], 1);
        mf_recommend_kernel_choose()->code_products(v, codes->rows, codes->stride, items, n, other);
        assert_memory_equal(other, products, n * sizeof *other);
    }
    unsetenv("MF_CPU");
    mf_free(other);
}

/* Some bounds at a time, by every CPU, are those of single items. */
static void bound(const mf_codes *codes, const mf_code_query *query, const uint32_t *items,
                  const int32_t *products)
{
    float bounds[9];
    for (size_t n = 0; n <= 9 && n <= codes->n_items; n++)
        for (size_t c = 0; c < TESTING_CPUS; c++) {
            setenv("MF_CPU", testing_cpus[c], 1);
            mf_recommend_kernel_choose()->code_bounds(codes, query, items, n, bounds);
            for (size_t k = 0; k < n; k++) {
                const float one = mf_code_bound(codes, query, items[k], products[k]);
                assert_memory_equal(&one, &bounds[k], sizeof one);
            }
        }
    unsetenv("MF_CPU");
}

/* Of one query and all items. Returns the mean of bound − product, by |p||q|. */
static double check_bounds(const mf_codes *codes, const mf_code_query *query, const float *p,
                           const float *rows)
{
    const size_t n = codes->n_items, stride = codes->row_stride;
    uint32_t *items = testing_allocate(n, sizeof *items);
    int32_t *products = testing_allocate(n, sizeof *products);
    double excess = 0, n_excess = 0;
    for (uint32_t item = 0; item < n; item++)
        items[item] = (uint32_t)n - 1 - item;
    multiply(codes, query->v, items, n, products);
    if (query->per_norm == 0)
        bound(codes, query, items, products);
    for (size_t k = 0; k < n; k++) {
        const float *q = rows + items[k] * stride;
        const float product = mf_dot(p, q, stride);
        const float bound = mf_code_bound(codes, query, items[k], products[k]);
        double q2 = 0, p2 = 0;
        assert_true(isfinite(bound) && product <= bound);
        for (size_t f = 0; f < stride; f++) {
            q2 += (double)q[f] * (double)q[f];
            p2 += (double)p[f] * (double)p[f];
        }
        assert_true(sqrt(q2) <= (double)codes->norms[items[k]]);
        assert_true(codes->norms[items[k]] <= codes->scales[items[k]] * codes->most * 1.000001f);
        if (q2 * p2 > 0) {
            excess += ((double)bound - (double)product) / sqrt(q2 * p2);
            n_excess++;
        }
    }
    mf_free(items);
    mf_free(products);
    return n_excess > 0 ? excess / n_excess : 0;
}

/* Users as queries, and items; returns the mean of the excess of either. */
static void check_world(world_shape shape, double *of_users, double *of_items)
{
    world w = world_create(shape);
    const mf_model_parts *p = w.parts;
    const size_t stride = mf_model_stride(p->n_factors);
    mf_error err = {0};
    mf_codes codes;
    size_t n_bytes;
    assert_ok(mf_codes_create(&codes, p->n_items, p->n_factors, p->item_factors, &err), err);
    assert_int_equal(codes.n_items, p->n_items);
    assert_true(mf_codes_size(p->n_items, p->n_factors, &n_bytes) && n_bytes == codes.n_bytes);
    int16_t *v = testing_allocate(codes.stride, sizeof *v);
    mf_code_query query;
    *of_users = *of_items = 0;
    for (uint32_t user = 0; user < p->n_users; user++) {
        const float *row = p->user_factors + user * stride;
        assert_true(mf_codes_query(&codes, row, v, &query));
        *of_users += check_bounds(&codes, &query, row, p->item_factors) / p->n_users;
    }
    for (uint32_t item = 0; item < p->n_items; item += p->n_items / 3 + 1) {
        query = mf_codes_query_of_item(&codes, item, v);
        *of_items += check_bounds(&codes, &query, item_row(p, item), p->item_factors) / 3;
    }
    mf_free(v);
    mf_codes_release(&codes);
    world_release(&w);
}

static void no_product_is_above_its_bound(void **state)
{
    (void)state;
    double users, items;
    for (int k = 0; k < KINDS; k++)
        if (k != KIND_HUGE)
            check_world((world_shape){.kind = (world_kind)k,
                                      .n_users = 5,
                                      .n_items = 99,
                                      .n_factors = 19,
                                      .seed = (uint64_t)k},
                        &users, &items);
    for (uint32_t n_factors = 1; n_factors < 140; n_factors += 7)
        check_world((world_shape){.kind = n_factors % 2 ? KIND_NORMAL : KIND_MIXED,
                                  .n_users = 2,
                                  .n_items = 10 + n_factors,
                                  .n_factors = n_factors,
                                  .seed = n_factors},
                    &users, &items);
}

static void bounds_are_close(void **state)
{
    (void)state;
    double users, items;
    check_world((world_shape){.kind = KIND_NORMAL,
                              .n_users = 5,
                              .n_items = 300,
                              .n_factors = MF_CODES_FACTORS_MAX,
                              .seed = 1},
                &users, &items);
    assert_true(users > 0.008 && users < 0.02);
    assert_true(items > 0.016 && items < 0.04);
}

/* The largest sums there are, and the largest and smallest numbers. */
static void extreme_rows(void **state)
{
    (void)state;
    enum { N = MF_CODES_FACTORS_MAX };
    static float rows[6 * N] __attribute__((aligned(64)));
    static const float sizes[] = {1, 3e16f, 1e-30f, 0x1p-140f};
    static int16_t v[N] __attribute__((aligned(64)));
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t f = 0; f < N; f++) {
            const float sign = mf_random_below(s, f, 2) == 0 ? -1 : 1;
            rows[f] = sizes[s];
            rows[N + f] = -sizes[s];
            rows[2 * N + f] = sign * sizes[s];
            rows[3 * N + f] = f == 0 ? sizes[s] : sign * sizes[s] * 0.4999f / 127; /* all to zero */
            rows[4 * N + f] = f == N - 1 ? sizes[s] : 0;
            rows[5 * N + f] = 0;
        }
        mf_error err = {0};
        mf_codes codes;
        mf_code_query query;
        assert_ok(mf_codes_create(&codes, 6, N, rows, &err), err);
        for (size_t p = 0; p < 6; p++) {
            assert_true(mf_codes_query(&codes, rows + p * N, v, &query));
            check_bounds(&codes, &query, rows + p * N, rows);
            query = mf_codes_query_of_item(&codes, (uint32_t)p, v);
            check_bounds(&codes, &query, rows + p * N, rows);
        }
        mf_codes_release(&codes);
    }
}

static void what_is_out_of_range_has_no_bounds(void **state)
{
    (void)state;
    static const float rows[16] __attribute__((aligned(64))) = {1, 2};
    static const float bad[] = {INFINITY, NAN, 1.1e18f, -1.1e18f};
    mf_error err = {0};
    mf_codes codes;
    mf_code_query query;
    size_t n_bytes;
    _Alignas(64) int16_t v[64];
    _Alignas(64) float p[16] = {0};
    assert_ok(mf_codes_create(&codes, 1, 16, rows, &err), err);
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        p[1] = bad[k];
        assert_false(mf_codes_query(&codes, p, v, &query));
    }
    p[1] = 0.9e18f;
    assert_true(mf_codes_query(&codes, p, v, &query));
    p[2] = 0.9e18f;
    assert_false(mf_codes_query(&codes, p, v, &query));
    mf_codes_release(&codes);
    assert_false(mf_codes_size(1, MF_CODES_FACTORS_MAX + 1, &n_bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_product_is_above_its_bound),
        cmocka_unit_test(bounds_are_close),
        cmocka_unit_test(extreme_rows),
        cmocka_unit_test(what_is_out_of_range_has_no_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
