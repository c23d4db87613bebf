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
 * With several hosts each has the blocks of its own range of user-blocks, and rows of all users and
 * items. Blocks and rows of users have local numbers then: 0 is the first of the range.
 *
 * Memory: 8 bytes per rating and 8 per segment of the range, 4 per user and item.
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
    uint32_t n_rounds;     /* the larger of the two */
    uint32_t round_blocks; /* blocks in a round: the smaller of the two */
    uint32_t first_block;  /* user-blocks of this host: first_block … end_block - 1 */
    uint32_t end_block;
    uint32_t *user_row;       /* [n_users] index → row of the factors */
    uint32_t *item_row;       /* [n_items] */
    uint32_t *user_block_row; /* [user_blocks + 1] first row of a block */
    uint32_t *item_block_row; /* [item_blocks + 1] */
    uint32_t *item_count;     /* [n_items] by row: ratings of an item, by users of all hosts */
    uint64_t *rating_start;   /* [own user-blocks × item_blocks + 1], user-block major */
    uint64_t *segment_start;  /* the same */
    mf_grid_rating *ratings;  /* [own ratings + MF_SGD_AHEAD], rows of users from that of
                               * first_block on */
    mf_grid_segment *segments;
} mf_grid;

/* Cuts ratings, each value as (rating - mean) / scale. Fails MF_ERR_MEMORY. Cost: two passes over
 * the ratings, on n_threads. */
MF_MUST_CHECK bool mf_grid_create(mf_grid *grid, const mf_ratings *ratings, float mean, float scale,
                                  size_t stride, uint32_t n_threads, mf_error *err);

/* The same for host `rank` of `size`: only its range of user-blocks, ⌊user_blocks · rank / size⌋ to
 * that of the next rank, is filled. The range may be empty. `ratings` are those of all users. */
MF_MUST_CHECK bool mf_grid_create_range(mf_grid *grid, const mf_ratings *ratings, float mean,
                                        float scale, size_t stride, uint32_t rank, uint32_t size,
                                        uint32_t n_threads, mf_error *err);

/* The first user-block of host `rank`; user_blocks for rank == size. */
uint32_t mf_grid_range_start(const mf_grid *grid, uint32_t rank, uint32_t size);

/* The host whose range has a user-block. */
uint32_t mf_grid_host(const mf_grid *grid, uint32_t user_block, uint32_t size);

/* The first row of this host's users, and how many they are. */
uint32_t mf_grid_first_row(const mf_grid *grid);
uint32_t mf_grid_n_rows(const mf_grid *grid);

/* The index in rating_start and segment_start of a block, of which the host has the user-block. */
size_t mf_grid_cell(const mf_grid *grid, uint32_t user_block, uint32_t item_block);

/* The number, user-block major, of the block that a stripe takes in a round. */
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
