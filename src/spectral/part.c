/* part.c: promises in part.h. */
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

uint32_t mf_part_windows(const mf_spectral_input *input, uint32_t user)
{
    const uint64_t n = input->user_start[user + 1] - input->user_start[user];
    return input->time_rank == NULL || n <= MF_PART_WINDOW
               ? 0
               : (uint32_t)((n + MF_PART_WINDOW - 1) / MF_PART_WINDOW);
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

/* Every entry of the matrix in the order of users and their items: counted into start[row + 1]
 * when `column` is NULL, else written at start[row], which moves on. */
static void put_entries(const mf_spectral_input *input, const uint8_t *part, uint8_t only,
                        bool transposed, uint64_t *start, uint32_t *column, uint8_t *grade)
{
    uint32_t window = input->n_users;
    for (uint32_t u = 0; u < input->n_users; u++) {
        const uint32_t n_windows = mf_part_windows(input, u);
        for (uint64_t k = input->user_start[u]; k < input->user_start[u + 1]; k++) {
            if (part != NULL && part[k] != only)
                continue;
            for (int twice = 0; twice < (n_windows > 0 ? 2 : 1); twice++) {
                const uint32_t mine =
                    twice == 0 ? u : window + input->time_rank[k] / 2 / MF_PART_WINDOW;
                const uint32_t row = transposed ? input->item[k] : mine;
                if (column == NULL) {
                    start[row + 1]++;
                    continue;
                }
                const uint64_t at = start[row]++;
                column[at] = transposed ? mine : input->item[k];
                grade[at] = twice == 0 ? input->grade[k] : mf_part_window_grade(input->grade[k]);
            }
        }
        window += n_windows;
    }
}

bool mf_part_rows(const mf_spectral_input *input, const uint8_t *part, uint8_t only,
                  bool transposed, mf_sparse_rows *rows, mf_error *err)
{
    const char *const what = "the ranking model's matrix";
    const uint64_t n_rows = transposed ? input->n_items : mf_part_n_rows(input);
    uint32_t *column = NULL;
    uint8_t *grade = NULL;
    uint64_t *start = mf_allocate((size_t)n_rows + 1, sizeof *start, what, err);
    if (start != NULL) {
        put_entries(input, part, only, transposed, start, NULL, NULL);
        for (uint64_t r = 0; r < n_rows; r++)
            start[r + 1] += start[r];
        column = mf_allocate(start[n_rows], sizeof *column, what, err);
        grade = column == NULL ? NULL : mf_allocate(start[n_rows], sizeof *grade, what, err);
    }
    if (grade == NULL) {
        mf_free(start);
        mf_free(column);
        return false;
    }
    /* Each row's start moves over its entries to the next row's, and then back by one. */
    put_entries(input, part, only, transposed, start, column, grade);
    memmove(start + 1, start, n_rows * sizeof *start);
    start[0] = 0;
    *rows = (mf_sparse_rows){(uint32_t)n_rows, start, column, grade};
    return true;
}

void mf_part_rows_free(mf_sparse_rows *rows)
{
    mf_free(rows->start);
    mf_free(rows->column);
    mf_free(rows->grade);
    *rows = (mf_sparse_rows){0};
}
