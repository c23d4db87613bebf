/* hyperparameters.h: the settings of a training run.
 *
 * Steps and regularization are per rating, on ratings divided by their standard
 * deviation (parameters.h), so they do not depend on the scale of the ratings.
 * The names are those of hyperparameters.json; train/settings.c has the defaults
 * and checks the ranges. */
#ifndef MF_SGD_HYPERPARAMETERS_H
#define MF_SGD_HYPERPARAMETERS_H

#include <stdint.h>

typedef struct mf_hyperparameters {
    uint32_t n_factors;
    uint32_t n_epochs;
    double learning_rate;       /* factors, first epoch */
    double bias_learning_rate;  /* biases, first epoch  */
    double learning_rate_decay; /* both rates decay linearly, over n_epochs to this fraction of the
                                 * initial rates: 1 is constant */
    double user_regularization; /* λ on user factors  */
    double item_regularization; /* λ on item factors  */
    double user_bias_regularization;
    double item_bias_regularization;
    double implicit_rate;             /* step of the item priors (implicit.h); 0: no priors */
    double implicit_damping;          /* pseudo-count of an item's prior (implicit.h) */
    double init_scale;                /* of the users' starting factors (parameters.h) */
    uint32_t early_stopping_patience; /* epochs without a better validation RMSE; 0: off */
    uint64_t seed;
    uint32_t n_threads; /* does not change the result */
} mf_hyperparameters;

#endif
