/* environment.h: what the platform tells a training job by environment variables.
 *
 * Nothing here is ever an error: a job does not fail because of a log level
 * (docs/sagemaker.md, 2.11, 3.8). The toolkit's SM_* variables do not reach an image like
 * ours and are not read.
 *
 * Threads: as getenv; call before threads start. */
#ifndef MF_SAGEMAKER_ENVIRONMENT_H
#define MF_SAGEMAKER_ENVIRONMENT_H

#include "base/log.h"

/* SAGEMAKER_CONTAINER_LOG_LEVEL, else `hyperparameter` (the platform's key
 * sagemaker_container_log_level, see hyperparameter_file.h; NULL or "" when
 * there is none), else MF_LOG_INFO. What is not understood counts as absent. */
mf_log_level mf_environment_log_level(const char *hyperparameter);

/* TRAINING_JOB_NAME, or "" on a laptop. */
const char *mf_environment_job_name(void);

#endif
