/* checkpoints.h: the files of a checkpoint folder that SageMaker mirrors to S3.
 *
 *   checkpoint-1f2e3d4c-000012.mfck           rating model: the run's fingerprint, epochs done
 *   checkpoint-1f2e3d4c-000012-1-of-4.mfck    the same of the first of four hosts
 *   checkpoint-1f2e3d4c-ranking-200003.mfck   ranking model: phase 2, step 3
 *
 * The fingerprint is a hash of data and hyperparameters. So jobs that share a folder do not touch
 * each other's files, and a checkpoint of other data or other hyperparameters is never resumed: the
 * log names it.
 *
 * With several hosts each saves its part of the rating model, and the first one the ranking model,
 * which all have. SageMaker gives every host the files of all hosts at the next start. So a run
 * continues on any number of hosts: from the newest checkpoint of which every host has all files.
 *
 * Other files in the folder, such as the markers of the sync agent, are neither read nor deleted. A
 * file that is being uploaded (<file>.sagemaker-uploading exists, <file>.sagemaker-uploaded does
 * not) is not deleted either, because deleting it here deletes it in S3. */
#ifndef MF_TRAIN_CHECKPOINTS_H
#define MF_TRAIN_CHECKPOINTS_H

#include "base/error.h"
#include "hosts/group.h"
#include "sagemaker/job_config.h"
#include "sgd/trainer.h"
#include "spectral/spectral.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_checkpoints {
    bool used;
    mf_hosts_group *group; /* NULL: one host */
    char folder[2 * MF_PATH_BYTES];
    char run[128];    /* the prefix of all file names of this run */
    char prefix[160]; /* and of those of the present stage */
    uint32_t keep;
} mf_checkpoints;

/* Something that trains step by step and can be saved between two steps. The trainer is
 * borrowed. */
typedef struct mf_checkpointed {
    void *trainer;
    uint64_t fingerprint; /* of the run, in file names: the same for all its stages */
    const char *stage;    /* in file names: "" or "ranking-" */
    bool first;           /* of the run's stages: it logs the names of other runs' files */
    bool in_parts;        /* each host saves a part; else the first host saves all */
    uint64_t (*number)(const void *trainer);
    bool (*save)(const void *trainer, const char *path, mf_error *err);
    /* From one file, or from those of all parts. All hosts continue, or none. */
    bool (*resume)(void *trainer, const char *const *paths, size_t n, mf_error *err);
} mf_checkpointed;

mf_checkpointed mf_checkpointed_trainer(mf_trainer *trainer);

/* fingerprint: that of the run's first stage. first: this is it, there is no rating model. */
mf_checkpointed mf_checkpointed_spectral(mf_spectral *spectral, uint64_t fingerprint, bool first);

/* True when the folder holds a checkpoint of any run. */
bool mf_checkpoints_found(const mf_checkpoint_folder *folder);

/* group NULL: there is only one host; else all hosts call this and what follows. Creates the folder
 * when checkpoints are used. With several hosts at least two checkpoints are kept: the newest may
 * not have reached S3 from every host. */
MF_MUST_CHECK bool mf_checkpoints_open(mf_checkpoints *checkpoints,
                                       const mf_checkpoint_folder *folder, mf_hosts_group *group,
                                       uint32_t keep, const mf_checkpointed *what, mf_error *err);

/* Resumes the new trainer (what->trainer) from this run's newest complete checkpoint. A damaged one
 * is skipped with a warning. *resumed: whether one was found. Fails only when the folder cannot be
 * read, or with the group. */
MF_MUST_CHECK bool mf_checkpoints_resume(const mf_checkpoints *checkpoints,
                                         const mf_checkpointed *what, bool *resumed, mf_error *err);

/* Writes one and deletes this run's oldest beyond `keep`. With several hosts the others' parts are
 * written too when it returns, and each host deletes its own. */
MF_MUST_CHECK bool mf_checkpoints_save(const mf_checkpoints *checkpoints,
                                       const mf_checkpointed *what, mf_error *err);

#endif
