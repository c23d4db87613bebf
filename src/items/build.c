/* build.c: from drafts to the arrays of a model. Rows are visited in the order of the catalogue,
 * dictionaries are sorted, so that the arrays are the same whatever the order of the files' rows. */
#include "items/state.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is filled, with the place in each array. */
typedef struct building {
    mf_items *items;
    const uint32_t *order;
    uint32_t n_items;
    uint64_t *text_start, *value_start;
    char *text_bytes, *value_bytes;
    double *numbers;
    uint32_t *number_order;
    uint32_t *item_start, *item_values, *category_start, *category_items;
    uint64_t n_texts, n_text_bytes, n_numbers, n_lists, n_values, n_value_bytes, n_links;
} building;

/* --- texts --------------------------------------------------------------- */

static size_t fitting_bytes(mf_id text)
{
    size_t n = text.n_bytes;
    if (n <= MF_ATTRIBUTE_TEXT_BYTES)
        return n;
    n = MF_ATTRIBUTE_TEXT_BYTES;
    while (n > 0 && ((unsigned char)text.bytes[n] & 0xC0) == 0x80)
        n--; /* inside a character */
    return n;
}

static mf_id text_of(const building *b, const mf_item_draft *draft, uint32_t k)
{
    return b->order[k] != MF_INDEX_NONE ? mf_items_value(draft, b->order[k]) : (mf_id){"", 0};
}

static void add_texts(building *b, const mf_item_draft *draft)
{
    for (uint32_t k = 0; k < b->n_items; k++) {
        const mf_id text = text_of(b, draft, k);
        const size_t n = fitting_bytes(text);
        b->items->facts.n_cut_texts += n < text.n_bytes;
        if (n > 0)
            memcpy(b->text_bytes + b->n_text_bytes, text.bytes, n);
        b->n_text_bytes += n;
        b->text_start[++b->n_texts] = b->n_text_bytes;
    }
}

/* --- numbers ------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b, void *context)
{
    const double *value = context;
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (isnan(value[i]) || isnan(value[j]))
        return isnan(value[i]) != isnan(value[j]) ? isnan(value[i]) - isnan(value[j])
                                                  : (i > j) - (i < j);
    return value[i] < value[j] ? -1 : value[i] > value[j] ? 1 : (i > j) - (i < j);
}

static void add_numbers(building *b, const mf_item_draft *draft)
{
    double *numbers = b->numbers + b->n_numbers;
    uint32_t *order = b->number_order + b->n_numbers;
    for (uint32_t k = 0; k < b->n_items; k++) {
        const mf_id text = text_of(b, draft, k);
        const unsigned year = draft->is_year ? mf_items_title_year(text) : 0;
        order[k] = k;
        numbers[k] = year != 0 ? year : (double)NAN;
        if (!draft->is_year && text.n_bytes > 0 && mf_items_number(text, &numbers[k]))
            numbers[k] += 0.0; /* no -0 */
    }
    qsort_r(order, b->n_items, sizeof *order, compare_numbers, numbers);
    b->n_numbers += b->n_items;
}

/* --- categories ---------------------------------------------------------- */

static int compare_words(const void *a, const void *b, void *context)
{
    const mf_id_list *words = context;
    return mf_id_compare(mf_id_list_get(words, *(const uint32_t *)a),
                         mf_id_list_get(words, *(const uint32_t *)b));
}

static int compare_values(const void *a, const void *b)
{
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    return (i > j) - (i < j);
}

/* The dictionary in order; rank[word] is its place. */
static void add_dictionary(building *b, const mf_id_list *words, uint32_t *sorted, uint32_t *rank)
{
    for (uint32_t w = 0; w < words->n; w++)
        sorted[w] = w;
    qsort_r(sorted, words->n, sizeof *sorted, compare_words, mf_without_const(words));
    for (uint32_t v = 0; v < words->n; v++) {
        const mf_id word = mf_id_list_get(words, sorted[v]);
        rank[sorted[v]] = v;
        memcpy(b->value_bytes + b->n_value_bytes, word.bytes, word.n_bytes);
        b->n_value_bytes += word.n_bytes;
        b->value_start[++b->n_values] = b->n_value_bytes;
    }
}

