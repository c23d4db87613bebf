/* parse.h: one block of text into rating rows, the hot path of reading.
 *
 * In a block of CSV without quotes and blanks libcsv says how long each field is. That
 * says where the fields are in the text, so nothing but lengths is noted while
 * libcsv runs, and some hundred rows at a time are then read off the text in one
 * plain loop. Other blocks of CSV are read row by row (csv/split_row.h), JSON object by object
 * (json_rows.h). Ids go through direct tables, the rating through a cache of the few texts that
 * ratings are, the timestamp eight digits at a time. Whatever that does not settle goes the slow
 * way, where messages are made.
 *
 * A row counts only if all of it is good: a bad row leaves no id behind.
 *
 * Threads: one mf_parser each. */
#ifndef MF_RATINGS_PARSE_H
#define MF_RATINGS_PARSE_H

#include "base/error.h"
#include "csv/rows.h"
#include "csv/split_row.h"
#include "ratings/blocks.h"
#include "ratings/cell.h"
#include "ratings/dialect.h"
#include "ratings/forget.h"
#include "ratings/id_map.h"
#include "ratings/ratings.h"
#include "ratings/store.h"

#include <stdbool.h>
#include <stdint.h>

/* A row that was left out: which, where and why. */
typedef struct mf_bad_row {
    uint64_t block;
    uint32_t row;    /* in the block, counting all rows that libcsv reports */
    uint32_t field;  /* the one to blame */
    uint64_t line;   /* of the row's beginning, from 0 in the block */
    uint64_t column; /* of the field's beginning, from 1 */
    bool is_header;  /* of other rows than the first one: max_bad_rows does not help */
    mf_error error;  /* the sentence, without its place */
} mf_bad_row;

enum { MF_RATING_CACHE = 256, MF_BATCH_FIELDS = 2048 };

/* What one parser met in a file; names as in mf_ratings_counts. */
typedef struct mf_row_counts {
    uint64_t n_rows;
    uint64_t n_bad_rows;
    uint64_t n_blank_rows;
    uint64_t n_header_rows;
    uint64_t n_in_fields;
    uint64_t n_zero_weights;
    uint64_t n_not_rated;
    uint64_t n_timeless;
    uint64_t n_future;
    uint64_t n_tombstones;
} mf_row_counts;

/* The different values; all zero bytes is none. */
typedef struct mf_values {
    uint32_t n; /* more than MF_VALUES_COUNTED: not all are in bits[] */
    uint32_t bits[MF_VALUES_COUNTED];
} mf_values;

void mf_values_add(mf_values *values, uint32_t bits);

/* A block's rows as they are read, in plain columns: store.h. */
typedef struct mf_draft {
    uint32_t n;
    bool wide_time;
    int64_t time_base;
    uint32_t *column[MF_COLUMNS]; /* [capacity] or NULL */
    size_t capacity;
} mf_draft;

void mf_draft_clear(mf_draft *draft);

typedef struct mf_parser {
    /* Of the whole reading. */
    uint32_t reader; /* this thread's number */
    uint32_t max_users, max_items;
    mf_id_map users, items;
    mf_store store;
    mf_draft draft;   /* of one block, but its memory stays */
    mf_values values; /* that were read */
    mf_tombstones tombstones;
    const mf_ratings_options *options;
    /* Of one file. */
    const mf_dialect *dialect;
    bool header_is_good; /* as a row: no column of it has to be a number */
    mf_rows *rows;
    mf_row_counts counts;
    float low, high;    /* of the values */
    double first, last; /* of the times */
    uint32_t n_named;   /* the first bad rows, in bad[] */
    mf_bad_row bad[MF_RATINGS_BAD_ROWS_NAMED];
    /* Of one block. */
    uint64_t block;
    uint32_t row;
    bool failed; /* err holds why; the rest of the block is skipped */
    mf_error *err;
    /* Of a batch of rows in plain text. Field k of the batch is begin[k] …
     * begin[k+1]-2 behind `text`, plus the empty lines between. */
    const char *text;
    uint32_t n_noted;     /* fields so far */
    uint32_t n_batched;   /* those of complete rows */
    uint32_t batch_bytes; /* of the fields so far, each with its delimiter */
    uint32_t begin[MF_BATCH_FIELDS + 1];
    const char *block_text;
    /* Of one row: its first byte, and its fields in the text, one way or the other. */
    const char *row_text;
    const uint32_t *row_begin; /* of plain text, from row_text - row_begin[0] on; or NULL */
    mf_split split;
    uint32_t n_fields;
    uint32_t full_gap;           /* under "::", a field between colons that is not empty; 0: none */
    bool is_outside;             /* of the matrix that a MatrixMarket file says it is */
    mf_cell rating;              /* in the column that is empty in the first rows; or no bytes */
    mf_cell cell[MF_ROLES];      /* by role; of plain text in a bad row only */
    mf_cell_copy copy[MF_ROLES]; /* where the cells are when the text does not have them */
    int missing_role;            /* of JSON: that has no value; MF_ROLES: none */
    char damage[96];             /* of JSON, in words; "": none */
    struct {
        uint64_t text;  /* up to 7 bytes and their number; 0: nothing here */
        uint32_t value; /* the bits of a float */
    } cache[MF_RATING_CACHE];
} mf_parser;

/* Gets ready for a file; the dialect is borrowed. MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_parser_begin(mf_parser *parser, const mf_dialect *dialect, mf_error *err);

/* Parses a block of whole rows at `bytes`, behind which MF_CELL_READABLE bytes may be read;
 * *span says where the good ones are. Bad rows are
 * counted and the first ones named, not failed on. Fails MF_ERR_MEMORY,
 * MF_ERR_LIMIT. */
MF_MUST_CHECK bool mf_parser_block(mf_parser *parser, uint64_t number, const char *bytes,
                                   const mf_block *block, mf_span *span, mf_error *err);

/* Gives back what belongs to the file. */
void mf_parser_end(mf_parser *parser);

/* Gives back everything. */
void mf_parser_clear(mf_parser *parser);

#endif
