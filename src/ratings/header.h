/* header.h: which column is which, by its name. */
#ifndef MF_RATINGS_HEADER_H
#define MF_RATINGS_HEADER_H

#include "ratings/cell.h"
#include "ratings/dialect.h"

#include <stdbool.h>
#include <stdint.h>

enum { MF_COLUMN_ABSENT = UINT32_MAX };

/* Finds the columns among names[0 .. n_names) (every `step`-th one). column[role]
 * is MF_COLUMN_ABSENT where there is none. *weak_time: the timestamp column was
 * found by a name that also stands for other things ("date"). True when user,
 * item and rating are there, and the timestamp if the options name it. */
bool mf_header_match(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                     const mf_ratings_options *options, uint32_t column[MF_ROLES], bool *weak_time);

/* Whether the options name any column. */
bool mf_header_is_given(const mf_ratings_options *options);

#endif
