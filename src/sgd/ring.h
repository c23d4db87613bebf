/* ring.h: what an epoch does on one of several hosts. Private to trainer.c.
 *
 * The same as sweep.h, implicit.h and evaluate.h on one host, in laps (lap.h). Between two laps a
 * host has the rows of its own users and of the item-blocks that are at home with it. All hosts call
 * each function, and all get the same figures: sums of figures go from host to host in the order of
 * user-blocks, as one running sum.
 *
 * Bytes that a host sends in an epoch, for n_items rows: 2 rows and a bias for the updates (1 row
 * without priors), 2 rows for the priors, 1 row and a bias for the validation.
 *
 * Threads: as lap.h. */
#ifndef MF_SGD_RING_H
#define MF_SGD_RING_H

#include "base/error.h"
#include "sgd/state.h"

#include <stdbool.h>

/* The updates of an epoch. *loss: Σ e² of all blocks. */
MF_MUST_CHECK bool mf_ring_update(mf_trainer *trainer, const mf_sgd_rates *rates, double *loss,
                                  mf_error *err);

/* mf_implicit_update. */
MF_MUST_CHECK bool mf_ring_priors(mf_trainer *trainer, mf_error *err);

/* mf_evaluate of the present state. */
MF_MUST_CHECK bool mf_ring_validate(mf_trainer *trainer, mf_accuracy *accuracy, mf_error *err);

/* The present state becomes the best one, in rating units. */
void mf_ring_keep_best(mf_trainer *trainer);

/* Fills trainer->whole on the first host from the best state, or, without validation data, the
 * present one. *finite: whether all of it is. */
MF_MUST_CHECK bool mf_ring_result(mf_trainer *trainer, bool *finite, mf_error *err);

/* The first sizeof sum bytes go from host to host: receives *sum from the host before; and gives it
 * to the next, until all have that of the last one. */
MF_MUST_CHECK bool mf_ring_sum_begin(mf_hosts_group *group, void *sum, size_t n_bytes,
                                     mf_error *err);
MF_MUST_CHECK bool mf_ring_sum_end(mf_hosts_group *group, void *sum, size_t n_bytes, mf_error *err);

#endif
