/* checkpoints.h: the files of a checkpoint folder that SageMaker mirrors to S3.
 *
 * Ours are called checkpoint-1f2e3d4c-000012.mfck: which run (its fingerprint:
 * data and hyperparameters) and how many epochs were done; with several hosts
 * checkpoint-<host>-1f2e3d4c-000012.mfck. Those of the ranking model are called
 * checkpoint-1f2e3d4c-ranking-200003.mfck: its phase and step. So jobs that share a folder leave
 * each other's files alone, and a checkpoint of other data or other hyperparameters is never
 * resumed: the log names it.
 *
 * Whatever else lies in the folder, the sync agent's markers among it, is neither
 * read nor deleted. A file that is being uploaded (<file>.sagemaker-uploading
 * without <file>.sagemaker-uploaded) is not deleted either: deleting here deletes
 * in S3. */
#ifndef MF_TRAIN_CHECKPOINTS_H
#define MF_TRAIN_CHECKPOINTS_H

#include "base/error.h"
#include "sagemaker/job_config.h"
#include "sgd/trainer.h"
#include "spectral/spectral.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_checkpoints {
    bool used;
    char folder[2 * MF_PATH_BYTES];
    char run[128];    /* what the names of this run's files begin with, */
    char prefix[160]; /* and those of its stage */
    uint32_t keep;
} mf_checkpoints;

/* Something that trains step by step and can be saved between two steps. The trainer is
 * borrowed. */
typedef struct mf_checkpointed {
    void *trainer;
    uint64_t fingerprint; /* of the run, in file names: the same for all its stages */
    const char *stage;    /* in file names: "" or "ranking-" */
    bool first;           /* of the run's stages: it names in the log what is of other runs */
    uint64_t (*number)(const void *trainer);
    bool (*save)(const void *trainer, const char *path, mf_error *err);
    bool (*resume)(void *trainer, const char *path, mf_error *err);
} mf_checkpointed;

mf_checkpointed mf_checkpointed_trainer(mf_trainer *trainer);

/* fingerprint: that of the run's first stage. first: this is it, there is no rating model. */
mf_checkpointed mf_checkpointed_spectral(mf_spectral *spectral, uint64_t fingerprint, bool first);

/* True when the folder holds a checkpoint, of whichever run. */
bool mf_checkpoints_found(const mf_checkpoint_folder *folder);

/* host NULL: there is only one. Creates the folder when checkpoints are used. */
MF_MUST_CHECK bool mf_checkpoints_open(mf_checkpoints *checkpoints,
                                       const mf_checkpoint_folder *folder, const char *host,
                                       uint32_t keep, const mf_checkpointed *what, mf_error *err);

/* Resumes the new trainer (what->trainer) from this run's newest checkpoint that is whole; a
 * damaged one is passed over with a line in the log. *resumed tells. Fails only
 * when the folder cannot be read. */
MF_MUST_CHECK bool mf_checkpoints_resume(const mf_checkpoints *checkpoints,
                                         const mf_checkpointed *what, bool *resumed, mf_error *err);

/* Writes one and deletes this run's oldest beyond `keep`. */
MF_MUST_CHECK bool mf_checkpoints_save(const mf_checkpoints *checkpoints,
                                       const mf_checkpointed *what, mf_error *err);

#endif
