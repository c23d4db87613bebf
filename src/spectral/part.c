/* part.c: which ratings are set aside, and the sparse matrix of the others.
 *
 * Ratings are drawn by a hash of seed, user and item, so the draw depends on neither threads nor
 * order. The matrix has windows: of rows as boundaries within a user's row (kernels.h), of columns
 * as columns of their own. */
#include "spectral/part.h"

#include "base/memory.h"
#include "base/random.h"

#include <omp.h>
#include <string.h>

enum { SAMPLE_PURPOSE = 0x73616D70, ASIDE_PURPOSE = 0x61736964 };

static const double ASIDE = 0.2;

/* A window's entries are this part of their grades: 0.7 in codes. */
enum { WINDOW_GRADE = 179 };

/* The m-th smallest, from 1, of n different numbers; they change places. */
static uint64_t select_smallest(uint64_t *x, uint32_t n, uint32_t m)
{
    uint32_t low = 0;
    uint32_t high = n;
    while (high - low > 1) {
        const uint64_t pivot = x[low + (high - low) / 2];
        uint32_t i = low;
        uint32_t end = high;
        uint32_t k = low;
        /* Smaller ones to the front, larger ones to the end, the pivot between them. */
        while (k < end)
            if (x[k] < pivot) {
                const uint64_t swap = x[k];
                x[k++] = x[i];
                x[i++] = swap;
            } else if (x[k] > pivot) {
                const uint64_t swap = x[k];
                x[k] = x[--end];
                x[end] = swap;
            } else {
                k++;
            }
        if (m - 1 < i)
            high = i;
        else if (m - 1 >= end)
            low = end;
        else
            return pivot;
    }
    return x[low];
}

static uint32_t n_aside(uint32_t n)
{
    const uint32_t rounded = (uint32_t)(ASIDE * n + 0.5);
    return n < 2 ? 0 : rounded < 1 ? 1 : rounded;
}

static uint64_t draw(uint64_t key, uint32_t user, uint32_t item, uint32_t k)
{
    return (mf_random_bits(key, (uint64_t)user << 32 | item) & ~(uint64_t)UINT32_MAX) | k;
}

/* Marks a user's n ratings; draws is scratch [n]. */
static void mark_user(const mf_spectral_input *input, uint64_t key, uint32_t user, uint64_t *draws,
                      uint8_t *part)
{
    const uint64_t begin = input->user_start[user];
    const uint32_t n = (uint32_t)(input->user_start[user + 1] - begin);
    const uint32_t aside = n_aside(n);
    memset(part + begin, MF_PART_KEPT, n);
    if (aside == 0)
        return;
    for (uint32_t k = 0; k < n; k++)
        draws[k] = draw(key, user, input->item[begin + k], k);
    const uint64_t most = select_smallest(draws, n, aside);
    for (uint32_t k = 0; k < n; k++)
        if (draw(key, user, input->item[begin + k], k) <= most)
            part[begin + k] = MF_PART_ASIDE;
}

bool mf_part_mark(const mf_spectral_input *input, double ratings_most, uint64_t seed,
                  uint32_t n_threads, uint8_t *part, mf_error *err)
{
    const uint64_t sample_key = mf_random_key(seed, SAMPLE_PURPOSE);
    const uint64_t aside_key = mf_random_key(seed, ASIDE_PURPOSE);
    const double n = (double)input->user_start[input->n_users];
    const float sampled = n <= ratings_most ? 1 : (float)(ratings_most / n);
    const uint32_t threads = n_threads < input->n_users ? n_threads : input->n_users;
    uint64_t most = 0;
    for (uint32_t u = 0; u < input->n_users; u++)
        if (input->user_start[u + 1] - input->user_start[u] > most)
            most = input->user_start[u + 1] - input->user_start[u];
    uint64_t *draws = mf_allocate((size_t)threads * most, sizeof *draws, "set-aside ratings", err);
    if (draws == NULL)
        return false;
#pragma omp parallel for schedule(dynamic, 256) num_threads((int)threads)
    for (uint32_t u = 0; u < input->n_users; u++)
        if (sampled < 1 && mf_random_unit(sample_key, u) >= sampled)
            memset(part + input->user_start[u], MF_PART_NONE,
                   input->user_start[u + 1] - input->user_start[u]);
        else
            mark_user(input, aside_key, u, draws + (size_t)omp_get_thread_num() * most, part);
    mf_free(draws);
    return true;
}

