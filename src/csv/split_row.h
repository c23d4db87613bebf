/* split_row.h: one row of CSV into its fields, as Python's csv module reads it.
 *
 *   - A row ends at LF, CR or CRLF outside quotes.
 *   - A field whose first byte after blanks is a quote is quoted up to the closing quote. Inside,
 *     "" is one quote. What follows the closing quote belongs to the field without being quoted:
 *     "Amazing" album is Amazing album.
 *   - Blanks (space, tab) around a field are dropped, unless they delimit.
 *
 * MF_QUOTING_AUTO reads what people write besides:
 *
 *   - \" inside quotes is a quote where the row then has the right number of fields
 *     (dumps of MySQL, Book-Crossing).
 *   - A quote that does not close on its line may be text, as in files that were written without
 *     quoting. It is text where this line is a whole row when read on its own, and so are the
 *     lines after it up to the one with the next quote.
 *   - Outside of , and ; files sixteen such lines are enough, a quoted field crosses a line end
 *     only where the row then has the right number of fields, and a quote that never closes is
 *     text. In , and ; files it is MF_SPLIT_OPEN.
 *
 * A result depends on at most max_row_bytes + 2 bytes of text.
 *
 * Threads: any. Cost: about 1 ns per byte. */
#ifndef MF_CSV_SPLIT_ROW_H
#define MF_CSV_SPLIT_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_quoting {
    MF_QUOTING_AUTO,
    MF_QUOTING_MINIMAL, /* exactly Python's csv: a quote closes wherever it closes */
    MF_QUOTING_NONE,    /* quotes are text */
} mf_quoting;

/* How rows are written. */
typedef struct mf_csv_form {
    char delimiter;
    bool is_double; /* "::", seen as the delimiter ':' with an empty field between */
    bool is_run;    /* any run of spaces and tabs is one delimiter; none at a row's ends */
    mf_quoting quoting;
    uint32_t n_fields;    /* that a row has; 0: not known yet */
    size_t max_row_bytes; /* without its line end */
} mf_csv_form;

enum { MF_SPLIT_FIELDS = 256 };

typedef struct mf_field {
    uint32_t begin;   /* of its content, from the row's first byte */
    uint32_t n_bytes; /* of the content as it is written */
    bool is_quoted;   /* it begins with a quote, at begin - 1 or, if raw, at begin */
    bool is_raw;      /* mf_field_text makes the content */
} mf_field;

typedef struct mf_split {
    size_t n_bytes;       /* of the row with its line end */
    uint32_t n_fields;    /* all; the first MF_SPLIT_FIELDS are in field[] */
    uint32_t n_line_ends; /* inside fields */
    bool is_blank;        /* no field has a byte */
    bool has_escapes;     /* \" was read as a quote */
    bool has_open_quote;  /* MF_SPLIT_OPEN, _LONG: a quoted field is open, from `quote` on */
    size_t quote;
    mf_field field[MF_SPLIT_FIELDS];
} mf_split;

typedef enum mf_split_end {
    MF_SPLIT_ROW,  /* a row, or a line without a field */
    MF_SPLIT_MORE, /* what is beyond n_bytes has to be seen */
    MF_SPLIT_OPEN, /* the text ends inside a quoted field */
    MF_SPLIT_LONG, /* the row is longer than max_row_bytes */
} mf_split_end;

/* Splits the row that text begins with. is_last: nothing follows text[0 .. n_bytes).
 * n_bytes > 0. Only MF_SPLIT_ROW fills in the fields. */
mf_split_end mf_split_row(const mf_csv_form *form, const char *text, size_t n_bytes, bool is_last,
                          mf_split *split);

/* The content of a field of the row at `row`: at most n_most bytes of it into text. Returns how
 * many bytes it has. */
size_t mf_field_text(const char *row, const mf_field *field, bool has_escapes, char *text,
                     size_t n_most);

#endif
