/* info.h: what is inside a model, from the command line.
 *
 * path is a model.bin, or an archive that holds one (model.tar.gz, as a training job leaves it;
 * mapped_model.h): which of the two its first bytes tell, not its name. The whole file is checked
 * as for serving.
 *
 * Printed on standard output, in a fixed order: the file, its size and checksum; format version
 * and the version of the program that trained it; counts; the rating model and the ranking model
 * with their settings; which requests it can answer; the size of each section; the metadata of
 * training (hyperparameters and metrics). as_json: the same as one JSON object. docs/model-file.md
 * shows both. */
#ifndef MF_TRAIN_INFO_H
#define MF_TRAIN_INFO_H

#include <stdbool.h>

/* Returns the exit code: 0, or 1 after one sentence on standard error (the path and the reason).
 * Then nothing was printed on standard output, unless that is what failed. */
int mf_info_print(const char *path, bool as_json);

#endif
