/* sample.h: the first rows of a text under one delimiter, and what they look like. Private to the
 * detection of dialects (dialect.c).
 *
 * Rows and columns count from 0. A column is a number of a field: under "::" every second one. `copy`
 * holds what a cell views.
 *
 * Threads: any. Cost: a pass over at most MF_SAMPLE_ROWS rows for each function. */
#ifndef MF_RATINGS_SAMPLE_H
#define MF_RATINGS_SAMPLE_H

#include "ratings/cutter.h"
#include "ratings/header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_SAMPLE_ROWS = 20 };

typedef struct mf_sample {
    mf_csv_form form;
    const char *head;
    uint32_t n_rows;
    size_t at[MF_SAMPLE_ROWS]; /* where they begin */
    mf_split row[MF_SAMPLE_ROWS];
} mf_sample;

/* Takes the first rows of head[0 .. n_head), which stays the caller's. Fewer where one is cut short. */
void mf_sample_take(mf_sample *s, const mf_csv_form *form, const char *head, size_t n_head,
                    bool is_all);

/* From one column to the next: 2 under "::", where every second field is empty. */
uint32_t mf_sample_step(const mf_sample *s);

/* Fields of a row, at most MF_COLUMNS_MAX. */
uint32_t mf_sample_cells(const mf_sample *s, uint32_t row);

/* Columns of the first row; 0: there is none. */
uint32_t mf_sample_columns(const mf_sample *s);

/* The content of a field; no bytes where there is none. */
mf_cell mf_sample_cell(const mf_sample *s, uint32_t row, uint32_t column, mf_cell_copy *copy);

/* Under "::" every second field lies between two colons. */
bool mf_sample_gaps_are_empty(const mf_sample *s, uint32_t row);

/* Whether some row from `first` on has a time in the column, and the unit of the first one. */
bool mf_sample_has_times(const mf_sample *s, uint32_t first, uint32_t column, mf_time_unit *unit);

/* The first value of the column from row `first` on is a day without a time of day. */
bool mf_sample_has_days(const mf_sample *s, uint32_t first, uint32_t column);

/* What the column's values look like, as far as there are any. */
mf_looks mf_sample_looks(const mf_sample *s, uint32_t first, uint32_t column);

/* Prose has runs of blanks too: there a header is short and every row has its width. */
bool mf_sample_is_table_of_runs(const mf_sample *s);

/* Rows have one column more than the header has names. */
bool mf_sample_has_row_names(const mf_sample *s);

/* "userId,1,2,3": a name, then the ids of items, above rows of a matrix. */
bool mf_sample_begins_with_role(const mf_sample *s);

/* Names of columns that are not known, above rows that have digits. */
bool mf_sample_begins_with_names(const mf_sample *s);

/* 0,1,2: what pandas writes for columns without names. */
bool mf_sample_counts_columns(const mf_sample *s);

/* The first row has bytes that are no text. */
bool mf_sample_is_binary(const mf_sample *s);

/* Rows of numbers, one column for each item or user. */
bool mf_sample_is_matrix(const mf_sample *s, bool is_data);

/* A column of items, names without a digit, and no gap: "item,price,stock" is no matrix. */
bool mf_sample_may_be_items(const mf_sample *s);

/* A punctuation character that each of the first rows has equally often; '\0': there is none. */
char mf_sample_other_delimiter(const mf_sample *s);

#endif
