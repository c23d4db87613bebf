/* subspace.c: block subspace iteration: products by slices, Gram matrices, Rayleigh–Ritz.
 *
 * In order: slices and dense products, life, iteration, directions. Each parallel loop divides
 * the outputs among threads, never a sum. */
#include "spectral/subspace.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/model.h"
#include "spectral/chain.h"
#include "spectral/eigen.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum {
    SLICE = MF_SPECTRAL_SLICE,
    LANES = MF_SPECTRAL_LANES,
    PANEL_ROWS = 256, /* of dense products; a slice of it fits the first-level cache */
    SPARE_LEAST = 16, /* columns beyond the wanted ones */
};

/* What is left of a column that depends on others, of its length: floats leave 1e-7. */
static const double LEAST_PART = 1e-6;
/* Weaker directions are noise of the floats. */
static const double LEAST_SPECTRUM = 1e-7;
static const double SQUARE_LIMIT = 1e4;

/* A thread is started for as many operations. Every parallel loop ends with a barrier, which takes
 * milliseconds when another process has the CPU. All of data/ with two threads beside seven other
 * jobs: 0.65 s when threads are always started, 0.44 s with this limit. */
static double operations_least = 5e7;
/* Of VᵀV from the identity: mended beyond the first, refused beyond the second. */
static const double SLIGHTLY_SKEW = 2e-6;
static const double SKEW = 1e-3;

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

double mf_subspace_least_work(double operations)
{
    const double before = operations_least;
    operations_least = operations;
    return before;
}

size_t mf_subspace_width(size_t n_wanted, size_t n)
{
    const size_t wanted = smaller(n_wanted, n);
    const size_t spare = wanted / 8 > SPARE_LEAST ? wanted / 8 : SPARE_LEAST;
    return round_up(smaller(wanted + spare, n), LANES);
}

/* --- slices ------------------------------------------------------------------ */

static size_t slices_of(size_t width)
{
    return (width + SLICE - 1) / SLICE;
}

static size_t width_of(size_t width, size_t slice)
{
    return smaller(width - slice * SLICE, SLICE);
}

static size_t n_slices(const mf_subspace *s)
{
    return slices_of(s->width);
}

static size_t slice_width(const mf_subspace *s, size_t slice)
{
    return width_of(s->width, slice);
}

static float *slice_of(const mf_subspace *s, float *block, size_t slice)
{
    return block + s->n * slice * SLICE;
}

static int threads_for(const mf_subspace *s, size_t n_tasks, double operations)
{
    const double worth = operations / operations_least;
    const size_t most = worth < 1 ? 1 : worth < s->n_threads ? (size_t)worth : s->n_threads;
    return (int)smaller(most, n_tasks > 0 ? n_tasks : 1);
}

/* z = A x. With more threads than slices each takes half of one. */
static bool multiply_by_a(mf_subspace *s, float *x, float *z, mf_error *err)
{
    if (mf_hosts_size(s->group) > 1) {
        const mf_chain chain = {s->group, s->kernel, &s->y, s->value, s->n, s->width, s->n_threads};
        return mf_chain_multiply(&chain, x, z, err);
    }
    const size_t piece = s->n_threads > n_slices(s) ? LANES : SLICE;
    const double entries = 4.0 * (double)s->y.start[s->y.n_rows];
    memset(z, 0, s->n * s->width * sizeof *z);
    const int threads = threads_for(s, s->width / piece + 1, entries * (double)s->width);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (size_t c = 0; c < s->width; c += piece) {
        const size_t width = slice_width(s, c / SLICE);
        s->kernel->product(&s->y, s->value, slice_of(s, x, c / SLICE) + c % SLICE,
                           slice_of(s, z, c / SLICE) + c % SLICE, width,
                           smaller(s->width - c, piece));
    }
    return true;
}

static void mirror(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i];
}

