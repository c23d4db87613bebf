/* state.h: what is behind mf_items. Internal to src/items. */
#ifndef MF_ITEMS_STATE_H
#define MF_ITEMS_STATE_H

#include "items/columns.h"
#include "items/items.h"

struct mf_items {
    const mf_ratings_options *options;
    const char *chosen; /* names separated by commas; "": all */
    mf_item_columns columns;
    mf_items_facts facts;
    uint32_t n_seen; /* names of columns, while some are chosen */
    char seen[MF_COLUMNS_MAX][MF_ATTRIBUTE_NAME_BYTES];
    bool ids_only; /* no column is kept: to see whether a file is one of items */
    /* The arrays of the attributes, once they are built. */
    mf_attributes attributes;
};

/* Whether the name is among the chosen columns, in any letter case. */
bool mf_items_is_chosen(const mf_items *items, const char *name, size_t n_bytes);

/* The next of the chosen names from *at on, or NULL. */
const char *mf_items_next_chosen(const mf_items *items, size_t *at, size_t *n_bytes);

/* Notes the name of a column, for messages about chosen ones that are not there. */
void mf_items_note_name(mf_items *items, const char *name, size_t n_bytes);

/* Notes a column that becomes no attribute. Once for each name. */
void mf_items_omit(mf_items *items, const char *name, size_t n_bytes, const char *reason);

/* The column for a name of a file: MF_INDEX_NONE where it is not chosen or cannot be one. */
uint32_t mf_items_column(mf_items *items, const char *name, size_t n_bytes);

/* Counts and names a row that is left out. */
__attribute__((format(printf, 5, 6))) void mf_items_bad_row(mf_items *items, const char *name,
                                                            uint64_t line, uint64_t column,
                                                            const char *format, ...);

/* --- file.c -------------------------------------------------------------- */

/* Reads all rows, or with ids_only those that the file begins with. *why: what makes it no file of
 * items; "" when it is one. */
MF_MUST_CHECK bool mf_items_read_file(mf_items *items, const char *path, const char *name,
                                      char why[MF_RATINGS_REASON_BYTES], mf_error *err);

/* --- json_object.c ------------------------------------------------------- */

/* The keys of the object that text begins with, after those that are there; false: it is none. */
bool mf_items_json_keys(const char *text, size_t n_bytes, mf_cell_copy *names, uint32_t *n_names);

/* The row of an object, whose id has the key `item`. A bad row is counted. */
MF_MUST_CHECK bool mf_items_json_row(mf_items *items, const char *name, uint64_t line,
                                     const char *text, size_t n_bytes, const mf_cell_copy *item,
                                     mf_error *err);

/* --- kinds.c ------------------------------------------------------------- */

/* A column on its way to an attribute. */
typedef struct mf_item_draft {
    const mf_item_column *column;
    mf_attribute attribute;
    bool is_title, is_year; /* year: of the titles in column */
    /* Of categories: values of row i of the table are value[start[i] .. start[i + 1]), numbers of
     * `words` in order of appearance, before sorting. */
    mf_id_map words;
    uint64_t *start;
    uint32_t *value;
    size_t capacity;
    uint64_t n_bytes; /* of the texts or words */
} mf_item_draft;

/* Which columns become attributes, and of which kind; drafts has MF_COLUMNS_MAX + 1. Fails
 * MF_ERR_CONFIG, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_items_choose(mf_items *items, mf_item_draft *drafts, uint32_t *n_drafts,
                                   mf_error *err);

void mf_items_drafts_clear(mf_item_draft *drafts, uint32_t n_drafts);

/* The value of a text or number attribute in a row of the table: no bytes where there is none. */
mf_id mf_items_value(const mf_item_draft *draft, uint32_t row);

/* The year that a title ends with in parentheses; 0: none. */
unsigned mf_items_title_year(mf_id title);

/* A decimal number without leading zeros that a double holds. */
bool mf_items_number(mf_id text, double *number);

/* --- build.c ------------------------------------------------------------- */

/* Fills items->attributes. order[k] is the table's row of the model's or unrated item k, or
 * MF_INDEX_NONE. */
MF_MUST_CHECK bool mf_items_build(mf_items *items, mf_item_draft *drafts, uint32_t n_drafts,
                                  const uint32_t *order, uint32_t n_items, uint32_t n_unrated,
                                  mf_error *err);

#endif
