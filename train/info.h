/* info.h: prints the content of a model, for the command line.
 *
 * path is a model.bin or an archive with one (model.tar.gz of a training job; mapped_model.h). The
 * first bytes of the file decide which, not its name. The whole file is checked as for serving.
 *
 * Printed on standard output, in a fixed order: the file, its size and checksum; format version and
 * the version of the program that trained it; counts; the rating model and the ranking model with
 * their settings; the kinds of requests that it supports; the size of each section; the metadata of
 * training (hyperparameters and metrics). as_json: the same as one JSON object. docs/model-file.md
 * shows both. */
#ifndef MF_TRAIN_INFO_H
#define MF_TRAIN_INFO_H

#include <stdbool.h>

/* Returns the exit code: 0, or 1 after one sentence on standard error (path and reason). In that
 * case nothing was printed on standard output, unless standard output itself failed. */
int mf_info_print(const char *path, bool as_json);

#endif
