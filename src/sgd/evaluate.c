/* evaluate.c: a counting sort by group and turn, then one sum for each group. */
#include "sgd/evaluate.h"

#include "base/id_list.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

/* The block that has a row: the last one that begins at the row or before it. */
static uint32_t block_of(const uint32_t *block_row, uint32_t blocks, uint32_t row)
{
    uint32_t low = 0;
    uint32_t high = blocks;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (block_row[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The cell of a row in the order of evaluate.h, of groups × (item_blocks + 1) cells. SIZE_MAX when
 * another host has its group. */
static size_t cell_of(const mf_sgd_held_out *held_out, const mf_grid *grid, uint32_t user,
                      uint32_t item)
{
    const bool known = user != MF_INDEX_NONE;
    const uint32_t group =
        known ? block_of(grid->user_block_row, grid->user_blocks, grid->user_row[user])
              : grid->user_blocks;
    if (group < held_out->first_group || group >= held_out->end_group)
        return SIZE_MAX;
    uint32_t turn = grid->item_blocks;
    if (item != MF_INDEX_NONE)
        turn =
            mf_grid_turn(grid, known ? group : group - 1,
                         block_of(grid->item_block_row, grid->item_blocks, grid->item_row[item]));
    return (size_t)group * held_out->n_turns + turn;
}

bool mf_sgd_held_out_create(mf_sgd_held_out *held_out, const mf_grid *grid,
                            const mf_ratings_rows *rows, mf_error *err)
{
    const bool has_last =
        grid->end_block == grid->user_blocks && grid->first_block < grid->end_block;
    *held_out = (mf_sgd_held_out){
        .n = rows->n,
        .n_groups = grid->user_blocks + 1,
        .first_group = grid->first_block,
        .end_group = grid->end_block + (has_last ? 1 : 0),
        .n_turns = grid->item_blocks + 1,
    };
    const size_t n_cells = (size_t)held_out->n_groups * held_out->n_turns;
    bool ok = false;
    uint64_t *start = mf_allocate(n_cells + 1, sizeof *start, "validation ratings", err);
    held_out->turn_start = start;
    if (start == NULL)
        goto done;
    for (uint64_t k = 0; k < rows->n; k++) {
        const size_t cell = cell_of(held_out, grid, rows->user[k], rows->item[k]);
        if (cell != SIZE_MAX)
            start[cell + 1]++;
    }
    for (size_t c = 0; c < n_cells; c++)
        start[c + 1] += start[c];
    held_out->ratings =
        mf_allocate(start[n_cells], sizeof *held_out->ratings, "validation ratings", err);
    if (held_out->ratings == NULL)
        goto done;
    for (uint64_t k = 0; k < rows->n; k++) {
        const size_t cell = cell_of(held_out, grid, rows->user[k], rows->item[k]);
        if (cell != SIZE_MAX)
            held_out->ratings[start[cell]++] =
                (mf_sgd_held_out_rating){rows->user[k], rows->item[k], rows->value[k]};
    }
    /* Each start moved over its ratings to the next one's, and now back by one. */
    memmove(start + 1, start, n_cells * sizeof *start);
    start[0] = 0;
    ok = true;
done:
    if (!ok)
        mf_sgd_held_out_release(held_out);
    return ok;
}

void mf_sgd_held_out_release(mf_sgd_held_out *held_out)
{
    mf_free(held_out->turn_start);
    mf_free(held_out->ratings);
    memset(held_out, 0, sizeof *held_out);
}

void mf_sgd_errors_add(mf_sgd_errors *errors, const mf_parameters *p,
                       const mf_sgd_held_out *held_out, uint32_t group, uint32_t first,
                       uint32_t end)
{
    const double low = (double)p->rating_min, high = (double)p->rating_max;
    const uint64_t *start = held_out->turn_start + (size_t)group * held_out->n_turns;
    mf_sgd_errors sum = *errors;
    for (uint64_t k = start[first]; k < start[end]; k++) {
        const mf_sgd_held_out_rating *rating = &held_out->ratings[k];
        const float predicted = mf_parameters_predict(p, rating->user, rating->item) * p->scale;
        /* Written so that a NaN stays one. */
        const double raw = (double)predicted + (double)p->mean;
        const double clipped = raw < low ? low : raw > high ? high : raw;
        const double error = (double)rating->value - clipped;
        sum.squares += error * error;
        sum.absolutes += fabs(error);
    }
    *errors = sum;
}

void mf_sgd_errors_sum(mf_sgd_errors *total, const mf_sgd_errors *groups, uint32_t first,
                       uint32_t end)
{
    for (uint32_t g = first; g < end; g++) {
        total->squares += groups[g].squares;
        total->absolutes += groups[g].absolutes;
    }
}

mf_accuracy mf_sgd_errors_accuracy(const mf_sgd_errors *total, const mf_sgd_held_out *held_out)
{
    return (mf_accuracy){
        .rmse = sqrt(total->squares / (double)held_out->n),
        .mae = total->absolutes / (double)held_out->n,
    };
}

bool mf_evaluate(const mf_parameters *parameters, const mf_sgd_held_out *held_out,
                 uint32_t n_threads, mf_accuracy *accuracy, mf_error *err)
{
    mf_sgd_errors *groups =
        mf_allocate(held_out->n_groups, sizeof *groups, "validation errors", err);
    if (groups == NULL)
        return false;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)n_threads)
    for (uint32_t g = 0; g < held_out->n_groups; g++)
        mf_sgd_errors_add(&groups[g], parameters, held_out, g, 0, held_out->n_turns);
    mf_sgd_errors total = {0};
    mf_sgd_errors_sum(&total, groups, 0, held_out->n_groups);
    *accuracy = mf_sgd_errors_accuracy(&total, held_out);
    mf_free(groups);
    return true;
}
