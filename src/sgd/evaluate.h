/* evaluate.h: the errors of predictions of held-out ratings.
 *
 *   rmse = sqrt(mean (r - r̂)²)      mae = mean |r - r̂|
 *
 * r̂ is the clipped prediction of model.h. Unknown users and items have zero bias and zero factors.
 *
 * Errors are added in double: a sum for each user-block, then the sums by user-block. So the
 * figures have the same bits with any number of threads. The ratings of a user-block are added in
 * the order of a lap (grid.h), those of unknown items last; those of one item-block keep their
 * given order. A ring of hosts can add them while the item-blocks travel, each host for its
 * user-blocks. Unknown users form one more user-block after the others. It has the lap of the last
 * one, so that the last host can add it too.
 *
 * Threads: mf_evaluate starts its own (OpenMP); the parameters must not change meanwhile. */
#ifndef MF_SGD_EVALUATE_H
#define MF_SGD_EVALUATE_H

#include "base/error.h"
#include "ratings/ratings.h"
#include "sgd/grid.h"
#include "sgd/parameters.h"

#include <stdbool.h>
#include <stdint.h>

/* A held-out rating, by index; MF_INDEX_NONE: unknown. */
typedef struct mf_sgd_held_out_rating {
    uint32_t user;
    uint32_t item;
    float value;
} mf_sgd_held_out_rating;

/* Held-out ratings in the order in which their errors are added. One of several hosts has those of
 * its own user-blocks; the host of the last user-block has those of unknown users. */
typedef struct mf_sgd_held_out {
    uint64_t n;                      /* of all hosts */
    uint32_t n_groups;               /* user_blocks + 1: the last are the unknown users' */
    uint32_t first_group;            /* of this host */
    uint32_t end_group;              /* and the one after its last */
    uint32_t n_turns;                /* item_blocks + 1: the last are unknown items */
    uint64_t *turn_start;            /* [n_groups × n_turns + 1], empty for other hosts' groups */
    mf_sgd_held_out_rating *ratings; /* [turn_start[n_groups × n_turns]] */
} mf_sgd_held_out;

/* Copies rows (with the grid's indexes, or MF_INDEX_NONE), sorted by user-block and turn of the
 * lap. rows are those of all hosts; only those of the grid's own user-blocks are copied. Fails
 * MF_ERR_MEMORY. Memory: 12 bytes per row. Cost: two passes over the rows. */
MF_MUST_CHECK bool mf_sgd_held_out_create(mf_sgd_held_out *held_out, const mf_grid *grid,
                                          const mf_ratings_rows *rows, mf_error *err);

void mf_sgd_held_out_release(mf_sgd_held_out *held_out);

/* The first rating of a group (n_groups: the end). */
static inline uint64_t mf_sgd_held_out_group(const mf_sgd_held_out *held_out, uint32_t group)
{
    return held_out->turn_start[(size_t)group * held_out->n_turns];
}

typedef struct mf_accuracy {
    double rmse;
    double mae;
} mf_accuracy;

/* Sums over the ratings of a group. */
typedef struct mf_sgd_errors {
    double squares;
    double absolutes;
} mf_sgd_errors;

/* Adds the errors of a group's ratings of the turns first … end - 1. */
void mf_sgd_errors_add(mf_sgd_errors *errors, const mf_parameters *parameters,
                       const mf_sgd_held_out *held_out, uint32_t group, uint32_t first,
                       uint32_t end);

/* *total += the sums of the groups first … end - 1, in this order. */
void mf_sgd_errors_sum(mf_sgd_errors *total, const mf_sgd_errors *groups, uint32_t first,
                       uint32_t end);

/* From the sum of all groups. held_out->n > 0. */
mf_accuracy mf_sgd_errors_accuracy(const mf_sgd_errors *total, const mf_sgd_held_out *held_out);

/* held_out->n > 0 with all groups, and the parameters are those of its grid. Fails MF_ERR_MEMORY only. Cost: one
 * dot product per rating. */
MF_MUST_CHECK bool mf_evaluate(const mf_parameters *parameters, const mf_sgd_held_out *held_out,
                               uint32_t n_threads, mf_accuracy *accuracy, mf_error *err);

#endif
