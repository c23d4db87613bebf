/* reason.h: why a file is not ratings, in one sentence that grows.
 *
 *   columns movieId, title, genres; missing: user, rating
 *   no header; columns 7, 31, NULL; column 3 "NULL" is not a number
 *
 * Threads: any. */
#ifndef MF_RATINGS_REASON_H
#define MF_RATINGS_REASON_H

#include "ratings/cell.h"
#include "ratings/ratings.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mf_reason {
    char *text; /* of size bytes; what does not fit is cut */
    size_t size;
    const mf_ratings_options *options;
    mf_feedback feedback; /* looked for */
} mf_reason;

__attribute__((format(printf, 2, 3))) void mf_reason_add(const mf_reason *reason,
                                                         const char *format, ...);

/* Text that is no table, by its beginning. */
void mf_reason_begins(const mf_reason *reason, mf_cell first);

/* `what`, then the names (every step-th one), the first eight of them. */
void mf_reason_columns(const mf_reason *reason, const char *what, const mf_cell_copy *names,
                       uint32_t n_names, uint32_t step);

/* Which columns of ratings or implicit feedback are not among the names of a header. */
void mf_reason_missing(const mf_reason *reason, mf_feedback feedback, const mf_cell_copy *names,
                       uint32_t n_names, uint32_t step);

/* Both, of a header of implicit feedback where ratings may be in another file. */
void mf_reason_implicit(const mf_reason *reason, const char *what, const mf_cell_copy *names,
                        uint32_t n_names, uint32_t step);

/* Why a row without a header is none of ratings, and the setting that would help. */
void mf_reason_data(const mf_reason *reason, const mf_cell_copy *cells, uint32_t n_cells,
                    uint32_t step);

#endif
