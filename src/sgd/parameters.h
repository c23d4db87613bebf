/* parameters.h: the trainable parameters.
 *
 * Inside the trainer a rating is (r - mean) / scale, where scale is the standard deviation of the
 * training ratings. So learning rate, regularization and starting values have the same effect for
 * five stars and for a percentage. (In a warm start mean is the base model's, and scale is the
 * deviation from it.)
 *
 *   (r̂ - mean) / scale = user_bias[u] + item_bias[i] + user_factors[u] · item_factors[i]
 *
 * Rows are not in index order: the grid (grid.h) puts the rows of a block next to each other.
 * user_row and item_row give the row of an index. One of several hosts has the rows of its own users
 * only; in its arrays row first_row is the first.
 *
 * Threads: several may write at a time, each different rows. */
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
    uint32_t first_row;       /* rows of users that are here: first_row … */
    uint32_t n_rows;          /* … first_row + n_rows - 1; on one host all */
    float *user_factors;      /* [n_rows × stride], 64-byte aligned, padding zero */
    float *item_factors;      /* [n_items × stride] */
    float *user_bias;         /* [n_rows] */
    float *item_bias;         /* [n_items] */
    const uint32_t *user_row; /* [n_users] borrowed */
    const uint32_t *item_row; /* [n_items] borrowed */
} mf_parameters;

/* Allocates the four arrays, all zero, and sets stride, first_row and n_rows: the rows of all users.
 * The caller sets the counts before, the rest before or after. */
MF_MUST_CHECK bool mf_parameters_allocate(mf_parameters *parameters, mf_error *err);

/* The same with the rows first_row … first_row + n_rows - 1 of users alone. */
MF_MUST_CHECK bool mf_parameters_allocate_rows(mf_parameters *parameters, uint32_t first_row,
                                               uint32_t n_rows, mf_error *err);

/* The place of a user's row in the arrays; MF_INDEX_NONE when another host has it. */
static inline uint32_t mf_parameters_row(const mf_parameters *parameters, uint32_t user)
{
    const uint32_t row = parameters->user_row[user] - parameters->first_row;
    return row < parameters->n_rows ? row : MF_INDEX_NONE;
}

/* Starting values for the factors of users with index ≥ first_user: normal, mean 0, deviation
 * init_scale / √n_factors, a function of (seed, index, factor) alone. Items and biases start at 0:
 * the differences of the users are enough to move the items, and an item with few ratings stays
 * near 0 (RMSE on MovieLens lower by 0.001 to 0.002 than with items started like users). */
void mf_parameters_start(mf_parameters *parameters, float init_scale, uint64_t seed,
                         uint32_t first_user);

/* (r̂ - mean) / scale, not clipped. MF_INDEX_NONE for an unknown user or item: its bias and factors
 * count as zero. The rows of both must be here. */
float mf_parameters_predict(const mf_parameters *parameters, uint32_t user, uint32_t item);

/* Fills the arrays of *to (allocated with the same counts) with the parameters as a model stores
 * them: index order, rating units (biases times scale, factors times √scale). All rows are here. */
void mf_parameters_export(mf_parameters *to, const mf_parameters *parameters);

/* The same in the order of rows: n rows from each of the two places on. */
void mf_parameters_export_rows(float *factors_to, float *bias_to, const float *factors,
                               const float *bias, size_t n, uint32_t n_factors, float scale);

/* The reverse: fills users 0 … n_users-1 and items 0 … n_items-1 from the arrays of a base model,
 * which have the same stride. */
void mf_parameters_import(mf_parameters *parameters, const mf_model_parts *base);

void mf_parameters_release(mf_parameters *parameters);

#endif
