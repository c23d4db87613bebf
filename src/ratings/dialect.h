/* dialect.h: is this text ratings, and how is it written?
 *
 * Decided by the first rows, and that of a header by its names:
 *
 *   delimiters  , tab ; | :: (MovieLens' ratings.dat), \x01 (Hive), and runs of blanks where nothing else fits;
 *               Excel's line "sep=;" names one
 *   header      a column each for user, item and rating, in any order, found by
 *               the usual names without regard to case and punctuation (userId,
 *               User-ID, movie_id, asin, Book-Rating …, the list is in header.c)
 *               or by the names the options give, which then have to be there;
 *               a timestamp column is used when there is one; others are ignored.
 *               For implicit feedback user and item are enough; a column of
 *               counts or weights is used when there is one (plays, quantity,
 *               weight …), and one of ratings is ignored
 *   no header   three or four columns: user, item, rating, timestamp; the third
 *               is a number, the fourth a time. Or any number of columns of which the options
 *               give positions (user_column "#2"); of four columns or fewer, those that they do
 *               not give follow in the order user, item, rating, timestamp. Or, with
 *               MF_FEEDBACK_IMPLICIT, two to four columns: user, item, weight, timestamp, or user,
 *               item, timestamp. The first row need not be a good one.
 *   JSON        objects, one a line or one after another or in an array, whose keys are names as
 *               in a header
 *   MatrixMarket coordinates: row, column, value; as many as its line of sizes says, and within them
 *
 * A column called time, date or the like is used where its first value is a time; one called
 * timestamp, or named by the options, always. A byte order mark is skipped.
 *
 * Everything else is not ratings, and the reason says what it looks like and which setting would
 * help.
 *
 * Which of the two a text is read as follows options.feedback. MF_FEEDBACK_AUTO takes
 * ratings where it can, else implicit feedback; a column that the options name decides:
 * with rating_column alone only ratings, with weight_column alone only implicit
 * feedback. */
#ifndef MF_RATINGS_DIALECT_H
#define MF_RATINGS_DIALECT_H

#include "base/error.h"
#include "csv/split_row.h"
#include "ratings/cell.h"
#include "ratings/encoding.h"
#include "ratings/ratings.h"
#include "ratings/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_role {
    MF_ROLE_USER,
    MF_ROLE_ITEM,
    MF_ROLE_VALUE, /* the rating; of implicit feedback the weight */
    MF_ROLE_TIMESTAMP,
    MF_ROLES,
} mf_role;

enum {
    MF_COLUMNS_MAX = MF_SPLIT_FIELDS,
    MF_DIALECT_TEXT_BYTES = 640,
    MF_DIALECT_EXAMPLES = 3,
    MF_DIALECT_SEEN_KEYS = 32
};

typedef enum mf_text_form {
    MF_TEXT_CSV,
    MF_TEXT_JSON_LINES, /* an object does not cross a line end */
    MF_TEXT_JSON,
} mf_text_form;

/* What a MatrixMarket file says of itself. */
typedef struct mf_matrix_size {
    bool is_known; /* it is such a file */
    uint64_t n_rows, n_columns, n_entries;
} mf_matrix_size;

/* What stands before the first rating row of a file. */
typedef struct mf_data_head {
    size_t n_bytes;
    uint64_t n_lines;     /* line ends */
    uint64_t n_rows;      /* lines that are a header or belong to one */
    uint64_t n_blank;     /* lines without a field */
    uint64_t n_in_fields; /* line ends in fields of the header */
    mf_matrix_size matrix;
} mf_data_head;

