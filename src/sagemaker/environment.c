/* environment.c: two variables. */
#include "sagemaker/environment.h"

#include <stddef.h>
#include <stdlib.h>

mf_log_level mf_environment_log_level(const char *hyperparameter)
{
    mf_log_level level = MF_LOG_INFO;
    const char *text = getenv("SAGEMAKER_CONTAINER_LOG_LEVEL");
    if (text != NULL && mf_log_level_parse(text, &level))
        return level;
    if (hyperparameter != NULL && mf_log_level_parse(hyperparameter, &level))
        return level;
    return MF_LOG_INFO;
}

const char *mf_environment_job_name(void)
{
    const char *name = getenv("TRAINING_JOB_NAME");
    return name != NULL ? name : "";
}
