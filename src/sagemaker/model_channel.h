/* model_channel.h: the earlier model of a channel, for incremental training.
 *
 * The SDK's Estimator(model_uri=…) puts model.tar.gz into the channel still
 * packed (docs/sagemaker.md, 2.15). Also accepted: model.tgz, model.tar, one archive of
 * another name, and a model.bin that somebody has unpacked, each at any depth of
 * the channel's folder. There must be one of them.
 *
 * What becomes of an archive is mapped_model.h's. */
#ifndef MF_SAGEMAKER_MODEL_CHANNEL_H
#define MF_SAGEMAKER_MODEL_CHANNEL_H

#include "base/error.h"
#include "sagemaker/channels.h"
#include "sagemaker/mapped_model.h"

#include <stdbool.h>
#include <stdint.h>

/* No archive may unpack to more. */
#define MF_MODEL_CHANNEL_BYTES_MAX ((uint64_t)64 << 30)

/* Finds, unpacks and maps the model; mf_model_open_bytes takes it from there.
 * mf_mapped_model_close after use, also of what was opened from it.
 * Fails MF_ERR_CONFIG: none or several models (the text lists what is there); else as
 * mf_mapped_model_unpack. */
MF_MUST_CHECK bool mf_model_channel_open(const mf_channel *channel, mf_mapped_model *model,
                                         mf_error *err);

#endif
