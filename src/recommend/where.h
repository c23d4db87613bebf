/* where.h: conditions on the attributes of items, as the set of the items that meet them.
 *
 *   {"genres": {"any": ["Comedy"], "none": ["Horror"]}, "year": {"from": 1990, "to": 1999}}
 *
 * is an AND of two conditions. A reader of requests fills mf_condition structs from the front of a
 * mf_conditions; mf_where_select resolves their names against a model and makes a bitmap, which
 * mf_top_n_query.allowed takes.
 *
 *   categories   any: at least one of the values, all: each, none: not one of them; those that are
 *                given have to be true together. An item without a value meets `none` alone
 *   number       from ≤ number ≤ to; equal is from == to. An item without a number meets nothing
 *   text         has no conditions
 *
 * Threads: any number on one model, with bitmaps of their own. */
#ifndef MF_RECOMMEND_WHERE_H
#define MF_RECOMMEND_WHERE_H

#include "base/error.h"
#include "model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_CONDITION_DEPTH = 4,         /* ANDs and ORs inside one another, the outermost included */
    MF_CONDITIONS_MAX = 64,         /* ANDs, ORs and attributes of one request */
    MF_CONDITION_VALUES_MAX = 1024, /* values in all lists of one request */
    MF_WHERE_BITMAPS = MF_CONDITION_DEPTH + 1, /* of scratch */
    MF_WHERE_FIELD_BYTES = 160,
};

typedef enum mf_condition_kind {
    MF_CONDITION_ATTRIBUTE,
    MF_CONDITION_AND, /* of all parts */
    MF_CONDITION_OR,  /* of at least one */
} mf_condition_kind;

typedef struct mf_condition_list {
    const mf_id *value; /* [n]; NULL: not given */
    size_t n;           /* 0 of a list that is given is an error */
} mf_condition_list;

/* Views: names and values are borrowed, from the text of a request for example. */
typedef struct mf_condition {
    mf_condition_kind kind;
    /* AND, OR: */
    const struct mf_condition *part; /* [n_parts], at least one */
    size_t n_parts;
    bool is_object; /* an AND of the members of one object, which is no array of its own */
    /* ATTRIBUTE: */
    mf_id name;
    mf_condition_list any, all, none; /* of categories */
    bool is_bare;                     /* any is the condition itself: {"genres":["War"]} */
    double from, to;                  /* of a number; NAN: not given */
} mf_condition;

/* Memory for the conditions of one request, so that reading one allocates nothing. All zero counts:
 * empty. */
typedef struct mf_conditions {
    size_t n, n_values;
    mf_condition condition[MF_CONDITIONS_MAX];
    mf_id value[MF_CONDITION_VALUES_MAX];
} mf_conditions;

/* The next n conditions (attributes without name, list and number) or values. NULL and MF_ERR_LIMIT
 * when there are not so many left. */
mf_condition *mf_conditions_take(mf_conditions *conditions, size_t n, mf_error *err);
mf_id *mf_conditions_take_values(mf_conditions *conditions, size_t n, mf_error *err);

/* The attribute of this name. Fails MF_ERR_PARSE, with a sentence that names the nearest. */
MF_MUST_CHECK bool mf_where_attribute(const mf_attributes *attributes, mf_id name,
                                      uint32_t *attribute, mf_error *err);

/* Words of a bitmap of items: bit i % 64 of word i / 64 is item i. */
static inline size_t mf_where_words(uint32_t n_items)
{
    return ((size_t)n_items + 63) / 64;
}

/* Sets the bits of the items (< parts->n_items) that meet the condition and clears all others.
 *
 *   words      [mf_where_words(n_items)]
 *   scratch    [MF_WHERE_BITMAPS × mf_where_words(n_items)]
 *   n_allowed  how many items meet it; 0 is no error
 *   field      [MF_WHERE_FIELD_BYTES] after a failure what is wrong in the condition, "genres.any[0]",
 *              "or[1].year", or "": all of it; may be NULL
 *
 * Fails MF_ERR_PARSE, with a sentence for the client: an attribute or value that the model does not
 * have (the nearest is named), a condition that the attribute's kind does not have, an empty list, no
 * condition at all, from > to, a value in both `all` and `none`, none in `any` that is not in `none`, more than MF_CONDITION_DEPTH ANDs
 * and ORs inside one another. Cost: O(items of the values and in the range, conditions · words). */
MF_MUST_CHECK bool mf_where_select(const mf_model_parts *parts, const mf_condition *condition,
                                   uint64_t *words, uint64_t *scratch, uint32_t *n_allowed,
                                   char *field, mf_error *err);

#endif
