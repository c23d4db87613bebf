/* mapped_model.h: a model.bin as bytes of this process, taken out of its archive first when it
 * is packed (model.tar.gz, as a training job leaves it).
 *
 * (1) In an archive model.bin lies at the top or one folder deep, once. The whole archive is
 *     checked (tar.h) before anything of it is used.
 * (2) What is unpacked goes through a file without a name in $TMPDIR or /tmp, so it takes
 *     disk, not memory, and nothing is left behind however the process ends.
 * (3) In a channel there is one model: model.tar.gz, still packed as the SDK's
 *     Estimator(model_uri=…) leaves it (docs/sagemaker.md, 2.15), model.tgz, model.tar, one
 *     archive of another name, or a model.bin, at any depth of the folder. The same model may be there
 *     twice: the SDK's local mode leaves model.bin beside the model.tar.gz that it came from.
 * (4) Of model.bin in an archive the first bytes are looked at (mf_model_check_start): one that is no
 *     model is not unpacked. The rest is left to mf_model_open_bytes.
 *
 * Threads: any number, one model each. */
#ifndef MF_SAGEMAKER_MAPPED_MODEL_H
#define MF_SAGEMAKER_MAPPED_MODEL_H

#include "base/error.h"
#include "sagemaker/channels.h"
#include "sagemaker/environment.h"
#include "sagemaker/tar.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MF_MAPPED_MODEL_MEMBER "model.bin"

typedef struct mf_mapped_model {
    const void *bytes;            /* [n_bytes] mapped, page-aligned, read-only */
    size_t n_bytes;               /* > 0 */
    char name[2 * MF_PATH_BYTES]; /* where it came from: "…/model.tar.gz: model.bin" */
} mf_mapped_model;

/* Maps the whole file fd, which may be closed afterwards. model->name is there already and
 * names it in errors. Fails MF_ERR_FORMAT: a folder, an empty file; MF_ERR_IO. */
MF_MUST_CHECK bool mf_mapped_model_map(mf_mapped_model *model, int fd, mf_error *err);

/* What else of an archive is used: take is called for each other file, and may read it with
 * mf_tar_read. It may fail, and what it took counts for nothing when the unpacking fails. */
typedef struct mf_unpack_others {
    bool (*take)(void *context, mf_tar *tar, const mf_tar_member *member, mf_error *err);
    void *context;
} mf_unpack_others;

/* Unpacks and maps the archive's model.bin; tar is at its beginning, archive its name. others may
 * be NULL. deadline_ms: wall clock, 0: none. Fails MF_ERR_FORMAT: archive refused, damaged, truncated,
 * without model.bin, or with one that is no model (the text lists what it holds); MF_ERR_LIMIT, MF_ERR_IO (disk full, or
 * the deadline), MF_ERR_MEMORY, MF_ERR_STOPPED. *model is then empty. */
MF_MUST_CHECK bool mf_mapped_model_unpack(mf_mapped_model *model, mf_tar *tar, const char *archive,
                                          const mf_unpack_others *others, int64_t deadline_ms,
                                          mf_error *err);

/* A zeroed or closed one is fine. */
void mf_mapped_model_close(mf_mapped_model *model);

/* A file in $TMPDIR or /tmp that has no name, to be closed by the caller; -1 and MF_ERR_IO. */
MF_MUST_CHECK int mf_nameless_file_open(mf_error *err);

/* Appends all of it. Fails MF_ERR_IO: the disk is full. */
MF_MUST_CHECK bool mf_nameless_file_append(int fd, const char *bytes, size_t n_bytes,
                                           mf_error *err);

/* No archive may unpack to more. */
#define MF_MODEL_CHANNEL_BYTES_MAX ((uint64_t)64 << 30)

/* Finds, unpacks and maps the base model of a channel, for incremental training;
 * mf_model_open_bytes opens it. mf_mapped_model_close after use, also of what was opened from it.
 * Fails MF_ERR_CONFIG: none or several different models (the text lists what is there); else as
 * mf_mapped_model_unpack. */
MF_MUST_CHECK bool mf_model_channel_open(const mf_channel *channel, mf_mapped_model *model,
                                         mf_error *err);

#endif
