/* rows.h: the entry point to libcsv; no other file of ours includes csv.h.
 *
 * Bytes go in, fields and rows come out through two callbacks, by the rules of
 * libcsv's non-strict mode:
 *
 *   - a row ends at LF or CR outside quotes; lines of blanks alone are no rows;
 *   - a field opens quoted when its first byte after blanks is a quote;
 *   - in a quoted field "" is a quote, and a quote that is not followed (after
 *     blanks) by a delimiter or a row end belongs to the field;
 *   - blanks (space, tab) around an unquoted field are dropped.
 *
 * Threads: one mf_rows each. Cost: 3 to 5 ns per byte, which is most of the time
 * that reading takes. */
#ifndef MF_CSV_ROWS_H
#define MF_CSV_ROWS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct mf_rows mf_rows;

/* A field's bytes are libcsv's own and valid during the call. They were written
 * one at a time a moment ago: a wide load there waits for all those stores
 * (measured: 6 ns per field), so the fast path of src/ratings reads the text instead (parse.h). */
typedef void mf_rows_on_field(void *bytes, size_t n_bytes, void *context);
typedef void mf_rows_on_row(int end, void *context);

mf_rows *mf_rows_create(char delimiter, mf_error *err);

/* Takes the next bytes of a text. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_rows_feed(mf_rows *rows, const char *bytes, size_t n_bytes,
                                mf_rows_on_field *on_field, mf_rows_on_row *on_row, void *context,
                                mf_error *err);

/* The text ends here: a last row without a line end comes out. The next feed
 * begins a new text. */
void mf_rows_end(mf_rows *rows, mf_rows_on_field *on_field, mf_rows_on_row *on_row, void *context);

void mf_rows_destroy(mf_rows *rows);

#endif
