/* data.h: channels into ratings. */
#ifndef MF_TRAIN_DATA_H
#define MF_TRAIN_DATA_H

#include "base/error.h"
#include "ratings/ratings.h"
#include "sagemaker/channels.h"

#include <stdbool.h>

/* Reads every file of a channel that holds ratings; others are named in the log
 * and left alone. With MF_FEEDBACK_AUTO, when no file holds ratings, those are read
 * that hold implicit feedback; result->feedback says what it was. A Pipe channel is one
 * stream, read once, and is what it begins with. NULL on failure: no file to read
 * is MF_ERR_CONFIG and lists what was found; else as mf_ratings_reader_add. */
mf_ratings *mf_data_read_channel(const mf_channel *channel, const mf_ratings_options *options,
                                 mf_error *err);

#endif
