/* test_sgd_implicit.c: the step of the item priors beside that of reference.h. */
#include "sgd_testing.h"

#include "sgd/grid.h"
#include "sgd/implicit.h"
#include "sgd/parameters.h"
#include "sgd/reference.h"

enum { USERS_MAX = 60, ITEMS_MAX = 50, FACTORS = 21, STRIDE = 32 };

/* Users 4, 8, … and item 3 have no ratings, as after a split or with a base model. */
static float gappy(uint32_t user, uint32_t item)
{
    return user % 4 == 0 || item == 3 ? NAN : rank_two(user, item);
}

typedef struct world {
    mf_ratings *ratings;
    mf_grid grid;
    mf_parameters parameters;
    mf_implicit implicit;
} world;

static world world_create(uint32_t n_users, uint32_t n_items, rating_of *rating)
{
    mf_error err = {0};
    world w = {.ratings = make_ratings(n_users, n_items, rating)};
    w.parameters = (mf_parameters){.n_users = n_users, .n_items = n_items, .n_factors = FACTORS};
    assert_ok(mf_parameters_allocate(&w.parameters, &err), err);
    assert_int_equal(w.parameters.stride, STRIDE);
    assert_ok(mf_grid_create(&w.grid, w.ratings, 3, 1, STRIDE, 1, &err), err);
    assert_ok(mf_implicit_create(&w.implicit, &w.grid, STRIDE, &err), err);
    for (size_t row = 0; row < n_items; row++)
        for (size_t f = 0; f < FACTORS; f++)
            w.parameters.item_factors[row * STRIDE + f] = mf_random_normal(1, row * STRIDE + f);
    return w;
}

static void world_destroy(world *w)
{
    mf_implicit_release(&w->implicit);
    mf_grid_release(&w->grid);
    mf_parameters_release(&w->parameters);
    mf_ratings_destroy(w->ratings);
}

static void counts_are_those_of_the_ratings(void **state)
{
    (void)state;
    world w = world_create(USERS_MAX, ITEMS_MAX, gappy);
    uint32_t items[ITEMS_MAX] = {0};
    for (uint64_t k = 0; k < w.ratings->n_ratings; k++)
        items[w.ratings->item[k]]++;
    for (uint32_t u = 0; u < USERS_MAX; u++)
        assert_int_equal(w.implicit.user_count[w.grid.user_row[u]],
                         w.ratings->user_start[u + 1] - w.ratings->user_start[u]);
    for (uint32_t i = 0; i < ITEMS_MAX; i++)
        assert_int_equal(w.implicit.item_count[w.grid.item_row[i]], items[i]);
    assert_int_equal(items[3], 0);
    world_destroy(&w);
}

static void assert_rows_near(const float *rows, const uint32_t *row, const double *expected,
                             uint32_t n, double bound)
{
    for (uint32_t i = 0; i < n; i++)
        for (size_t f = 0; f < STRIDE; f++) {
            const double found = (double)rows[row[i] * STRIDE + f];
            if (!(fabs(found - expected[i * STRIDE + f]) <= bound))
                fail_msg("%u, %zu: %.9g, expected %.9g", i, f, found, expected[i * STRIDE + f]);
            if (f >= FACTORS)
                assert_true(found == 0);
        }
}

static void an_update_is_that_of_the_reference(void **state)
{
    (void)state;
    static const struct {
        uint32_t n_users, n_items;
        float rate, damping;
        rating_of *rating;
    } cases[] = {
        {1, 1, 1, 5, rank_two_held_out},        {USERS_MAX, ITEMS_MAX, 1, 5, rank_two},
        {USERS_MAX, ITEMS_MAX, 1.9f, 0, gappy}, {USERS_MAX, ITEMS_MAX, 0.01f, 100, gappy},
        {2, ITEMS_MAX, 0.5f, 1, noise},         {USERS_MAX, 2, 0.5f, 1, noise},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        world w = world_create(cases[c].n_users, cases[c].n_items, cases[c].rating);
        double *v = calloc(ITEMS_MAX * STRIDE, sizeof *v);
        double *x = calloc(USERS_MAX * STRIDE, sizeof *x);
        double *z = calloc(ITEMS_MAX * STRIDE, sizeof *z);
        for (uint32_t i = 0; i < cases[c].n_items; i++)
            for (size_t f = 0; f < STRIDE; f++)
                v[i * STRIDE + f] =
                    (double)w.parameters.item_factors[w.grid.item_row[i] * STRIDE + f];
        for (int update = 1; update <= 6; update++) {
            mf_sgd_reference_priors(w.ratings, STRIDE, (double)cases[c].rate,
                                    (double)cases[c].damping, v, x, z);
            mf_implicit_update(&w.implicit, &w.grid, mf_sgd_kernel_choose(), &w.parameters,
                               cases[c].rate, cases[c].damping, 2);
            /* Sums of at most 60 numbers of size 3, six times over. */
            const double bound = update * 60 * 3 * 0x1p-24;
            assert_rows_near(w.implicit.user_vectors, w.grid.user_row, x, cases[c].n_users, bound);
            assert_rows_near(w.implicit.item_priors, w.grid.item_row, z, cases[c].n_items, bound);
            assert_rows_near(w.parameters.item_factors, w.grid.item_row, v, cases[c].n_items,
                             bound);
            /* As after an epoch: the factors have moved, the priors have not. */
            for (uint32_t i = 0; i < cases[c].n_items; i++) {
                w.parameters.item_factors[w.grid.item_row[i] * STRIDE] += 0.25f;
                v[i * STRIDE] += 0.25;
            }
        }
        free(v);
        free(x);
        free(z);
        world_destroy(&w);
    }
}

