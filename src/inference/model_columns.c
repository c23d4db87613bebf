/* model_columns.c: the hyperparameters in a model's metadata, once for each model. */
#include "inference/model_columns.h"

#include "csv/column_names.h"
#include "inference/json.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void take(char to[MF_MODEL_COLUMN_BYTES], const json_t *name)
{
    const char *text = json_string_value(name);
    if (text != NULL && text[0] != '#' && strlen(text) < MF_MODEL_COLUMN_BYTES)
        snprintf(to, MF_MODEL_COLUMN_BYTES, "%s", text);
}

void mf_model_columns_read(mf_model_columns *columns, const mf_model *model)
{
    const mf_model_parts *parts = mf_model_get(model);
    *columns = (mf_model_columns){.user = ""};
    json_t *metadata = parts->metadata_bytes > 0
                           ? json_loadb(parts->metadata, parts->metadata_bytes, 0, NULL)
                           : NULL;
    const json_t *told = json_object_get(metadata, "hyperparameters");
    take(columns->user, json_object_get(told, "user_column"));
    take(columns->item, json_object_get(told, "item_column"));
    json_decref(metadata);
}

/* As train compares a given name: without case and RecBole's type. */
static bool is(mf_id name, const char *told)
{
    const size_t n = strlen(told);
    return n > 0 && (name.n_bytes == n || mf_column_name_bytes(name.bytes, name.n_bytes) == n) &&
           strncasecmp(name.bytes, told, n) == 0;
}

mf_model_column mf_model_columns_find(const mf_model_columns *columns, mf_id name)
{
    if (columns != NULL && is(name, columns->user))
        return MF_MODEL_COLUMN_USER;
    if (columns != NULL && is(name, columns->item))
        return MF_MODEL_COLUMN_ITEM;
    if (mf_column_name_among(name.bytes, name.n_bytes, mf_column_user_names))
        return MF_MODEL_COLUMN_USER;
    return mf_column_name_among(name.bytes, name.n_bytes, mf_column_item_names)
               ? MF_MODEL_COLUMN_ITEM
               : MF_MODEL_COLUMN_NONE;
}
