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

/* Held-out ratings in the order in which their errors are added. */
typedef struct mf_sgd_held_out {
    uint64_t n;
    uint32_t n_groups;               /* user_blocks + 1: the last are the unknown users' */
    uint64_t *group_start;           /* [n_groups + 1] */
    mf_sgd_held_out_rating *ratings; /* [n] */
} mf_sgd_held_out;

/* Copies rows (with the grid's indexes, or MF_INDEX_NONE), sorted by user-block and turn of the
 * lap. Fails MF_ERR_MEMORY. Memory: 12 bytes per row. Cost: two passes over the rows. */
MF_MUST_CHECK bool mf_sgd_held_out_create(mf_sgd_held_out *held_out, const mf_grid *grid,
                                          const mf_ratings_rows *rows, mf_error *err);

void mf_sgd_held_out_release(mf_sgd_held_out *held_out);

typedef struct mf_accuracy {
    double rmse;
    double mae;
} mf_accuracy;

/* held_out->n > 0, and the parameters are those of its grid. Fails MF_ERR_MEMORY only. Cost: one
 * dot product per rating. */
MF_MUST_CHECK bool mf_evaluate(const mf_parameters *parameters, const mf_sgd_held_out *held_out,
                               uint32_t n_threads, mf_accuracy *accuracy, mf_error *err);

#endif
