/* grid.c: chooses the cut, deals rows to blocks, and fills the blocks by counting sorts. */
#include "sgd/grid.h"

#include "base/memory.h"

#include <omp.h>
#include <string.h>

/* Bytes of a user-block's factors: half of the smallest common second-level cache (1 MiB). The
 * other half holds the items that pass by. */
enum { USER_BLOCK_BYTES = 512 * 1024 };
/* Blocks per side: enough for as many threads, few enough that a block is worth its
 * synchronization. */
enum { BLOCKS_MIN = 8, ITEM_BLOCKS_MAX = 64, BLOCK_RATINGS = 8192 };

static uint32_t clamp(uint64_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : (uint32_t)value;
}

static void choose_cut(mf_grid *grid, uint64_t n_ratings, size_t stride)
{
    const uint64_t rows = clamp(USER_BLOCK_BYTES / (stride * sizeof(float)), 1, UINT32_MAX);
    const uint64_t user_blocks = clamp((grid->n_users + rows - 1) / rows, BLOCKS_MIN, UINT32_MAX);
    const uint32_t item_blocks =
        clamp(n_ratings / (user_blocks * BLOCK_RATINGS), BLOCKS_MIN, ITEM_BLOCKS_MAX);
    grid->user_blocks = clamp(user_blocks, 1, grid->n_users > 0 ? grid->n_users : 1);
    grid->item_blocks = clamp(item_blocks, 1, grid->n_items > 0 ? grid->n_items : 1);
    const bool more_users = grid->user_blocks > grid->item_blocks;
    grid->n_rounds = more_users ? grid->user_blocks : grid->item_blocks;
    grid->round_blocks = more_users ? grid->item_blocks : grid->user_blocks;
}

static bool stripes_are_items(const mf_grid *grid)
{
    return grid->user_blocks > grid->item_blocks;
}

uint32_t mf_grid_start(const mf_grid *grid, uint32_t stripe)
{
    return (uint32_t)((uint64_t)stripe * grid->n_rounds / grid->round_blocks);
}

/* The block of the longer side that a stripe takes in a round. */
static uint32_t taken_in(const mf_grid *grid, uint32_t stripe, uint32_t round)
{
    return (uint32_t)(((uint64_t)mf_grid_start(grid, stripe) + round) % grid->n_rounds);
}

/* The stripe that takes a block of the longer side in turn: first the last one that starts at the
 * block or before it, then the one before that. */
static uint32_t comes_in(const mf_grid *grid, uint32_t block, uint32_t turn)
{
    const uint64_t width = grid->round_blocks;
    const uint64_t first = (((uint64_t)block + 1) * width - 1) / grid->n_rounds;
    return (uint32_t)((first + width - turn) % width);
}

size_t mf_grid_block(const mf_grid *grid, uint32_t round, uint32_t stripe)
{
    const uint32_t other = taken_in(grid, stripe, round);
    return stripes_are_items(grid) ? (size_t)other * grid->item_blocks + stripe
                                   : (size_t)stripe * grid->item_blocks + other;
}

uint32_t mf_grid_item_block_at(const mf_grid *grid, uint32_t user_block, uint32_t turn)
{
    return stripes_are_items(grid) ? comes_in(grid, user_block, turn)
                                   : taken_in(grid, user_block, turn);
}

uint32_t mf_grid_user_block_at(const mf_grid *grid, uint32_t item_block, uint32_t turn)
{
    return stripes_are_items(grid) ? taken_in(grid, item_block, turn)
                                   : comes_in(grid, item_block, turn);
}

uint32_t mf_grid_turn(const mf_grid *grid, uint32_t user_block, uint32_t item_block)
{
    const uint32_t first = mf_grid_item_block_at(grid, user_block, 0);
    const uint32_t n = grid->item_blocks;
    return stripes_are_items(grid) ? (first + n - item_block) % n : (item_block + n - first) % n;
}

uint32_t mf_grid_range_start(const mf_grid *grid, uint32_t rank, uint32_t size)
{
    return (uint32_t)((uint64_t)grid->user_blocks * rank / size);
}

uint32_t mf_grid_host(const mf_grid *grid, uint32_t user_block, uint32_t size)
{
    /* The last rank whose range starts at the block or before it. */
    return (uint32_t)((((uint64_t)user_block + 1) * size - 1) / grid->user_blocks);
}

uint32_t mf_grid_first_row(const mf_grid *grid)
{
    return grid->user_block_row[grid->first_block];
}

uint32_t mf_grid_n_rows(const mf_grid *grid)
{
    return grid->user_block_row[grid->end_block] - grid->user_block_row[grid->first_block];
}

size_t mf_grid_cell(const mf_grid *grid, uint32_t user_block, uint32_t item_block)
{
    return (size_t)(user_block - grid->first_block) * grid->item_blocks + item_block;
}

