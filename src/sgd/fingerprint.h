/* fingerprint.h: a hash of a run's data and settings.
 *
 * Runs with the same fingerprint go through the same states (trainer.h, promise 1), so a checkpoint
 * of one is valid for the other. It covers
 *   settings_fingerprint of the input, MF_VERSION, and all counts;
 *   each user: index, id, items, values, time ranks, and row of the base model;
 *   each item: index, id, and row of the base model;
 *   the base model's mean and range;
 *   held-out ratings in the order of evaluate.h.
 *
 * Users are hashed by user-block, items by item-block and held-out ratings by group, each in row
 * order; these hashes are mixed in order. So each host of a ring hashes its own user-blocks and groups,
 * and all get the hashes of all: 8 bytes for each block.
 *
 * Threads: starts its own (OpenMP); the result does not depend on them. */
#ifndef MF_SGD_FINGERPRINT_H
#define MF_SGD_FINGERPRINT_H

#include "base/error.h"
#include "sgd/evaluate.h"
#include "sgd/grid.h"
#include "sgd/trainer.h"

#include <stdbool.h>
#include <stdint.h>

/* grid: of input->ratings. held_out: of input->validation, n 0 when there is none. Fails
 * MF_ERR_MEMORY. Cost: one pass over everything. Memory while it works: 4 bytes for each user and
 * item. */
MF_MUST_CHECK bool mf_fingerprint(const mf_trainer_input *input, const mf_grid *grid,
                                  const mf_sgd_held_out *held_out, uint32_t n_threads,
                                  uint64_t *fingerprint, mf_error *err);

#endif
