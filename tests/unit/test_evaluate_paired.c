/* test_evaluate_paired.c: two models on the same held-out ratings (paired.h). */
#include "evaluate_testing.h"

#include "base/random.h"
#include "evaluate/paired.h"

#include <math.h>

enum { USERS = 400 };

typedef struct figures {
    double a[USERS], b[USERS], n[USERS];
} figures;

static double uniform(uint64_t stream, uint64_t i)
{
    return mf_random_below(stream, i, 1000000) / 1e6;
}

/* Users differ by far more than the models do. */
static figures figures_of(uint64_t seed, double gain)
{
    figures f;
    for (uint32_t u = 0; u < USERS; u++) {
        f.n[u] = 1 + mf_random_below(seed, u, 50);
        f.a[u] = f.n[u] * (1 + 9 * uniform(seed + 1, u));
        f.b[u] = f.a[u] + f.n[u] * (gain + 0.5 * (uniform(seed + 2, u) - 0.5));
    }
    return f;
}

static void the_difference_of_means_is_that_of_each_user(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_paired p;
    assert_ok(
        mf_paired_mean((double[]){0.25, 0.5, 0}, (double[]){0.5, 0.5, 1}, 3, 0.05, 1, &p, &err),
        err);
    assert_int_equal(p.n_users, 3);
    assert_true(fabs(p.a - 0.25) < 1e-15);
    assert_true(fabs(p.b - 2.0 / 3) < 1e-15);
    assert_true(fabs(p.difference.mean - 1.25 / 3) < 1e-15);
    assert_true(p.difference.low >= 0 && p.difference.high <= 1);
}

static void the_difference_of_rmse_is_exact(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_paired p;
    const figures f = figures_of(3, 0.2);
    double a = 0, b = 0, n = 0;
    for (uint32_t u = 0; u < USERS; u++) {
        a += f.a[u];
        b += f.b[u];
        n += f.n[u];
    }
    assert_ok(mf_paired_rmse(f.a, f.b, f.n, USERS, 0.05, 1, &p, &err), err);
    assert_true(fabs(p.a - sqrt(a / n)) < 1e-12);
    assert_true(fabs(p.b - sqrt(b / n)) < 1e-12);
    assert_true(fabs(p.difference.mean - (p.b - p.a)) < 1e-12);
    assert_true(p.difference.low < p.difference.mean && p.difference.mean < p.difference.high);
}

/* Reference: the RMSE of both models is computed from the users that are drawn. */
static void the_interval_of_rmse_is_that_of_drawing_users(void **state)
{
    (void)state;
    enum { DRAWS = 2000 };
    mf_error err = {0};
    mf_paired p;
    const figures f = figures_of(4, 0.05);
    double mean = 0, squares = 0;
    for (uint64_t d = 0; d < DRAWS; d++) {
        double a = 0, b = 0, n = 0;
        for (uint32_t i = 0; i < USERS; i++) {
            const uint32_t u = mf_random_below(mf_random_key(9, d), i, USERS);
            a += f.a[u];
            b += f.b[u];
            n += f.n[u];
        }
        const double difference = sqrt(b / n) - sqrt(a / n);
        mean += difference / DRAWS;
        squares += difference * difference / DRAWS;
    }
    const double deviation = sqrt(squares - mean * mean);
    assert_ok(mf_paired_rmse(f.a, f.b, f.n, USERS, 0.05, 1, &p, &err), err);
    const double half = (p.difference.high - p.difference.low) / 2;
    assert_true(fabs(half / (1.96 * deviation) - 1) < 0.1);
}

static void pairing_finds_what_is_small_beside_the_users(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_paired p;
    const figures worse = figures_of(5, 0.1);
    const figures better = figures_of(5, -0.1);
    assert_ok(mf_paired_rmse(worse.a, worse.b, worse.n, USERS, 0.01, 1, &p, &err), err);
    assert_true(p.difference.low > 0);
    assert_ok(mf_paired_rmse(better.a, better.b, better.n, USERS, 0.01, 1, &p, &err), err);
    assert_true(p.difference.high < 0);
}

/* An interval of level .1 misses the true difference, zero, in about a tenth of 200 samples. */
static void the_level_is_how_often_an_interval_misses(void **state)
{
    (void)state;
    mf_error err = {0};
    uint32_t missed[2] = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        double a[40], b[40], n[40];
        for (uint32_t u = 0; u < 40; u++) {
            n[u] = 1 + mf_random_below(seed, u, 5);
            a[u] = n[u] * uniform(seed + 1000, u);
            b[u] = n[u] * uniform(seed + 2000, u);
        }
        mf_paired p;
        assert_ok(mf_paired_rmse(a, b, n, 40, 0.1, seed, &p, &err), err);
        missed[0] += p.difference.low > 0 || p.difference.high < 0;
        assert_ok(mf_paired_mean(a, b, 40, 0.1, seed, &p, &err), err);
        missed[1] += p.difference.low > 0 || p.difference.high < 0;
    }
    for (size_t i = 0; i < 2; i++)
        assert_in_range(missed[i], 8, 40);
}

static void equal_models_do_not_differ_at_all(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_paired p;
    const figures f = figures_of(6, 0);
    assert_ok(mf_paired_mean(f.a, f.a, USERS, 0.01, 1, &p, &err), err);
    assert_true(p.difference.low == 0 && p.difference.high == 0);
    assert_ok(mf_paired_rmse(f.a, f.a, f.n, USERS, 0.01, 1, &p, &err), err);
    assert_true(p.difference.low == 0 && p.difference.high == 0);
    const double none[USERS] = {0};
    assert_ok(mf_paired_rmse(none, none, f.n, USERS, 0.01, 1, &p, &err), err);
    assert_true(p.a == 0 && p.difference.mean == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_difference_of_means_is_that_of_each_user),
        cmocka_unit_test(the_difference_of_rmse_is_exact),
        cmocka_unit_test(the_interval_of_rmse_is_that_of_drawing_users),
        cmocka_unit_test(pairing_finds_what_is_small_beside_the_users),
        cmocka_unit_test(the_level_is_how_often_an_interval_misses),
        cmocka_unit_test(equal_models_do_not_differ_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