/* gram = aᵀ b, which is symmetric: its upper half is summed. */
static void gram_of(mf_subspace *s, float *a, float *b, double *gram)
{
    const size_t n = n_slices(s);
    const double operations = (double)s->n * (double)s->width * (double)s->width;
    const int threads = threads_for(s, n * (n + 1) / 2, operations);
    memset(gram, 0, s->width * s->width * sizeof *gram);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (size_t pair = 0; pair < n * n; pair++) {
        const size_t i = pair / n;
        const size_t j = pair % n;
        if (i <= j)
            s->kernel->gram(slice_of(s, a, i), slice_width(s, i), slice_width(s, i),
                            slice_of(s, b, j), slice_width(s, j), slice_width(s, j), s->n,
                            gram + i * SLICE * s->width + j * SLICE, s->width);
    }
    mirror(gram, s->width);
}

/* s->t = the small matrix m [width × width] in floats. */
static void narrow(mf_subspace *s, const double *m)
{
    for (size_t i = 0; i < s->width * s->width; i++)
        s->t[i] = (float)m[i];
}

/* The first out_width columns of x t; upper: of t the upper half is used. */
static void multiply_by_t(mf_subspace *s, float *x, float *out, size_t out_width, bool upper)
{
    const size_t n = n_slices(s);
    const size_t panels = (s->n + PANEL_ROWS - 1) / PANEL_ROWS;
    const double operations = (double)s->n * (double)s->width * (double)out_width;
    const int threads = threads_for(s, panels, operations);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t panel = 0; panel < panels; panel++) {
        const size_t first = panel * PANEL_ROWS;
        const size_t rows = smaller(s->n - first, PANEL_ROWS);
        for (size_t j = 0; j < slices_of(out_width); j++)
            for (size_t i = 0; i < (upper ? j + 1 : n); i++) {
                const size_t in = slice_width(s, i);
                const size_t columns = width_of(out_width, j);
                s->kernel->multiply(slice_of(s, x, i) + first * in, in, rows, in,
                                    s->t + i * SLICE * s->width + j * SLICE, s->width,
                                    slice_of(s, out, j) + first * columns, columns, columns, i > 0);
            }
    }
}

/* out = alpha a + beta b (+ gamma c) */
static void combine(mf_subspace *s, float *out, double alpha, const float *a, double beta,
                    const float *b, double gamma, const float *c)
{
    const size_t piece = (size_t)PANEL_ROWS * LANES;
    const size_t n = s->n * s->width;
    const size_t pieces = (n + piece - 1) / piece;
    const int threads = threads_for(s, pieces, 16.0 * (double)n);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t p = 0; p < pieces; p++) {
        const size_t at = p * piece;
        s->kernel->combine(out + at, (float)alpha, a + at, (float)beta, b + at, (float)gamma,
                           c == NULL ? NULL : c + at, smaller(n - at, piece));
    }
}

/* --- life -------------------------------------------------------------------- */

mf_subspace *mf_subspace_create(const mf_spectral_kernel *kernel, size_t n, size_t n_wanted,
                                uint32_t n_threads, mf_error *err)
{
    mf_subspace *s = mf_allocate(1, sizeof *s, "the ranking model's iteration", err);
    if (s == NULL)
        return NULL;
    s->kernel = kernel;
    s->n = n;
    s->n_wanted = s->n_most = smaller(n_wanted, n);
    s->width = mf_subspace_width(n_wanted, n);
    s->n_threads = n_threads > 0 ? n_threads : 1;
    for (int code = 0; code < 256; code++)
        s->value[code] = (float)code / 255;
    const size_t square = s->width * s->width;
    float **const blocks[] = {&s->x, &s->z, &s->spare};
    double **const doubles[] = {&s->h,        &s->small[0], &s->small[1],
                                &s->small[2], &s->small[3], &s->scratch};
    bool ok = true;
    for (size_t i = 0; ok && i < 3; i++) {
        size_t cells;
        ok = mf_mul(n, s->width, &cells) ||
             mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the ranking model's vectors");
        if (ok)
            *blocks[i] = mf_allocate(cells, sizeof(float), "the ranking model's vectors", err);
        ok = ok && *blocks[i] != NULL;
    }
    for (size_t i = 0; ok && i < sizeof doubles / sizeof *doubles; i++) {
        const size_t cells = doubles[i] == &s->scratch ? mf_eigen_scratch(s->width) : square;
        *doubles[i] = mf_allocate(cells, sizeof(double), "the ranking model's iteration", err);
        ok = *doubles[i] != NULL;
    }
    if (ok) {
        s->t = mf_allocate(square, sizeof *s->t, "the ranking model's iteration", err);
        s->ritz = mf_allocate(s->width, sizeof *s->ritz, "the ranking model's iteration", err);
        s->before = mf_allocate(s->width, sizeof *s->before, "the ranking model's iteration", err);
        s->values = mf_allocate(s->width, sizeof *s->values, "the ranking model's iteration", err);
        ok = s->t != NULL && s->ritz != NULL && s->before != NULL && s->values != NULL;
    }
    if (!ok) {
        mf_subspace_destroy(s);
        return NULL;
    }
    return s;
}

