/* kernels.c: promises in kernels.h.
 *
 * Compiled once for each instruction set, with MF_SPECTRAL_KERNEL naming the result
 * (CMakeLists.txt). Vectors run along columns, so a sum is never spread over lanes. */
#include "spectral/kernels.h"

#if defined __AVX512F__
enum { WIDTH = 16, ROW_TILE = 8, COLUMN_VECS = 2, GRAM_TILE = 8, GRAM_VECS = 2, ROW_VECS = 4 };
#elif defined __AVX__
enum { WIDTH = 8, ROW_TILE = 4, COLUMN_VECS = 2, GRAM_TILE = 4, GRAM_VECS = 2, ROW_VECS = 8 };
#else
enum { WIDTH = 4, ROW_TILE = 4, COLUMN_VECS = 2, GRAM_TILE = 4, GRAM_VECS = 2, ROW_VECS = 8 };
#endif
enum {
    DOUBLES = WIDTH / 2,
    SLICE = MF_SPECTRAL_SLICE,
    LANES = MF_SPECTRAL_LANES,
    GRAM_COLUMNS = GRAM_VECS * DOUBLES,
    GRAM_ROWS = 64, /* rows turned into doubles at a time: two panels of 16 KiB */

};
_Static_assert(LANES % GRAM_COLUMNS == 0 && LANES % GRAM_TILE == 0, "no tails in Gram tiles");

typedef float vec __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef double dvec __attribute__((vector_size(4 * WIDTH), aligned(8), may_alias));

#define INLINE static inline __attribute__((always_inline))

#if defined MF_PLAIN_LOOPS
#define UNROLL
#elif defined __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

INLINE vec load(const float *at)
{
    return *(const vec *)at;
}

INLINE void store(float *at, vec value)
{
    *(vec *)at = value;
}

INLINE dvec load_d(const double *at)
{
    return *(const dvec *)at;
}

INLINE void store_d(double *at, dvec value)
{
    *(dvec *)at = value;
}

/* --- Y and the block ------------------------------------------------------ */

/* sum = Σ y x[column][at …] over `parts` vectors of columns. */
INLINE void sum_entries(const mf_sparse_rows *y, const float value[256], uint64_t k, uint64_t end,
                        const float *x, size_t width, int parts, vec *sum)
{
    UNROLL
    for (int i = 0; i < parts; i++)
        sum[i] = (vec){0};
    for (; k < end; k++) {
        const float *row = x + y->column[k] * width;
        const float weight = value[y->grade[k]];
        UNROLL
        for (int i = 0; i < parts; i++)
            sum[i] += weight * load(row + i * WIDTH);
    }
}

/* z[column] += y sum */
INLINE void add_entries(const mf_sparse_rows *y, const float value[256], uint64_t k, uint64_t end,
                        float *restrict z, size_t width, int parts, const vec *sum)
{
    for (; k < end; k++) {
        float *row = z + y->column[k] * width;
        const float weight = value[y->grade[k]];
        UNROLL
        for (int i = 0; i < parts; i++)
            store(row + i * WIDTH, load(row + i * WIDTH) + weight * sum[i]);
    }
}

/* Of a row with n windows from entry `begin` on. */
INLINE void product_of_windows(const mf_sparse_rows *y, const float value[256], uint64_t begin,
                               const uint64_t *window_end, uint64_t n, const float *x,
                               float *restrict z, size_t width, int parts)
{
    vec own[MF_SPECTRAL_WINDOWS][ROW_VECS];
    vec whole[ROW_VECS];
    UNROLL
    for (int i = 0; i < parts; i++)
        whole[i] = (vec){0};
    for (uint64_t w = 0; w < n; w++) {
        vec sum[ROW_VECS];
        sum_entries(y, value, w == 0 ? begin : window_end[w - 1], window_end[w], x, width, parts,
                    sum);
        UNROLL
        for (int i = 0; i < parts; i++) {
            own[w][i] = y->window_weight * sum[i];
            whole[i] += sum[i];
        }
    }
    for (uint64_t w = 0; w < n; w++) {
        vec sum[ROW_VECS];
        UNROLL
        for (int i = 0; i < parts; i++)
            sum[i] = whole[i] + own[w][i];
        add_entries(y, value, w == 0 ? begin : window_end[w - 1], window_end[w], z, width, parts,
                    sum);
    }
}

