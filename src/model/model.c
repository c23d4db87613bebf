/* model.c: lookups and predictions of an open model. */
#include "model/model.h"

#include "model/dot.h"
#include "model/open.h"

const mf_model_parts *mf_model_get(const mf_model *model)
{
    return &model->parts;
}

uint64_t mf_model_checksum(const mf_model *model)
{
    return model->file != NULL ? mf_section_file_header(model->file)->checksum : 0;
}

uint32_t mf_model_find_user(const mf_model *model, const char *id, size_t n_bytes)
{
    if (model->user_slots == NULL)
        return MF_INDEX_NONE;
    return mf_id_table_find(&model->parts.users, model->user_slots,
                            mf_id_table_slots(model->parts.n_users), id, n_bytes);
}

uint32_t mf_model_find_item(const mf_model *model, const char *id, size_t n_bytes)
{
    if (model->item_slots == NULL)
        return MF_INDEX_NONE;
    return mf_id_table_find(&model->parts.items, model->item_slots,
                            mf_id_table_slots(model->parts.n_items), id, n_bytes);
}

uint32_t mf_model_format_version(const mf_model *model)
{
    return mf_section_file_header(model->file)->version;
}

size_t mf_model_file_bytes(const mf_model *model)
{
    return mf_section_file_header(model->file)->file_bytes;
}

bool mf_model_section(const mf_model *model, size_t row, const char **name, uint64_t *n_bytes)
{
    return mf_section_file_row(model->file, row, name, n_bytes);
}

float mf_model_predict(const mf_model *model, uint32_t user, uint32_t item)
{
    const mf_model_parts *parts = &model->parts;
    const size_t stride = mf_model_stride(parts->n_factors);
    float rating = parts->global_mean;
    if (user != MF_INDEX_NONE)
        rating += parts->user_bias[user];
    if (item != MF_INDEX_NONE)
        rating += parts->item_bias[item];
    if (user != MF_INDEX_NONE && item != MF_INDEX_NONE)
        rating += mf_dot(parts->user_factors + user * stride, parts->item_factors + item * stride,
                         stride);
    /* Finite factors may overflow to infinity, or to NaN (infinity less infinity), for which every
     * comparison is false. */
    if (!(rating > parts->rating_min))
        return parts->rating_min;
    return rating < parts->rating_max ? rating : parts->rating_max;
}
