/* reference.h: the rating model and one step of its training, as plainly as they can be written.
 *
 * Read reference.c first: kernels.c and implicit.c compute the same in floats, many ratings at a
 * time. Everything here is double. Tests hold the kernels of every instruction set to it; no
 * program calls it.
 *
 * Threads: one per model. */
#ifndef MF_SGD_REFERENCE_H
#define MF_SGD_REFERENCE_H

#include "ratings/ratings.h"
#include "sgd/kernels.h"

#include <stddef.h>

/* Row u of an array [n × n_factors] begins at u · n_factors. The caller owns the arrays. */
typedef struct mf_sgd_reference {
    size_t n_factors;
    double *user_factors;                                                 /* p */
    double *item_factors;                                                 /* q */
    double *user_bias;                                                    /* b_u */
    double *item_bias;                                                    /* b_i */
    const double *item_priors;                                            /* z, or NULL: all zero */
    double rate, user_regularization, item_regularization;                /* of factors */
    double bias_rate, user_bias_regularization, item_bias_regularization; /* of biases */
} mf_sgd_reference;

/* r̂ in the units of parameters.h: mean 0, deviation 1, not clipped. */
double mf_sgd_reference_predict(const mf_sgd_reference *model, size_t user, size_t item);

/* One step: n ≤ MF_SGD_GROUP ratings of one item by distinct users. Returns Σ e². With n = 1 it is
 * plain SGD; with more, all errors are taken before the item moves (kernels.h). */
double mf_sgd_reference_step(mf_sgd_reference *model, size_t item, const mf_grid_rating *ratings,
                             size_t n);

/* The step of the item priors after an epoch (implicit.h). Rows have n_factors numbers:
 * item_factors v and item_priors z [n_items], user_vectors x [n_users]. */
void mf_sgd_reference_priors(const mf_ratings *ratings, size_t n_factors, double rate,
                             double damping, double *item_factors, double *user_vectors,
                             double *item_priors);

#endif