typedef struct mf_dialect {
    mf_text_form text;
    mf_encoding encoding;
    mf_csv_form form;
    bool has_escapes; /* \" occurs in the first rows */
    bool has_header;
    bool has_time;
    bool has_value; /* else each row's is 1 */
    bool decimal_comma;
    bool is_guess;        /* no header, and no positions given: the order of columns is assumed */
    bool has_numbers_row; /* a guess, and the first row is 0,1,2: maybe numbers of columns */
    bool has_known_order; /* a guess, and the columns look like data that has the item first */
    mf_time_unit time_unit;
    double time_rate;              /* times are divided by it; 1: they are read as they are */
    mf_feedback feedback;          /* explicit or implicit */
    uint32_t n_fields;             /* per row, as mf_csv_form counts */
    uint32_t column[MF_ROLES];     /* the field with this role */
    mf_cell_copy header[MF_ROLES]; /* the names in the header; the keys of JSON */
    bool is_given[MF_ROLES];       /* JSON: a setting names the key, so that no other one counts */
    char duplicate[64];            /* a second column with the name of one that is used; or "" */
    /* Columns that a header has and nothing uses, where one of their kind is missing; or "". */
    char unused_numbers[96]; /* no ratings and no weights: columns of numbers, the first ones */
    char unused_time[64];    /* no times: the first column that looks like them */
    char unread_time[64];    /* no times: a column that is called so, and has none */
    char unused_clock[64];   /* times are days: a column that has the times of day */
    /* No ratings, since EVENT_VALUE is empty in the rows that were seen, or JSON has no key of ratings:
     * it has to be so in all rows. */
    bool has_empty_values;
    uint32_t empty_values; /* of CSV, the column */
    /* Of JSON, hashes of the keys that were seen, the first ones: none of them has ratings. */
    uint32_t n_seen_keys, seen_key[MF_DIALECT_SEEN_KEYS];
    mf_data_head head; /* of one file */
} mf_dialect;

/* What a file looks like. */
typedef struct mf_look {
    mf_ratings_content content;
    mf_dialect dialect; /* of ratings; else form and n_fields say what delimiter fits best */
    bool is_data;       /* not ratings, but rows of data without a header, or damaged JSON */
    bool is_binary;
    bool is_plain;  /* a regular file whose bytes are the text, and that may be read in parts */
    bool is_matrix; /* a column for each item or user */
    char reason[MF_RATINGS_REASON_BYTES]; /* of what is not ratings */
    uint32_t n_examples;                  /* the first rows as they are understood, cut short */
    char example[MF_DIALECT_EXAMPLES][MF_ROLES][48];
} mf_look;

/* options->feedback, or what the named columns make of MF_FEEDBACK_AUTO. */
mf_feedback mf_dialect_feedback(const mf_ratings_options *options);

/* What the settings say about delimiter and quoting; delimiter '\0': nothing. */
mf_csv_form mf_options_form(const mf_ratings_options *options);

/* Looks at what a text begins with (all of it, if is_all). Implicit feedback that
 * was found by MF_FEEDBACK_AUTO gets a reason too: why it is no ratings. Fails
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_dialect_detect(const char *head, size_t n_head, bool is_all,
                                     const mf_ratings_options *options, mf_look *look,
                                     mf_error *err);

/* The look of a file whose rows are written as those of `like`, if its first rows have that
 * width: its own header, when it is the same, is skipped. false: they have another. */
MF_MUST_CHECK bool mf_dialect_fits(const char *head, size_t n_head, bool is_all,
                                   const mf_dialect *like, mf_dialect *dialect);

/* "user", "item", "rating" or "weight", "timestamp" */
const char *mf_dialect_role(const mf_dialect *dialect, int role);

/* The column of a role in words: its name, "#2", or "none". text has 64 bytes. Returns text. */
char *mf_dialect_column(const mf_dialect *dialect, int role, char text[64]);

/* "comma", "tab", … and how fields are quoted, in words. */
const char *mf_dialect_delimiter(const mf_dialect *dialect, char text[16]);
const char *mf_dialect_quoting(const mf_dialect *dialect);

/* All of it in one line: "columns user=userId item=movieId rating=rating timestamp=timestamp
 * delimiter=comma header=yes quoting=minimal". Equal for dialects that read alike. Returns text. */
char *mf_dialect_text(const mf_dialect *dialect, char text[MF_DIALECT_TEXT_BYTES]);

#endif
