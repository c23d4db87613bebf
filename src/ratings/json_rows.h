/* json_rows.h: ratings as JSON objects, one a line or one after another, through jansson.
 *
 *   {"reviewerID": "A2SU", "asin": "0000013714", "overall": 5.0, "unixReviewTime": 1393545600}
 *
 * A key is found by the names that a column has (header.c); in an object without the file's key, by the
 * other usual names, unless a setting names the key. Values are texts and numbers; an
 * integer is its digits, another number the shortest text that reads as it. Objects may also be
 * the elements of an array. Where the first objects are tombstones (forget.h) and have no item, its
 * key is item_id.
 *
 * Threads: any. Cost: jansson's, 5 to 10 ns per byte. */
#ifndef MF_RATINGS_JSON_ROWS_H
#define MF_RATINGS_JSON_ROWS_H

#include "base/error.h"
#include "ratings/dialect.h"

#include <stdbool.h>
#include <stddef.h>

/* The text begins with an object or an array of objects; or, as an archive of a stream may, with some
 * lines that are none before lines that are. */
bool mf_json_begins(const char *text, size_t n_bytes);

/* As mf_dialect_detect; the first n_mark bytes are a byte order mark. */
MF_MUST_CHECK bool mf_json_detect(const char *head, size_t n_head, size_t n_mark, bool is_all,
                                  const mf_ratings_options *options, mf_look *look, mf_error *err);

typedef enum mf_json_row {
    MF_JSON_NONE,      /* nothing but what stands between objects */
    MF_JSON_CELLS,     /* the roles' cells are filled in */
    MF_JSON_DAMAGED,   /* not JSON, or not an object; `why` says what */
    MF_JSON_MISSING,   /* a key is not there, or its value is no text and no number */
    MF_JSON_NOT_RATED, /* an event without a rating, among ratings */
    MF_JSON_FORGET,    /* "event": "forget" (forget.h): user and perhaps timestamp are there */
} mf_json_row;

/* Reads the object that text[*at .. n_bytes) begins with, after blanks and the like, and moves
 * *at behind it; behind damage, to the end of its line or object. *begin: where it begins.
 * *role: of what is missing. Cells that the object does not have are empty; that of the value has a
 * rating where the dialect has_empty_values. */
mf_json_row mf_json_read(const mf_dialect *dialect, const char *text, size_t n_bytes, size_t *at,
                         size_t *begin, mf_cell_copy cells[MF_ROLES], int *role, char why[96]);

#endif
