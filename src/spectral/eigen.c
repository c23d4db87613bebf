/* eigen.c: promises in eigen.h.
 *
 * All inner loops add a multiple of one row to another: they use vectors without taking a sum
 * in another order. */
#include "spectral/eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { QL_STEPS_MAX = 60 };

/* Reduces a to a tridiagonal matrix: diagonal d, e[i] between i and i + 1. Row i of a keeps the
 * Householder vector u of the step that cleared row i, scale[i] = 2 / uᵀu or 0.
 *
 * A step takes row i = n-1 … 1 to multiples of its last place: with p = scale A u and
 * q = p - (scale/2 pᵀu) u the rest becomes A - u qᵀ - q uᵀ. The next step's A u is summed while
 * the rows are changed. */
static void tridiagonalize(const mf_spectral_kernel *kernel, double *a, size_t n, double *d,
                           double *e, double *scale, double *scratch)
{
    double *p = scratch;
    double *q = scratch + n;
    double *u_before = scratch + 2 * n;
    bool pending = false; /* u_before and q still have to be taken off the rows before i */
    for (size_t i = n; i-- > 0;) {
        double *row = a + i * n;
        /* The row itself first: the new u is made of it. */
        if (pending)
            for (size_t j = 0; j <= i; j++)
                row[j] -= u_before[i] * q[j] + q[i] * u_before[j];
        d[i] = row[i];
        scale[i] = 0;
        if (i == 0)
            break;
        double largest = 0;
        for (size_t j = 0; j + 1 < i; j++)
            largest = fmax(largest, fabs(row[j]));
        if (!(largest > 0)) {
            /* Nothing to clear; what is pending is brought to an end. */
            e[i - 1] = row[i - 1];
            memset(p, 0, i * sizeof *p);
            if (pending)
                kernel->update_rows(a, n, i, u_before, q, p, p);
            pending = false;
            continue;
        }
        largest = fmax(largest, fabs(row[i - 1]));
        double length = 0;
        for (size_t j = 0; j < i; j++)
            length += (row[j] / largest) * (row[j] / largest);
        length = largest * sqrt(length);
        const double last = row[i - 1] >= 0 ? -length : length;
        e[i - 1] = last;
        /* u = row - last e_{i-1}; uᵀu / 2 = length² - last row[i-1]. Scaled, so that tiny rows
         * do not lose everything. */
        row[i - 1] -= last;
        double norm = 0;
        for (size_t j = 0; j < i; j++) {
            row[j] /= largest;
            norm += row[j] * row[j];
        }
        scale[i] = 2 / norm;
        memset(p, 0, i * sizeof *p);
        if (!pending) {
            memset(u_before, 0, i * sizeof *u_before);
            memset(q, 0, i * sizeof *q);
        }
        kernel->update_rows(a, n, i, u_before, q, row, p);
        double dot = 0;
        for (size_t j = 0; j < i; j++) {
            p[j] *= scale[i];
            dot += p[j] * row[j];
        }
        const double half = scale[i] / 2 * dot;
        for (size_t j = 0; j < i; j++)
            q[j] = p[j] - half * row[j];
        memcpy(u_before, row, i * sizeof *row);
        pending = true;
    }
}

/* vectors = Qᵀ of a = Q T Qᵀ, Q the product of the steps' reflections, the last step's first
 * (so that only the first i rows and columns are touched by the one of row i). */
static void accumulate(const mf_spectral_kernel *kernel, const double *a, size_t n,
                       const double *scale, double *vectors, double *scratch)
{
    memset(vectors, 0, n * n * sizeof *vectors);
    for (size_t i = 0; i < n; i++)
        vectors[i * n + i] = 1;
    for (size_t i = 1; i < n; i++) {
        if (!(scale[i] > 0))
            continue;
        const double *u = a + i * n;
        memset(scratch, 0, i * sizeof *scratch);
        for (size_t k = 0; k < i; k++)
            kernel->add_row(scratch, u[k], vectors + k * n, i);
        for (size_t k = 0; k < i; k++)
            kernel->add_row(vectors + k * n, -scale[i] * u[k], scratch, i);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const double swap = vectors[i * n + j];
            vectors[i * n + j] = vectors[j * n + i];
            vectors[j * n + i] = swap;
        }
}

static double length_of(double x, double y)
{
    const double large = fmax(fabs(x), fabs(y));
    if (!(large > 0))
        return large;
    const double a = x / large;
    const double b = y / large;
    return large * sqrt(a * a + b * b);
}

