/* items.c: what files and a model have in common: chosen names, counts, and the order of the rows,
 * which is that of the model's items and then of the other ids. */
#include "items/state.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

mf_items *mf_items_create(const mf_ratings_options *options, const char *columns, mf_error *err)
{
    mf_items *items = mf_allocate(1, sizeof *items, "items", err);
    if (items == NULL)
        return NULL;
    items->options = options;
    items->chosen = columns;
    if (mf_item_columns_create(&items->columns, err))
        return items;
    mf_items_destroy(items);
    return NULL;
}

void mf_items_destroy(mf_items *items)
{
    if (items == NULL)
        return;
    const mf_attributes *a = &items->attributes;
    const void *const arrays[] = {
        a->unrated.start, a->unrated.bytes,  a->attribute,     a->text_start,  a->text_bytes,
        a->numbers,       a->number_order,   a->value_start,   a->value_bytes, a->item_start,
        a->item_values,   a->category_start, a->category_items};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        mf_free(arrays[i]);
    mf_item_columns_clear(&items->columns);
    mf_free(items);
}

const mf_items_facts *mf_items_facts_get(const mf_items *items)
{
    return &items->facts;
}

/* --- files --------------------------------------------------------------- */

bool mf_items_recognize(const char *path, const mf_ratings_options *options, bool *is_items,
                        mf_error *err)
{
    char why[MF_RATINGS_REASON_BYTES];
    *is_items = false;
    mf_items *items = mf_items_create(options, "", err);
    if (items == NULL)
        return false;
    items->ids_only = true;
    mf_item_columns_begin_file(&items->columns);
    mf_error cause = {0};
    const bool ok = mf_items_read_file(items, path, path, why, &cause);
    const mf_items_facts *facts = &items->facts;
    *is_items = ok && why[0] == '\0' && items->columns.ids.n > 0 &&
                10 * (facts->n_repeated + facts->n_bad_rows) <= facts->n_rows;
    mf_items_destroy(items);
    /* What cannot be read as rows is no file of items. */
    return ok || cause.code == MF_ERR_PARSE || cause.code == MF_ERR_LIMIT ||
           mf_fail_again(err, &cause);
}

bool mf_items_add(mf_items *items, const char *path, const char *name, mf_error *err)
{
    char why[MF_RATINGS_REASON_BYTES];
    const uint64_t n_good = items->facts.n_rows - items->facts.n_bad_rows;
    mf_item_columns_begin_file(&items->columns);
    items->facts.n_files++;
    if (!mf_items_read_file(items, path, name, why, err))
        return false;
    if (why[0] != '\0')
        return mf_fail(err, MF_ERR_PARSE, (mf_where){.path = name}, "is no file of items: %s", why);
    if (items->facts.n_rows - items->facts.n_bad_rows == n_good)
        return mf_fail(err, MF_ERR_PARSE, (mf_where){.path = name},
                       "is a file of items without a good row%s%s",
                       items->facts.n_named > 0 ? ", the first one: " : "",
                       items->facts.n_named > 0 ? items->facts.bad_rows[0] : "");
    return true;
}

/* --- a model ------------------------------------------------------------- */

static bool add_value(mf_items *items, uint32_t column, const mf_attributes *attributes,
                      uint32_t attribute, uint32_t row, mf_error *err)
{
    char number[MF_NUMBER_TEXT_BYTES];
    mf_id text = {"", 0};
    if (attributes->attribute[attribute].kind == MF_ATTRIBUTE_TEXT) {
        text = mf_attribute_text(attributes, attribute, row);
    } else if (attributes->attribute[attribute].kind == MF_ATTRIBUTE_NUMBER) {
        const double value = mf_attribute_numbers(attributes, attribute).value[row];
        if (value == value) /* not NAN */
            text = (mf_id){mf_write_double(value, false, number), strlen(number)};
    } else {
        const mf_categories c = mf_attribute_categories(attributes, attribute);
        items->columns.column[column].has_lists = true;
        for (uint32_t k = c.start[row]; k < c.start[row + 1]; k++) {
            const mf_id word = mf_id_list_get(&c.names, c.values[k]);
            if (!mf_item_columns_set(&items->columns, column, word.bytes, word.n_bytes, true, err))
                return false;
        }
        return true;
    }
    return mf_item_columns_set(&items->columns, column, text.bytes, text.n_bytes, false, err);
}

bool mf_items_add_model(mf_items *items, const mf_model_parts *parts, mf_error *err)
{
    const mf_attributes *attributes = &parts->attributes;
    uint32_t column[MF_ATTRIBUTES_MAX];
    bool repeated;
    if (!mf_attributes_exist(attributes))
        return true;
    for (uint32_t a = 0; a < attributes->n; a++) {
        const mf_attribute *attribute = &attributes->attribute[a];
        column[a] = mf_items_column(items, attribute->name, strlen(attribute->name));
        if (column[a] != MF_INDEX_NONE)
            items->columns.column[column[a]].kind = attribute->kind;
    }
    for (uint32_t row = 0; row < attributes->n_items; row++) {
        const mf_id id = mf_model_row_id(parts, row);
        if (!mf_item_columns_row(&items->columns, id.bytes, id.n_bytes, &repeated, err))
            return false;
        for (uint32_t a = 0; a < attributes->n; a++)
            if (column[a] != MF_INDEX_NONE && !add_value(items, column[a], attributes, a, row, err))
                return false;
    }
    return true;
}

