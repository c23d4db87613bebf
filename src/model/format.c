/* format.c: names, arrays and sizes of the sections, in one table for reading and writing. */
#include "model/format.h"

#include <string.h>

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

/* The count of an array's elements, and the model that it belongs to. */
enum { USERS, USERS_1, USER_BYTES, ITEMS, ITEMS_1, ITEM_BYTES, RATED, TEXT, DIRECTIONS, ONE };
enum { NONE, BOTH, RATING, RANKING };

enum { ROW = 0 }; /* in place of a size: a row of factors */

#define AT(field) offsetof(mf_model_parts, field)

static const struct {
    unsigned of, counted;
    size_t size, offset;
} arrays[MF_MODEL_SECTIONS] = {
    [MF_MODEL_USER_BIAS] = {RATING, USERS, sizeof(float), AT(user_bias)},
    [MF_MODEL_ITEM_BIAS] = {RATING, ITEMS, sizeof(float), AT(item_bias)},
    [MF_MODEL_USER_FACTORS] = {RATING, USERS, ROW, AT(user_factors)},
    [MF_MODEL_ITEM_FACTORS] = {RATING, ITEMS, ROW, AT(item_factors)},
    [MF_MODEL_USER_ID_START] = {BOTH, USERS_1, sizeof(uint64_t), AT(users.start)},
    [MF_MODEL_USER_ID_BYTES] = {BOTH, USER_BYTES, 1, AT(users.bytes)},
    [MF_MODEL_ITEM_ID_START] = {BOTH, ITEMS_1, sizeof(uint64_t), AT(items.start)},
    [MF_MODEL_ITEM_ID_BYTES] = {BOTH, ITEM_BYTES, 1, AT(items.bytes)},
    [MF_MODEL_RATED_START] = {BOTH, USERS_1, sizeof(uint64_t), AT(rated_start)},
    [MF_MODEL_RATED_ITEMS] = {BOTH, RATED, sizeof(uint32_t), AT(rated_items)},
    [MF_MODEL_ITEM_COUNT] = {BOTH, ITEMS, sizeof(uint32_t), AT(item_count)},
    [MF_MODEL_METADATA] = {BOTH, TEXT, 1, AT(metadata)},
    [MF_MODEL_RANKING_ITEMS] = {RANKING, ITEMS, ROW, AT(ranking.item_vectors)},
    [MF_MODEL_RANKING_MEAN] = {RANKING, ONE, ROW, AT(ranking.mean_profile)},
    [MF_MODEL_RANKING_SPECTRUM] = {RANKING, DIRECTIONS, sizeof(float), AT(ranking.spectrum)},
    [MF_MODEL_RANKING_GRADES] = {RANKING, RATED, sizeof(uint8_t), AT(ranking.grades)},
    [MF_MODEL_RANKING_TIMES] = {RANKING, RATED, sizeof(uint32_t), AT(ranking.time_ranks)},
};

bool mf_model_has_section(const mf_model_parts *parts, size_t section)
{
    mf_model_array array;
    if (section == MF_MODEL_RANKING)
        return parts->ranking.n_factors > 0;
    if (section == MF_MODEL_RANKING_TIMES && parts->ranking.time_ranks == NULL)
        return false;
    return section < MF_MODEL_SECTIONS &&
           (arrays[section].of == NONE || mf_model_array_of(parts, section, &array));
}

bool mf_model_array_of(const mf_model_parts *parts, size_t section, mf_model_array *array)
{
    const unsigned of = section < MF_MODEL_SECTIONS ? arrays[section].of : NONE;
    const uint32_t n_factors = of == RANKING ? parts->ranking.n_factors : parts->n_factors;
    const uint64_t *user_start = parts->users.start, *item_start = parts->items.start;
    const uint64_t counts[] = {
        [USERS] = parts->n_users,
        [USERS_1] = (uint64_t)parts->n_users + 1,
        [USER_BYTES] = user_start != NULL ? user_start[parts->n_users] : 0,
        [ITEMS] = parts->n_items,
        [ITEMS_1] = (uint64_t)parts->n_items + 1,
        [ITEM_BYTES] = item_start != NULL ? item_start[parts->n_items] : 0,
        [RATED] = parts->n_rated,
        [TEXT] = parts->metadata_bytes,
        [DIRECTIONS] = parts->ranking.n_factors,
        [ONE] = 1,
    };
    if (of == NONE || (of != BOTH && n_factors == 0))
        return false;
    array->offset = arrays[section].offset;
    array->count = counts[arrays[section].counted];
    array->size = arrays[section].size;
    if (array->size == ROW)
        array->size = mf_model_stride(n_factors) * sizeof(float);
    return true;
}

const void *mf_model_array_bytes(const mf_model_parts *parts, const mf_model_array *array)
{
    const void *bytes;
    memcpy(&bytes, (const char *)parts + array->offset, sizeof bytes);
    return bytes;
}
