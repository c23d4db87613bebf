/* attributes_check.c: one check for each array of the attributes, from front to back: what a later
 * one refers to has been checked. Unlike check.c this is not done while a file is hashed: transposed
 * lists jump about, and all of it is small beside the factors. */
#include "model/check.h"

#include "base/utf8.h"
#include "model/format.h"

#include <math.h>
#include <string.h>

#define FOUND(check, format, ...)                                                                  \
    mf_fail(&(check)->found, (check)->code, (check)->where, "not a usable model: " format,         \
            ##__VA_ARGS__)

typedef unsigned long ul; /* for printf */
typedef unsigned long long ull;

static const char *name_of(size_t section)
{
    return mf_model_kind.names[section];
}

/* --- shapes -------------------------------------------------------------- */

static void check_attribute(mf_model_check *check, uint32_t a)
{
    const mf_attributes *attributes = &check->parts->attributes;
    const mf_attribute *attribute = &attributes->attribute[a];
    const size_t n_name = strnlen(attribute->name, MF_ATTRIBUTE_NAME_BYTES);
    if (attribute->kind >= MF_ATTRIBUTE_KINDS)
        FOUND(check, "attribute %lu has kind %lu, it must be 0 to %d", (ul)a, (ul)attribute->kind,
              MF_ATTRIBUTE_KINDS - 1);
    if (n_name == MF_ATTRIBUTE_NAME_BYTES || !mf_id_valid(attribute->name, n_name) ||
        !mf_section_is_zero(attribute->name + n_name, MF_ATTRIBUTE_NAME_BYTES - n_name))
        FOUND(check, "the name of attribute %lu is no text of 1 to %d bytes", (ul)a,
              MF_ATTRIBUTE_NAME_BYTES - 1);
    else if (mf_attribute_find(attributes, attribute->name, n_name) != a)
        FOUND(check, "two attributes are called %s", attribute->name);
    if (attribute->kind == MF_ATTRIBUTE_CATEGORIES
            ? attribute->n_values == MF_INDEX_NONE || attribute->n_links > UINT32_MAX
            : attribute->n_values != 0 || attribute->n_links != 0)
        FOUND(check, "attribute %lu has %lu values and %llu links", (ul)a, (ul)attribute->n_values,
              (ull)attribute->n_links);
}

void mf_model_check_attribute_shapes(mf_model_check *check)
{
    const mf_model_parts *parts = check->parts;
    const mf_attributes *attributes = &parts->attributes;
    if (attributes->n > MF_ATTRIBUTES_MAX)
        FOUND(check, "it has %lu attributes, at most %d are possible", (ul)attributes->n,
              MF_ATTRIBUTES_MAX);
    if (attributes->unrated.n > MF_INDEX_NONE - 1 - parts->n_items ||
        attributes->n_items != parts->n_items + attributes->unrated.n)
        FOUND(check, "%lu rated and %lu unrated items are not %lu rows", (ul)parts->n_items,
              (ul)attributes->unrated.n, (ul)attributes->n_items);
    if (attributes->n > 0 && attributes->attribute == NULL) {
        FOUND(check, "it has no %s", name_of(MF_MODEL_ITEMS_ATTRIBUTES));
        return;
    }
    for (uint32_t a = 0; check->found.code == MF_OK && a < attributes->n; a++)
        check_attribute(check, a);
    if (check->found.code == MF_OK && attributes->title != MF_INDEX_NONE &&
        (attributes->title >= attributes->n ||
         attributes->attribute[attributes->title].kind != MF_ATTRIBUTE_TEXT))
        FOUND(check, "the title is attribute %lu, which is no text", (ul)attributes->title);
}

/* --- texts --------------------------------------------------------------- */

static bool is_text(mf_id text)
{
    for (size_t i = 0; i < text.n_bytes;) {
        const size_t length = mf_utf8_length(text.bytes + i, text.n_bytes - i);
        if (length == 0 || mf_utf8_is_control(text.bytes + i, length))
            return false;
        i += length;
    }
    return true;
}

/* Texts [0, n) of `start` and `bytes`, each least … most bytes long. */
static void check_texts(mf_model_check *check, size_t section, const uint64_t *start,
                        const char *bytes, uint64_t n, uint64_t least, uint64_t most)
{
    if (start[0] != 0)
        FOUND(check, "%s begins with %llu", name_of(section), (ull)start[0]);
    for (uint64_t i = 0; check->found.code == MF_OK && i < n; i++)
        if (start[i + 1] - start[i] - least > most - least)
            FOUND(check, "%s of index %llu goes from %llu to %llu, it must be %llu to %llu long",
                  name_of(section), (ull)i, (ull)start[i], (ull)start[i + 1], (ull)least,
                  (ull)most);
    for (uint64_t i = 0; check->found.code == MF_OK && i < n; i++)
        if (!is_text((mf_id){bytes + start[i], (size_t)(start[i + 1] - start[i])}))
            FOUND(check, "text %llu of %s is not UTF-8 without control characters", (ull)i,
                  name_of(section));
}

static void check_ascending(mf_model_check *check, size_t section, const mf_id_list *list)
{
    for (uint32_t i = 1; i < list->n; i++)
        if (mf_id_compare(mf_id_list_get(list, i - 1), mf_id_list_get(list, i)) >= 0) {
            FOUND(check, "%s do not ascend at %lu", name_of(section), (ul)i);
            return;
        }
}

/* --- numbers ------------------------------------------------------------- */

/* Strictly ascending by number and row, so no row occurs twice. */
static void check_numbers(mf_model_check *check, const double *value, const uint32_t *order)
{
    const uint32_t n = check->parts->attributes.n_items;
    for (uint32_t row = 0; row < n; row++)
        if (isinf(value[row]))
            FOUND(check, "%s has a number that is not finite", name_of(MF_MODEL_ITEMS_NUMBERS));
    for (uint32_t k = 0; k < n; k++) {
        bool bad = order[k] >= n;
        if (!bad && k > 0) {
            const double before = value[order[k - 1]], here = value[order[k]];
            const bool same = before == here || (isnan(before) && isnan(here));
            bad = same ? order[k - 1] >= order[k] : !(before < here || isnan(here));
        }
        if (bad) {
            FOUND(check, "%s does not ascend at %lu", name_of(MF_MODEL_ITEMS_ORDER), (ul)k);
            return;
        }
    }
}

/* --- categories ---------------------------------------------------------- */

/* Lists start[i] … start[i + 1] of values below `limit`, each strictly ascending. */
static void check_lists(mf_model_check *check, size_t section, const uint32_t *start, uint32_t n,
                        uint64_t n_links, const uint32_t *values, uint32_t limit)
{
    bool bad = start[0] != 0 || start[n] != n_links;
    for (uint32_t i = 0; i < n && !bad; i++)
        bad = start[i] > start[i + 1];
    if (bad) {
        FOUND(check, "the starts of %s do not ascend from 0 to %llu", name_of(section),
              (ull)n_links);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = start[i]; k < start[i + 1]; k++)
            if (values[k] >= limit || (k > start[i] && values[k] <= values[k - 1])) {
                FOUND(check, "%s of list %lu do not ascend below %lu", name_of(section), (ul)i,
                      (ul)limit);
                return;
            }
}

static bool has_value(const mf_categories *c, uint32_t item, uint32_t value)
{
    uint32_t low = c->start[item], high = c->start[item + 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (c->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->start[item + 1] && c->values[low] == value;
}

/* As many links in both directions, and each of one among the other: they are the same. */
static void check_categories(mf_model_check *check, uint32_t a)
{
    const mf_attributes *attributes = &check->parts->attributes;
    const uint64_t n_links = attributes->attribute[a].n_links;
    const mf_categories c = mf_attribute_categories(attributes, a);
    check_ascending(check, MF_MODEL_ITEMS_VALUE_BYTES, &c.names);
    check_lists(check, MF_MODEL_ITEMS_VALUES, c.start, attributes->n_items, n_links, c.values,
                c.names.n);
    check_lists(check, MF_MODEL_ITEMS_BY_VALUE, c.item_start, c.names.n, n_links, c.items,
                attributes->n_items);
    for (uint32_t v = 0; check->found.code == MF_OK && v < c.names.n; v++)
        for (uint32_t k = c.item_start[v]; k < c.item_start[v + 1]; k++)
            if (!has_value(&c, c.items[k], v)) {
                FOUND(check, "%s and %s differ at item %lu and value %lu",
                      name_of(MF_MODEL_ITEMS_VALUES), name_of(MF_MODEL_ITEMS_BY_VALUE),
                      (ul)c.items[k], (ul)v);
                return;
            }
}

/* --- all of it ----------------------------------------------------------- */

void mf_model_check_attributes(mf_model_check *check)
{
    const mf_attributes *attributes = &check->parts->attributes;
    if (!mf_attributes_exist(attributes))
        return;
    const uint64_t n = attributes->n_items;
    const mf_attribute_sums sums =
        mf_attribute_sums_before(attributes, attributes->n, MF_ATTRIBUTE_TEXT);
    check_texts(check, MF_MODEL_ITEMS_ID_START, attributes->unrated.start,
                attributes->unrated.bytes, attributes->unrated.n, 1, MF_ID_BYTES_MAX);
    check_texts(check, MF_MODEL_ITEMS_TEXT_START, attributes->text_start, attributes->text_bytes,
                sums.n_kind * n, 0, MF_ATTRIBUTE_TEXT_BYTES);
    check_texts(check, MF_MODEL_ITEMS_VALUE_START, attributes->value_start, attributes->value_bytes,
                sums.n_values, 1, MF_ID_BYTES_MAX);
    if (check->found.code == MF_OK)
        check_ascending(check, MF_MODEL_ITEMS_ID_BYTES, &attributes->unrated);
    uint64_t first = 0;
    for (uint32_t a = 0; check->found.code == MF_OK && a < attributes->n; a++)
        if (attributes->attribute[a].kind == MF_ATTRIBUTE_NUMBER) {
            check_numbers(check, attributes->numbers + first, attributes->number_order + first);
            first += n;
        } else if (attributes->attribute[a].kind == MF_ATTRIBUTE_CATEGORIES) {
            check_categories(check, a);
        }
}
