/* evaluate.h: how far predictions are from ratings that were held out.
 *
 *   rmse = sqrt(mean (r - r̂)²)      mae = mean |r - r̂|
 *
 * r̂ is the clipped prediction of model.h. A user or item that training does not
 * know counts with zero bias and zero factors.
 *
 * Errors are added in double, in pieces of a fixed size that are then added in
 * order, so the figures have the same bits with any number of threads.
 *
 * Threads: starts its own (OpenMP); the parameters must be at rest. */
#ifndef MF_SGD_EVALUATE_H
#define MF_SGD_EVALUATE_H

#include "base/error.h"
#include "ratings/ratings.h"
#include "sgd/parameters.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_accuracy {
    double rmse;
    double mae;
} mf_accuracy;

/* held_out: rows in the parameters' indexes, MF_INDEX_NONE for what they do not
 * know; n > 0. Fails MF_ERR_MEMORY only. Cost: one dot product per rating. */
bool mf_evaluate(const mf_parameters *parameters, const mf_ratings_rows *held_out,
                 uint32_t n_threads, mf_accuracy *accuracy, mf_error *err);

#endif
