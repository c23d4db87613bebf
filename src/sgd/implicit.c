/* implicit.c: promises in implicit.h.
 *
 * Both sums run over the grid's blocks: a user-block's vectors have one writer
 * and stay in its cache while all item-blocks pass by, and the other way round.
 * So no list of an item's users is needed. */
#include "sgd/implicit.h"

#include "base/memory.h"

#include <string.h>

/* Moves nothing that a float could show, and |N(u)| / rate is still one. */
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

static void gather_block(const mf_grid *grid, mf_gather_block *gather, uint32_t a, uint32_t b,
                         float *to, const float *from, size_t stride)
{
    const size_t c = (size_t)a * grid->item_blocks + b;
    gather(to, from, stride, grid->segments + grid->segment_start[c],
           grid->segment_start[c + 1] - grid->segment_start[c],
           grid->ratings + grid->rating_start[c]);
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
        /* v becomes q: what the priors do not explain. */
#pragma omp for schedule(static)
        for (uint32_t row = 0; row < grid->n_items; row++)
            for (size_t f = row * stride; f < (row + 1) * stride; f++)
                v[f] -= z[f];

                /* x += rate · mean q. The sum is taken on top of x · |N(u)| / rate, so
                 * that it needs no rows of its own. */
#pragma omp for schedule(dynamic, 1)
        for (uint32_t a = 0; a < grid->user_blocks; a++) {
            for (uint32_t row = grid->user_block_row[a]; row < grid->user_block_row[a + 1]; row++) {
                const float up = (float)implicit->user_count[row] / rate;
                for (size_t f = row * stride; f < (row + 1) * stride; f++)
                    x[f] *= up;
            }
            for (uint32_t turn = 0; turn < grid->item_blocks; turn++)
                gather_block(grid, kernel->items_to_users, a, mf_grid_item_block_at(grid, a, turn),
                             x, v, stride);
            for (uint32_t row = grid->user_block_row[a]; row < grid->user_block_row[a + 1]; row++) {
                const uint32_t n = implicit->user_count[row];
                const float down = n > 0 ? rate / (float)n : 0;
                for (size_t f = row * stride; f < (row + 1) * stride; f++)
                    x[f] *= down;
            }
        }

#pragma omp for schedule(dynamic, 1)
        for (uint32_t b = 0; b < grid->item_blocks; b++) {
            const uint32_t first = grid->item_block_row[b];
            const uint32_t last = grid->item_block_row[b + 1];
            memset(z + first * stride, 0, (last - first) * stride * sizeof *z);
            for (uint32_t turn = 0; turn < grid->user_blocks; turn++)
                gather_block(grid, kernel->users_to_items, mf_grid_user_block_at(grid, b, turn), b,
                             z, x, stride);
            for (uint32_t row = first; row < last; row++) {
                const uint32_t n = implicit->item_count[row];
                const float down = n > 0 ? 1 / ((float)n + damping) : 0;
                for (size_t f = row * stride; f < (row + 1) * stride; f++) {
                    z[f] *= down;
                    v[f] += z[f];
                }
            }
        }
    }
}