INLINE void product_of(const mf_sparse_rows *y, const float value[256], const float *x,
                       float *restrict z, size_t width, size_t n)
{
    /* As many columns at a time as leave registers free. */
    const size_t most = (size_t)ROW_VECS * WIDTH;
    const size_t columns = n < most ? n : most;
    const int parts = (int)(columns / WIDTH);
    for (uint32_t r = 0; r < y->n_rows; r++) {
        const uint64_t begin = y->start[r];
        const uint64_t end = y->start[r + 1];
        const uint64_t window = y->row_window == NULL ? 0 : y->row_window[r];
        const uint64_t n_windows = y->row_window == NULL ? 0 : y->row_window[r + 1] - window;
        for (size_t at = 0; at < n; at += columns) {
            if (n_windows > 0) {
                product_of_windows(y, value, begin, y->window_end + window, n_windows, x + at,
                                   z + at, width, parts);
                continue;
            }
            vec sum[ROW_VECS];
            sum_entries(y, value, begin, end, x + at, width, parts, sum);
            add_entries(y, value, begin, end, z + at, width, parts, sum);
        }
    }
}

static void product(const mf_sparse_rows *y, const float value[256], const float *x, float *z,
                    size_t width, size_t n)
{
    if (n == SLICE)
        product_of(y, value, x, z, SLICE, SLICE);
    else if (width == SLICE)
        product_of(y, value, x, z, SLICE, LANES);
    else
        product_of(y, value, x, z, LANES, LANES);
}

static void gather(const mf_sparse_rows *y, const float value[256], const float *x, size_t width,
                   uint32_t first, uint32_t last, float *out, size_t out_stride, size_t n_out)
{
    for (uint32_t r = first; r < last; r++)
        for (size_t at = 0; at < n_out; at += LANES) {
            vec sum[LANES / WIDTH];
            sum_entries(y, value, y->start[r], y->start[r + 1], x + at, width, LANES / WIDTH, sum);
            UNROLL
            for (int i = 0; i < LANES / WIDTH; i++)
                store(out + r * out_stride + at + (size_t)i * WIDTH, sum[i]);
        }
}

/* --- dense ----------------------------------------------------------------- */

/* A tile of the Gram matrix over `rows` rows of doubles, SLICE from row to row. */
INLINE void gram_tile(const double *a, const double *b, size_t rows, double *gram, size_t stride)
{
    dvec sum[GRAM_TILE][GRAM_VECS];
    UNROLL
    for (int i = 0; i < GRAM_TILE; i++) {
        UNROLL
        for (int j = 0; j < GRAM_VECS; j++)
            sum[i][j] = load_d(gram + (size_t)i * stride + (size_t)j * DOUBLES);
    }
    for (size_t r = 0; r < rows; r++, a += SLICE, b += SLICE) {
        dvec right[GRAM_VECS];
        UNROLL
        for (int j = 0; j < GRAM_VECS; j++)
            right[j] = load_d(b + (size_t)j * DOUBLES);
        UNROLL
        for (int i = 0; i < GRAM_TILE; i++) {
            UNROLL
            for (int j = 0; j < GRAM_VECS; j++)
                sum[i][j] += a[i] * right[j];
        }
    }
    UNROLL
    for (int i = 0; i < GRAM_TILE; i++) {
        UNROLL
        for (int j = 0; j < GRAM_VECS; j++)
            store_d(gram + (size_t)i * stride + (size_t)j * DOUBLES, sum[i][j]);
    }
}

static void widen(const float *from, size_t stride, size_t n, size_t rows, double *to)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++)
            to[r * SLICE + i] = (double)from[r * stride + i];
}

static void gram(const float *a, size_t a_stride, size_t n_a, const float *b, size_t b_stride,
                 size_t n_b, size_t n_rows, double *out, size_t stride)
{
    double exact_a[GRAM_ROWS * SLICE];
    double exact_b[GRAM_ROWS * SLICE];
    for (size_t r = 0; r < n_rows; r += GRAM_ROWS) {
        const size_t rows = n_rows - r < GRAM_ROWS ? n_rows - r : GRAM_ROWS;
        widen(a + r * a_stride, a_stride, n_a, rows, exact_a);
        widen(b + r * b_stride, b_stride, n_b, rows, exact_b);
        for (size_t i = 0; i < n_a; i += GRAM_TILE)
            for (size_t j = 0; j < n_b; j += GRAM_COLUMNS)
                gram_tile(exact_a + i, exact_b + j, rows, out + i * stride + j, stride);
    }
}

INLINE void multiply_tile(const float *a, size_t a_stride, int rows, size_t n_c, const float *t,
                          size_t t_stride, float *out, size_t out_stride, int vecs, int add)
{
    vec sum[ROW_TILE][COLUMN_VECS];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int j = 0; j < vecs; j++)
            sum[r][j] = add ? load(out + (size_t)r * out_stride + (size_t)j * WIDTH) : (vec){0};
    }
    for (size_t c = 0; c < n_c; c++, t += t_stride) {
        vec right[COLUMN_VECS];
        UNROLL
        for (int j = 0; j < vecs; j++)
            right[j] = load(t + (size_t)j * WIDTH);
        UNROLL
        for (int r = 0; r < rows; r++) {
            const float left = a[(size_t)r * a_stride + c];
            UNROLL
            for (int j = 0; j < vecs; j++)
                sum[r][j] += left * right[j];
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int j = 0; j < vecs; j++)
            store(out + (size_t)r * out_stride + (size_t)j * WIDTH, sum[r][j]);
    }
}

