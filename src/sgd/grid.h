/* grid.h: the ratings, cut into user-blocks × item-blocks.
 *
 * Each block of the shorter side is a stripe. Stripe w starts at block
 * ⌊w · n_rounds / round_blocks⌋ of the longer side and takes one of its blocks a round, in
 * ascending order, modulo n_rounds. All stripes start at different blocks, so the blocks of a round
 * share no user and no item. They may run in parallel, without locks and without races (Gemulla,
 * Nijkamp, Haas, Sismanis 2011, "Large-scale matrix factorization with distributed stochastic
 * gradient descent").
 *
 * Starts are evenly spread, so that a ring of hosts can run the same rounds: each host has a range
 * of user-blocks and the item-blocks travel. In an epoch each item-block makes one lap: it visits
 * every user-block once, ascending if the item-blocks are the stripes, else descending. Sums in the
 * order of the laps (implicit.h, evaluate.h) have the same order on one host and on several.
 *
 * (1) The cut depends on the ratings and the stride alone, never on the threads.
 * (2) Rows are dealt to the blocks by popularity, alternately ascending and descending. So the
 *     blocks of a side have the same number of rows (± 1) and nearly the same number of ratings.
 *     The rows of a block are contiguous, the popular ones first.
 * (3) A user-block's rows of factors fit the second-level cache.
 * (4) Every total over ratings or segments has 64 bits. A row's own count and a segment's have 32:
 *     no user rates an item twice.
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

/* Cuts ratings, each value as (rating - mean) / scale. Fails MF_ERR_MEMORY. Cost: two passes over
 * the ratings, on n_threads. */
MF_MUST_CHECK bool mf_grid_create(mf_grid *grid, const mf_ratings *ratings, float mean, float scale,
                                  size_t stride, uint32_t n_threads, mf_error *err);

/* The index in rating_start and segment_start of the block that a stripe takes in a round. */
size_t mf_grid_block(const mf_grid *grid, uint32_t round, uint32_t stripe);

/* The block of the longer side that a stripe takes in round 0. */
uint32_t mf_grid_start(const mf_grid *grid, uint32_t stripe);

/* The order of a lap, which is that of the rounds. A user-block meets its item-blocks in the order
 * mf_grid_item_block_at(…, turn), turn 0 … item_blocks - 1; mf_grid_turn is the inverse. An
 * item-block visits the user-blocks in the order mf_grid_user_block_at(…, turn). */
uint32_t mf_grid_item_block_at(const mf_grid *grid, uint32_t user_block, uint32_t turn);
uint32_t mf_grid_turn(const mf_grid *grid, uint32_t user_block, uint32_t item_block);
uint32_t mf_grid_user_block_at(const mf_grid *grid, uint32_t item_block, uint32_t turn);

void mf_grid_release(mf_grid *grid);

#endif
