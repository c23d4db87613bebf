/* model_channel.h: the earlier model of a channel, for incremental training.
 *
 * The SDK's Estimator(model_uri=…) puts model.tar.gz into the channel still
 * packed (docs/sagemaker.md, 2.15). Also accepted: model.tgz, model.tar, one archive of
 * another name, and a model.bin that somebody has unpacked, each at any depth of
 * the channel's folder. There must be one of them.
 *
 * In an archive model.bin lies at the top or one folder deep, once. The whole
 * archive is judged (tar.h) before anything of it is used.
 *
 * A packed model goes through a file without a name in $TMPDIR or /tmp, so it
 * takes disk, not memory, and nothing is left behind however the process ends. */
#ifndef MF_SAGEMAKER_MODEL_CHANNEL_H
#define MF_SAGEMAKER_MODEL_CHANNEL_H

#include "base/error.h"
#include "sagemaker/channels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No archive may unpack to more. */
#define MF_MODEL_CHANNEL_BYTES_MAX ((uint64_t)64 << 30)

typedef struct mf_model_channel {
    const void *bytes;            /* a mapped model.bin, page-aligned, read-only */
    size_t n_bytes;               /* > 0 */
    char name[2 * MF_PATH_BYTES]; /* where it came from: "…/model.tar.gz: model.bin" */
} mf_model_channel;

/* Finds, unpacks and maps the model; mf_model_open_bytes(bytes, n_bytes, name)
 * takes it from there. close after use, also of what was opened from it.
 * Fails MF_ERR_CONFIG: none or several models (the text lists what is there);
 * MF_ERR_FORMAT: archive refused, damaged, truncated, or without model.bin (the
 * text lists what it holds); MF_ERR_LIMIT, MF_ERR_IO (disk full), MF_ERR_MEMORY,
 * MF_ERR_STOPPED. */
bool mf_model_channel_open(const mf_channel *channel, mf_model_channel *model, mf_error *err);

/* A zeroed or closed one is fine. */
void mf_model_channel_close(mf_model_channel *model);

#endif
