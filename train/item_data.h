/* item_data.h: the files of items of a job, and what they become in its model.
 *
 * Files come from the channel items, or else from the channel train, where data_plan.h recognizes
 * them beside the ratings. A warm start keeps the attributes of its base model; files replace what
 * they say anew.
 *
 * Files of the channel items have to be right, also any files when item_columns names columns: what
 * items/items.h fails with is the job's failure. Otherwise a model without attributes is better than
 * none, and the same reason is a warning (items_left_out). */
#ifndef MF_TRAIN_ITEM_DATA_H
#define MF_TRAIN_ITEM_DATA_H

#include "base/error.h"
#include "data_report.h"
#include "items/items.h"
#include "sagemaker/channels.h"

#include <stdbool.h>

typedef struct mf_item_data {
    mf_items *items;          /* owns the arrays; NULL: none */
    mf_attributes attributes; /* of the model; all zero: none */
} mf_item_data;

/* Reads the files and logs what was understood, which *report, that of the train channel, then has
 * too. `channel` is NULL where there is no channel items, `base` where there is no base model.
 * columns: the hyperparameter item_columns; "none" leaves all out. Fails as above, MF_ERR_IO,
 * MF_ERR_MEMORY, MF_ERR_STOPPED. */
MF_MUST_CHECK bool mf_item_data_read(mf_item_data *data, const mf_channel *channel,
                                     const mf_ratings_options *options, const char *columns,
                                     const mf_model_parts *base, const mf_id_list *rated,
                                     mf_data_report *report, mf_error *err);

void mf_item_data_clear(mf_item_data *data);

#endif
