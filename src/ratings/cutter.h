/* cutter.h: where a block of text can be cut, and what no cut can save.
 *
 * Blocks are parsed by different threads, so each has to begin where a row begins. A line end
 * inside quotes is not a row end (csv/split_row.h); nor is one inside a JSON object. Text without
 * a quote is cut at its last line feed without looking at the rest.
 *
 * A row's length is counted without its line end.
 *
 * Cost: 0.05 ns per byte without quotes, about 1 ns with. Threads: any. */
#ifndef MF_RATINGS_CUTTER_H
#define MF_RATINGS_CUTTER_H

#include "csv/split_row.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum mf_flaw {
    MF_FLAW_NONE,
    MF_FLAW_LONG_ROW,    /* a row longer than the limit */
    MF_FLAW_LONG_QUOTE,  /* the same, and a quoted field is open where the limit is */
    MF_FLAW_OPEN_QUOTE,  /* the text ends inside a quoted field */
    MF_FLAW_OPEN_OBJECT, /* the text ends inside a JSON object */
} mf_flaw;

typedef struct mf_cut {
    size_t n_bytes; /* whole rows: the block; 0 when not even one is complete */
    mf_flaw flaw;   /* of the row that begins at n_bytes */
    size_t place;   /* where the quoted field opens, for the QUOTE flaws; else n_bytes */
} mf_cut;

/* Cuts bytes[0 .. n_bytes), which begin at a row's beginning. At the text's end
 * (is_last) the last row needs no line end. */
mf_cut mf_cut_rows(const mf_csv_form *form, const char *bytes, size_t n_bytes, bool is_last);

/* The same for JSON objects one after another, wherever lines end. */
mf_cut mf_cut_objects(const char *bytes, size_t n_bytes, bool is_last, size_t max_row_bytes);

/* Where the JSON object or array that begins at bytes[0] ends: how many bytes it has; 0 when its end is
 * beyond n_bytes. */
size_t mf_object_bytes(const char *bytes, size_t n_bytes);

/* Whether the byte may stand between JSON objects: blanks, line ends, and the brackets and
 * commas of an array. */
static inline bool mf_is_between_objects(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == '[' || c == ']';
}

/* Line ends (LF, CR, CRLF) in bytes[0 .. n_bytes); a CR at the very end counts. */
size_t mf_count_lines(const char *bytes, size_t n_bytes);

typedef struct mf_survey {
    size_t n_lines; /* as mf_count_lines */
    /* No quotes, and no blanks but where they delimit: then libcsv's fields are the
     * text between delimiters and line ends, byte for byte. */
    bool is_plain;
} mf_survey;

/* Both in one pass. Cost: 0.07 ns per byte. */
mf_survey mf_survey_block(const char *bytes, size_t n_bytes, char delimiter);

#endif
