/* ridge.c: promises in ridge.h.
 *
 * The system is cut into tiles of 16 × 16. Both the sum AᵀA (or AAᵀ) and Cholesky's
 * updates are then products of two tiles added to a third (kernels.h), which stay in
 * the first-level cache: 16 rows of A at a time for the sum, 16 rows of U at a time
 * for Cholesky. What is past the last unknown is zero, with 1 on the diagonal. */
#include "recommend/ridge.h"

#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { SIDE = MF_TILE_SIDE };

static const double COST_MAX = 1 << 26;

/* The smaller system: m unknowns, filled up to whole tiles. */
typedef struct equations {
    const mf_recommend_kernel *kernel;
    size_t n_blocks; /* m / 16, rounded up */
    double *s;       /* [n_blocks × n_blocks] tiles, row by row; of those below the
                      * diagonal nothing is used */
    double *x;       /* [n_blocks × 16] right-hand side, then the solution */
    double *rows;    /* [n_blocks] tiles: 16 rows to be added */
} equations;

static size_t n_unknowns(size_t n, uint32_t n_factors)
{
    return n < (size_t)n_factors + 1 ? n : (size_t)n_factors + 1;
}

static size_t n_blocks_of(size_t n)
{
    return n / SIDE + (n % SIDE != 0);
}

size_t mf_ridge_n_max(uint32_t n_factors)
{
    const double k = (double)n_factors + 1;
    const double n = k * k * k <= COST_MAX ? COST_MAX / (k * k) : sqrt(COST_MAX / k);
    return n < 1 ? 1 : (size_t)n;
}

bool mf_ridge_doubles(size_t n, uint32_t n_factors, size_t *n_doubles)
{
    const size_t width = n_blocks_of(n_unknowns(n, n_factors)) * SIDE;
    return mf_mul(width, width + SIDE + 1, n_doubles);
}

static double *tile(const equations *e, size_t i, size_t j)
{
    return e->s + (i * e->n_blocks + j) * MF_TILE;
}

/* S += sign · rowsᵀ rows, from block `first` on; rows: one tile for each block. */
static void add_squares(const equations *e, size_t first, const double *rows, double sign)
{
    for (size_t i = first; i < e->n_blocks; i++)
        for (size_t j = i; j < e->n_blocks; j++)
            e->kernel->add_product(tile(e, i, j), rows + i * MF_TILE, rows + j * MF_TILE, sign);
}

/* A tile on the diagonal := U of S = UᵀU. */
static void factor_tile(double *s)
{
    for (size_t k = 0; k < SIDE; k++) {
        double *u = s + k * SIDE;
        const double diagonal = sqrt(u[k]);
        for (size_t j = k; j < SIDE; j++)
            u[j] /= diagonal;
        for (size_t i = k + 1; i < SIDE; i++)
            for (size_t j = i; j < SIDE; j++)
                s[i * SIDE + j] -= u[i] * u[j];
    }
}

/* A tile to the right of it := U⁻ᵀ tile. */
static void divide_tile(const double *restrict u, double *restrict s)
{
    for (size_t k = 0; k < SIDE; k++) {
        for (size_t j = 0; j < SIDE; j++)
            s[k * SIDE + j] /= u[k * SIDE + k];
        for (size_t i = k + 1; i < SIDE; i++)
            for (size_t j = 0; j < SIDE; j++)
                s[i * SIDE + j] -= u[k * SIDE + i] * s[k * SIDE + j];
    }
}

/* S = UᵀU; U replaces S. */
static void factor(const equations *e)
{
    for (size_t block = 0; block < e->n_blocks; block++) {
        double *diagonal = tile(e, block, block);
        factor_tile(diagonal);
        for (size_t j = block + 1; j < e->n_blocks; j++)
            divide_tile(diagonal, tile(e, block, j));
        add_squares(e, block + 1, tile(e, block, 0), -1);
    }
}

/* x := U⁻ᵀ x */
static void solve_down(const equations *e)
{
    for (size_t block = 0; block < e->n_blocks; block++)
        for (size_t k = 0; k < SIDE; k++) {
            const double *u = tile(e, block, block) + k * SIDE;
            double *x = e->x + block * SIDE;
            const double factor = x[k] /= u[k];
            for (size_t j = k + 1; j < SIDE; j++)
                x[j] -= factor * u[j];
            for (size_t right = block + 1; right < e->n_blocks; right++) {
                u += MF_TILE;
                x += SIDE;
                for (size_t j = 0; j < SIDE; j++)
                    x[j] -= factor * u[j];
            }
        }
}

