/* lap.h: every item-block goes once round the hosts and meets every user-block.
 *
 * A host has a range of user-blocks (grid.h). Item-blocks are the stripes of the ring: each starts
 * at home, the host of the first user-block that it visits, and travels from host to host with its
 * rows of factors. A block (user-block, item-block) is visited when both are at each other's turn
 * (mf_grid_turn), so every sum of floats has the order that it has on one host.
 *
 * (1) The visits of a user-block, and those of an item-block, have the order of grid.h, with any
 *     number of hosts and threads.
 * (2) At the end every item-block is at home again. The host at home has its rows; those of other
 *     hosts' item-blocks are out of date.
 * (3) An item-block is sent once to each host. So a host sends all rows of items once in a lap,
 *     whatever the number of hosts.
 * (4) Not more than a few item-blocks wait to be sent as copies.
 *
 * Item-blocks with the fewest visits go first, so they stay spread over the hosts.
 *
 * Threads: all hosts call, each from the thread that makes its exchanges; starts n_threads - 1 more
 * (OpenMP). */
#ifndef MF_SGD_LAP_H
#define MF_SGD_LAP_H

#include "base/error.h"
#include "hosts/exchange.h"
#include "sgd/grid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An array with a row for each item that travels with the item-blocks. */
typedef struct mf_lap_rows {
    void *rows; /* [n_items × row_bytes] */
    size_t row_bytes;
} mf_lap_rows;

enum { MF_LAP_ROWS_MOST = 3 };

typedef struct mf_lap {
    mf_hosts_group *group;
    const mf_grid *grid;
    uint32_t n_threads;
    mf_lap_rows rows[MF_LAP_ROWS_MOST]; /* those with rows NULL do not count */
    /* At a block; its rows of users and items are this thread's until it returns. */
    void (*visit)(void *context, uint32_t user_block, uint32_t item_block);
    void *context;
} mf_lap;

/* Fails MF_ERR_MEMORY, and as exchange.h. */
MF_MUST_CHECK bool mf_lap_run(const mf_lap *lap, mf_error *err);

/* The host at which an item-block is between two laps. */
uint32_t mf_lap_home(const mf_grid *grid, const mf_hosts_group *group, uint32_t item_block);

/* All hosts: every host gets the rows of all item-blocks from their homes. */
MF_MUST_CHECK bool mf_lap_share(const mf_grid *grid, mf_hosts_group *group, const mf_lap_rows *rows,
                                mf_error *err);

/* For tests: from now on user-blocks take item-blocks as they come (on), or in turn. */
void mf_lap_out_of_turn(bool on);

#endif
