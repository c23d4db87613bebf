/* grid.h: the ratings, cut into user-blocks × item-blocks.
 *
 * The blocks of the shorter side are stripes. Stripe w starts at block
 * ⌊w · n_rounds / round_blocks⌋ of the longer side and takes one of its blocks a
 * round, upwards and round again. No two stripes start at the same block, so the
 * blocks of a round share no user and no item: they may run side by side, with no
 * locks and no races (Gemulla, Nijkamp, Haas, Sismanis 2011, "Large-scale matrix
 * factorization with distributed stochastic gradient descent").
 *
 * Starts are evenly spread, so that a ring of hosts can run the same rounds. Each
 * host has a range of user-blocks; item-blocks travel, and in an epoch each of them
 * makes one lap: it visits every user-block once, neighbour after neighbour, upwards
 * if the item-blocks are the stripes and downwards if the user-blocks are. At any
 * time every host has its share of the item-blocks. Sums that follow a lap
 * (implicit.h, evaluate.h) have the same order on one host and on several.
 *
 * (1) The cut depends on the ratings and the stride alone, never on the threads.
 * (2) Rows are dealt to the blocks by popularity, there and back like cards, so
 *     the blocks of a side have the same number of rows (± 1) and nearly the same
 *     number of ratings. A block's rows are next to each other, the popular ones
 *     first.
 * (3) A user-block's rows of factors fit the second-level cache.
 * (4) Every total over ratings or segments has 64 bits. A row's own count and a
 *     segment's have 32: no user rates an item twice.
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
MF_MUST_CHECK bool mf_grid_create(mf_grid *grid, const mf_ratings *ratings, float mean, float scale,
                                  size_t stride, uint32_t n_threads, mf_error *err);

/* The number (for rating_start, segment_start) of the block that a stripe takes in
 * a round. */
size_t mf_grid_block(const mf_grid *grid, uint32_t round, uint32_t stripe);

/* The block of the longer side that a stripe takes in round 0. */
uint32_t mf_grid_start(const mf_grid *grid, uint32_t stripe);

/* Lap order, which is the order of the rounds. A user-block meets item-block
 * item_block_at(…, 0) first, item_block_at(…, 1) next, up to item_blocks - 1;
 * mf_grid_turn is the way back, from item-block to turn. An item-block visits
 * user-block user_block_at(…, 0) first, up to user_blocks - 1. */
uint32_t mf_grid_item_block_at(const mf_grid *grid, uint32_t user_block, uint32_t turn);
uint32_t mf_grid_turn(const mf_grid *grid, uint32_t user_block, uint32_t item_block);
uint32_t mf_grid_user_block_at(const mf_grid *grid, uint32_t item_block, uint32_t turn);

void mf_grid_release(mf_grid *grid);

#endif
