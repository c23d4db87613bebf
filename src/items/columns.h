/* columns.h: a table that grows by rows of items; a cell is text, or a list of texts.
 *
 * Internal to src/items. */
#ifndef MF_ITEMS_COLUMNS_H
#define MF_ITEMS_COLUMNS_H

#include "base/error.h"
#include "base/text.h"
#include "items/items.h"
#include "ratings/dialect.h"
#include "ratings/id_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Between the texts of a list; no text has it, because control characters become blanks. */
#define MF_ITEMS_SEPARATOR '\x1F'

typedef struct mf_item_cell {
    uint64_t start; /* in the column's text */
    uint64_t n_bytes;
} mf_item_cell;

typedef struct mf_item_column {
    char name[MF_ATTRIBUTE_NAME_BYTES];
    mf_text text;
    mf_item_cell *cell; /* [capacity], by row; no bytes: none */
    size_t capacity;
    bool has_lists;
    bool has_objects;
    bool is_of_file; /* else of a model */
    uint32_t kind;   /* of the model's attribute; MF_ATTRIBUTE_KINDS: as the values say */
} mf_item_column;

typedef struct mf_item_columns {
    mf_id_map ids;     /* id → row */
    uint32_t *file_of; /* [capacity] number of the file that set the row last */
    size_t capacity;
    uint32_t file;             /* the present one, from 1; 0: a model */
    uint32_t row;              /* the present one */
    uint32_t n;                /* columns */
    mf_item_column *column;    /* [MF_COLUMNS_MAX] */
    bool used[MF_COLUMNS_MAX]; /* by the present file */
    uint64_t n_bytes;          /* of all texts */
    bool has_keys;             /* a file is JSON: its columns have no order of their own */
} mf_item_columns;

MF_MUST_CHECK bool mf_item_columns_create(mf_item_columns *columns, mf_error *err);
void mf_item_columns_clear(mf_item_columns *columns);

void mf_item_columns_begin_file(mf_item_columns *columns);

/* The column of this name, a new one if need be, for the present file; MF_INDEX_NONE: there are
 * MF_COLUMNS_MAX already. 1 … MF_ATTRIBUTE_NAME_BYTES - 1 bytes. */
uint32_t mf_item_columns_use(mf_item_columns *columns, const char *name, size_t n_bytes);

/* Begins the row of a valid id. *repeated: it replaces one of this file. Fails MF_ERR_MEMORY,
 * MF_ERR_LIMIT. */
MF_MUST_CHECK bool mf_item_columns_row(mf_item_columns *columns, const char *id, size_t n_bytes,
                                       bool *repeated, mf_error *err);

/* Sets the present row's cell: `text` is valid UTF-8. Control characters become blanks, those at its
 * ends go. is_next: one text more of a list. Fails MF_ERR_MEMORY, MF_ERR_LIMIT. */
MF_MUST_CHECK bool mf_item_columns_set(mf_item_columns *columns, uint32_t column, const char *text,
                                       size_t n_bytes, bool is_next, mf_error *err);

/* The cell of a row. */
mf_id mf_item_columns_get(const mf_item_column *column, uint32_t row);

#endif
