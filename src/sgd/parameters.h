/* parameters.h: the numbers that training moves.
 *
 * Inside the trainer a rating is (r - mean) / scale, where scale is the standard
 * deviation of the training ratings: learning rate, regularization and starting
 * values then mean the same for five stars and for a percentage. (In a warm start
 * mean is the earlier model's, and the deviation is that from it.)
 *
 *   (r̂ - mean) / scale = user_bias[u] + item_bias[i] + user_factors[u] · item_factors[i]
 *
 * Rows are not in index order: the grid (grid.h) puts the rows of a block next
 * to each other. user_row and item_row lead from an index to its row.
 *
 * Threads: one writer at a time, except that different rows may be written side
 * by side. */
#ifndef MF_SGD_PARAMETERS_H
#define MF_SGD_PARAMETERS_H

#include "base/error.h"
#include "model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_parameters {
    uint32_t n_users;
    uint32_t n_items;
    uint32_t n_factors;
    size_t stride;    /* mf_model_stride(n_factors) */
    float mean;       /* global mean, in rating units       */
    float scale;      /* one unit inside, in rating units   */
    float rating_min; /* predictions are clipped to these   */
    float rating_max;
    float *user_factors;      /* [n_users × stride], 64-byte aligned, padding zero */
    float *item_factors;      /* [n_items × stride] */
    float *user_bias;         /* [n_users] */
    float *item_bias;         /* [n_items] */
    const uint32_t *user_row; /* [n_users] borrowed */
    const uint32_t *item_row; /* [n_items] borrowed */
} mf_parameters;

/* Allocates the four arrays, all zero. Counts, mean, scale, range and rows are
 * the caller's to fill in before (counts) and after. */
MF_MUST_CHECK bool mf_parameters_allocate(mf_parameters *parameters, mf_error *err);

/* Starting values for the factors of users with index from first_user on: normal,
 * mean 0, deviation init_scale / √n_factors, a function of (seed, index, factor)
 * alone. Items and biases start at 0: the users' differences are enough to set
 * the items moving, and an item with few ratings stays near nothing (RMSE lower
 * by 0.001 to 0.002 on MovieLens than with items started like users). */
void mf_parameters_start(mf_parameters *parameters, float init_scale, uint64_t seed,
                         uint32_t first_user);

/* (r̂ - mean) / scale, not clipped. MF_INDEX_NONE for a side that is not known:
 * its bias and factors count as zero. */
float mf_parameters_predict(const mf_parameters *parameters, uint32_t user, uint32_t item);

/* The same numbers as a model holds them: index order, rating units (biases
 * times scale, factors times √scale). Owns its arrays. */
typedef struct mf_export {
    float *user_bias;
    float *item_bias;
    float *user_factors;
    float *item_factors;
} mf_export;

MF_MUST_CHECK bool mf_export_allocate(mf_export *export, const mf_parameters *parameters,
                                      mf_error *err);
void mf_export_fill(mf_export *export, const mf_parameters *parameters);
void mf_export_release(mf_export *export);

/* The way back: fills users 0 … n_users-1 and items 0 … n_items-1 from an earlier
 * model's arrays, which have the same stride. */
void mf_parameters_import(mf_parameters *parameters, const mf_model_parts *earlier);

void mf_parameters_release(mf_parameters *parameters);

#endif
