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
    const size_t n_blocks = (size_t)grid->user_blocks * grid->item_blocks;
    const mf_grid_rating *rating = grid->ratings;
    for (uint64_t s = 0; s < grid->segment_start[n_blocks]; s++) {
        const mf_grid_segment segment = grid->segments[s];
        implicit->item_count[segment.item_row] += segment.count;
        for (uint32_t i = 0; i < segment.count; i++, rating++)
            implicit->user_count[rating->user_row]++;
    }
}

bool mf_implicit_create(mf_implicit *implicit, const mf_grid *grid, size_t stride, mf_error *err)
{
    const size_t row_bytes = stride * sizeof(float);
    implicit->user_vectors = mf_allocate(grid->n_users, row_bytes, "user vectors", err);
    implicit->item_priors = mf_allocate(grid->n_items, row_bytes, "item priors", err);
    implicit->user_count = mf_allocate(grid->n_users, sizeof(uint32_t), "counts of ratings", err);
    implicit->item_count = mf_allocate(grid->n_items, sizeof(uint32_t), "counts of ratings", err);
    if (implicit->user_vectors == NULL || implicit->item_priors == NULL ||
        implicit->user_count == NULL || implicit->item_count == NULL) {
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
    mf_free(implicit->item_count);
    memset(implicit, 0, sizeof *implicit);
}

static void add_rows(const mf_grid *grid, mf_sgd_add_rows *add, uint32_t a, uint32_t b, float *to,
                     const float *from, size_t stride)
{
    const size_t c = (size_t)a * grid->item_blocks + b;
    add(to, from, stride, grid->segments + grid->segment_start[c],
        grid->segment_start[c + 1] - grid->segment_start[c], grid->ratings + grid->rating_start[c]);
}

static void scale_row(float *rows, size_t row, size_t stride, float factor)
{
    for (size_t f = row * stride; f < (row + 1) * stride; f++)
        rows[f] *= factor;
}

void mf_implicit_update(mf_implicit *implicit, const mf_grid *grid, const mf_sgd_kernel *kernel,
                        mf_parameters *parameters, float rate, float damping, uint32_t n_threads)
{
    const size_t stride = parameters->stride;
    rate = rate > LEAST_RATE ? rate : LEAST_RATE;
    float *x = implicit->user_vectors;
    float *z = implicit->item_priors;
    float *v = parameters->item_factors;
#pragma omp parallel num_threads((int)n_threads)
    {
        /* v becomes q = v - z. */
#pragma omp for schedule(static)
        for (uint32_t row = 0; row < grid->n_items; row++)
            for (size_t f = row * stride; f < (row + 1) * stride; f++)
                v[f] -= z[f];

                /* x += rate · mean q. The sum is added to x · |N(u)| / rate, so that it needs no rows. */
#pragma omp for schedule(dynamic, 1)
        for (uint32_t a = 0; a < grid->user_blocks; a++) {
            const uint32_t first = grid->user_block_row[a], end = grid->user_block_row[a + 1];
            const uint32_t *count = implicit->user_count;
            for (uint32_t row = first; row < end; row++)
                scale_row(x, row, stride, (float)count[row] / rate);
            for (uint32_t turn = 0; turn < grid->item_blocks; turn++)
                add_rows(grid, kernel->items_to_users, a, mf_grid_item_block_at(grid, a, turn), x,
                         v, stride);
            for (uint32_t row = first; row < end; row++)
                scale_row(x, row, stride, count[row] > 0 ? rate / (float)count[row] : 0);
        }

#pragma omp for schedule(dynamic, 1)
        for (uint32_t b = 0; b < grid->item_blocks; b++) {
            const uint32_t first = grid->item_block_row[b], end = grid->item_block_row[b + 1];
            memset(z + first * stride, 0, (end - first) * stride * sizeof *z);
            for (uint32_t turn = 0; turn < grid->user_blocks; turn++)
                add_rows(grid, kernel->users_to_items, mf_grid_user_block_at(grid, b, turn), b, z,
                         x, stride);
            for (uint32_t row = first; row < end; row++) {
                const uint32_t n = implicit->item_count[row];
                scale_row(z, row, stride, n > 0 ? 1 / ((float)n + damping) : 0);
                for (size_t f = row * stride; f < (row + 1) * stride; f++)
                    v[f] += z[f];
            }
        }
    }
}
