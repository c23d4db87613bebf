/* output.h: model.bin, from what the trainer has learned, and whether it will find
 * its place. */
#ifndef MF_TRAIN_OUTPUT_H
#define MF_TRAIN_OUTPUT_H

#include "base/error.h"
#include "earlier.h"
#include "metrics.h"
#include "settings.h"

#include <stdbool.h>

/* Tries whether a file can appear at path, and leaves nothing there. Fails MF_ERR_IO:
 * a folder stands there, or its own folder cannot be written. */
bool mf_output_probe(const char *path, mf_error *err);

/* Writes the model file: the result so far, ids, which items each user has rated
 * (those set aside for validation among them) and how often each item was rated.
 * earlier->model may be NULL. */
bool mf_output_write_model(const char *path, mf_trainer *trainer, const mf_run_facts *facts,
                           const mf_train_settings *values, const mf_earlier *earlier,
                           mf_error *err);

#endif
