/* model_argument.h: opens the model that a command line names, a model.bin or an archive with one
 * (model.tar.gz of a training job). The first bytes of the file decide which, not its name. The whole
 * file is checked as for serving. */
#ifndef MF_TRAIN_MODEL_ARGUMENT_H
#define MF_TRAIN_MODEL_ARGUMENT_H

#include "base/error.h"
#include "model/model.h"
#include "sagemaker/mapped_model.h"

/* mapped->name is the file, for messages. The caller closes the model and then *mapped, also after
 * a failure. NULL and an error as mf_mapped_model_map, mf_mapped_model_unpack, mf_model_open_bytes. */
MF_MUST_CHECK mf_model *mf_model_argument_open(const char *path, mf_mapped_model *mapped,
                                               mf_error *err);

#endif