/* Deals n rows to blocks by descending count, equal counts by index (a counting sort). seen has
 * most + 2 elements, all zero. */
static void deal(uint32_t n, const uint32_t *count, uint32_t most, uint32_t blocks, uint32_t *seen,
                 uint32_t *row, uint32_t *block_row)
{
    for (uint32_t i = 0; i < n; i++)
        seen[most - count[i] + 1]++;
    for (uint32_t c = 0; c <= most; c++)
        seen[c + 1] += seen[c];
    /* The last, incomplete deal begins at one end and gives n % blocks of the blocks one more. */
    const uint32_t full = n / blocks;
    const uint32_t rest = n % blocks;
    block_row[0] = 0;
    for (uint32_t b = 0; b < blocks; b++)
        block_row[b + 1] =
            block_row[b] + full + ((full % 2 == 0 ? b : blocks - 1 - b) < rest ? 1 : 0);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t rank = seen[most - count[i]]++;
        const uint32_t turn = rank / blocks;
        const uint32_t place = rank % blocks;
        row[i] = block_row[turn % 2 == 0 ? place : blocks - 1 - place] + turn;
    }
}

static bool deal_side(uint32_t n, const uint32_t *count, uint32_t blocks, uint32_t **row,
                      uint32_t **block_row, mf_error *err)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++)
        most = count[i] > most ? count[i] : most;
    uint32_t *seen = mf_allocate((size_t)most + 2, sizeof *seen, "the grid", err);
    *row = mf_allocate(n, sizeof **row, "the grid", err);
    *block_row = mf_allocate((size_t)blocks + 1, sizeof **block_row, "the grid", err);
    const bool ok = seen != NULL && *row != NULL && *block_row != NULL;
    if (ok)
        deal(n, count, most, blocks, seen, *row, *block_row);
    mf_free(seen);
    return ok;
}

/* The input of filling the blocks. */
typedef struct filling {
    mf_grid *grid;
    const mf_ratings *ratings;
    const uint32_t *user_of_row; /* [n_users] */
    float mean;
    float scale;
} filling;

/* start[r + 1] = the number of ratings of the item of row r by the users of block a. 64 bits,
 * because fill_blocks turns the counts into places of the user-block's ratings. */
static void count_items(const filling *f, uint32_t a, uint64_t *start)
{
    const mf_grid *grid = f->grid;
    memset(start, 0, ((size_t)grid->n_items + 1) * sizeof *start);
    for (uint32_t row = grid->user_block_row[a]; row < grid->user_block_row[a + 1]; row++) {
        const uint32_t user = f->user_of_row[row];
        for (uint64_t k = f->ratings->user_start[user]; k < f->ratings->user_start[user + 1]; k++)
            start[grid->item_row[f->ratings->item[k]] + 1]++;
    }
}

/* First pass: how many ratings and segments each block of user-block a has. */
static void measure_blocks(const filling *f, uint32_t a, uint64_t *start)
{
    mf_grid *grid = f->grid;
    count_items(f, a, start);
    for (uint32_t b = 0; b < grid->item_blocks; b++) {
        uint64_t n_ratings = 0;
        uint64_t n_segments = 0;
        for (uint32_t r = grid->item_block_row[b]; r < grid->item_block_row[b + 1]; r++) {
            n_ratings += start[r + 1];
            n_segments += start[r + 1] > 0;
        }
        const size_t c = mf_grid_cell(grid, a, b);
        grid->rating_start[c + 1] = n_ratings;
        grid->segment_start[c + 1] = n_segments;
    }
}

/* Second pass: writes them, by item row and inside an item by user row. */
static void fill_blocks(const filling *f, uint32_t a, uint64_t *start)
{
    mf_grid *grid = f->grid;
    count_items(f, a, start);
    uint64_t at = grid->segment_start[mf_grid_cell(grid, a, 0)];
    const uint32_t first_row = mf_grid_first_row(grid);
    for (uint32_t r = 0; r < grid->n_items; r++) {
        if (start[r + 1] > 0)
            grid->segments[at++] = (mf_grid_segment){r, (uint32_t)start[r + 1]};
        start[r + 1] += start[r];
    }
    mf_grid_rating *ratings = grid->ratings + grid->rating_start[mf_grid_cell(grid, a, 0)];
    for (uint32_t row = grid->user_block_row[a]; row < grid->user_block_row[a + 1]; row++) {
        const uint32_t user = f->user_of_row[row];
        for (uint64_t k = f->ratings->user_start[user]; k < f->ratings->user_start[user + 1]; k++)
            ratings[start[grid->item_row[f->ratings->item[k]]]++] =
                (mf_grid_rating){row - first_row, (f->ratings->value[k] - f->mean) / f->scale};
    }
}

