/* job_config.h: the configuration of a training job: hyperparameters, hosts, checkpoints.
 *
 * hyperparameters.json is one flat object of texts, whatever the type of a
 * value: {"n_factors": "64", "learning_rate": "0.01"} (docs/sagemaker.md, 2.3).
 *
 * (1) No file and {} mean defaults.
 * (2) A text that is itself a quoted JSON text ("\"0.05\"", what the SDK's
 *     framework estimators send) counts as the text inside.
 * (3) Keys that start with sagemaker_, and _tuning_objective_metric, belong to
 *     the platform and its tools: never an error, whatever they hold.
 * (4) Every other key must be in the table.
 *
 * Errors are MF_ERR_CONFIG. What is wrong with the file names the file, line and
 * column; what is wrong with a value names the hyperparameter (settings.h). */
#ifndef MF_SAGEMAKER_JOB_CONFIG_H
#define MF_SAGEMAKER_JOB_CONFIG_H

#include "base/error.h"
#include "base/settings.h"
#include "sagemaker/environment.h"

#include <stdbool.h>
#include <stddef.h>

enum { MF_OBJECTIVE_BYTES = 257 };

/* The values of the platform's own keys; "" when they were not there. */
typedef struct mf_platform_hyperparameters {
    char tuning_objective[MF_OBJECTIVE_BYTES]; /* _tuning_objective_metric, cut to fit */
    char log_level[16];                        /* sagemaker_container_log_level */
} mf_platform_hyperparameters;

/* Reads the file into `settings`, which the caller has started. The first wrong
 * key of the file is the one reported. `platform` may be NULL. */
MF_MUST_CHECK bool mf_hyperparameter_file_read(const char *path, mf_settings *settings,
                                               mf_platform_hyperparameters *platform,
                                               mf_error *err);

/* The same from bytes; name stands for the path. */
MF_MUST_CHECK bool mf_hyperparameter_file_parse(const char *bytes, size_t n_bytes, const char *name,
                                                mf_settings *settings,
                                                mf_platform_hyperparameters *platform,
                                                mf_error *err);

/* ---- resourceconfig.json: the hosts of the job ----
 *
 * (1) Rank is the place of current_host in `hosts` sorted bytewise (algo-10 comes
 *     before algo-2), whatever order the file has and whatever the names are.
 * (2) The operating system's host name is never read: on the platform it is
 *     another one (docs/sagemaker.md, 2.7.1).
 * (3) No file, or neither field in it, means one host of rank 0 called algo-1.
 * (4) Other fields, "topology": null among them, are ignored.
 *
 * Host names are 1 … 64 of [A-Za-z0-9.-_] and so safe in file names. */

enum { MF_HOSTS_MAX = 512, MF_HOST_NAME_BYTES = 65, MF_INTERFACE_BYTES = 32 };

typedef struct mf_hosts {
    size_t n;                                    /* ≥ 1 */
    size_t rank;                                 /* name[rank] is this host */
    char name[MF_HOSTS_MAX][MF_HOST_NAME_BYTES]; /* [n] ascending */
    char interface[MF_INTERFACE_BYTES]; /* network_interface_name; "" when absent. It may not
                                           exist (local mode). */
} mf_hosts;

/* Fails MF_ERR_CONFIG: not JSON, a field of another type, a host twice,
 * current_host not among hosts, more than MF_HOSTS_MAX. */
MF_MUST_CHECK bool mf_hosts_read(const char *path, mf_hosts *hosts, mf_error *err);

/* ---- checkpointconfig.json: whether this job keeps checkpoints, and where ----
 *
 * The platform writes checkpointconfig.json only when checkpoints are configured,
 * and mirrors the folder it names to S3 (docs/sagemaker.md, 2.10.1). So:
 *   checkpointconfig.json is there    its LocalPath, or the tree's checkpoints/
 *   it is not, checkpoints/ exists    that folder
 *   neither                           no checkpoints; nothing may be created
 *
 * A LocalPath below /opt/ml lies below the tree's prefix, so that a job's config
 * files also work under `train --prefix DIR`. */

typedef struct mf_checkpoint_folder {
    bool used;
    char path[2 * MF_PATH_BYTES]; /* "" unless used; the folder may not exist yet */
} mf_checkpoint_folder;

/* Fails MF_ERR_CONFIG: the file is no JSON object, LocalPath is not an absolute
 * path or too long. Creates nothing. */
MF_MUST_CHECK bool mf_checkpoint_folder_read(const mf_tree *tree, mf_checkpoint_folder *folder,
                                             mf_error *err);

#endif
