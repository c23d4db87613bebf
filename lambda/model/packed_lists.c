/* packed_lists.c: see packed_lists.h. */
#include "lambda/model/packed_lists.h"

#include "base/grow.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The bytes of "m/" in "m/lists/a.csv", of "" in "model.bin". */
static size_t first_folder(const char *member)
{
    const char *slash = strchr(member, '/');
    return slash != NULL ? (size_t)(slash - member) + 1 : 0;
}

static bool may_be_list(const char *member)
{
    return mf_named_lists_name(member).n_bytes > 0 ||
           mf_named_lists_name(member + first_folder(member)).n_bytes > 0;
}

bool mf_lambda_packed_lists_take(void *lists, mf_tar *tar, const mf_tar_member *member,
                                 mf_error *err)
{
    static const char *const WHAT = "the lists of items";
    mf_lambda_packed_lists *packed = lists;
    if (!may_be_list(member->name))
        return true;
    if (member->n_bytes > MF_LAMBDA_PACKED_LISTS_BYTES - packed->n_bytes)
        return mf_fail(err, MF_ERR_LIMIT, (mf_where){.path = member->name},
                       "the lists of the archive have more than %llu MiB",
                       (unsigned long long)(MF_LAMBDA_PACKED_LISTS_BYTES >> 20));
    if (!MF_GROW(packed->list, packed->capacity, packed->n + 1, WHAT, err))
        return false;
    mf_lambda_packed_list *list = &packed->list[packed->n];
    *list = (mf_lambda_packed_list){
        .member = strdup(member->name),
        .bytes = mf_allocate((size_t)member->n_bytes + 1, 1, WHAT, err),
        .n_bytes = (size_t)member->n_bytes,
    };
    packed->n++;
    packed->n_bytes += member->n_bytes;
    size_t n_read;
    if (list->bytes == NULL)
        return false;
    if (list->member == NULL)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %s", WHAT);
    return mf_tar_read(tar, list->bytes, list->n_bytes, &n_read, err);
}

mf_named_lists *mf_lambda_packed_lists_read(const mf_lambda_packed_lists *packed,
                                            const char *model_member, const mf_model *model,
                                            mf_error *err)
{
    const size_t n_folder = first_folder(model_member);
    mf_named_lists *lists = mf_named_lists_create(err);
    for (size_t i = 0; lists != NULL && i < packed->n; i++) {
        const mf_lambda_packed_list *list = &packed->list[i];
        if (strncmp(list->member, model_member, n_folder) != 0)
            continue;
        const mf_id name = mf_named_lists_name(list->member + n_folder);
        if (name.n_bytes == 0 ||
            mf_named_lists_add(lists, name, list->member, list->bytes, list->n_bytes, model, err))
            continue;
        mf_named_lists_destroy(lists);
        lists = NULL;
    }
    return lists;
}

void mf_lambda_packed_lists_free(mf_lambda_packed_lists *packed)
{
    for (size_t i = 0; i < packed->n; i++) {
        free(packed->list[i].member);
        mf_free(packed->list[i].bytes);
    }
    mf_free(packed->list);
    *packed = (mf_lambda_packed_lists){.n = 0};
}
