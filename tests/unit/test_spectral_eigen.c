/* The eigen solver and the orthonormalizer against Jacobi's rotations and against what they
 * promise, on matrices that are hard for one or the other. */
#include "testing.h"

#include "base/memory.h"
#include "base/random.h"
#include "spectral/eigen.h"
#include "spectral/reference.h"

#include <math.h>

enum { N_MAX = 70 };

typedef struct workspace {
    double a[N_MAX * N_MAX];
    double copy[N_MAX * N_MAX];
    double values[N_MAX];
    double vectors[N_MAX * N_MAX];
    double scratch[8 * N_MAX];
    double expected[N_MAX];
    double expected_vectors[N_MAX * N_MAX];
} workspace;

static workspace w;

typedef double element_of(size_t i, size_t j, size_t n);

static void fill(element_of *element, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            w.a[i * n + j] = w.a[j * n + i] = element(i, j, n);
    memcpy(w.copy, w.a, sizeof w.a);
}

static double any(size_t i, size_t j, size_t n)
{
    return (double)mf_random_normal(n, i * N_MAX + j);
}

static double diagonal(size_t i, size_t j, size_t n)
{
    (void)n;
    return i == j ? (double)((i * 7) % 5) - 1 : 0;
}

static double zero(size_t i, size_t j, size_t n)
{
    (void)i, (void)j, (void)n;
    return 0;
}

static double ones(size_t i, size_t j, size_t n)
{
    (void)i, (void)j, (void)n;
    return 1;
}

static double identity(size_t i, size_t j, size_t n)
{
    (void)n;
    return i == j ? 3 : 0;
}

/* Two eigenvalues, each many times. */
static double reflection(size_t i, size_t j, size_t n)
{
    return (i == j ? 1.0 : 0.0) - 2.0 / (double)n;
}

static double graded(size_t i, size_t j, size_t n)
{
    return ldexp(any(i, j, n), -(int)(i + j));
}

static double graded_up(size_t i, size_t j, size_t n)
{
    return ldexp(any(i, j, n), (int)(i + j));
}

static double huge(size_t i, size_t j, size_t n)
{
    return ldexp(any(i, j, n), 400);
}

static double tiny(size_t i, size_t j, size_t n)
{
    return ldexp(any(i, j, n), -400);
}

/* Blocks that have nothing to do with each other. */
static double blocks(size_t i, size_t j, size_t n)
{
    return i / 3 == j / 3 ? any(i % 3, j % 3, n) : 0;
}

static double tridiagonal(size_t i, size_t j, size_t n)
{
    (void)n;
    return i == j ? 2 : i == j + 1 ? -1 : 0;
}

static void check(element_of *element, size_t n)
{
    mf_error err = {0};
    const mf_spectral_kernel *kernel = mf_spectral_kernel_choose();
    fill(element, n);
    assert_ok(mf_eigen_symmetric(kernel, w.a, n, w.values, w.vectors, w.scratch, &err), err);
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(w.values[i]));
    const double bound = 1e-13 * (double)n * fmax(largest, 1e-300);
    for (size_t i = 0; i < n; i++) {
        const double *v = w.vectors + i * n;
        if (i > 0)
            assert_true(w.values[i] <= w.values[i - 1]);
        for (size_t r = 0; r < n; r++) {
            double sum = -w.values[i] * v[r];
            for (size_t c = 0; c < n; c++)
                sum += w.copy[r * n + c] * v[c];
            if (!(fabs(sum) <= bound))
                fail_msg("n %zu: residual %g of eigenvector %zu", n, sum, i);
        }
        for (size_t j = 0; j <= i; j++) {
            double dot = i == j ? -1 : 0;
            for (size_t c = 0; c < n; c++)
                dot += v[c] * w.vectors[j * n + c];
            if (!(fabs(dot) <= 1e-13 * (double)n))
                fail_msg("n %zu: eigenvectors %zu and %zu: %g", n, i, j, dot);
        }
    }
    memcpy(w.a, w.copy, sizeof w.a);
    mf_reference_eigen(w.a, n, w.expected, w.expected_vectors);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(w.values[i] - w.expected[i]) <= bound))
            fail_msg("n %zu: eigenvalue %zu is %.17g instead of %.17g", n, i, w.values[i],
                     w.expected[i]);
    /* Values alone are the same bits. */
    memcpy(w.a, w.copy, sizeof w.a);
    assert_ok(mf_eigen_symmetric(kernel, w.a, n, w.expected, NULL, w.scratch, &err), err);
    assert_memory_equal(w.expected, w.values, n * sizeof *w.values);
}

