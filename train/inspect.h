/* inspect.h: train --inspect: what a job would be trained on, without training. */
#ifndef MF_TRAIN_INSPECT_H
#define MF_TRAIN_INSPECT_H

#include <stdbool.h>

/* Reads hyperparameters and channels below prefix (NULL: /opt/ml) as a job does, and prints to
 * standard output which files are read and left out, columns, first rows, the values and how often
 * each occurs, users, items, density, times and warnings: as a table, or as one JSON object. Writes
 * no file. Returns the exit code: 0, or 1 when the job would fail; then what was found and the
 * error. Cost: that of reading. */
int mf_inspect_print(const char *prefix, bool as_json);

#endif
