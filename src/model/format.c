/* format.c: the names of format.h, and when a section is there. */
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
    [MF_MODEL_RANKING] = MF_SECTION_OPTIONAL_PREFIX "ranking",
    [MF_MODEL_RANKING_ITEMS] = MF_SECTION_OPTIONAL_PREFIX "ranking_items",
    [MF_MODEL_RANKING_MEAN] = MF_SECTION_OPTIONAL_PREFIX "ranking_mean",
    [MF_MODEL_RANKING_SPECTRUM] = MF_SECTION_OPTIONAL_PREFIX "ranking_spectrum",
    [MF_MODEL_RANKING_GRADES] = MF_SECTION_OPTIONAL_PREFIX "ranking_grades",
    [MF_MODEL_RANKING_TIMES] = MF_SECTION_OPTIONAL_PREFIX "ranking_times",
};

const mf_section_kind mf_model_kind = {
    .magic = "MFMODEL",
    .version = MF_MODEL_VERSION_RANKING,
    .noun = "model",
    .names = names,
    .n_names = MF_MODEL_SECTIONS,
};

uint32_t mf_model_version(const mf_model_parts *parts)
{
    return parts->n_factors > 0 ? MF_MODEL_VERSION_RATING : MF_MODEL_VERSION_RANKING;
}

bool mf_model_has_section(const mf_model_parts *parts, size_t section)
{
    switch (section) {
    case MF_MODEL_USER_BIAS:
    case MF_MODEL_ITEM_BIAS:
    case MF_MODEL_USER_FACTORS:
    case MF_MODEL_ITEM_FACTORS:
        return parts->n_factors > 0;
    case MF_MODEL_RANKING:
    case MF_MODEL_RANKING_ITEMS:
    case MF_MODEL_RANKING_MEAN:
    case MF_MODEL_RANKING_SPECTRUM:
    case MF_MODEL_RANKING_GRADES:
        return parts->ranking.n_factors > 0;
    case MF_MODEL_RANKING_TIMES:
        return parts->ranking.n_factors > 0 && parts->ranking.time_ranks != NULL;
    default:
        return section < MF_MODEL_SECTIONS;
    }
}
