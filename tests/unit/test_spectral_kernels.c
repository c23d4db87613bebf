/* Each kernel, on every instruction set of this machine, against plain loops: the order of each
 * sum is promised, so the bits are equal. */
#include "testing.h"

#include "base/random.h"
#include "spectral/kernels.h"

#include <math.h>

enum { ROWS = 23, COLUMNS = 37, ENTRIES_MAX = ROWS * COLUMNS, DENSE_MAX = 150 * 80 };

static const char *const cpus[] = {"sse2", "avx2", "avx512", "neon", "generic"};
enum { N_CPUS = sizeof cpus / sizeof *cpus };

/* The kernel for a CPU, or NULL when this machine or build has none. */
static const mf_spectral_kernel *kernel_for(const char *cpu)
{
    setenv("MF_CPU", cpu, 1);
    const mf_spectral_kernel *kernel = mf_spectral_kernel_choose();
    unsetenv("MF_CPU");
    return strcmp(kernel->cpu, cpu) == 0 ? kernel : NULL;
}

typedef void check_kernel(const mf_spectral_kernel *kernel);

static void on_each_cpu(check_kernel *check)
{
    size_t n = 0;
    for (size_t c = 0; c < N_CPUS; c++) {
        const mf_spectral_kernel *kernel = kernel_for(cpus[c]);
        if (kernel == NULL)
            continue;
        check(kernel);
        n++;
    }
    assert_true(n > 0);
}

static void fill_floats(float *to, size_t n, uint64_t key)
{
    for (size_t i = 0; i < n; i++)
        to[i] = mf_random_normal(key, i);
}

static void fill_doubles(double *to, size_t n, uint64_t key)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (double)mf_random_normal(key, i);
}

/* --- sparse ------------------------------------------------------------------- */

static uint64_t start[ROWS + 1];
static uint32_t column[ENTRIES_MAX];
static uint8_t grade[ENTRIES_MAX];
static float value[256];

/* Rows of all lengths: empty, one entry, full. */
static mf_sparse_rows make_rows(void)
{
    uint64_t n = 0;
    for (uint32_t r = 0; r < ROWS; r++) {
        for (uint32_t c = 0; c < COLUMNS; c++)
            if (mf_random_unit(1, (uint64_t)r << 32 | c) < (float)r / (ROWS - 1)) {
                column[n] = c;
                grade[n] = (uint8_t)(1 + mf_random_below(2, n, 255));
                n++;
            }
        start[r + 1] = n;
    }
    for (int code = 0; code < 256; code++)
        value[code] = (float)code / 255;
    return (mf_sparse_rows){.n_rows = ROWS, .start = start, .column = column, .grade = grade};
}

static uint64_t row_window[ROWS + 1];
static uint64_t window_end[ENTRIES_MAX + ROWS];

/* Rows cut into windows of any length, empty ones among them; each third row is not cut. */
static mf_sparse_rows make_windows(void)
{
    mf_sparse_rows y = make_rows();
    uint64_t n = 0;
    for (uint32_t r = 0; r < ROWS; r++) {
        if (r % 3 > 0) {
            for (uint64_t k = start[r]; k < start[r + 1]; k++)
                if (mf_random_below(9, k, 4) == 0)
                    window_end[n++] = k;
            window_end[n++] = start[r + 1];
        }
        row_window[r + 1] = n;
        assert_true(n - row_window[r] <= MF_SPECTRAL_WINDOWS);
    }
    y.row_window = row_window;
    y.window_end = window_end;
    y.window_weight = 0.5f;
    return y;
}

/* z += (YᵀY + ω Y'ᵀY') x of a row, Y' its windows, for one column of x. */
static void add_product(const mf_sparse_rows *y, uint32_t row, const float *x, float *z,
                        size_t width)
{
    static float own[COLUMNS + 1];
    const uint64_t first = y->row_window == NULL ? 0 : y->row_window[row];
    const uint64_t n = y->row_window == NULL ? 0 : y->row_window[row + 1] - first;
    float whole = 0;
    for (uint64_t w = 0; w < (n > 0 ? n : 1); w++) {
        const uint64_t begin = w == 0 ? start[row] : window_end[first + w - 1];
        const uint64_t end = n > 0 ? window_end[first + w] : start[row + 1];
        float sum = 0;
        for (uint64_t k = begin; k < end; k++)
            sum += value[grade[k]] * x[column[k] * width];
        whole += sum;
        for (uint64_t k = begin; k < end; k++)
            own[k - start[row]] = n > 0 ? y->window_weight * sum : 0;
    }
    for (uint64_t k = start[row]; k < start[row + 1]; k++)
        z[column[k] * width] += value[grade[k]] * (whole + own[k - start[row]]);
}