/* The values of each item, ascending, each once. Returns how many there are. */
static uint32_t add_item_values(building *b, const mf_item_draft *draft, const uint32_t *rank)
{
    uint32_t *start = b->item_start + b->n_lists * ((uint64_t)b->n_items + 1);
    uint32_t *values = b->item_values + b->n_links;
    uint32_t n = 0;
    for (uint32_t k = 0; k < b->n_items; k++) {
        const uint32_t first = n, row = b->order[k];
        start[k] = n;
        if (row == MF_INDEX_NONE)
            continue;
        for (uint64_t i = draft->start[row]; i < draft->start[row + 1]; i++)
            values[n++] = rank[draft->value[i]];
        qsort(values + first, n - first, sizeof *values, compare_values);
        const uint32_t end = n;
        n = first;
        for (uint32_t i = first; i < end; i++)
            if (i == first || values[i] != values[n - 1])
                values[n++] = values[i];
    }
    start[b->n_items] = n;
    return n;
}

/* The items of each value: item_values transposed. */
static void add_category_items(building *b, uint32_t n_values, uint32_t n_links)
{
    const uint32_t *start = b->item_start + b->n_lists * ((uint64_t)b->n_items + 1);
    const uint32_t *values = b->item_values + b->n_links;
    uint32_t *category_start = b->category_start + (b->n_values - n_values) + b->n_lists;
    uint32_t *items = b->category_items + b->n_links;
    for (uint32_t i = 0; i < n_links; i++)
        category_start[values[i] + 1]++;
    for (uint32_t v = 0; v < n_values; v++)
        category_start[v + 1] += category_start[v];
    for (uint32_t k = 0; k < b->n_items; k++)
        for (uint32_t i = start[k]; i < start[k + 1]; i++)
            items[category_start[values[i]]++] = k;
    /* Each start has moved to the end of its list, which is where the next one begins. */
    memmove(category_start + 1, category_start, n_values * sizeof *category_start);
    category_start[0] = 0;
}

static bool add_categories(building *b, mf_item_draft *draft, mf_error *err)
{
    const mf_id_list words = {draft->words.n, draft->words.start, draft->words.bytes};
    uint32_t *sorted = mf_allocate(words.n, sizeof *sorted, "categories", err);
    uint32_t *rank = mf_allocate(words.n, sizeof *rank, "categories", err);
    const bool ok = sorted != NULL && rank != NULL;
    if (ok) {
        add_dictionary(b, &words, sorted, rank);
        const uint32_t n_links = add_item_values(b, draft, rank);
        add_category_items(b, words.n, n_links);
        draft->attribute.n_values = words.n;
        draft->attribute.n_links = n_links;
        b->n_links += n_links;
        b->n_lists++;
    }
    mf_free(sorted);
    mf_free(rank);
    return ok;
}

/* --- all ----------------------------------------------------------------- */

/* The arrays, as large as the drafts say; repeated values of an item make them a little too large.
 */
static bool allocate(building *b, const mf_item_draft *drafts, uint32_t n_drafts, mf_error *err)
{
    static const char what[] = "attributes of items";
    uint64_t n_texts = 0, n_text_bytes = 0, n_numbers = 0, n_lists = 0, n_values = 0, n_links = 0,
             n_value_bytes = 0;
    const uint64_t n = b->n_items;
    for (uint32_t d = 0; d < n_drafts; d++) {
        const mf_id_map *words = &drafts[d].words;
        if (drafts[d].attribute.kind == MF_ATTRIBUTE_TEXT) {
            n_texts += n;
            n_text_bytes += drafts[d].n_bytes;
        } else if (drafts[d].attribute.kind == MF_ATTRIBUTE_NUMBER) {
            n_numbers += n;
        } else {
            n_lists++;
            n_values += words->n;
            n_value_bytes += words->n > 0 ? words->start[words->n] : 0;
            n_links += drafts[d].attribute.n_links;
        }
    }
    return (b->text_start = mf_allocate(n_texts + 1, sizeof(uint64_t), what, err)) != NULL &&
           (b->text_bytes = mf_allocate(n_text_bytes, 1, what, err)) != NULL &&
           (b->numbers = mf_allocate(n_numbers, sizeof(double), what, err)) != NULL &&
           (b->number_order = mf_allocate(n_numbers, sizeof(uint32_t), what, err)) != NULL &&
           (b->value_start = mf_allocate(n_values + 1, sizeof(uint64_t), what, err)) != NULL &&
           (b->value_bytes = mf_allocate(n_value_bytes, 1, what, err)) != NULL &&
           (b->item_start = mf_allocate(n_lists * (n + 1), sizeof(uint32_t), what, err)) != NULL &&
           (b->item_values = mf_allocate(n_links, sizeof(uint32_t), what, err)) != NULL &&
           (b->category_start = mf_allocate(n_values + n_lists, sizeof(uint32_t), what, err)) !=
               NULL &&
           (b->category_items = mf_allocate(n_links, sizeof(uint32_t), what, err)) != NULL;
}