void mf_subspace_destroy(mf_subspace *s)
{
    if (s == NULL)
        return;
    mf_free(s->x);
    mf_free(s->z);
    mf_free(s->spare);
    mf_free(s->h);
    for (size_t i = 0; i < sizeof s->small / sizeof *s->small; i++)
        mf_free(s->small[i]);
    mf_free(s->scratch);
    mf_free(s->t);
    mf_free(s->ritz);
    mf_free(s->before);
    mf_free(s->values);
    mf_free(s);
}

void mf_subspace_start(mf_subspace *s, const mf_sparse_rows *y, uint64_t seed)
{
    const uint64_t key = mf_random_key(seed, 0x73706563);
    s->y = *y;
    memset(&s->at, 0, sizeof s->at);
    const int threads = threads_for(s, n_slices(s), 16.0 * (double)s->n * (double)s->width);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t k = 0; k < n_slices(s); k++) {
        const size_t width = slice_width(s, k);
        float *x = slice_of(s, s->x, k);
        for (size_t r = 0; r < s->n; r++)
            for (size_t c = 0; c < width; c++)
                x[r * width + c] = mf_random_normal(key, (uint64_t)(k * SLICE + c) << 32 | r);
    }
}

/* --- iteration --------------------------------------------------------------- */

/* to = from t with orthonormal columns, the ones that depend on others zero. */
static bool orthonormalize(mf_subspace *s, float *from, float *to, mf_error *err)
{
    double *gram = s->small[0];
    gram_of(s, from, from, gram);
    for (size_t i = 0; i < s->width * s->width; i++)
        if (!isfinite(gram[i]))
            return mf_fail(err, MF_ERR_DIVERGED, MF_NOWHERE,
                           "the ranking model's vectors are not finite");
    if (mf_orthonormalizer(s->kernel, gram, s->width, LEAST_PART, s->small[1], s->scratch) == 0)
        return mf_fail(err, MF_ERR_DIVERGED, MF_NOWHERE, "the ranking model's vectors are zero");
    narrow(s, s->small[1]);
    multiply_by_t(s, from, to, s->width, true);
    return true;
}

/* z = A x and what H tells. */
static bool ritz_step(mf_subspace *s, mf_error *err)
{
    if (!multiply_by_a(s, s->x, s->z, err))
        return false;
    gram_of(s, s->x, s->z, s->h);
    memcpy(s->small[0], s->h, s->width * s->width * sizeof *s->h);
    double *swap = s->before;
    s->before = s->ritz;
    s->ritz = swap;
    if (!mf_eigen_symmetric(s->kernel, s->small[0], s->width, s->ritz, NULL, s->scratch, err))
        return false;
    double weights = 0;
    double changes = 0;
    for (size_t j = 0; j < s->n_wanted && s->ritz[j] > LEAST_SPECTRUM * s->ritz[0]; j++) {
        const double part = s->ritz[j] / (s->ritz[j] + s->regularization);
        const double weight = part * part; /* as in a score */
        weights += weight;
        changes += weight * fabs(s->ritz[j] - s->before[j]) / s->ritz[j];
    }
    s->at.stage = MF_SUBSPACE_RITZ;
    s->at.n_ritz++;
    s->at.change = s->at.n_ritz > 1 && weights > 0 ? changes / weights : 0;
    s->at.converged = s->n <= s->width || (s->at.n_ritz > 1 && s->at.change < s->tolerance) ? 1 : 0;
    return true;
}