static void check_product_of(const mf_spectral_kernel *kernel, mf_sparse_rows y)
{
    static const struct {
        size_t width, at, n;
    } pieces[] = {{16, 0, 16}, {32, 0, 32}, {32, 0, 16}, {32, 16, 16}};
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        static float x[COLUMNS * 32], z[COLUMNS * 32], expected[COLUMNS * 32];
        const size_t width = pieces[p].width;
        fill_floats(x, COLUMNS * width, 3);
        fill_floats(z, COLUMNS * width, 4);
        memcpy(expected, z, sizeof z);
        for (uint32_t r = 0; r < ROWS; r++)
            for (size_t f = pieces[p].at; f < pieces[p].at + pieces[p].n; f++)
                add_product(&y, r, x + f, expected + f, width);
        kernel->product(&y, value, x + pieces[p].at, z + pieces[p].at, width, pieces[p].n);
        assert_memory_equal(z, expected, COLUMNS * width * sizeof *z);
    }
}

static void check_product(const mf_spectral_kernel *kernel)
{
    check_product_of(kernel, make_rows());
    check_product_of(kernel, make_windows());
}

static void check_gather(const mf_spectral_kernel *kernel)
{
    const mf_sparse_rows y = make_rows();
    enum { STRIDE = 48, FIRST = 3, LAST = ROWS - 2 };
    for (size_t n_out = 16; n_out <= 32; n_out += 16) {
        static float x[COLUMNS * 32], out[ROWS * STRIDE], expected[ROWS * STRIDE];
        fill_floats(x, COLUMNS * 32, 5);
        fill_floats(out, ROWS * STRIDE, 6);
        memcpy(expected, out, sizeof out);
        for (uint32_t r = FIRST; r < LAST; r++)
            for (size_t f = 0; f < n_out; f++) {
                float sum = 0;
                for (uint64_t k = start[r]; k < start[r + 1]; k++)
                    sum += value[grade[k]] * x[column[k] * 32 + f];
                expected[r * STRIDE + f] = sum;
            }
        kernel->gather(&y, value, x, 32, FIRST, LAST, out, STRIDE, n_out);
        assert_memory_equal(out, expected, sizeof out);
    }
}

/* --- dense -------------------------------------------------------------------- */

static void check_gram(const mf_spectral_kernel *kernel)
{
    static float a[DENSE_MAX], b[DENSE_MAX];
    static double out[32 * 40], expected[32 * 40];
    enum { STRIDE_A = 48, STRIDE_B = 32, STRIDE = 40 };
    fill_floats(a, DENSE_MAX, 7);
    fill_floats(b, DENSE_MAX, 8);
    for (size_t rows = 0; rows <= 141; rows += 47)
        for (size_t n_a = 16; n_a <= 32; n_a += 16)
            for (size_t n_b = 16; n_b <= 32; n_b += 16) {
                fill_doubles(out, 32 * STRIDE, 9);
                memcpy(expected, out, sizeof out);
                for (size_t i = 0; i < n_a; i++)
                    for (size_t j = 0; j < n_b; j++)
                        for (size_t r = 0; r < rows; r++)
                            expected[i * STRIDE + j] +=
                                (double)a[r * STRIDE_A + i] * (double)b[r * STRIDE_B + j];
                kernel->gram(a, STRIDE_A, n_a, b, STRIDE_B, n_b, rows, out, STRIDE);
                assert_memory_equal(out, expected, sizeof out);
            }
}

static void check_multiply(const mf_spectral_kernel *kernel)
{
    static float a[DENSE_MAX], t[DENSE_MAX], out[DENSE_MAX], expected[DENSE_MAX];
    enum { A_STRIDE = 45, T_STRIDE = 80, OUT_STRIDE = 80 };
    fill_floats(a, DENSE_MAX, 10);
    fill_floats(t, DENSE_MAX, 11);
    for (size_t rows = 0; rows <= 27; rows += 9)
        for (size_t n_c = 0; n_c <= 45; n_c += 15)
            for (size_t n_out = 16; n_out <= 80; n_out += 16)
                for (int add = 0; add < 2; add++) {
                    fill_floats(out, DENSE_MAX, 12);
                    memcpy(expected, out, sizeof out);
                    for (size_t r = 0; r < rows; r++)
                        for (size_t j = 0; j < n_out; j++) {
                            float sum = add ? expected[r * OUT_STRIDE + j] : 0;
                            for (size_t c = 0; c < n_c; c++)
                                sum += a[r * A_STRIDE + c] * t[c * T_STRIDE + j];
                            expected[r * OUT_STRIDE + j] = sum;
                        }
                    kernel->multiply(a, A_STRIDE, rows, n_c, t, T_STRIDE, out, OUT_STRIDE, n_out,
                                     add);
                    assert_memory_equal(out, expected, sizeof out);
                }
}

