/* tree.h: where everything lies below /opt/ml.
 *
 *     input/config/hyperparameters.json      settings, all strings
 *     input/config/inputdataconfig.json      channels
 *     input/config/resourceconfig.json       hosts
 *     input/config/checkpointconfig.json     only when checkpoints are configured
 *     input/data/<channel>/                  File and FastFile data
 *     input/data/<channel>_<epoch>           Pipe mode FIFOs
 *     model/                                 becomes model.tar.gz
 *     output/data/                           becomes output.tar.gz
 *     output/failure                         why the job failed
 *     checkpoints/                           mirrored to S3 while running
 *
 * docs/sagemaker.md, 2.2. Nothing here touches the disk. */
#ifndef MF_SAGEMAKER_TREE_H
#define MF_SAGEMAKER_TREE_H

#include "base/error.h"

#include <stdbool.h>

/* Every path of this room fits; a prefix longer than MF_TREE_PREFIX_MAX is refused. */
enum { MF_PATH_BYTES = 1024, MF_TREE_PREFIX_MAX = 768 };

#define MF_TREE_PREFIX "/opt/ml"

typedef struct mf_tree {
    char prefix[MF_PATH_BYTES];
    char hyperparameters[MF_PATH_BYTES];
    char input_data_config[MF_PATH_BYTES];
    char resource_config[MF_PATH_BYTES];
    char checkpoint_config[MF_PATH_BYTES];
    char input_data[MF_PATH_BYTES];
    char model[MF_PATH_BYTES];
    char output[MF_PATH_BYTES];
    char output_data[MF_PATH_BYTES];
    char failure[MF_PATH_BYTES];
    char checkpoints[MF_PATH_BYTES];
} mf_tree;

/* Fills every path. prefix takes the place of /opt/ml; NULL means /opt/ml.
 * Slashes at its end are dropped.
 * Fails MF_ERR_CONFIG: prefix is empty or longer than MF_TREE_PREFIX_MAX. */
MF_MUST_CHECK bool mf_tree_set(mf_tree *tree, const char *prefix, mf_error *err);

#endif
