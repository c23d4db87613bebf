/* environment.h: what the platform gives a job: paths below /opt/ml, environment variables.
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
 * docs/sagemaker.md, 2.2. Nothing here touches the disk.
 *
 * A log level that is not understood is no error: a job does not fail because of one
 * (docs/sagemaker.md, 2.11, 3.8). The toolkit's SM_* variables do not reach an image like ours
 * and are not read.
 *
 * Threads: as getenv; call before threads start. */
#ifndef MF_SAGEMAKER_ENVIRONMENT_H
#define MF_SAGEMAKER_ENVIRONMENT_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>

/* Every path of src/sagemaker fits; a prefix longer than MF_TREE_PREFIX_MAX is refused. */
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

/* SAGEMAKER_CONTAINER_LOG_LEVEL, else `hyperparameter` (the platform's key
 * sagemaker_container_log_level, see job_config.h; NULL or "" when there is none), else
 * MF_LOG_INFO. What is not understood counts as absent. */
mf_log_level mf_environment_log_level(const char *hyperparameter);

/* TRAINING_JOB_NAME, or "" on a laptop. */
const char *mf_environment_job_name(void);

#endif
