/* dialect.h: is this text ratings, and how is it written?
 *
 * Decided by the first row, and that of a header by its names:
 *
 *   delimiters  , tab ; | and :: (MovieLens' ratings.dat)
 *   header      a column each for user, item and rating, in any order, found by
 *               the usual names without regard to case and punctuation (userId,
 *               User-ID, movie_id, asin, Book-Rating …, the list is in header.c)
 *               or by the names the options give, which then have to be there;
 *               a timestamp column is used when there is one; others are ignored
 *               For implicit feedback user and item are enough; a column of
 *               counts or weights is used when there is one (plays, quantity,
 *               weight …), and one of ratings is ignored
 *   no header   three or four columns: user, item, rating, timestamp; the third,
 *               and the fourth if there is one, is a number. Only when the
 *               options name no column, and never implicit feedback.
 *
 * A column called time, date or the like, whose first value is not a number, is
 * not used; one called timestamp, or named by the options, is, and must hold
 * numbers. A byte order mark is skipped, UTF-8 only.
 *
 * Everything else is not ratings, and the reason says what it looks like.
 *
 * Which of the two a text is read as follows options.feedback. MF_FEEDBACK_AUTO takes
 * ratings where it can, else implicit feedback; a column that the options name decides:
 * with rating_column alone only ratings, with weight_column alone only implicit
 * feedback. */
#ifndef MF_RATINGS_DIALECT_H
#define MF_RATINGS_DIALECT_H

#include "base/error.h"
#include "ratings/cell.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_role {
    MF_ROLE_USER,
    MF_ROLE_ITEM,
    MF_ROLE_VALUE, /* the rating; of implicit feedback the weight */
    MF_ROLE_TIMESTAMP,
    MF_ROLES,
    MF_ROLE_NONE = MF_ROLES, /* a column that is ignored */
} mf_role;

enum { MF_COLUMNS_MAX = 256 };

typedef struct mf_dialect {
    char delimiter;
    bool is_double; /* "::", which libcsv sees as ':' and an empty field */
    bool has_header;
    bool has_time;
    bool has_value;                   /* else each row's is 1 */
    mf_feedback feedback;             /* explicit or implicit */
    uint32_t n_fields;                /* per row, as libcsv counts */
    uint32_t column[MF_ROLES];        /* the field with this role */
    uint8_t role[MF_COLUMNS_MAX + 1]; /* of each field; the last stands for the rest */
    mf_cell_copy header[MF_ROLES];    /* the names in the header */
    size_t n_head;                    /* bytes before the first rating row */
    uint64_t n_head_lines;            /* line ends among them */
} mf_dialect;

/* options->feedback, or what the named columns make of MF_FEEDBACK_AUTO. */
mf_feedback mf_dialect_feedback(const mf_ratings_options *options);

/* Looks at what a text begins with (all of it, if is_all). Writes the dialect and
 * MF_RATINGS_READ, or the reason and MF_RATINGS_NOT_RATINGS. Implicit feedback that
 * was found by MF_FEEDBACK_AUTO gets a reason too: why it is no ratings. Fails
 * MF_ERR_MEMORY. */
bool mf_dialect_detect(const char *head, size_t n_head, bool is_all,
                       const mf_ratings_options *options, mf_dialect *dialect,
                       mf_ratings_verdict *verdict, char reason[MF_RATINGS_REASON_BYTES],
                       mf_error *err);

#endif