static bool filter_step(mf_subspace *s, mf_error *err)
{
    const double most = s->ritz[0];
    const double bound = fmax(s->ritz[s->width - 1], LEAST_SPECTRUM * most);
    const double c = bound / 2;
    if (most > SQUARE_LIMIT * bound) {
        combine(s, s->spare, 1 / most, s->z, -c / most, s->x, 0, NULL);
        return orthonormalize(s, s->spare, s->x, err) && ritz_step(s, err);
    }
    /* Scaled so that the largest becomes 1: X₁ = g₁/c (A - c) X, g₁ = c / (most - c), and
     * X₂ = 2 g₂/c (A - c) X₁ - g₁ g₂ X, g₂ = 1 / (2/g₁ - g₁). */
    const double g1 = c / (most - c);
    const double g2 = 1 / (2 / g1 - g1);
    combine(s, s->z, g1 / c, s->z, -g1, s->x, 0, NULL);
    if (!multiply_by_a(s, s->z, s->spare, err))
        return false;
    combine(s, s->spare, 2 * g2 / c, s->spare, -2 * g2, s->z, -g1 * g2, s->x);
    s->at.stage = MF_SUBSPACE_ORTHONORMAL;
    return orthonormalize(s, s->spare, s->x, err);
}

bool mf_subspace_step(mf_subspace *s, mf_error *err)
{
    s->at.steps++;
    switch (s->at.stage) {
    case MF_SUBSPACE_START:
        if (!multiply_by_a(s, s->x, s->spare, err))
            return false;
        s->at.stage = MF_SUBSPACE_ORTHONORMAL;
        return orthonormalize(s, s->spare, s->x, err);
    case MF_SUBSPACE_ORTHONORMAL:
        return ritz_step(s, err);
    default:
        return filter_step(s, err);
    }
}

/* --- directions -------------------------------------------------------------- */

/* out = a b, small matrices. */
static void multiply_small(const mf_subspace *s, const double *a, const double *b, double *out)
{
    const size_t n = s->width;
    memset(out, 0, n * n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            if (a[i * n + k] != 0)
                s->kernel->add_row(out + i * n, a[i * n + k], b + k * n, n);
}

static void transpose(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const double swap = a[i * n + j];
            a[i * n + j] = a[j * n + i];
            a[j * n + i] = swap;
        }
}

/* values [width] falling and s->t = W with (X W)ᵀ (X W) = I and Wᵀ H W diagonal: X is
 * orthonormal to the precision of floats only, so its own Gram matrix is taken off first. */
static bool rayleigh_ritz(mf_subspace *s, double *values, mf_error *err)
{
    const size_t n = s->width;
    double *gram = s->small[0];
    double *basis = s->small[1];
    double *work = s->small[2];
    double *rotation = s->small[3];
    if (s->at.stage != MF_SUBSPACE_RITZ) {
        if (!multiply_by_a(s, s->x, s->spare, err))
            return false;
        gram_of(s, s->x, s->spare, s->h);
    }
    gram_of(s, s->x, s->x, gram);
    mf_orthonormalizer(s->kernel, gram, n, LEAST_PART, basis, s->scratch);
    multiply_small(s, s->h, basis, work);
    transpose(basis, n);
    multiply_small(s, basis, work, gram);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            gram[i * n + j] = gram[j * n + i] = (gram[i * n + j] + gram[j * n + i]) / 2;
    if (!mf_eigen_symmetric(s->kernel, gram, n, values, rotation, s->scratch, err))
        return false;
    transpose(basis, n);
    transpose(rotation, n);
    multiply_small(s, basis, rotation, work);
    narrow(s, work);
    return true;
}

bool mf_subspace_restart(mf_subspace *s, size_t n_wanted, mf_error *err)
{
    if (!rayleigh_ritz(s, s->values, err))
        return false;
    n_wanted = smaller(n_wanted, s->n_most);
    const size_t width = mf_subspace_width(n_wanted, s->n);
    multiply_by_t(s, s->x, s->spare, width, false);
    float *swap = s->x;
    s->x = s->spare;
    s->spare = swap;
    s->n_wanted = n_wanted;
    s->width = width;
    memset(&s->at, 0, sizeof s->at);
    s->at.stage = MF_SUBSPACE_ORTHONORMAL;
    return true;
}

