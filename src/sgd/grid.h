/* grid.h: the ratings, cut into user-blocks × item-blocks.
 *
 * Blocks (a, b) with the same (a - b) mod n_rounds share no user and no item: they
 * form one round and may run side by side, with no locks and no races (Gemulla,
 * Nijkamp, Haas, Sismanis 2011, "Large-scale matrix factorization with distributed
 * stochastic gradient descent"). The same cut would spread a round over hosts.
 *
 * (1) The cut depends on the ratings and the stride alone, never on the threads.
 * (2) Rows are dealt to the blocks by popularity, there and back like cards, so
 *     the blocks of a side have the same number of rows (± 1) and nearly the same
 *     number of ratings. A block's rows are next to each other, the popular ones
 *     first.
 * (3) A user-block's rows of factors fit the second-level cache.
 *
 * Memory: 8 bytes per rating and 8 per segment.
 * Threads: any number may read a grid and run blocks of one round. */
#ifndef MF_SGD_GRID_H
#define MF_SGD_GRID_H

#include "base/error.h"
#include "ratings/ratings.h"
#include "sgd/kernels.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_grid {
    uint32_t n_users;
    uint32_t n_items;
    uint32_t user_blocks;
    uint32_t item_blocks;
    uint32_t n_rounds;        /* the larger of the two */
    uint32_t round_blocks;    /* blocks in a round: the smaller of the two */
    uint32_t *user_row;       /* [n_users] index → row of the factors */
    uint32_t *item_row;       /* [n_items] */
    uint32_t *user_block_row; /* [user_blocks + 1] first row of a block */
    uint32_t *item_block_row; /* [item_blocks + 1] */
    uint64_t *rating_start;   /* [user_blocks × item_blocks + 1], user-block major */
    uint64_t *segment_start;  /* the same */
    mf_grid_rating *ratings;  /* [n_ratings + MF_SGD_AHEAD] */
    mf_grid_segment *segments;
} mf_grid;

/* Cuts ratings, each value as (rating - mean) / scale. Fails MF_ERR_MEMORY.
 * Cost: two passes over the ratings, on n_threads. */
bool mf_grid_create(mf_grid *grid, const mf_ratings *ratings, float mean, float scale,
                    size_t stride, uint32_t n_threads, mf_error *err);

/* The number (for rating_start, segment_start) of block `place` of a round. */
size_t mf_grid_block(const mf_grid *grid, uint32_t round, uint32_t place);

void mf_grid_release(mf_grid *grid);

#endif
