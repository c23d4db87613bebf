/* implicit.h: item priors, learned from the set of an item's users.
 *
 * The set of users who rated an item is information beside the values of the ratings. SVD++ (Koren
 * 2008, "Factorization meets the neighborhood") adds the set of a user's items to the user. Here
 * the set of an item's users gives a prior mean z_i of the item's factors, which counts when its
 * ratings are few: regularization pulls the factors towards z_i instead of towards zero.
 *
 *   z_i = 1 / (|U(i)| + damping) · Σ_{u rated i} x_u
 *
 * After every epoch x moves towards the part of the items that the priors do not explain:
 *
 *   q_i  = v_i - z_i
 *   x_u += rate / |N(u)| · Σ_{i rated by u} q_i
 *   z_i  as above, and v_i = q_i + z_i
 *
 * Each mean is over a row's own ratings, so the step has no scale and is stable for rates below 2.
 * The model stores v alone; x and z exist only in training. Moving v together with z gives most of
 * the gain.
 *
 * Sums are in the order of the laps of grid.h, so a ring of hosts adds the same floats in the same
 * order: in a first lap a user-block adds the q of each item-block, in a second lap an item-block
 * adds the x of each user-block. In detail:
 *   Σ q of a user   by item-block, mf_grid_item_block_at(…, 0) first; inside one by
 *                   item row. It is taken on top of x · |N(u)| / rate.
 *   Σ x of an item  by user-block, mf_grid_user_block_at(…, 0) first; inside one by
 *                   user row. It is taken on top of 0.
 *
 * Memory: one row for each user and each item. Cost: about half an epoch of SGD. Threads:
 * mf_implicit_update starts n_threads; every row has one writer, and the order of its sums does not
 * depend on them. */
#ifndef MF_SGD_IMPLICIT_H
#define MF_SGD_IMPLICIT_H

#include "base/error.h"
#include "sgd/grid.h"
#include "sgd/kernels.h"
#include "sgd/parameters.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_implicit {
    float *user_vectors;        /* x: [users of the grid's range × stride], rows as in the grid */
    float *item_priors;         /* z: [n_items × stride] */
    uint32_t *user_count;       /* [users of the range] by row: |N(u)| */
    const uint32_t *item_count; /* [n_items] by row: |U(i)|, the grid's */
} mf_implicit;

/* Zero vectors and priors, counts from the grid, which must outlive them. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_implicit_create(mf_implicit *implicit, const mf_grid *grid, size_t stride,
                                      mf_error *err);

/* The step after an epoch, on one host: moves x, z and the item factors. ring.h has the same for
 * several. */
void mf_implicit_update(mf_implicit *implicit, const mf_grid *grid, const mf_sgd_kernel *kernel,
                        mf_parameters *parameters, float rate, float damping, uint32_t n_threads);

/* The pieces of the step. x of n rows, as Σ q is to be added: x · |N(u)| / rate; and back. */
void mf_implicit_open_users(mf_implicit *implicit, size_t first_row, size_t n, size_t stride,
                            float rate);
void mf_implicit_close_users(mf_implicit *implicit, size_t first_row, size_t n, size_t stride,
                             float rate);

/* Of n rows of items: v becomes q = v - z; z becomes 0; then, with Σ x in z, z becomes the mean and
 * v = q + z. v [n_items × stride]. */
void mf_implicit_take_priors(const mf_implicit *implicit, float *v, size_t first_row, size_t n,
                             size_t stride);
void mf_implicit_clear_priors(mf_implicit *implicit, size_t first_row, size_t n, size_t stride);
void mf_implicit_close_items(mf_implicit *implicit, float *v, size_t first_row, size_t n,
                             size_t stride, float damping);

/* Adds one block of the grid: its q to x, or its x to z. */
void mf_implicit_add_items(mf_implicit *implicit, const mf_grid *grid, const mf_sgd_kernel *kernel,
                           const float *v, size_t stride, uint32_t user_block, uint32_t item_block);
void mf_implicit_add_users(mf_implicit *implicit, const mf_grid *grid, const mf_sgd_kernel *kernel,
                           size_t stride, uint32_t user_block, uint32_t item_block);

void mf_implicit_release(mf_implicit *implicit);

#endif
