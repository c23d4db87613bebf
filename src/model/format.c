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
    [MF_MODEL_ITEMS] = MF_SECTION_OPTIONAL_PREFIX "items",
    [MF_MODEL_ITEMS_ATTRIBUTES] = MF_SECTION_OPTIONAL_PREFIX "items_attributes",
    [MF_MODEL_ITEMS_ID_START] = MF_SECTION_OPTIONAL_PREFIX "items_id_start",
    [MF_MODEL_ITEMS_ID_BYTES] = MF_SECTION_OPTIONAL_PREFIX "items_id_bytes",
    [MF_MODEL_ITEMS_ID_TABLE] = MF_SECTION_OPTIONAL_PREFIX "items_id_table",
    [MF_MODEL_ITEMS_TEXT_START] = MF_SECTION_OPTIONAL_PREFIX "items_text_start",
    [MF_MODEL_ITEMS_TEXT_BYTES] = MF_SECTION_OPTIONAL_PREFIX "items_text_bytes",
    [MF_MODEL_ITEMS_NUMBERS] = MF_SECTION_OPTIONAL_PREFIX "items_numbers",
    [MF_MODEL_ITEMS_ORDER] = MF_SECTION_OPTIONAL_PREFIX "items_order",
    [MF_MODEL_ITEMS_VALUE_START] = MF_SECTION_OPTIONAL_PREFIX "items_value_start",
    [MF_MODEL_ITEMS_VALUE_BYTES] = MF_SECTION_OPTIONAL_PREFIX "items_value_bytes",
    [MF_MODEL_ITEMS_START] = MF_SECTION_OPTIONAL_PREFIX "items_start",
    [MF_MODEL_ITEMS_VALUES] = MF_SECTION_OPTIONAL_PREFIX "items_values",
    [MF_MODEL_ITEMS_BY_START] = MF_SECTION_OPTIONAL_PREFIX "items_by_start",
    [MF_MODEL_ITEMS_BY_VALUE] = MF_SECTION_OPTIONAL_PREFIX "items_by_value",
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
enum {
    USERS,
    USERS_1,
    USER_BYTES,
    ITEMS,
    ITEMS_1,
    ITEM_BYTES,
    RATED,
    TEXT,
    DIRECTIONS,
    ONE,
    ATTRIBUTES_N,
    UNRATED_1,
    UNRATED_BYTES,
    TEXTS_1,
    TEXTS_BYTES,
    NUMBERS,
    VALUES_1,
    VALUES_BYTES,
    LISTS,
    LINKS,
    CATEGORIES
};
enum { NONE, BOTH, RATING, RANKING, ATTRIBUTES };

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
    [MF_MODEL_ITEMS_ATTRIBUTES] = {ATTRIBUTES, ATTRIBUTES_N, sizeof(mf_attribute),
                                   AT(attributes.attribute)},
    [MF_MODEL_ITEMS_ID_START] = {ATTRIBUTES, UNRATED_1, sizeof(uint64_t),
                                 AT(attributes.unrated.start)},
    [MF_MODEL_ITEMS_ID_BYTES] = {ATTRIBUTES, UNRATED_BYTES, 1, AT(attributes.unrated.bytes)},
    [MF_MODEL_ITEMS_TEXT_START] = {ATTRIBUTES, TEXTS_1, sizeof(uint64_t),
                                   AT(attributes.text_start)},
    [MF_MODEL_ITEMS_TEXT_BYTES] = {ATTRIBUTES, TEXTS_BYTES, 1, AT(attributes.text_bytes)},
    [MF_MODEL_ITEMS_NUMBERS] = {ATTRIBUTES, NUMBERS, sizeof(double), AT(attributes.numbers)},
    [MF_MODEL_ITEMS_ORDER] = {ATTRIBUTES, NUMBERS, sizeof(uint32_t), AT(attributes.number_order)},
    [MF_MODEL_ITEMS_VALUE_START] = {ATTRIBUTES, VALUES_1, sizeof(uint64_t),
                                    AT(attributes.value_start)},
    [MF_MODEL_ITEMS_VALUE_BYTES] = {ATTRIBUTES, VALUES_BYTES, 1, AT(attributes.value_bytes)},
    [MF_MODEL_ITEMS_START] = {ATTRIBUTES, LISTS, sizeof(uint32_t), AT(attributes.item_start)},
    [MF_MODEL_ITEMS_VALUES] = {ATTRIBUTES, LINKS, sizeof(uint32_t), AT(attributes.item_values)},
    [MF_MODEL_ITEMS_BY_START] = {ATTRIBUTES, CATEGORIES, sizeof(uint32_t),
                                 AT(attributes.category_start)},
    [MF_MODEL_ITEMS_BY_VALUE] = {ATTRIBUTES, LINKS, sizeof(uint32_t),
                                 AT(attributes.category_items)},
};

