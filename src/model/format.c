/* format.c: the names of format.h. */
#include "model/format.h"

static const char *const names[MF_MODEL_SECTIONS] = {
    [MF_MODEL_SHAPE] = "shape",
    [MF_MODEL_USER_BIAS] = "user_bias",
    [MF_MODEL_ITEM_BIAS] = "item_bias",
    [MF_MODEL_USER_FACTORS] = "user_factors",
    [MF_MODEL_ITEM_FACTORS] = "item_factors",
    [MF_MODEL_USER_ID_START] = "user_id_start",
    [MF_MODEL_USER_ID_BYTES] = "user_id_bytes",
    [MF_MODEL_USER_ID_TABLE] = "user_id_table",
    [MF_MODEL_ITEM_ID_START] = "item_id_start",
    [MF_MODEL_ITEM_ID_BYTES] = "item_id_bytes",
    [MF_MODEL_ITEM_ID_TABLE] = "item_id_table",
    [MF_MODEL_RATED_START] = "rated_start",
    [MF_MODEL_RATED_ITEMS] = "rated_items",
    [MF_MODEL_ITEM_COUNT] = "item_count",
    [MF_MODEL_METADATA] = "metadata",
};

const mf_section_kind mf_model_kind = {
    .magic = "MFMODEL",
    .version = MF_MODEL_VERSION,
    .noun = "model",
    .names = names,
    .n_names = MF_MODEL_SECTIONS,
};
