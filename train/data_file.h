/* data_file.h: what the programs that measure have on their command lines: one file of ratings,
 * and hyperparameters as NAME=VALUE. */
#ifndef MF_TRAIN_DATA_FILE_H
#define MF_TRAIN_DATA_FILE_H

#include "base/error.h"
#include "base/settings.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stdint.h>

/* The ratings of the file, the caller's to destroy; implicit feedback when it has users and items
 * and no ratings. NULL as mf_ratings_reader_add and …_finish
 * fail; MF_ERR_PARSE when it is not ratings. */
mf_ratings *mf_data_file_read(const char *path, const mf_ratings_options *options, mf_error *err);

/* Sets the hyperparameter of "NAME=VALUE". Fails MF_ERR_CONFIG as mf_settings_set does, and for
 * anything else. */
MF_MUST_CHECK bool mf_setting_argument(mf_settings *settings, const char *argument, mf_error *err);

/* The whole of text is a number from low to high. */
bool mf_count_argument(const char *text, uint32_t low, uint32_t high, uint32_t *count);

#endif
