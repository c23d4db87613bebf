/* implicit.c: mf_sgd_reference_priors (reference.c) in floats, over the blocks of the grid.
 *
 * Each user-block has one writer, and its vectors stay in the writer's cache while all item-blocks
 * pass by; then the same with the sides exchanged. So no list of an item's users is needed. */
#include "sgd/implicit.h"

#include "base/memory.h"

#include <string.h>

/* A smaller rate moves no float, and with it |N(u)| / rate would overflow. */
static const float LEAST_RATE = 1e-20f;

static void count_ratings(mf_implicit *implicit, const mf_grid *grid)
{
    const size_t n_cells = mf_grid_cell(grid, grid->end_block, 0);
    for (uint64_t k = 0; k < grid->rating_start[n_cells]; k++)
        implicit->user_count[grid->ratings[k].user_row]++;
}

bool mf_implicit_create(mf_implicit *implicit, const mf_grid *grid, size_t stride, mf_error *err)
{
    const size_t row_bytes = stride * sizeof(float);
    const uint32_t n_rows = mf_grid_n_rows(grid);
    implicit->item_count = grid->item_count;
    implicit->user_vectors = mf_allocate(n_rows, row_bytes, "user vectors", err);
    implicit->item_priors = mf_allocate(grid->n_items, row_bytes, "item priors", err);
    implicit->user_count = mf_allocate(n_rows, sizeof(uint32_t), "counts of ratings", err);
    if (implicit->user_vectors == NULL || implicit->item_priors == NULL ||
        implicit->user_count == NULL) {
        mf_implicit_release(implicit);
        return false;
    }
    count_ratings(implicit, grid);
    return true;
}

void mf_implicit_release(mf_implicit *implicit)
{
    mf_free(implicit->user_vectors);
    mf_free(implicit->item_priors);
    mf_free(implicit->user_count);
    memset(implicit, 0, sizeof *implicit);
}

static void add_rows(const mf_grid *grid, mf_sgd_add_rows *add, uint32_t a, uint32_t b, float *to,
                     const float *from, size_t stride)
{
    const size_t c = mf_grid_cell(grid, a, b);
    add(to, from, stride, grid->segments + grid->segment_start[c],
        grid->segment_start[c + 1] - grid->segment_start[c], grid->ratings + grid->rating_start[c]);
}

static void scale_row(float *rows, size_t row, size_t stride, float factor)
{
    for (size_t f = row * stride; f < (row + 1) * stride; f++)
        rows[f] *= factor;
}

static float usable(float rate)
{
    return rate > LEAST_RATE ? rate : LEAST_RATE;
}

void mf_implicit_open_users(mf_implicit *implicit, size_t first_row, size_t n, size_t stride,
                            float rate)
{
    for (size_t row = first_row; row < first_row + n; row++)
        scale_row(implicit->user_vectors, row, stride,
                  (float)implicit->user_count[row] / usable(rate));
}

void mf_implicit_close_users(mf_implicit *implicit, size_t first_row, size_t n, size_t stride,
                             float rate)
{
    for (size_t row = first_row; row < first_row + n; row++) {
        const uint32_t count = implicit->user_count[row];
        scale_row(implicit->user_vectors, row, stride, count > 0 ? usable(rate) / (float)count : 0);
    }
}

void mf_implicit_take_priors(const mf_implicit *implicit, float *v, size_t first_row, size_t n,
                             size_t stride)
{
    for (size_t f = first_row * stride; f < (first_row + n) * stride; f++)
        v[f] -= implicit->item_priors[f];
}

void mf_implicit_clear_priors(mf_implicit *implicit, size_t first_row, size_t n, size_t stride)
{
    memset(implicit->item_priors + first_row * stride, 0,
           n * stride * sizeof *implicit->item_priors);
}

void mf_implicit_close_items(mf_implicit *implicit, float *v, size_t first_row, size_t n,
                             size_t stride, float damping)
{
    float *z = implicit->item_priors;
    for (size_t row = first_row; row < first_row + n; row++) {
        const uint32_t count = implicit->item_count[row];
        scale_row(z, row, stride, count > 0 ? 1 / ((float)count + damping) : 0);
        for (size_t f = row * stride; f < (row + 1) * stride; f++)
            v[f] += z[f];
    }
}

void mf_implicit_add_items(mf_implicit *implicit, const mf_grid *grid, const mf_sgd_kernel *kernel,
                           const float *v, size_t stride, uint32_t user_block, uint32_t item_block)
{
    add_rows(grid, kernel->items_to_users, user_block, item_block, implicit->user_vectors, v,
             stride);
}

void mf_implicit_add_users(mf_implicit *implicit, const mf_grid *grid, const mf_sgd_kernel *kernel,
                           size_t stride, uint32_t user_block, uint32_t item_block)
{
    add_rows(grid, kernel->users_to_items, user_block, item_block, implicit->item_priors,
             implicit->user_vectors, stride);
}

void mf_implicit_update(mf_implicit *implicit, const mf_grid *grid, const mf_sgd_kernel *kernel,
                        mf_parameters *parameters, float rate, float damping, uint32_t n_threads)
{
    const size_t stride = parameters->stride;
    float *v = parameters->item_factors;
#pragma omp parallel num_threads((int)n_threads)
    {
#pragma omp for schedule(static)
        for (uint32_t row = 0; row < grid->n_items; row++)
            mf_implicit_take_priors(implicit, v, row, 1, stride);

            /* x += rate · mean q. The sum is added to x · |N(u)| / rate, so that it needs no rows. */
#pragma omp for schedule(dynamic, 1)
        for (uint32_t a = 0; a < grid->user_blocks; a++) {
            const uint32_t first = grid->user_block_row[a];
            const uint32_t n = grid->user_block_row[a + 1] - first;
            mf_implicit_open_users(implicit, first, n, stride, rate);
            for (uint32_t turn = 0; turn < grid->item_blocks; turn++)
                mf_implicit_add_items(implicit, grid, kernel, v, stride, a,
                                      mf_grid_item_block_at(grid, a, turn));
            mf_implicit_close_users(implicit, first, n, stride, rate);
        }

#pragma omp for schedule(dynamic, 1)
        for (uint32_t b = 0; b < grid->item_blocks; b++) {
            const uint32_t first = grid->item_block_row[b];
            const uint32_t n = grid->item_block_row[b + 1] - first;
            mf_implicit_clear_priors(implicit, first, n, stride);
            for (uint32_t turn = 0; turn < grid->user_blocks; turn++)
                mf_implicit_add_users(implicit, grid, kernel, stride,
                                      mf_grid_user_block_at(grid, b, turn), b);
            mf_implicit_close_items(implicit, v, first, n, stride, damping);
        }
    }
}