/* x := U⁻¹ x */
static void solve_up(const equations *e)
{
    for (size_t block = e->n_blocks; block-- > 0;) {
        double *x = e->x + block * SIDE;
        for (size_t right = block + 1; right < e->n_blocks; right++) {
            const double *u = tile(e, block, right), *known = e->x + right * SIDE;
            for (size_t k = 0; k < SIDE; k++)
                for (size_t j = 0; j < SIDE; j++)
                    x[k] -= u[k * SIDE + j] * known[j];
        }
        for (size_t k = SIDE; k-- > 0;) {
            const double *u = tile(e, block, block) + k * SIDE;
            for (size_t j = k + 1; j < SIDE; j++)
                x[k] -= u[j] * x[j];
            x[k] /= u[k];
        }
    }
}

/* x := S⁻¹ x */
static void solve(const equations *e)
{
    factor(e);
    solve_down(e);
    solve_up(e);
}

/* A model may hold factors so large or small that the solution is no float. */
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

/* A: a and b are 1/√λ and 1/√λ_b. part := a_j[f .. f + 16), zero where there is none. */
static void take_part(const mf_ridge *ridge, double a, double b, size_t j, size_t f, double *part)
{
    const size_t k = ridge->n_factors;
    memset(part, 0, SIDE * sizeof *part);
    if (j >= ridge->n)
        return;
    const float *q = row_of(ridge, j);
    for (size_t i = 0; i < SIDE && f + i < k; i++)
        part[i] = a * (double)q[f + i];
    if (f <= k && k - f < SIDE)
        part[k - f] = b;
}

static void add_identity(const equations *e)
{
    for (size_t i = 0; i < e->n_blocks; i++)
        for (size_t k = 0; k < SIDE; k++)
            tile(e, i, i)[k * SIDE + k] += 1;
}

/* Unknowns: x itself. */
static void solve_for_factors(const mf_ridge *ridge, const equations *e, double a, double b,
                              float *p, float *bias)
{
    const size_t k = ridge->n_factors;
    for (size_t first = 0; first < ridge->n; first += SIDE) {
        for (size_t block = 0; block < e->n_blocks; block++)
            for (size_t r = 0; r < SIDE; r++) {
                double *part = e->rows + block * MF_TILE + r * SIDE;
                const double y = first + r < ridge->n ? (double)ridge->y[first + r] : 0;
                take_part(ridge, a, b, first + r, block * SIDE, part);
                for (size_t f = 0; f < SIDE; f++)
                    e->x[block * SIDE + f] += y * part[f];
            }
        add_squares(e, 0, e->rows, 1);
    }
    add_identity(e);
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
    for (size_t first = 0; first <= k; first += SIDE) {
        for (size_t j = 0; j < e->n_blocks * SIDE; j++) {
            double part[SIDE];
            take_part(ridge, a, b, j, first, part);
            for (size_t r = 0; r < SIDE; r++)
                e->rows[j / SIDE * MF_TILE + r * SIDE + j % SIDE] = part[r];
        }
        add_squares(e, 0, e->rows, 1);
    }
    for (size_t j = 0; j < n; j++)
        e->x[j] = (double)ridge->y[j];
    add_identity(e);
    solve(e);
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += e->x[j];
    *bias = to_float(b * b * sum);
    for (size_t first = 0; first < k; first += SIDE) {
        double sums[SIDE] = {0};
        const size_t left = k - first < SIDE ? k - first : SIDE;
        for (size_t j = 0; j < n; j++)
            for (size_t f = 0; f < left; f++)
                sums[f] += e->x[j] * (double)row_of(ridge, j)[first + f];
        for (size_t f = 0; f < left; f++)
            p[first + f] = to_float(a * a * sums[f]);
    }
}

void mf_ridge_solve(const mf_ridge *ridge, double *work, float *p, float *b)
{
    const size_t m = n_unknowns(ridge->n, ridge->n_factors), n_blocks = n_blocks_of(m);
    const equations e = {
        .kernel = ridge->kernel,
        .n_blocks = n_blocks,
        .s = work,
        .rows = work + n_blocks * n_blocks * MF_TILE,
        .x = work + n_blocks * (n_blocks + 1) * MF_TILE,
    };
    memset(e.s, 0, n_blocks * n_blocks * MF_TILE * sizeof *work);
    memset(e.x, 0, n_blocks * SIDE * sizeof *work);
    const double scale = 1 / sqrt(fmax(ridge->regularization, least_regularization(ridge)));
    const double bias_scale = 1 / sqrt(fmax(ridge->bias_regularization, 1e-9 * (double)ridge->n));
    if (m == (size_t)ridge->n_factors + 1)
        solve_for_factors(ridge, &e, scale, bias_scale, p, b);
    else
        solve_for_weights(ridge, &e, scale, bias_scale, p, b);
}
