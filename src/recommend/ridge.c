/* ridge.c: promises in ridge.h.
 *
 * Every loop that matters adds a multiple of one row to another, which has no order
 * to keep and needs no help to become vectors. */
#include "recommend/ridge.h"

#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* The smaller system: m unknowns. */
typedef struct equations {
    size_t m;
    double *s;   /* [m × m] upper triangle */
    double *x;   /* [m] right-hand side, then the solution */
    double *row; /* [m] */
} equations;

static size_t n_unknowns(size_t n, uint32_t n_factors)
{
    return n < (size_t)n_factors + 1 ? n : (size_t)n_factors + 1;
}

bool mf_ridge_room(size_t n, uint32_t n_factors, size_t *n_doubles)
{
    const size_t m = n_unknowns(n, n_factors);
    return mf_mul(m, m + 2, n_doubles);
}

/* to[0..n) += factor · from[0..n) */
static void add_multiple(double *restrict to, double factor, const double *restrict from, size_t n)
{
    for (size_t k = 0; k < n; k++)
        to[k] += factor * from[k];
}

/* S += row rowᵀ */
static void add_square(const equations *e)
{
    for (size_t i = 0; i < e->m; i++)
        add_multiple(e->s + i * e->m + i, e->row[i], e->row + i, e->m - i);
}

/* x := S⁻¹ x by S = UᵀU; U replaces S. */
static void solve(const equations *e)
{
    const size_t m = e->m;
    double *x = e->x;
    for (size_t k = 0; k < m; k++) {
        double *u = e->s + k * m;
        const double diagonal = sqrt(u[k]);
        for (size_t j = k; j < m; j++)
            u[j] /= diagonal;
        for (size_t i = k + 1; i < m; i++)
            add_multiple(e->s + i * m + i, -u[i], u + i, m - i);
        x[k] /= diagonal;
        add_multiple(x + k + 1, -x[k], u + k + 1, m - k - 1);
    }
    for (size_t k = m; k-- > 0;) {
        const double *u = e->s + k * m;
        for (size_t j = k + 1; j < m; j++)
            x[k] -= u[j] * x[j];
        x[k] /= u[k];
    }
}

/* A model may hold factors so large or small that the answer is no float. */
static float to_float(double value)
{
    return (float)fmax(-(double)FLT_MAX, fmin((double)FLT_MAX, value));
}

static const float *row_of(const mf_ridge *ridge, size_t j)
{
    return ridge->rows + ridge->items[j] * ridge->stride;
}

static double least_regularization(const mf_ridge *ridge)
{
    double sum = 0;
    for (size_t j = 0; j < ridge->n; j++) {
        const float *q = row_of(ridge, j);
        for (size_t f = 0; f < ridge->n_factors; f++)
            sum += (double)q[f] * (double)q[f];
    }
    return fmax(1e-9 * sum, 1e-12);
}

/* Unknowns: x itself. a and b: 1/√λ, 1/√λ_b. */
static void solve_for_factors(const mf_ridge *ridge, const equations *e, double a, double b,
                              float *p, float *bias)
{
    const size_t k = ridge->n_factors;
    for (size_t j = 0; j < ridge->n; j++) {
        const float *q = row_of(ridge, j);
        for (size_t f = 0; f < k; f++)
            e->row[f] = a * (double)q[f];
        e->row[k] = b;
        add_square(e);
        add_multiple(e->x, (double)ridge->y[j], e->row, k + 1);
    }
    for (size_t i = 0; i <= k; i++)
        e->s[i * e->m + i] += 1;
    solve(e);
    for (size_t f = 0; f < k; f++)
        p[f] = to_float(a * e->x[f]);
    *bias = to_float(b * e->x[k]);
}

/* Unknowns: one weight for each rating. */
static void solve_for_weights(const mf_ridge *ridge, const equations *e, double a, double b,
                              float *p, float *bias)
{
    const size_t n = ridge->n, k = ridge->n_factors;
    for (size_t f = 0; f <= k; f++) {
        for (size_t j = 0; j < n; j++)
            e->row[j] = f < k ? a * (double)row_of(ridge, j)[f] : b;
        add_square(e);
    }
    for (size_t j = 0; j < n; j++) {
        e->s[j * n + j] += 1;
        e->x[j] = (double)ridge->y[j];
    }
    solve(e);
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += e->x[j];
    *bias = to_float(b * b * sum);
    for (size_t f = 0; f < k; f++) {
        sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += e->x[j] * (double)row_of(ridge, j)[f];
        p[f] = to_float(a * a * sum);
    }
}

void mf_ridge_solve(const mf_ridge *ridge, double *work, float *p, float *b)
{
    const size_t m = n_unknowns(ridge->n, ridge->n_factors);
    const equations e = {.m = m, .s = work, .x = work + m * m, .row = work + m * m + m};
    memset(work, 0, (m * m + m) * sizeof *work);
    const double scale = 1 / sqrt(fmax(ridge->regularization, least_regularization(ridge)));
    const double bias_scale = 1 / sqrt(fmax(ridge->bias_regularization, 1e-9 * (double)ridge->n));
    if (m == (size_t)ridge->n_factors + 1)
        solve_for_factors(ridge, &e, scale, bias_scale, p, b);
    else
        solve_for_weights(ridge, &e, scale, bias_scale, p, b);
}