INLINE void multiply_columns(const float *a, size_t a_stride, size_t n_rows, size_t n_c,
                             const float *t, size_t t_stride, float *out, size_t out_stride,
                             int vecs, int add)
{
    size_t r = 0;
    for (; r + ROW_TILE <= n_rows; r += ROW_TILE)
        multiply_tile(a + r * a_stride, a_stride, ROW_TILE, n_c, t, t_stride, out + r * out_stride,
                      out_stride, vecs, add);
    for (; r < n_rows; r++)
        multiply_tile(a + r * a_stride, a_stride, 1, n_c, t, t_stride, out + r * out_stride,
                      out_stride, vecs, add);
}

static void multiply(const float *a, size_t a_stride, size_t n_rows, size_t n_c, const float *t,
                     size_t t_stride, float *out, size_t out_stride, size_t n_out, int add)
{
    size_t j = 0;
    for (; j + COLUMN_VECS * WIDTH <= n_out; j += COLUMN_VECS * WIDTH)
        multiply_columns(a, a_stride, n_rows, n_c, t + j, t_stride, out + j, out_stride,
                         COLUMN_VECS, add);
    for (; j < n_out; j += WIDTH)
        multiply_columns(a, a_stride, n_rows, n_c, t + j, t_stride, out + j, out_stride, 1, add);
}

static void combine(float *out, float alpha, const float *a, float beta, const float *b,
                    float gamma, const float *c, size_t n)
{
    size_t i = 0;
    if (c == NULL) {
        for (; i + WIDTH <= n; i += WIDTH)
            store(out + i, alpha * load(a + i) + beta * load(b + i));
        for (; i < n; i++)
            out[i] = alpha * a[i] + beta * b[i];
        return;
    }
    for (; i + WIDTH <= n; i += WIDTH)
        store(out + i, alpha * load(a + i) + beta * load(b + i) + gamma * load(c + i));
    for (; i < n; i++)
        out[i] = alpha * a[i] + beta * b[i] + gamma * c[i];
}

/* --- small matrices of doubles ---------------------------------------------- */

static void add_row(double *to, double factor, const double *from, size_t n)
{
    size_t j = 0;
    for (; j + DOUBLES <= n; j += DOUBLES)
        store_d(to + j, load_d(to + j) + factor * load_d(from + j));
    for (; j < n; j++)
        to[j] += factor * from[j];
}

static void update_rows(double *a, size_t stride, size_t n, const double *u, const double *q,
                        const double *x, double *p)
{
    for (size_t r = 0; r < n; r++) {
        double *row = a + r * stride;
        const double ur = u[r];
        const double qr = q[r];
        const double xr = x[r];
        size_t j = 0;
        for (; j + DOUBLES <= n; j += DOUBLES) {
            const dvec next = load_d(row + j) - (ur * load_d(q + j) + qr * load_d(u + j));
            store_d(row + j, next);
            store_d(p + j, load_d(p + j) + xr * next);
        }
        for (; j < n; j++) {
            const double next = row[j] - (ur * q[j] + qr * u[j]);
            row[j] = next;
            p[j] += xr * next;
        }
    }
}

static void rotate_rows(double *z, size_t stride, size_t n, size_t first, size_t last,
                        const double *c, const double *s)
{
    enum { TOGETHER = 4 };
    size_t j = 0;
    for (; j + TOGETHER * DOUBLES <= n; j += TOGETHER * DOUBLES) {
        dvec next[TOGETHER];
        UNROLL
        for (int v = 0; v < TOGETHER; v++)
            next[v] = load_d(z + last * stride + j + (size_t)v * DOUBLES);
        for (size_t i = last; i-- > first;) {
            double *row = z + i * stride + j;
            UNROLL
            for (int v = 0; v < TOGETHER; v++) {
                const dvec here = load_d(row + (size_t)v * DOUBLES);
                store_d(row + stride + (size_t)v * DOUBLES, s[i] * here + c[i] * next[v]);
                next[v] = c[i] * here - s[i] * next[v];
            }
        }
        UNROLL
        for (int v = 0; v < TOGETHER; v++)
            store_d(z + first * stride + j + (size_t)v * DOUBLES, next[v]);
    }
    for (; j < n; j++)
        for (size_t i = last; i-- > first;) {
            const double here = z[i * stride + j];
            const double next = z[(i + 1) * stride + j];
            z[(i + 1) * stride + j] = s[i] * here + c[i] * next;
            z[i * stride + j] = c[i] * here - s[i] * next;
        }
}

extern const mf_spectral_kernel MF_SPECTRAL_KERNEL;
const mf_spectral_kernel MF_SPECTRAL_KERNEL = {
    MF_SPECTRAL_CPU, product, gather, gram, multiply, combine, add_row, update_rows, rotate_rows,
};