/* gram [stride × stride] of vectors [rows × stride]; the largest difference from the identity
 * on the first k. */
static double skewness(mf_subspace *s, const float *vectors, size_t rows, size_t stride, size_t k,
                       double *gram)
{
    const size_t n = (stride + SLICE - 1) / SLICE;
    const double operations = (double)rows * (double)stride * (double)stride;
    const int threads = threads_for(s, n * (n + 1) / 2, operations);
    memset(gram, 0, stride * stride * sizeof *gram);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (size_t pair = 0; pair < n * n; pair++) {
        const size_t i = pair / n;
        const size_t j = pair % n;
        if (i <= j)
            s->kernel->gram(vectors + i * SLICE, stride, smaller(stride - i * SLICE, SLICE),
                            vectors + j * SLICE, stride, smaller(stride - j * SLICE, SLICE), rows,
                            gram + i * SLICE * stride + j * SLICE, stride);
    }
    double most = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i; j < k; j++) {
            const double off = fabs(gram[i * stride + j] - (i == j ? 1 : 0));
            if (!(off <= most))
                most = off; /* also when it is not a number */
        }
    return most;
}

/* vectors = vectors basis, in place, panel by panel through copies [threads × PANEL_ROWS ×
 * stride]. */
static void mend(mf_subspace *s, float *vectors, size_t rows, size_t stride, const double *basis,
                 float *copies, int n_threads)
{
    const size_t panels = (rows + PANEL_ROWS - 1) / PANEL_ROWS;
    for (size_t i = 0; i < stride * stride; i++)
        s->t[i] = (float)basis[i];
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (size_t panel = 0; panel < panels; panel++) {
        float *copy = copies + (size_t)omp_get_thread_num() * PANEL_ROWS * stride;
        float *at = vectors + panel * PANEL_ROWS * stride;
        const size_t n = smaller(rows - panel * PANEL_ROWS, PANEL_ROWS);
        memcpy(copy, at, n * stride * sizeof *copy);
        s->kernel->multiply(copy, stride, n, stride, s->t, stride, at, stride, stride, 0);
    }
}

static bool make_orthonormal(mf_subspace *s, float *vectors, size_t rows, size_t stride, size_t k,
                             mf_error *err)
{
    double *gram = s->small[0];
    double skew = skewness(s, vectors, rows, stride, k, gram);
    if (skew > SLIGHTLY_SKEW && isfinite(skew)) {
        const int n_threads = threads_for(s, (rows + PANEL_ROWS - 1) / PANEL_ROWS,
                                          2.0 * (double)rows * (double)stride * (double)stride);
        float *copies = mf_allocate((size_t)n_threads * PANEL_ROWS * stride, sizeof *copies,
                                    "the ranking model's vectors", err);
        if (copies == NULL)
            return false;
        mf_orthonormalizer(s->kernel, gram, stride, LEAST_PART, s->small[1], s->scratch);
        mend(s, vectors, rows, stride, s->small[1], copies, n_threads);
        mf_free(copies);
        skew = skewness(s, vectors, rows, stride, k, gram);
    }
    if (!(skew <= SKEW))
        return mf_fail(err, MF_ERR_DIVERGED, MF_NOWHERE,
                       "the ranking model's vectors are not orthonormal (by %g)", skew);
    return true;
}