bool mf_model_has_section(const mf_model_parts *parts, size_t section)
{
    mf_model_array array;
    if (section == MF_MODEL_RANKING)
        return parts->ranking.n_factors > 0;
    if (section == MF_MODEL_ITEMS || section == MF_MODEL_ITEMS_ID_TABLE)
        return mf_attributes_exist(&parts->attributes);
    if (section == MF_MODEL_RANKING_TIMES && parts->ranking.time_ranks == NULL)
        return false;
    return section < MF_MODEL_SECTIONS &&
           (arrays[section].of == NONE || mf_model_array_of(parts, section, &array));
}

/* The last of the starts: how many bytes the texts have. */
static uint64_t end_of(const uint64_t *start, uint64_t n)
{
    return start != NULL ? start[n] : 0;
}

static uint64_t attribute_count(const mf_attributes *attributes, unsigned counted)
{
    const uint64_t n_rows = attributes->n_items;
    const uint32_t n = attributes->n;
    const mf_attribute_sums texts = mf_attribute_sums_before(attributes, n, MF_ATTRIBUTE_TEXT);
    const uint64_t n_numbers = mf_attribute_sums_before(attributes, n, MF_ATTRIBUTE_NUMBER).n_kind;
    const uint64_t n_lists = n - texts.n_kind - n_numbers;
    switch (counted) {
    case ATTRIBUTES_N:
        return n;
    case UNRATED_1:
        return (uint64_t)attributes->unrated.n + 1;
    case UNRATED_BYTES:
        return end_of(attributes->unrated.start, attributes->unrated.n);
    case TEXTS_1:
        return texts.n_kind * n_rows + 1;
    case TEXTS_BYTES:
        return end_of(attributes->text_start, texts.n_kind * n_rows);
    case NUMBERS:
        return n_numbers * n_rows;
    case VALUES_1:
        return texts.n_values + 1;
    case VALUES_BYTES:
        return end_of(attributes->value_start, texts.n_values);
    case LISTS:
        return n_lists * (n_rows + 1);
    case LINKS:
        return texts.n_links;
    default: /* CATEGORIES */
        return texts.n_values + n_lists;
    }
}

static uint64_t count_of(const mf_model_parts *parts, unsigned counted)
{
    switch (counted) {
    case USERS:
        return parts->n_users;
    case USERS_1:
        return (uint64_t)parts->n_users + 1;
    case USER_BYTES:
        return end_of(parts->users.start, parts->n_users);
    case ITEMS:
        return parts->n_items;
    case ITEMS_1:
        return (uint64_t)parts->n_items + 1;
    case ITEM_BYTES:
        return end_of(parts->items.start, parts->n_items);
    case RATED:
        return parts->n_rated;
    case TEXT:
        return parts->metadata_bytes;
    case DIRECTIONS:
        return parts->ranking.n_factors;
    case ONE:
        return 1;
    default:
        return attribute_count(&parts->attributes, counted);
    }
}

bool mf_model_array_of(const mf_model_parts *parts, size_t section, mf_model_array *array)
{
    const unsigned of = section < MF_MODEL_SECTIONS ? arrays[section].of : NONE;
    const uint32_t n_factors = of == RANKING ? parts->ranking.n_factors : parts->n_factors;
    if (of == NONE || ((of == RATING || of == RANKING) && n_factors == 0) ||
        (of == ATTRIBUTES && !mf_attributes_exist(&parts->attributes)))
        return false;
    array->offset = arrays[section].offset;
    array->count = count_of(parts, arrays[section].counted);
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
