/* draft.h: the columns that a block's rows are read into (parse.h), and how they stay. Private to parse.c.
 *
 * Threads: one for each parser. Cost: of keeping, two passes over the columns. */
#ifndef MF_RATINGS_DRAFT_H
#define MF_RATINGS_DRAFT_H

#include "base/error.h"
#include "ratings/parse.h"
#include "ratings/store.h"

#include <stdbool.h>
#include <stddef.h>

/* An empty draft for n_rows. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_draft_begin(mf_parser *parser, size_t n_rows, mf_error *err);

/* Gives the draft memory for a column more. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_draft_has_column(mf_draft *draft, mf_column column, mf_error *err);

/* The rows of the draft stay, as a span, and their ranges of values and times are taken. Fails
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_draft_keep(mf_parser *parser, mf_span *span, mf_error *err);

#endif
