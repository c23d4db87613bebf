/* evaluate.h: how far predictions are from ratings that were held out.
 *
 *   rmse = sqrt(mean (r - r̂)²)      mae = mean |r - r̂|
 *
 * r̂ is the clipped prediction of model.h. A user or item that training does not
 * know counts with zero bias and zero factors.
 *
 * Errors are added in double. Each user-block has a sum of its own, and the sums are
 * then added by user-block, so the figures have the same bits with any number of
 * threads. A user-block's ratings are added in the order of a lap (grid.h): those of
 * the item-block that it meets first, then those of the next one, and the ratings of
 * items that training does not know last. So a ring of hosts can add them while the
 * item-blocks go round, each host for its own user-blocks. Users that training does
 * not know are one more user-block behind the others, which meets the item-blocks as
 * the last one does: the last host can take it along. Ratings of one user-block and
 * item-block keep the order in which they were given.
 *
 * Threads: mf_evaluate starts its own (OpenMP); the parameters must be at rest. */
#ifndef MF_SGD_EVALUATE_H
#define MF_SGD_EVALUATE_H

#include "base/error.h"
#include "ratings/ratings.h"
#include "sgd/grid.h"
#include "sgd/parameters.h"

#include <stdbool.h>
#include <stdint.h>

/* A rating that was held out, by index; MF_INDEX_NONE: not known to training. */
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

/* Sorts rows (in the grid's indexes, MF_INDEX_NONE for what it does not know) by
 * user-block and turn of the lap; the rows are not needed any more then. Fails
 * MF_ERR_MEMORY. Memory: 12 bytes per row. Cost: two passes over the rows. */
MF_MUST_CHECK bool mf_sgd_held_out_create(mf_sgd_held_out *held_out, const mf_grid *grid,
                                          const mf_ratings_rows *rows, mf_error *err);

void mf_sgd_held_out_release(mf_sgd_held_out *held_out);

typedef struct mf_accuracy {
    double rmse;
    double mae;
} mf_accuracy;

/* held_out->n > 0, and the parameters are those of its grid. Fails MF_ERR_MEMORY
 * only. Cost: one dot product per rating. */
MF_MUST_CHECK bool mf_evaluate(const mf_parameters *parameters, const mf_sgd_held_out *held_out,
                               uint32_t n_threads, mf_accuracy *accuracy, mf_error *err);

#endif
