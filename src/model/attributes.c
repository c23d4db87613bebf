/* attributes.c: where the arrays of one attribute are among those of all. An attribute's place
 * follows from the sizes of those before it, of which there are at most 31. */
#include "model/attributes.h"

#include <math.h>
#include <string.h>

int mf_id_compare(mf_id a, mf_id b)
{
    const size_t n = a.n_bytes < b.n_bytes ? a.n_bytes : b.n_bytes;
    const int order = n > 0 ? memcmp(a.bytes, b.bytes, n) : 0;
    return order != 0 ? order : (a.n_bytes > b.n_bytes) - (a.n_bytes < b.n_bytes);
}

mf_attribute_sums mf_attribute_sums_before(const mf_attributes *attributes, uint32_t attribute,
                                           mf_attribute_kind kind)
{
    mf_attribute_sums sums = {0, 0, 0};
    for (uint32_t a = 0; a < attribute; a++) {
        sums.n_kind += attributes->attribute[a].kind == (uint32_t)kind;
        sums.n_values += attributes->attribute[a].n_values;
        sums.n_links += attributes->attribute[a].n_links;
    }
    return sums;
}

uint32_t mf_attribute_find(const mf_attributes *attributes, const char *name, size_t n_bytes)
{
    for (uint32_t a = 0; a < attributes->n; a++)
        if (strlen(attributes->attribute[a].name) == n_bytes &&
            memcmp(attributes->attribute[a].name, name, n_bytes) == 0)
            return a;
    return MF_INDEX_NONE;
}

mf_id mf_attribute_text(const mf_attributes *attributes, uint32_t attribute, uint32_t item)
{
    if (attribute == MF_INDEX_NONE)
        return (mf_id){"", 0};
    const uint64_t n_before =
        mf_attribute_sums_before(attributes, attribute, MF_ATTRIBUTE_TEXT).n_kind;
    const uint64_t *start = attributes->text_start + n_before * attributes->n_items + item;
    return (mf_id){attributes->text_bytes + start[0], (size_t)(start[1] - start[0])};
}

mf_numbers mf_attribute_numbers(const mf_attributes *attributes, uint32_t attribute)
{
    const uint64_t first =
        mf_attribute_sums_before(attributes, attribute, MF_ATTRIBUTE_NUMBER).n_kind *
        attributes->n_items;
    const double *value = attributes->numbers + first;
    const uint32_t *order = attributes->number_order + first;
    uint32_t low = 0, high = attributes->n_items;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (isnan(value[order[middle]]))
            high = middle;
        else
            low = middle + 1;
    }
    return (mf_numbers){value, order, low};
}

mf_categories mf_attribute_categories(const mf_attributes *attributes, uint32_t attribute)
{
    const mf_attribute_sums before =
        mf_attribute_sums_before(attributes, attribute, MF_ATTRIBUTE_CATEGORIES);
    return (mf_categories){
        .names = {attributes->attribute[attribute].n_values,
                  attributes->value_start + before.n_values, attributes->value_bytes},
        .start = attributes->item_start + before.n_kind * ((uint64_t)attributes->n_items + 1),
        .values = attributes->item_values + before.n_links,
        .item_start = attributes->category_start + before.n_values + before.n_kind,
        .items = attributes->category_items + before.n_links,
    };
}

uint32_t mf_category_find(const mf_id_list *names, const char *bytes, size_t n_bytes, bool *found)
{
    const mf_id wanted = {bytes, n_bytes};
    uint32_t low = 0, high = names->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (mf_id_compare(mf_id_list_get(names, middle), wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < names->n && mf_id_compare(mf_id_list_get(names, low), wanted) == 0;
    return low;
}
