/* items.h: files that say what items are, into the attributes of a model (model/attributes.h).
 *
 * A file of items is CSV with a header, or JSON objects, in any form that ratings may have
 * (ratings/dialect.h: delimiters, quoting, encodings, gzip and zstd). It has a column of item ids,
 * found by the names that ratings use (movieId, item_id, asin, …), no column of users, and any
 * others. Several files are one table: each row sets the columns of its file.
 *
 * (1) A row whose id came before in the same file replaces that row and is counted.
 * (2) A row is bad that has another number of fields than the header, no valid id, or text that is
 *     not UTF-8. It is left out, counted, and the first ones are named. Control characters in a text
 *     become blanks.
 * (3) What an attribute is follows from its values, NULL, NA and the like being none:
 *       number      all are decimal numbers without leading zeros
 *       categories  a JSON array; a column called genres or the like, or in which a twentieth of the
 *                   values has a |, split there; or short text that repeats: at most 10,000 different
 *                   ones, each of them twice on average
 *       text        anything else, and the title always
 *     The title is the first column called title, name or the like. Where half of the titles end
 *     in a year in parentheses and no file has a column year, there is a number year.
 * (4) What does not fit is cut or omitted and counted: texts longer than MF_ATTRIBUTE_TEXT_BYTES,
 *     categories longer than an id, columns after the 32nd, and the largest columns while all are
 *     more than MF_ITEMS_BYTES_MAX. A column that was chosen by name is an error instead.
 * (5) The result depends on ids and values alone, not on the order of rows or files (but for (1)).
 *
 * Memory: the values of the chosen columns and 16 bytes for each, 1 GiB at most.
 * Threads: one. Cost: 5 to 10 ns per byte. */
#ifndef MF_ITEMS_ITEMS_H
#define MF_ITEMS_ITEMS_H

#include "base/error.h"
#include "base/id_list.h"
#include "model/model.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_ITEMS_OMITTED = 64, /* as many are named */
    MF_ITEMS_BYTES_MAX = 256 * 1024 * 1024,
    MF_ITEMS_READ_MAX = 1024 * 1024 * 1024,
};

typedef struct mf_items_omitted {
    char name[MF_ATTRIBUTE_NAME_BYTES];
    char reason[96];
} mf_items_omitted;

typedef struct mf_items_facts {
    uint32_t n_files;
    uint64_t n_rows;       /* of all files, good and bad */
    uint64_t n_bad_rows;   /* left out */
    uint64_t n_repeated;   /* rows that replaced one of the same id */
    uint32_t n_matched;    /* items of the model with a row */
    uint32_t n_unrated;    /* rows of other items */
    uint64_t n_cut_texts;  /* to MF_ATTRIBUTE_TEXT_BYTES */
    uint64_t n_long_words; /* categories longer than an id, left out */
    uint64_t n_bytes;      /* of all arrays of the attributes */
    uint32_t n_omitted;    /* columns that are no attribute although none were chosen by name */
    mf_items_omitted omitted[MF_ITEMS_OMITTED];
    uint32_t n_named; /* bad rows in bad_rows */
    char bad_rows[MF_RATINGS_BAD_ROWS_NAMED][256];
} mf_items_facts;

typedef struct mf_items mf_items;

/* `options` say how text is written; columns: names separated by
 * commas, or "" for all. Both are borrowed. NULL and MF_ERR_MEMORY. */
mf_items *mf_items_create(const mf_ratings_options *options, const char *columns, mf_error *err);

/* Whether the file is one of items by its first 64 KiB; its ids are nearly all different (a file of
 * other things about items repeats them). Fails MF_ERR_IO, MF_ERR_MEMORY, MF_ERR_STOPPED as reading
 * does; a file whose rows cannot be read is none of items. */
MF_MUST_CHECK bool mf_items_recognize(const char *path, const mf_ratings_options *options,
                                      bool *is_items, mf_error *err);

/* Adds the rows of a file. Fails MF_ERR_PARSE: no header with an item column, or not a single good
 * row, or a quote that is never closed; MF_ERR_LIMIT: more than MF_ITEMS_READ_MAX; MF_ERR_IO,
 * MF_ERR_MEMORY, MF_ERR_STOPPED. `name` is used in messages. */
MF_MUST_CHECK bool mf_items_add(mf_items *items, const char *path, const char *name, mf_error *err);

/* Adds the attributes of a model, which rows of files replace. Before any file. */
MF_MUST_CHECK bool mf_items_add_model(mf_items *items, const mf_model_parts *parts, mf_error *err);

/* The attributes for a model with these items, views into *items. Fails MF_ERR_CONFIG: no item has
 * a row; a chosen column that no file has (the nearest is named) or that does not fit;
 * MF_ERR_MEMORY. After this only facts and destroy are allowed. */
MF_MUST_CHECK bool mf_items_finish(mf_items *items, const mf_id_list *rated,
                                   mf_attributes *attributes, mf_error *err);

/* What was met so far. */
const mf_items_facts *mf_items_facts_get(const mf_items *items);

void mf_items_destroy(mf_items *items);

#endif
