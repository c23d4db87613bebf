/* job.h: one SageMaker training job, from the tree to model.bin.
 *
 *   read the configuration → read the channels → train → write
 *
 * What Amazon SageMaker expects of a training container (docs/sagemaker.md, 2): exit code 0 and a
 * model, or another exit code and output/failure with the reason. A reason that is there already
 * stays while runs fail; a success removes it.
 *
 * Several hosts (hosts/start.h) read and train together. The first of the sorted hosts writes the
 * outputs; the others wait until it has. A failure of any host is the failure of all, with the same
 * sentence. Channels of ratings may be sharded over them (data_share.h); the others have to be
 * replicated.
 *
 * SIGTERM: the step that runs is finished, a checkpoint and the model as it is are written, and the
 * job ends with 0. Before the first epoch is done there is nothing worth keeping: it ends with 1
 * and says so. */
#ifndef MF_TRAIN_JOB_H
#define MF_TRAIN_JOB_H

#include "base/error.h"
#include "data_report.h"

#include <stdbool.h>
#include <stdint.h>

/* Runs the job below `prefix` (NULL: /opt/ml). `person`: somebody may be looking (progress.h).
 * Returns the exit code, 0 or 1; whatever went wrong is in the log and in output/failure by
 * then. */
int mf_job_run(const char *prefix, bool person);

/* What was understood of the channels, as far as reading came; valid until the process ends. */
typedef struct mf_job_inspection {
    const mf_data_report *train;
    const mf_data_report *validation; /* NULL: there is no such channel */
    uint64_t n_validation_known;      /* rows of it with a user and an item that training knows */
} mf_job_inspection;

/* Goes as far as mf_job_run goes before it trains, on one host, and fails as that does. Logs and
 * writes nothing where the log's level is above MF_LOG_WARNING. */
MF_MUST_CHECK bool mf_job_inspect(const char *prefix, mf_job_inspection *inspection, mf_error *err);

#endif
