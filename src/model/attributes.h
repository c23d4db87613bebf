/* attributes.h: what is known about items besides ratings: titles, numbers, categories.
 *
 * A catalogue of n_items rows: first the items of the model, by their index, then the unrated items:
 * those of the items file that have no ratings. An attribute has a value, or none, for each row. There are three kinds:
 *
 *   text        a title or a description; "" is none
 *   number      a double; NAN is none
 *   categories  any number of distinct values of a sorted dictionary, such as genres. Stored in both
 *               directions, so that a filter visits the items of a value alone
 *
 * A file stores these arrays as they are (format.h), so nothing is parsed or built when it is opened.
 *
 * Threads: any number may read one mf_attributes. */
#ifndef MF_MODEL_ATTRIBUTES_H
#define MF_MODEL_ATTRIBUTES_H

#include "base/id_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_attribute_kind {
    MF_ATTRIBUTE_TEXT,
    MF_ATTRIBUTE_NUMBER,
    MF_ATTRIBUTE_CATEGORIES,
    MF_ATTRIBUTE_KINDS,
} mf_attribute_kind;

enum {
    MF_ATTRIBUTES_MAX = 32,
    MF_ATTRIBUTE_NAME_BYTES = 112, /* the zero byte included */
    MF_ATTRIBUTE_TEXT_BYTES =
        4096, /* the longest text; a value of categories is as long as an id */
};

/* An attribute, as a file has it. */
typedef struct mf_attribute {
    uint32_t kind;     /* mf_attribute_kind */
    uint32_t n_values; /* categories: different values; else 0 */
    uint64_t n_links;  /* categories: pairs of item and value, at most UINT32_MAX; else 0 */
    char name[MF_ATTRIBUTE_NAME_BYTES]; /* 1 … 111 bytes as in an id, zeros to the end */
} mf_attribute;

_Static_assert(sizeof(mf_attribute) == 128, "byte table");

/* The arrays of all attributes of a kind stand one after another, in the order of the attributes.
 * Pointers are views. All zero: no catalogue. */
typedef struct mf_attributes {
    uint32_t n;       /* attributes, 0 … MF_ATTRIBUTES_MAX */
    uint32_t n_items; /* rows: those of the model and the unrated ones */
    uint32_t title;   /* the text attribute that is the items' title; MF_INDEX_NONE: none */
    mf_id_list
        unrated; /* ids of rows n_items - unrated.n …, bytewise ascending, not in the model */

    const mf_attribute *attribute;  /* [n] with distinct names */
    const uint64_t *text_start;     /* [texts × n_items + 1] */
    const char *text_bytes;         /* UTF-8 without control characters */
    const double *numbers;          /* [numbers × n_items] finite or NAN */
    const uint32_t *number_order;   /* [numbers × n_items] rows by number, then by row; NAN last */
    const uint64_t *value_start;    /* [Σ n_values + 1] */
    const char *value_bytes;        /* per attribute bytewise ascending, as ids are */
    const uint32_t *item_start;     /* per attribute [n_items + 1], from 0 to n_links */
    const uint32_t *item_values;    /* [Σ n_links] per item ascending, < n_values */
    const uint32_t *category_start; /* per attribute [n_values + 1], from 0 to n_links */
    const uint32_t *category_items; /* [Σ n_links] per value ascending: item_values transposed */
} mf_attributes;

/* Whether there is a catalogue. */
static inline bool mf_attributes_exist(const mf_attributes *attributes)
{
    return attributes->n > 0 || attributes->unrated.n > 0;
}

/* The attribute of this name, or MF_INDEX_NONE. */
uint32_t mf_attribute_find(const mf_attributes *attributes, const char *name, size_t n_bytes);

/* The text of an item, no bytes where it has none; of attribute MF_INDEX_NONE always none. So
 * mf_attribute_text(a, a->title, item) is the title. */
mf_id mf_attribute_text(const mf_attributes *attributes, uint32_t attribute, uint32_t item);

typedef struct mf_numbers {
    const double *value;   /* [n_items] */
    const uint32_t *order; /* [n_known] items with a number, by it, then by index */
    uint32_t n_known;
} mf_numbers;

/* The numbers of an attribute of that kind. Cost: O(log n_items). */
mf_numbers mf_attribute_numbers(const mf_attributes *attributes, uint32_t attribute);

typedef struct mf_categories {
    mf_id_list names;           /* the dictionary, bytewise ascending */
    const uint32_t *start;      /* [n_items + 1] */
    const uint32_t *values;     /* of item i: values[start[i] .. start[i + 1]), ascending */
    const uint32_t *item_start; /* [names.n + 1] */
    const uint32_t *items; /* with value v: items[item_start[v] .. item_start[v + 1]), ascending */
} mf_categories;

/* The categories of an attribute of that kind. Cost: O(n). */
mf_categories mf_attribute_categories(const mf_attributes *attributes, uint32_t attribute);

/* The place of the first of the names that is not before the bytes, names.n when all are. It is the
 * value itself where the dictionary has it, which *found says. Cost: O(log n). */
uint32_t mf_category_find(const mf_id_list *names, const char *bytes, size_t n_bytes, bool *found);

/* How many attributes before `attribute` are of the kind, and their values and links. The sums of
 * all are those before attribute n. */
typedef struct mf_attribute_sums {
    uint64_t n_kind, n_values, n_links;
} mf_attribute_sums;

mf_attribute_sums mf_attribute_sums_before(const mf_attributes *attributes, uint32_t attribute,
                                           mf_attribute_kind kind);

/* < 0, 0, > 0 as memcmp; a prefix is before what it begins. */
int mf_id_compare(mf_id a, mf_id b);

#endif
