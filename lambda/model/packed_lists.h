/* packed_lists.h: the lists of items in a model's archive, lists/NAME.csv beside its model.bin.
 *
 * They are kept as bytes until the model is there, which may come behind them.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_MODEL_PACKED_LISTS_H
#define MF_LAMBDA_MODEL_PACKED_LISTS_H

#include "inference/named_lists.h"
#include "sagemaker/mapped_model.h"

/* Of all lists of an archive together. */
#define MF_LAMBDA_PACKED_LISTS_BYTES ((uint64_t)256 << 20)

typedef struct mf_lambda_packed_list {
    char *member; /* of the archive */
    char *bytes;
    size_t n_bytes;
} mf_lambda_packed_list;

typedef struct mf_lambda_packed_lists {
    mf_lambda_packed_list *list; /* [n] in the archive's order */
    size_t n, capacity;
    uint64_t n_bytes;
} mf_lambda_packed_lists;

/* As mf_unpack_others.take, with a mf_lambda_packed_lists: a file that may be a list is read. Fails as mf_tar_read does,
 * MF_ERR_LIMIT, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_lambda_packed_lists_take(void *lists, mf_tar *tar,
                                               const mf_tar_member *member, mf_error *err);

/* Those beside the model, whose name in the archive is model_member. NULL on failure, as
 * mf_named_lists_add. */
MF_MUST_CHECK mf_named_lists *mf_lambda_packed_lists_read(const mf_lambda_packed_lists *packed,
                                                          const char *model_member,
                                                          const mf_model *model, mf_error *err);

/* A zeroed one is fine. */
void mf_lambda_packed_lists_free(mf_lambda_packed_lists *packed);

#endif