static bool build_unrated(building *b, uint32_t n_unrated, mf_id_list *unrated, mf_error *err)
{
    const mf_id_map *ids = &b->items->columns.ids;
    const mf_id_list list = {ids->n, ids->start, ids->bytes};
    uint64_t n_bytes = 0;
    uint64_t *start = mf_allocate((size_t)n_unrated + 1, sizeof *start, "ids of items", err);
    char *bytes = mf_allocate(ids->n > 0 ? ids->start[ids->n] : 0, 1, "ids of items", err);
    *unrated = (mf_id_list){start != NULL && bytes != NULL ? n_unrated : 0, start, bytes};
    if (start == NULL || bytes == NULL)
        return false;
    for (uint32_t u = 0; u < n_unrated; u++) {
        const mf_id id = mf_id_list_get(&list, b->order[b->n_items - n_unrated + u]);
        memcpy(bytes + n_bytes, id.bytes, id.n_bytes);
        n_bytes += id.n_bytes;
        start[u + 1] = n_bytes;
    }
    return true;
}

static uint64_t bytes_of(const building *b, const mf_attributes *attributes)
{
    return attributes->n * sizeof(mf_attribute) +
           ((uint64_t)attributes->unrated.n + 1) * sizeof(uint64_t) +
           attributes->unrated.start[attributes->unrated.n] +
           mf_id_table_slots(attributes->unrated.n) * sizeof(uint32_t) +
           (b->n_texts + 1) * sizeof(uint64_t) + b->n_text_bytes +
           b->n_numbers * (sizeof(double) + sizeof(uint32_t)) +
           (b->n_values + 1) * sizeof(uint64_t) + b->n_value_bytes +
           b->n_lists * ((uint64_t)b->n_items + 1) * sizeof(uint32_t) +
           (b->n_values + b->n_lists + 2 * b->n_links) * sizeof(uint32_t);
}

bool mf_items_build(mf_items *items, mf_item_draft *drafts, uint32_t n_drafts,
                    const uint32_t *order, uint32_t n_items, uint32_t n_unrated, mf_error *err)
{
    building b = {.items = items, .order = order, .n_items = n_items};
    mf_attributes *attributes = &items->attributes;
    mf_attribute *attribute = mf_allocate(n_drafts, sizeof *attribute, "attributes of items", err);
    attributes->title = MF_INDEX_NONE;
    bool ok = attribute != NULL && build_unrated(&b, n_unrated, &attributes->unrated, err) &&
              allocate(&b, drafts, n_drafts, err);
    for (uint32_t d = 0; ok && d < n_drafts; d++) {
        if (drafts[d].attribute.kind == MF_ATTRIBUTE_TEXT)
            add_texts(&b, &drafts[d]);
        else if (drafts[d].attribute.kind == MF_ATTRIBUTE_NUMBER)
            add_numbers(&b, &drafts[d]);
        else
            ok = add_categories(&b, &drafts[d], err);
        attribute[d] = drafts[d].attribute;
        if (drafts[d].is_title)
            attributes->title = d;
    }
    attributes->n = ok ? n_drafts : 0;
    attributes->n_items = n_items;
    attributes->attribute = attribute;
    attributes->text_start = b.text_start;
    attributes->text_bytes = b.text_bytes;
    attributes->numbers = b.numbers;
    attributes->number_order = b.number_order;
    attributes->value_start = b.value_start;
    attributes->value_bytes = b.value_bytes;
    attributes->item_start = b.item_start;
    attributes->item_values = b.item_values;
    attributes->category_start = b.category_start;
    attributes->category_items = b.category_items;
    if (ok && mf_attributes_exist(attributes))
        items->facts.n_bytes = bytes_of(&b, attributes);
    return ok;
}