uint32_t mf_part_ranks(const uint32_t *time_rank, const uint8_t *part, uint8_t only, uint32_t n,
                       uint32_t *counts, uint32_t *rank)
{
    uint32_t marked = 0;
    if (time_rank != NULL)
        memset(counts, 0, 2 * (size_t)n * sizeof *counts);
    for (uint32_t k = 0; k < n; k++)
        if (part == NULL || part[k] == only) {
            marked++;
            if (time_rank != NULL)
                counts[time_rank[k]]++;
        }
    if (time_rank != NULL)
        for (uint32_t t = 0, before = 0; t < 2 * n; t++) {
            const uint32_t here = counts[t];
            counts[t] = 2 * before + here - 1; /* not read when there is none */
            before += here;
        }
    for (uint32_t k = 0; k < n; k++)
        if (part == NULL || part[k] == only)
            rank[k] = time_rank == NULL ? marked - 1 : counts[time_rank[k]];
    return marked;
}

/* --- the matrix ------------------------------------------------------------------- */

uint32_t mf_part_windows(const mf_spectral_input *input, uint32_t user)
{
    const uint64_t n = input->user_start[user + 1] - input->user_start[user];
    const uint64_t windows = (n + MF_PART_WINDOW - 1) / MF_PART_WINDOW;
    if (input->time_rank == NULL || windows < 2)
        return 0;
    return windows < MF_SPECTRAL_WINDOWS ? (uint32_t)windows : MF_SPECTRAL_WINDOWS;
}

/* The window of a user's rating k, of n_windows > 0. */
static uint32_t window_of(const mf_spectral_input *input, uint32_t user, uint64_t k,
                          uint32_t n_windows)
{
    const uint64_t n = input->user_start[user + 1] - input->user_start[user];
    const uint64_t position = input->time_rank[k] / 2;
    return (uint32_t)(n <= (uint64_t)MF_PART_WINDOW * MF_SPECTRAL_WINDOWS
                          ? position / MF_PART_WINDOW
                          : position * n_windows / n);
}

uint64_t mf_part_n_rows(const mf_spectral_input *input)
{
    uint64_t n = input->n_users;
    for (uint32_t u = 0; u < input->n_users; u++)
        n += mf_part_windows(input, u);
    return n;
}

uint8_t mf_part_window_grade(uint8_t grade)
{
    const uint32_t product = WINDOW_GRADE * grade;
    return product < MF_GRADE_MAX ? 1 : (uint8_t)((product + MF_GRADE_MAX / 2) / MF_GRADE_MAX);
}

static bool is_in(const uint8_t *part, uint8_t only, uint64_t k)
{
    return part == NULL || part[k] == only;
}

/* Each user's entries window by window, each window's in the order of items. */
static bool rows_of_users(const mf_spectral_input *input, const uint8_t *part, uint8_t only,
                          uint32_t n_threads, mf_sparse_rows *rows, mf_error *err)
{
    const char *const what = "the ranking model's matrix";
    const uint32_t n_users = input->n_users;
    const uint64_t n_windows = mf_part_n_rows(input) - n_users;
    const int threads = (int)(n_threads < n_users ? n_threads : n_users);
    uint64_t *start = mf_allocate((size_t)n_users + 1, sizeof *start, what, err);
    uint64_t *row_window = mf_allocate((size_t)n_users + 1, sizeof *row_window, what, err);
    uint64_t *window_end = mf_allocate(n_windows + 1, sizeof *window_end, what, err);
    uint32_t *column = NULL;
    uint8_t *grade = NULL;
    if (start == NULL || row_window == NULL || window_end == NULL)
        goto failed;
    for (uint32_t u = 0; u < n_users; u++) {
        uint64_t n = 0;
        for (uint64_t k = input->user_start[u]; k < input->user_start[u + 1]; k++)
            n += is_in(part, only, k) ? 1 : 0;
        start[u + 1] = start[u] + n;
        row_window[u + 1] = row_window[u] + mf_part_windows(input, u);
    }
    column = mf_allocate(start[n_users], sizeof *column, what, err);
    grade = mf_allocate(start[n_users], sizeof *grade, what, err);
    if (column == NULL || grade == NULL)
        goto failed;
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
    for (uint32_t u = 0; u < n_users; u++) {
        const uint32_t n = (uint32_t)(row_window[u + 1] - row_window[u]);
        uint64_t *end = window_end + row_window[u];
        uint64_t at[MF_SPECTRAL_WINDOWS + 1] = {0};
        for (uint64_t k = input->user_start[u]; n > 0 && k < input->user_start[u + 1]; k++)
            if (is_in(part, only, k))
                at[window_of(input, u, k, n) + 1]++;
        at[0] = start[u];
        for (uint32_t w = 0; w < n; w++)
            end[w] = at[w + 1] += at[w];
        for (uint64_t k = input->user_start[u]; k < input->user_start[u + 1]; k++)
            if (is_in(part, only, k)) {
                const uint64_t to = at[n > 0 ? window_of(input, u, k, n) : 0]++;
                column[to] = input->item[k];
                grade[to] = input->grade[k];
            }
    }
    *rows = (mf_sparse_rows){.n_rows = n_users,
                             .start = start,
                             .column = column,
                             .grade = grade,
                             .row_window = row_window,
                             .window_end = window_end,
                             .window_weight = (float)(WINDOW_GRADE * WINDOW_GRADE) /
                                              (float)(MF_GRADE_MAX * MF_GRADE_MAX)};
    return true;
failed:
    mf_free(start);
    mf_free(row_window);
    mf_free(window_end);
    mf_free(column);
    mf_free(grade);
    return false;
}