/* --- the end ------------------------------------------------------------- */

/* A chosen column that is not there, with the nearest of those that are. */
static bool check_chosen(const mf_items *items, mf_error *err)
{
    size_t at = 0, n;
    for (const char *name = mf_items_next_chosen(items, &at, &n); name != NULL;
         name = mf_items_next_chosen(items, &at, &n)) {
        const char *nearest = NULL;
        size_t nearest_distance = SIZE_MAX;
        for (uint32_t c = 0; c < items->n_seen && nearest_distance > 0; c++) {
            const char *seen = items->seen[c];
            const size_t distance = mf_edit_distance(name, n, seen, strlen(seen));
            if (distance < nearest_distance) {
                nearest_distance = distance;
                nearest = seen;
            }
        }
        char quoted[128];
        if (nearest_distance == 0 || (n == 4 && strncasecmp(name, "year", 4) == 0))
            continue; /* the year may be in the titles */
        mf_printable(quoted, sizeof quoted, name, n);
        if (mf_edit_is_near(nearest_distance, n))
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "item_columns: no file of items has a column \"%s\": did you mean %s?",
                           quoted, nearest);
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "item_columns: no file of items has a column \"%s\"", quoted);
    }
    return true;
}

static int compare_rows(const void *a, const void *b, void *context)
{
    const mf_id_list *ids = context;
    return mf_id_compare(mf_id_list_get(ids, *(const uint32_t *)a),
                         mf_id_list_get(ids, *(const uint32_t *)b));
}

/* order[k] is the row of item k of the model, or MF_INDEX_NONE; then the rows of all other ids,
 * which ascend. order has rated->n + ids.n elements. */
static bool order_rows(mf_items *items, const mf_id_list *rated, uint32_t *order, mf_error *err)
{
    mf_id_map *map = &items->columns.ids;
    mf_id_list ids = {map->n, map->start, map->bytes};
    bool *known = mf_allocate(map->n, sizeof *known, "rows of items", err);
    if (known == NULL)
        return false;
    for (uint32_t item = 0; item < rated->n; item++) {
        char copy[MF_ID_BYTES_MAX + MF_CELL_READABLE] = {0};
        const mf_id id = mf_id_list_get(rated, item);
        memcpy(copy, id.bytes, id.n_bytes);
        order[item] = mf_id_map_find(map, (mf_cell){copy, id.n_bytes});
        if (order[item] != MF_INDEX_NONE) {
            known[order[item]] = true;
            items->facts.n_matched++;
        }
    }
    for (uint32_t row = 0; row < map->n; row++)
        if (!known[row])
            order[rated->n + items->facts.n_unrated++] = row;
    mf_free(known);
    qsort_r(order + rated->n, items->facts.n_unrated, sizeof *order, compare_rows, &ids);
    return true;
}

/* Not one id of the files is an item of the model. */
static bool fail_unmatched(const mf_items *items, const mf_id_list *rated, mf_error *err)
{
    char theirs[64], ours[64];
    const mf_id_map *map = &items->columns.ids;
    const mf_id_list ids = {map->n, map->start, map->bytes};
    const mf_id their = mf_id_list_get(&ids, 0), our = mf_id_list_get(rated, 0);
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "not one of %lu ids in the file of items has a rating: its first one is \"%s\", "
                   "that of the ratings is \"%s\" (item_column=… names another column)",
                   (unsigned long)map->n,
                   mf_printable(theirs, sizeof theirs, their.bytes, their.n_bytes),
                   mf_printable(ours, sizeof ours, our.bytes, our.n_bytes));
}

bool mf_items_finish(mf_items *items, const mf_id_list *rated, mf_attributes *attributes,
                     mf_error *err)
{
    const uint32_t n_ids = items->columns.ids.n;
    mf_item_draft *drafts =
        mf_allocate(MF_COLUMNS_MAX + 1, sizeof *drafts, "attributes of items", err);
    uint32_t *order = mf_allocate((size_t)rated->n + n_ids, sizeof *order, "rows of items", err);
    uint32_t n_drafts = 0;
    bool ok = drafts != NULL && order != NULL && check_chosen(items, err) &&
              order_rows(items, rated, order, err) &&
              (items->facts.n_matched > 0 || n_ids == 0 || fail_unmatched(items, rated, err)) &&
              (items->facts.n_unrated <= MF_INDEX_NONE - 1 - rated->n ||
               mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "too many items")) &&
              mf_items_choose(items, drafts, &n_drafts, err) &&
              mf_items_build(items, drafts, n_drafts, order, rated->n + items->facts.n_unrated,
                             items->facts.n_unrated, err);
    if (ok)
        *attributes = items->attributes;
    if (drafts != NULL)
        mf_items_drafts_clear(drafts, n_drafts);
    mf_free(drafts);
    mf_free(order);
    mf_item_columns_clear(&items->columns);
    return ok;
}
