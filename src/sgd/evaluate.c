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

/* The cell of a row in the order of evaluate.h, of groups × (item_blocks + 1) cells. */
static size_t cell_of(const mf_grid *grid, uint32_t user, uint32_t item)
{
    const bool known = user != MF_INDEX_NONE;
    const uint32_t group =
        known ? block_of(grid->user_block_row, grid->user_blocks, grid->user_row[user])
              : grid->user_blocks;
    uint32_t turn = grid->item_blocks;
    if (item != MF_INDEX_NONE)
        turn =
            mf_grid_turn(grid, known ? group : group - 1,
                         block_of(grid->item_block_row, grid->item_blocks, grid->item_row[item]));
    return (size_t)group * (grid->item_blocks + 1) + turn;
}

bool mf_sgd_held_out_create(mf_sgd_held_out *held_out, const mf_grid *grid,
                            const mf_ratings_rows *rows, mf_error *err)
{
    const uint32_t n_groups = grid->user_blocks + 1;
    const size_t group_cells = (size_t)grid->item_blocks + 1;
    const size_t n_cells = n_groups * group_cells;
    *held_out = (mf_sgd_held_out){.n = rows->n, .n_groups = n_groups};
    bool ok = false;
    uint64_t *start = mf_allocate(n_cells + 1, sizeof *start, "validation ratings", err);
    held_out->group_start =
        mf_allocate((size_t)n_groups + 1, sizeof *held_out->group_start, "validation ratings", err);
    held_out->ratings = mf_allocate(rows->n, sizeof *held_out->ratings, "validation ratings", err);
    if (start == NULL || held_out->group_start == NULL || held_out->ratings == NULL)
        goto done;
    for (uint64_t k = 0; k < rows->n; k++)
        start[cell_of(grid, rows->user[k], rows->item[k]) + 1]++;
    for (size_t c = 0; c < n_cells; c++)
        start[c + 1] += start[c];
    for (uint32_t g = 0; g <= n_groups; g++)
        held_out->group_start[g] = start[g * group_cells];
    for (uint64_t k = 0; k < rows->n; k++)
        held_out->ratings[start[cell_of(grid, rows->user[k], rows->item[k])]++] =
            (mf_sgd_held_out_rating){rows->user[k], rows->item[k], rows->value[k]};
    ok = true;
done:
    mf_free(start);
    if (!ok)
        mf_sgd_held_out_release(held_out);
    return ok;
}

void mf_sgd_held_out_release(mf_sgd_held_out *held_out)
{
    mf_free(held_out->group_start);
    mf_free(held_out->ratings);
    memset(held_out, 0, sizeof *held_out);
}

typedef struct sums {
    double squares;
    double absolutes;
} sums;

static sums evaluate_group(const mf_parameters *p, const mf_sgd_held_out *held_out, uint32_t group)
{
    sums sum = {0};
    const double low = (double)p->rating_min, high = (double)p->rating_max;
    for (uint64_t k = held_out->group_start[group]; k < held_out->group_start[group + 1]; k++) {
        const mf_sgd_held_out_rating *rating = &held_out->ratings[k];
        const float predicted = mf_parameters_predict(p, rating->user, rating->item) * p->scale;
        /* Written so that a NaN stays one. */
        const double raw = (double)predicted + (double)p->mean;
        const double clipped = raw < low ? low : raw > high ? high : raw;
        const double error = (double)rating->value - clipped;
        sum.squares += error * error;
        sum.absolutes += fabs(error);
    }
    return sum;
}

bool mf_evaluate(const mf_parameters *parameters, const mf_sgd_held_out *held_out,
                 uint32_t n_threads, mf_accuracy *accuracy, mf_error *err)
{
    sums *groups = mf_allocate(held_out->n_groups, sizeof *groups, "validation errors", err);
    if (groups == NULL)
        return false;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)n_threads)
    for (uint32_t g = 0; g < held_out->n_groups; g++)
        groups[g] = evaluate_group(parameters, held_out, g);
    sums total = {0};
    for (uint32_t g = 0; g < held_out->n_groups; g++) {
        total.squares += groups[g].squares;
        total.absolutes += groups[g].absolutes;
    }
    mf_free(groups);
    accuracy->rmse = sqrt(total.squares / (double)held_out->n);
    accuracy->mae = total.absolutes / (double)held_out->n;
    return true;
}