static void check_combine(const mf_spectral_kernel *kernel)
{
    static float a[100], b[100], c[100], out[100], expected[100];
    fill_floats(a, 100, 13);
    fill_floats(b, 100, 14);
    fill_floats(c, 100, 15);
    for (size_t n = 0; n <= 99; n += 11)
        for (int three = 0; three < 2; three++) {
            fill_floats(out, 100, 16);
            memcpy(expected, out, sizeof out);
            for (size_t i = 0; i < n; i++) {
                expected[i] = 0.3f * a[i] + -1.7f * b[i];
                if (three)
                    expected[i] += 2.1f * c[i];
            }
            kernel->combine(out, 0.3f, a, -1.7f, b, 2.1f, three ? c : NULL, n);
            assert_memory_equal(out, expected, sizeof out);
            /* In place. */
            memcpy(out, b, sizeof out);
            kernel->combine(out, 0.3f, a, -1.7f, out, 2.1f, three ? c : NULL, n);
            assert_memory_equal(out, expected, n * sizeof *out);
        }
}

/* --- small matrices of doubles ------------------------------------------------- */

static void check_rows_of_doubles(const mf_spectral_kernel *kernel)
{
    enum { STRIDE = 71 };
    static double a[STRIDE * STRIDE], expected[STRIDE * STRIDE];
    static double u[STRIDE], q[STRIDE], x[STRIDE], p[STRIDE], expected_p[STRIDE];
    fill_doubles(u, STRIDE, 17);
    fill_doubles(q, STRIDE, 18);
    fill_doubles(x, STRIDE, 19);
    for (size_t n = 1; n <= STRIDE; n += 10) {
        fill_doubles(a, STRIDE * STRIDE, 20);
        fill_doubles(p, STRIDE, 21);
        memcpy(expected, a, sizeof a);
        memcpy(expected_p, p, sizeof p);
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < n; j++) {
                expected[r * STRIDE + j] -= u[r] * q[j] + q[r] * u[j];
                expected_p[j] += x[r] * expected[r * STRIDE + j];
            }
        kernel->update_rows(a, STRIDE, n, u, q, x, p);
        assert_memory_equal(a, expected, sizeof a);
        assert_memory_equal(p, expected_p, sizeof p);

        for (size_t j = 0; j < n; j++)
            expected[j] += 0.37 * u[j];
        kernel->add_row(a, 0.37, u, n);
        assert_memory_equal(a, expected, sizeof a);

        for (size_t i = STRIDE - 1; i-- > 5;)
            for (size_t j = 0; j < n; j++) {
                const double here = expected[i * STRIDE + j];
                const double next = expected[(i + 1) * STRIDE + j];
                expected[(i + 1) * STRIDE + j] = q[i] * here + u[i] * next;
                expected[i * STRIDE + j] = u[i] * here - q[i] * next;
            }
        kernel->rotate_rows(a, STRIDE, n, 5, STRIDE - 1, u, q);
        assert_memory_equal(a, expected, sizeof a);
    }
}

static void the_product_with_the_sparse_matrix(void **state)
{
    (void)state;
    on_each_cpu(check_product);
}

static void sums_over_rows_of_the_sparse_matrix(void **state)
{
    (void)state;
    on_each_cpu(check_gather);
}

static void gram_tiles_of_all_widths_and_heights(void **state)
{
    (void)state;
    on_each_cpu(check_gram);
}

static void rows_times_a_matrix(void **state)
{
    (void)state;
    on_each_cpu(check_multiply);
}

static void combinations_also_in_place(void **state)
{
    (void)state;
    on_each_cpu(check_combine);
}

static void rows_of_doubles(void **state)
{
    (void)state;
    on_each_cpu(check_rows_of_doubles);
}

static void the_choice_ignores_names_that_it_does_not_have(void **state)
{
    (void)state;
    unsetenv("MF_CPU");
    const mf_spectral_kernel *best = mf_spectral_kernel_choose();
    setenv("MF_CPU", "vax", 1);
    assert_ptr_equal(mf_spectral_kernel_choose(), best);
    unsetenv("MF_CPU");
    for (size_t c = 0; c < N_CPUS; c++)
        print_message("%s: %s\n", cpus[c],
                      kernel_for(cpus[c]) != NULL ? "tested" : "not on this machine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_choice_ignores_names_that_it_does_not_have),
        cmocka_unit_test(the_product_with_the_sparse_matrix),
        cmocka_unit_test(sums_over_rows_of_the_sparse_matrix),
        cmocka_unit_test(gram_tiles_of_all_widths_and_heights),
        cmocka_unit_test(rows_times_a_matrix),
        cmocka_unit_test(combinations_also_in_place),
        cmocka_unit_test(rows_of_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
