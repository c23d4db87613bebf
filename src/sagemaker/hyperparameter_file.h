/* hyperparameter_file.h: hyperparameters.json into a table of settings.
 *
 * The platform writes one flat object whose values are all texts, whatever their
 * type: {"n_factors": "64", "learning_rate": "0.01"} (docs/sagemaker.md, 2.3).
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
#ifndef MF_SAGEMAKER_HYPERPARAMETER_FILE_H
#define MF_SAGEMAKER_HYPERPARAMETER_FILE_H

#include "base/error.h"
#include "base/settings.h"

#include <stdbool.h>
#include <stddef.h>

enum { MF_OBJECTIVE_BYTES = 257 };

/* What the platform's own keys said; "" when they were not there. */
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

#endif
