/* output.h: writes model.bin, and checks early whether it can be written. */
#ifndef MF_TRAIN_OUTPUT_H
#define MF_TRAIN_OUTPUT_H

#include "base/error.h"
#include "metrics.h"
#include "rated.h"
#include "sgd/trainer.h"

#include <stdbool.h>

/* Checks that a file can be created at path, and leaves nothing there. Fails MF_ERR_IO: path is a
 * folder, or its parent folder cannot be written. */
MF_MUST_CHECK bool mf_output_probe(const char *path, mf_error *err);

/* The input of a model file. */
typedef struct mf_output {
    mf_trainer *trainer; /* NULL: no rating model */
    uint32_t n_factors;  /* its factors */
    double user_regularization;
    double user_bias_regularization;
    const mf_ratings *all;           /* for the ids */
    const mf_rated *rated;           /* those held out for validation included */
    const mf_ranking_parts *ranking; /* n_factors 0: no ranking model */
    const mf_attributes *attributes; /* of the items; all zero: none. NULL too */
} mf_output;

/* The parts of a model, views into what *output names; *item_count is the caller's (mf_free).
 * Metadata is left empty. Fails as mf_trainer_result_get, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_output_parts(const mf_output *output, mf_model_parts *parts,
                                   uint32_t **item_count, uint32_t *best_epoch, mf_error *err);

/* Writes the model file with the facts as its metadata, and a line in the log. */
MF_MUST_CHECK bool mf_output_write_model(const char *path, mf_model_parts *parts,
                                         const mf_run_facts *facts, uint32_t best_epoch,
                                         mf_error *err);

#endif