static void values_and_vectors_are_those_of_jacobi(void **state)
{
    (void)state;
    for (size_t n = 1; n <= N_MAX; n += n < 10 ? 1 : 20)
        check(any, n);
}

static void matrices_that_are_special(void **state)
{
    (void)state;
    element_of *const special[] = {diagonal,  zero, ones, identity, reflection, graded,
                                   graded_up, huge, tiny, blocks,   tridiagonal};
    for (size_t k = 0; k < sizeof special / sizeof *special; k++)
        for (size_t n = 1; n <= 36; n += n < 5 ? 1 : 31)
            check(special[k], n);
}

static void a_matrix_that_is_not_finite_is_refused(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        mf_error err = {0};
        fill(any, 8);
        w.a[5 * 8 + 3] = k == 0 ? (double)NAN : (double)INFINITY;
        assert_false(mf_eigen_symmetric(mf_spectral_kernel_choose(), w.a, 8, w.values, w.vectors,
                                        w.scratch, &err));
        assert_error(&err, MF_ERR_DIVERGED, "not finite");
    }
}

/* tᵀ G t is the identity on the columns that are kept and zero on the others. */
static size_t check_orthonormalizer(const double *z, size_t rows, size_t n, const bool *dropped)
{
    double *t = w.vectors;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t r = 0; r < rows; r++)
                sum += z[r * n + i] * z[r * n + j];
            w.copy[i * n + j] = w.a[i * n + j] = sum;
        }
    const size_t kept = mf_orthonormalizer(mf_spectral_kernel_choose(), w.a, n, 1e-5, t, w.scratch);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t p = 0; p < n; p++)
                for (size_t q = 0; q < n; q++)
                    sum += t[p * n + i] * w.copy[p * n + q] * t[q * n + j];
            const double expected = i == j && !dropped[i] ? 1 : 0;
            if (!(fabs(sum - expected) <= 1e-9))
                fail_msg("columns %zu and %zu: %g instead of %g", i, j, sum, expected);
            if (i > j)
                assert_true(t[i * n + j] == 0);
        }
    return kept;
}

static void columns_become_orthonormal_and_dependent_ones_zero(void **state)
{
    (void)state;
    enum { ROWS = 30, N = 12 };
    static double z[ROWS * N];
    bool dropped[N] = {false};
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < N; c++)
            z[r * N + c] = ldexp((double)mf_random_normal(5, r * N + c), (int)c * 8 - 40);
    assert_int_equal(check_orthonormalizer(z, ROWS, N, dropped), N);
    for (size_t r = 0; r < ROWS; r++) {
        z[r * N + 3] = 0;                               /* nothing */
        z[r * N + 7] = z[r * N + 1] * 2 + z[r * N + 0]; /* of others */
        z[r * N + 11] = z[r * N + 10];                  /* twice */
    }
    dropped[3] = dropped[7] = dropped[11] = true;
    assert_int_equal(check_orthonormalizer(z, ROWS, N, dropped), N - 3);
    memset(z, 0, sizeof z);
    for (size_t c = 0; c < N; c++)
        dropped[c] = true;
    assert_int_equal(check_orthonormalizer(z, ROWS, N, dropped), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_vectors_are_those_of_jacobi),
        cmocka_unit_test(matrices_that_are_special),
        cmocka_unit_test(a_matrix_that_is_not_finite_is_refused),
        cmocka_unit_test(columns_become_orthonormal_and_dependent_ones_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
