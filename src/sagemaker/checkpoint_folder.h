/* checkpoint_folder.h: whether this job keeps checkpoints, and where.
 *
 * The platform writes checkpointconfig.json only when checkpoints are configured,
 * and mirrors the folder it names to S3 (docs/sagemaker.md, 2.10.1). So:
 *   checkpointconfig.json is there    its LocalPath, or the tree's checkpoints/
 *   it is not, checkpoints/ exists    that folder
 *   neither                           no checkpoints; nothing may be created
 *
 * A LocalPath below /opt/ml lies below the tree's prefix, so that a job's config
 * files also work under `train --prefix DIR`. */
#ifndef MF_SAGEMAKER_CHECKPOINT_FOLDER_H
#define MF_SAGEMAKER_CHECKPOINT_FOLDER_H

#include "base/error.h"
#include "sagemaker/tree.h"

#include <stdbool.h>

typedef struct mf_checkpoint_folder {
    bool used;
    char path[2 * MF_PATH_BYTES]; /* "" unless used; the folder may not exist yet */
} mf_checkpoint_folder;

/* Fails MF_ERR_CONFIG: the file is no JSON object, LocalPath is not an absolute
 * path or too long. Creates nothing. */
MF_MUST_CHECK bool mf_checkpoint_folder_read(const mf_tree *tree, mf_checkpoint_folder *folder,
                                             mf_error *err);

#endif
