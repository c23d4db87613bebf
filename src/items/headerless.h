/* headerless.h: MovieLens' files of items, which have no header: movies.dat of 1M and 10M, u.item of
 * 100K.
 *
 *   1::Toy Story (1995)::Animation|Children's|Comedy
 *   1|Toy Story (1995)|01-Jan-1995||http://…|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0
 *
 * Internal to src/items. */
#ifndef MF_ITEMS_HEADERLESS_H
#define MF_ITEMS_HEADERLESS_H

#include "ratings/cell.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mf_headerless {
    uint32_t n_names;
    const char *const *names; /* of the first columns, that of the ids first */
    uint32_t n_flags;
    const char *const
        *flags; /* what the columns behind them say with 1: they are one list, genres */
} mf_headerless;

/* The form of a file whose first row is cells[0], cells[step], …; n of them. NULL: none of these. */
const mf_headerless *mf_headerless_find(const mf_cell_copy *cells, uint32_t n, uint32_t step);

#endif
