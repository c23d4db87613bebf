/* named_lists.h: lists of items that a request names: {"in":"in-stock"} for lists/in-stock.csv.
 *
 * A file has an item id in the first field of each line, or in the column that a header names as training files
 * do; other columns are ignored. Ids that the model does not know are counted.
 *
 * Threads: any number may read one mf_named_lists. */
#ifndef MF_INFERENCE_NAMED_LISTS_H
#define MF_INFERENCE_NAMED_LISTS_H

#include "base/error.h"
#include "model/model.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mf_named_list {
    char *name;         /* the file's name without .csv, an id */
    uint64_t *words;    /* [(n_items + 63) / 64] bit i % 64 of word i / 64: item i is in the list */
    uint32_t n_items;   /* of the model, each once */
    uint64_t n_unknown; /* lines with another id */
} mf_named_list;

typedef struct mf_named_lists {
    mf_named_list *list; /* [n] by name, bytewise */
    size_t n;
} mf_named_lists;

enum { MF_NAMED_LISTS_MAX = 1000 };

/* The .csv files of folder/lists; without that folder there are none. Logs a line for each. NULL: MF_ERR_IO, a
 * file or the folder cannot be read; MF_ERR_PARSE, an invalid id, with file and line; MF_ERR_LIMIT, more than
 * MF_NAMED_LISTS_MAX files; MF_ERR_MEMORY. Cost: one pass over the files, n_items / 8 bytes for each. */
MF_MUST_CHECK mf_named_lists *mf_named_lists_load(const char *folder, const mf_model *model,
                                                  mf_error *err);

/* The lists of files that are in memory, lists/NAME.csv in an archive: none, and one more. The name is that of a file
 * beside the model (mf_named_lists_name), path stands for it in errors. Logs a line. Fails as load does, MF_ERR_FORMAT: a
 * second list of this name. */
MF_MUST_CHECK mf_named_lists *mf_named_lists_create(mf_error *err);
MF_MUST_CHECK bool mf_named_lists_add(mf_named_lists *lists, mf_id name, const char *path,
                                      const char *bytes, size_t n_bytes, const mf_model *model,
                                      mf_error *err);

/* The name of the list in a file beside the model, "lists/NAME.csv"; n_bytes 0: it is no list. A view. */
mf_id mf_named_lists_name(const char *file);

/* NULL is fine. */
void mf_named_lists_destroy(mf_named_lists *lists);

/* The list of this name. NULL: MF_ERR_PARSE, with a sentence that names the nearest; lists may be NULL. */
MF_MUST_CHECK const mf_named_list *mf_named_lists_find(const mf_named_lists *lists, mf_id name,
                                                       mf_error *err);

#endif