static void an_item_without_ratings_has_no_prior_and_stays(void **state)
{
    (void)state;
    world w = world_create(USERS_MAX, ITEMS_MAX, gappy);
    const size_t at = w.grid.item_row[3] * STRIDE;
    float before[STRIDE];
    memcpy(before, w.parameters.item_factors + at, sizeof before);
    for (int update = 0; update < 3; update++)
        mf_implicit_update(&w.implicit, &w.grid, mf_sgd_kernel_choose(), &w.parameters, 1, 0, 2);
    assert_memory_equal(w.parameters.item_factors + at, before, sizeof before);
    for (size_t f = 0; f < STRIDE; f++)
        assert_true(w.implicit.item_priors[at + f] == 0);
    world_destroy(&w);
}

static void threads_and_cpus_give_the_same_bits(void **state)
{
    (void)state;
    static const char *const cpus[] = {"sse2", "avx2", "avx512", "neon", "generic"};
    world base = world_create(USERS_MAX, ITEMS_MAX, gappy);
    for (int update = 0; update < 3; update++)
        mf_implicit_update(&base.implicit, &base.grid, mf_sgd_kernel_choose(), &base.parameters,
                           0.7f, 5, 1);
    for (size_t c = 0; c < 4; c++)
        for (uint32_t n_threads = 1; n_threads <= 8; n_threads++) {
            world w = world_create(USERS_MAX, ITEMS_MAX, gappy);
            setenv("MF_CPU", cpus[c], 1);
            const mf_sgd_kernel *kernel = mf_sgd_kernel_choose();
            unsetenv("MF_CPU");
            for (int update = 0; update < 3; update++)
                mf_implicit_update(&w.implicit, &w.grid, kernel, &w.parameters, 0.7f, 5, n_threads);
            assert_memory_equal(w.implicit.user_vectors, base.implicit.user_vectors,
                                USERS_MAX * STRIDE * sizeof(float));
            assert_memory_equal(w.implicit.item_priors, base.implicit.item_priors,
                                ITEMS_MAX * STRIDE * sizeof(float));
            assert_memory_equal(w.parameters.item_factors, base.parameters.item_factors,
                                ITEMS_MAX * STRIDE * sizeof(float));
            world_destroy(&w);
        }
    world_destroy(&base);
}

/* With item factors that the ratings hold in place, vectors and priors come to
 * rest; at a rate above 2 they do not. */
static void updates_settle_for_rates_below_two(void **state)
{
    (void)state;
    static const float rates[] = {0.1f, 1, 1.99f, 2.2f};
    for (size_t r = 0; r < 4; r++) {
        world w = world_create(USERS_MAX, ITEMS_MAX, rank_two);
        float held[ITEMS_MAX * STRIDE];
        memcpy(held, w.parameters.item_factors, sizeof held);
        for (int update = 0; update < 400; update++) {
            memcpy(w.parameters.item_factors, held, sizeof held);
            mf_implicit_update(&w.implicit, &w.grid, mf_sgd_kernel_choose(), &w.parameters,
                               rates[r], 0, 1);
        }
        float largest = 0;
        for (size_t at = 0; at < ITEMS_MAX * STRIDE; at++)
            largest = fmaxf(largest, fabsf(w.implicit.item_priors[at]));
        assert_true(rates[r] < 2 ? largest < 10 : !(largest < 1e6f));
        world_destroy(&w);
    }
}

static void creating_is_clean_when_any_allocation_fails(void **state)
{
    (void)state;
    world w = world_create(5, 4, rank_two);
    bool done = false;
    for (size_t n = 1; !done; n++) {
        mf_error err = {0};
        mf_implicit implicit = {0};
        mf_memory_fail_nth(n);
        done = mf_implicit_create(&implicit, &w.grid, STRIDE, &err);
        mf_memory_fail_nth(0);
        if (!done)
            assert_error(&err, MF_ERR_MEMORY, "no memory");
        mf_implicit_release(&implicit);
        assert_true(n < 20);
    }
    world_destroy(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_ratings),
        cmocka_unit_test(an_update_is_that_of_the_reference),
        cmocka_unit_test(an_item_without_ratings_has_no_prior_and_stays),
        cmocka_unit_test(threads_and_cpus_give_the_same_bits),
        cmocka_unit_test(updates_settle_for_rates_below_two),
        cmocka_unit_test(creating_is_clean_when_any_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