static bool fill(filling *f, uint32_t n_threads, mf_error *err)
{
    mf_grid *grid = f->grid;
    const size_t n_blocks = (size_t)(grid->end_block - grid->first_block) * grid->item_blocks;
    const size_t n_starts = ((size_t)grid->n_items + 1 + 7) / 8 * 8; /* whole cache lines */
    uint64_t *starts = mf_allocate(n_threads, n_starts * sizeof *starts, "the grid", err);
    grid->rating_start = mf_allocate(n_blocks + 1, sizeof *grid->rating_start, "the grid", err);
    grid->segment_start = mf_allocate(n_blocks + 1, sizeof *grid->segment_start, "the grid", err);
    bool ok = false;
    if (starts == NULL || grid->rating_start == NULL || grid->segment_start == NULL)
        goto done;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)n_threads)
    for (uint32_t a = grid->first_block; a < grid->end_block; a++)
        measure_blocks(f, a, starts + (size_t)omp_get_thread_num() * n_starts);
    for (size_t c = 0; c < n_blocks; c++) {
        grid->rating_start[c + 1] += grid->rating_start[c];
        grid->segment_start[c + 1] += grid->segment_start[c];
    }
    grid->ratings = mf_allocate(grid->rating_start[n_blocks] + MF_SGD_AHEAD, sizeof *grid->ratings,
                                "the grid's ratings", err);
    grid->segments = mf_allocate(grid->segment_start[n_blocks], sizeof *grid->segments,
                                 "the grid's segments", err);
    if (grid->ratings == NULL || grid->segments == NULL)
        goto done;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)n_threads)
    for (uint32_t a = grid->first_block; a < grid->end_block; a++)
        fill_blocks(f, a, starts + (size_t)omp_get_thread_num() * n_starts);
    ok = true;
done:
    mf_free(starts);
    return ok;
}

bool mf_grid_create(mf_grid *grid, const mf_ratings *ratings, float mean, float scale,
                    size_t stride, uint32_t n_threads, mf_error *err)
{
    return mf_grid_create_range(grid, ratings, mean, scale, stride, 0, 1, n_threads, err);
}

bool mf_grid_create_range(mf_grid *grid, const mf_ratings *ratings, float mean, float scale,
                          size_t stride, uint32_t rank, uint32_t size, uint32_t n_threads,
                          mf_error *err)
{
    memset(grid, 0, sizeof *grid);
    grid->n_users = ratings->n_users;
    grid->n_items = ratings->n_items;
    choose_cut(grid, ratings->n_ratings, stride);
    grid->first_block = mf_grid_range_start(grid, rank, size);
    grid->end_block = mf_grid_range_start(grid, rank + 1, size);

    bool ok = false;
    uint32_t *user_of_row = NULL;
    uint32_t *user_count = mf_allocate(grid->n_users, sizeof *user_count, "the grid", err);
    uint32_t *item_count = mf_allocate(grid->n_items, sizeof *item_count, "the grid", err);
    grid->item_count = mf_allocate(grid->n_items, sizeof *grid->item_count, "the grid", err);
    if (user_count == NULL || item_count == NULL || grid->item_count == NULL)
        goto done;
    for (uint32_t u = 0; u < grid->n_users; u++)
        user_count[u] = (uint32_t)(ratings->user_start[u + 1] - ratings->user_start[u]);
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        item_count[ratings->item[k]]++;
    if (!deal_side(grid->n_users, user_count, grid->user_blocks, &grid->user_row,
                   &grid->user_block_row, err) ||
        !deal_side(grid->n_items, item_count, grid->item_blocks, &grid->item_row,
                   &grid->item_block_row, err))
        goto done;
    user_of_row = user_count; /* in place of the counts, which are not needed any more */
    user_count = NULL;
    for (uint32_t u = 0; u < grid->n_users; u++)
        user_of_row[grid->user_row[u]] = u;
    for (uint32_t i = 0; i < grid->n_items; i++)
        grid->item_count[grid->item_row[i]] = item_count[i];
    ok = fill(&(filling){grid, ratings, user_of_row, mean, scale}, n_threads, err);
done:
    mf_free(user_count);
    mf_free(item_count);
    mf_free(user_of_row);
    if (!ok)
        mf_grid_release(grid);
    return ok;
}

void mf_grid_release(mf_grid *grid)
{
    mf_free(grid->user_row);
    mf_free(grid->item_row);
    mf_free(grid->user_block_row);
    mf_free(grid->item_block_row);
    mf_free(grid->item_count);
    mf_free(grid->rating_start);
    mf_free(grid->segment_start);
    mf_free(grid->ratings);
    mf_free(grid->segments);
    memset(grid, 0, sizeof *grid);
}
