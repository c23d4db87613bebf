/* data.h: channels into ratings. */
#ifndef MF_TRAIN_DATA_H
#define MF_TRAIN_DATA_H

#include "base/error.h"
#include "data_report.h"
#include "hosts/group.h"
#include "ratings/ratings.h"
#include "sagemaker/channels.h"

#include <stdbool.h>

/* Reads the files of a channel that data_plan.h chooses, in their order; the others are named in
 * the log. With MF_FEEDBACK_AUTO, when no file holds ratings, those are read
 * that hold implicit feedback; result->feedback says what it was. A Pipe channel is one
 * stream, read once, and is what it begins with; of several hosts each has all of it. With a group,
 * all hosts call, share the files (data_share.h), and have all ratings afterwards. before: of validation
 * data, what was read of the training data, whose headers count (data_plan.h); else NULL. *report is
 * what was understood; it is filled in as far as reading came. NULL on failure: no file to read is
 * MF_ERR_CONFIG and lists what was found, as are columns whose order only the header of the training
 * data can tell; else as mf_data_plan_make and mf_ratings_reader_add_as. */
mf_ratings *mf_data_read_channel(const mf_channel *channel, mf_hosts_group *group,
                                 const mf_ratings_options *options, const mf_data_report *before,
                                 mf_data_report *report, mf_error *err);

/* Validation data in the indexes of the training data (mf_ratings_align): logs how many of their
 * users, items and rows training knows, and warns when it is less than half of the rows. Fails
 * MF_ERR_CONFIG when it is none. */
MF_MUST_CHECK bool mf_data_check_known(const mf_ratings *held_out, const mf_ratings_rows *aligned,
                                       mf_data_report *report, mf_error *err);

#endif