/* Implicit QL of the tridiagonal (d, e); the same rotations go to the rows of vectors. */
static bool ql(const mf_spectral_kernel *kernel, double *d, double *e, size_t n, double *vectors,
               double *scratch)
{
    double *c = scratch;
    double *s = scratch + n;
    e[n - 1] = 0;
    for (size_t l = 0; l < n; l++)
        for (int step = 0;; step++) {
            size_t m = l;
            while (m + 1 < n && fabs(e[m]) > DBL_EPSILON * (fabs(d[m]) + fabs(d[m + 1])) &&
                   fabs(e[m]) > DBL_MIN)
                m++;
            if (m == l)
                break;
            if (step == QL_STEPS_MAX || !isfinite(d[l]) || !isfinite(e[l]))
                return false;
            /* Wilkinson's shift from the upper two by two. */
            double g = (d[l + 1] - d[l]) / (2 * e[l]);
            const double root = length_of(g, 1);
            g = d[m] - d[l] + e[l] / (g + (g >= 0 ? root : -root));
            double sine = 1;
            double cosine = 1;
            double p = 0;
            size_t done = l;
            for (size_t i = m; i-- > l;) {
                const double f = sine * e[i];
                const double b = cosine * e[i];
                const double r = length_of(f, g);
                e[i + 1] = r;
                if (!(r > 0)) {
                    /* The matrix falls apart here: go on with the shorter one. */
                    d[i + 1] -= p;
                    e[m] = 0;
                    done = i + 1;
                    break;
                }
                sine = f / r;
                cosine = g / r;
                g = d[i + 1] - p;
                const double t = (d[i] - g) * sine + 2 * cosine * b;
                p = sine * t;
                d[i + 1] = g + p;
                g = cosine * t - b;
                c[i] = cosine;
                s[i] = sine;
            }
            if (vectors != NULL && done < m)
                kernel->rotate_rows(vectors, n, n, done, m, c, s);
            if (done > l)
                continue;
            d[l] -= p;
            e[l] = g;
            e[m] = 0;
        }
    return true;
}

/* Falling; equal ones stay as they come. */
static void sort_falling(double *d, size_t n, double *vectors, double *scratch)
{
    for (size_t i = 0; i + 1 < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++)
            if (d[j] > d[best])
                best = j;
        if (best == i)
            continue;
        const double swap = d[i];
        d[i] = d[best];
        d[best] = swap;
        if (vectors != NULL) {
            memcpy(scratch, vectors + i * n, n * sizeof *scratch);
            memcpy(vectors + i * n, vectors + best * n, n * sizeof *scratch);
            memcpy(vectors + best * n, scratch, n * sizeof *scratch);
        }
    }
}

bool mf_eigen_symmetric(const mf_spectral_kernel *kernel, double *a, size_t n, double *values,
                        double *vectors, double *scratch, mf_error *err)
{
    double *e = scratch;
    double *scale = scratch + n;
    double *rest = scratch + 2 * n;
    if (n == 0)
        return true;
    for (size_t i = 0; i < n * n; i++)
        if (!isfinite(a[i]))
            return mf_fail(err, MF_ERR_DIVERGED, MF_NOWHERE,
                           "the projected matrix of the ranking model is not finite");
    tridiagonalize(kernel, a, n, values, e, scale, rest);
    if (vectors != NULL)
        accumulate(kernel, a, n, scale, vectors, rest);
    if (!ql(kernel, values, e, n, vectors, rest))
        return mf_fail(err, MF_ERR_DIVERGED, MF_NOWHERE,
                       "the eigenvalues of the ranking model were not found");
    sort_falling(values, n, vectors, rest);
    return true;
}

size_t mf_orthonormalizer(const mf_spectral_kernel *kernel, double *gram, size_t n, double least,
                          double *t, double *scratch)
{
    double *scale = scratch;
    size_t kept = 0;
    /* Columns of length 1: their lengths differ by orders of magnitude. */
    for (size_t i = 0; i < n; i++)
        scale[i] = gram[i * n + i] > 0 ? 1 / sqrt(gram[i * n + i]) : 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++)
            gram[i * n + j] *= scale[i] * scale[j];

    /* Cholesky, gram = RᵀR with R in the upper triangle. A dropped column's row is zero. */
    for (size_t i = 0; i < n; i++) {
        double *row = gram + i * n;
        if (!(row[i] > least * least)) {
            memset(row + i, 0, (n - i) * sizeof *row);
            continue;
        }
        const double inverse = 1 / sqrt(row[i]);
        for (size_t j = i; j < n; j++)
            row[j] *= inverse;
        for (size_t r = i + 1; r < n; r++)
            if (row[r] != 0)
                kernel->add_row(gram + r * n + r, -row[r], row + r, n - r);
        kept++;
    }

    /* t = R⁻¹ from the last row up, then scaled. */
    memset(t, 0, n * n * sizeof *t);
    for (size_t i = n; i-- > 0;) {
        const double *row = gram + i * n;
        double *to = t + i * n;
        if (!(row[i] > 0))
            continue;
        to[i] = 1;
        for (size_t j = i + 1; j < n; j++)
            if (row[j] != 0 && gram[j * n + j] > 0)
                kernel->add_row(to + j, -row[j], t + j * n + j, n - j);
        const double inverse = 1 / row[i];
        for (size_t j = i; j < n; j++)
            to[j] *= inverse;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++)
            t[i * n + j] *= scale[i];
    return kept;
}