/* The largest component of each direction becomes positive, the first of equal ones. */
static bool fix_signs(mf_subspace *s, float *vectors, size_t rows, size_t stride, mf_error *err)
{
    int damaged = 0;
    const int threads = threads_for(s, stride / LANES, 8.0 * (double)rows * (double)stride);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t at = 0; at < stride; at += LANES) {
        float largest[LANES] = {0};
        float sign[LANES];
        bool finite = true;
        for (size_t f = 0; f < LANES; f++)
            sign[f] = 1;
        for (size_t r = 0; r < rows; r++)
            for (size_t f = 0; f < LANES; f++) {
                const float v = vectors[r * stride + at + f];
                finite = finite && isfinite(v);
                if (fabsf(v) > largest[f]) {
                    largest[f] = fabsf(v);
                    sign[f] = v < 0 ? -1.0f : 1.0f;
                }
            }
        for (size_t r = 0; r < rows; r++)
            for (size_t f = 0; f < LANES; f++) {
                float *v = &vectors[r * stride + at + f];
                *v = *v * sign[f] + 0.0f; /* no -0 */
            }
        if (!finite)
#pragma omp atomic write
            damaged = 1;
    }
    return damaged == 0 ||
           mf_fail(err, MF_ERR_DIVERGED, MF_NOWHERE, "the ranking model's vectors are not finite");
}

/* vectors = X W, row by row. */
static void of_columns(mf_subspace *s, float *vectors, size_t stride)
{
    const size_t n = n_slices(s);
    const size_t panels = (s->n + PANEL_ROWS - 1) / PANEL_ROWS;
    const double operations = 2.0 * (double)s->n * (double)s->width * (double)stride;
    const int threads = threads_for(s, panels, operations);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t panel = 0; panel < panels; panel++) {
        const size_t first = panel * PANEL_ROWS;
        const size_t rows = smaller(s->n - first, PANEL_ROWS);
        for (size_t i = 0; i < n; i++)
            s->kernel->multiply(slice_of(s, s->x, i) + first * slice_width(s, i), slice_width(s, i),
                                rows, slice_width(s, i), s->t + i * SLICE * s->width, s->width,
                                vectors + first * stride, stride, stride, i > 0);
    }
}

/* vectors = Y (X W), each column over its σ. */
static void of_rows(mf_subspace *s, float *vectors, size_t stride, const double *values, size_t k)
{
    const size_t panels = (s->y.n_rows + PANEL_ROWS - 1) / PANEL_ROWS;
    float *inverse = (float *)s->scratch;
    multiply_by_t(s, s->x, s->spare, s->width, false);
    for (size_t f = 0; f < stride; f++)
        inverse[f] = f < k ? (float)(1 / sqrt(values[f])) : 0;
    const double operations = 2.0 * (double)s->y.start[s->y.n_rows] * (double)stride;
    const int threads = threads_for(s, panels, operations);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (size_t panel = 0; panel < panels; panel++) {
        const size_t first = panel * PANEL_ROWS;
        const size_t last = smaller(s->y.n_rows, first + PANEL_ROWS);
        for (size_t at = 0; at < stride; at += SLICE)
            s->kernel->gather(&s->y, s->value, slice_of(s, s->spare, at / SLICE),
                              slice_width(s, at / SLICE), (uint32_t)first, (uint32_t)last,
                              vectors + at, stride, smaller(stride - at, SLICE));
        for (size_t r = first; r < last; r++)
            for (size_t f = 0; f < stride; f++)
                vectors[r * stride + f] *= inverse[f];
    }
}

size_t mf_subspace_directions(mf_subspace *s, bool by_columns, double *spectrum, float *vectors,
                              mf_error *err)
{
    double *values = s->values;
    if (!rayleigh_ritz(s, values, err))
        return 0;
    size_t k = 0;
    while (k < s->n_wanted && values[k] > LEAST_SPECTRUM * values[0]) {
        spectrum[k] = values[k];
        k++;
    }
    if (k == 0) {
        mf_fail(err, MF_ERR_DIVERGED, MF_NOWHERE, "the ranking model has no direction");
        return 0;
    }
    const size_t stride = mf_model_stride((uint32_t)k);
    const size_t rows = by_columns ? s->n : s->y.n_rows;
    for (size_t i = 0; i < s->width; i++)
        for (size_t f = k; f < s->width; f++)
            s->t[i * s->width + f] = 0;
    if (by_columns)
        of_columns(s, vectors, stride);
    else
        of_rows(s, vectors, stride, spectrum, k);
    if (!make_orthonormal(s, vectors, rows, stride, k, err) ||
        !fix_signs(s, vectors, rows, stride, err))
        return 0;
    return k;
}
