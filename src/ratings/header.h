/* header.h: which column is which, by its name. */
#ifndef MF_RATINGS_HEADER_H
#define MF_RATINGS_HEADER_H

#include "ratings/cell.h"
#include "ratings/dialect.h"

#include <stdbool.h>
#include <stdint.h>

enum { MF_COLUMN_ABSENT = UINT32_MAX };

/* Finds the columns of ratings or of implicit feedback among names[0 .. n_names)
 * (every `step`-th one). column[role] is MF_COLUMN_ABSENT where there is none.
 * has_times[c] says which columns have times: one of them may have a name that also stands
 * for other things ("date"); NULL: any may. True when all columns are there that this feedback
 * needs and that the options name. */
bool mf_header_match(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                     const mf_ratings_options *options, mf_feedback feedback, const bool *has_times,
                     uint32_t column[MF_ROLES]);

/* What the values of a column look like. */
typedef enum mf_looks {
    MF_LOOKS_OTHER,
    MF_LOOKS_NUMBERS,
    MF_LOOKS_TIMES, /* dates, or numbers that are too large for anything else */
} mf_looks;

/* Of one value; an empty one is MF_LOOKS_OTHER. */
mf_looks mf_header_looks(mf_cell value);

/* Fills in dialect->unused_numbers, unused_time and unread_time. looks[c] is of the column c. */
void mf_header_note_unused(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                           const mf_looks *looks, const mf_ratings_options *options,
                           mf_dialect *dialect);

/* The names that the options give to the columns of this feedback, or NULL each. */
void mf_header_given(const mf_ratings_options *options, mf_feedback feedback,
                     const char *given[MF_ROLES]);

/* "user_column" …, the setting that names the column of a role. */
const char *mf_header_setting(int role, mf_feedback feedback);

/* Whether this feedback cannot be read without a column of this role. */
bool mf_header_needs(int role, mf_feedback feedback);

/* "#3" is the position 2; false for anything else. given may be NULL. */
bool mf_header_position(const char *given, uint32_t *position);

/* A column of values that may have none: EVENT_VALUE of Amazon Personalize. */
bool mf_header_may_be_empty(const mf_cell_copy *name);

/* A usual name of a column of ratings. */
bool mf_header_is_usual(mf_cell name);

/* "none": the file's column of this role is not used. given may be NULL. */
bool mf_header_is_off(const char *given);

/* A column that has the name of one of those in column[], or MF_COLUMN_ABSENT. */
uint32_t mf_header_duplicate(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                             const uint32_t column[MF_ROLES]);

#endif