/* Each entry of a column's user or window in the order of users: counted into start[item + 1] when
 * `column` is NULL, else written at start[item], which moves on. */
static void put_entries(const mf_spectral_input *input, const uint8_t *part, uint8_t only,
                        uint64_t *start, uint32_t *column, uint8_t *grade)
{
    uint32_t first_window = input->n_users;
    for (uint32_t u = 0; u < input->n_users; u++) {
        const uint32_t n_windows = mf_part_windows(input, u);
        for (uint64_t k = input->user_start[u]; k < input->user_start[u + 1]; k++) {
            const uint32_t item = input->item[k];
            if (!is_in(part, only, k))
                continue;
            if (column == NULL) {
                start[item + 1] += n_windows > 0 ? 2 : 1;
                continue;
            }
            column[start[item]] = u;
            grade[start[item]++] = input->grade[k];
            if (n_windows > 0) {
                column[start[item]] = first_window + window_of(input, u, k, n_windows);
                grade[start[item]++] = mf_part_window_grade(input->grade[k]);
            }
        }
        first_window += n_windows;
    }
}

static bool rows_of_items(const mf_spectral_input *input, const uint8_t *part, uint8_t only,
                          mf_sparse_rows *rows, mf_error *err)
{
    const char *const what = "the ranking model's matrix";
    const uint32_t n_items = input->n_items;
    uint32_t *column = NULL;
    uint8_t *grade = NULL;
    uint64_t *start = mf_allocate((size_t)n_items + 1, sizeof *start, what, err);
    if (start != NULL) {
        put_entries(input, part, only, start, NULL, NULL);
        for (uint32_t i = 0; i < n_items; i++)
            start[i + 1] += start[i];
        column = mf_allocate(start[n_items], sizeof *column, what, err);
        grade = column == NULL ? NULL : mf_allocate(start[n_items], sizeof *grade, what, err);
    }
    if (grade == NULL) {
        mf_free(start);
        mf_free(column);
        return false;
    }
    /* Each row's start moves over its entries to the next row's, and then back by one. */
    put_entries(input, part, only, start, column, grade);
    memmove(start + 1, start, n_items * sizeof *start);
    start[0] = 0;
    *rows = (mf_sparse_rows){.n_rows = n_items, .start = start, .column = column, .grade = grade};
    return true;
}

bool mf_part_rows(const mf_spectral_input *input, const uint8_t *part, uint8_t only,
                  bool transposed, uint32_t n_threads, mf_sparse_rows *rows, mf_error *err)
{
    return transposed ? rows_of_items(input, part, only, rows, err)
                      : rows_of_users(input, part, only, n_threads, rows, err);
}

void mf_part_rows_free(mf_sparse_rows *rows)
{
    mf_free(rows->start);
    mf_free(rows->column);
    mf_free(rows->grade);
    mf_free(rows->row_window);
    mf_free(rows->window_end);
    *rows = (mf_sparse_rows){0};
}
