/* environment.c: the names of files below /opt/ml and of environment variables, each in one place.
 * */
#include "sagemaker/environment.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void join(char path[MF_PATH_BYTES], const char *prefix, const char *below)
{
    /* Fits: the prefix was measured and the names are ours. */
    const int n = snprintf(path, MF_PATH_BYTES, "%s%s", prefix, below);
    (void)n;
}

bool mf_tree_set(mf_tree *tree, const char *prefix, mf_error *err)
{
    if (prefix == NULL)
        prefix = MF_TREE_PREFIX;
    size_t n = strlen(prefix);
    if (n == 0)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "the prefix is empty: expected a folder");
    while (n > 0 && prefix[n - 1] == '/')
        n--;
    if (n > MF_TREE_PREFIX_MAX)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "the prefix is %zu bytes long: at most %d are supported", n,
                       MF_TREE_PREFIX_MAX);
    char root[MF_TREE_PREFIX_MAX + 1];
    memcpy(root, prefix, n);
    root[n] = '\0';

    join(tree->prefix, n > 0 ? root : "/", "");
    join(tree->hyperparameters, root, "/input/config/hyperparameters.json");
    join(tree->input_data_config, root, "/input/config/inputdataconfig.json");
    join(tree->resource_config, root, "/input/config/resourceconfig.json");
    join(tree->checkpoint_config, root, "/input/config/checkpointconfig.json");
    join(tree->input_data, root, "/input/data");
    join(tree->model, root, "/model");
    join(tree->output, root, "/output");
    join(tree->output_data, root, "/output/data");
    join(tree->failure, root, "/output/failure");
    join(tree->checkpoints, root, "/checkpoints");
    return true;
}

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
