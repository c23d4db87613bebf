/* model_columns.h: the names that a CSV header may give to users and items: those of column_names.h, and those
 * that the model's training job was told (user_column and item_column), which its metadata hold.
 *
 * Threads: any may read one mf_model_columns. */
#ifndef MF_INFERENCE_MODEL_COLUMNS_H
#define MF_INFERENCE_MODEL_COLUMNS_H

#include "base/id_list.h"
#include "model/model.h"

enum { MF_MODEL_COLUMN_BYTES = 129 };

/* "": the job was told no name, or a position (#2). */
typedef struct mf_model_columns {
    char user[MF_MODEL_COLUMN_BYTES];
    char item[MF_MODEL_COLUMN_BYTES];
} mf_model_columns;

/* Metadata that hold none, as those of older releases, yield "". */
void mf_model_columns_read(mf_model_columns *columns, const mf_model *model);

typedef enum mf_model_column {
    MF_MODEL_COLUMN_NONE,
    MF_MODEL_COLUMN_USER,
    MF_MODEL_COLUMN_ITEM,
} mf_model_column;

/* The column of this name; the job's own names first. columns NULL: the usual names only. */
mf_model_column mf_model_columns_find(const mf_model_columns *columns, mf_id name);

#endif
