/* extend.h: ratings in the index space of an earlier model.
 *
 * Threads: one. */
#ifndef MF_RATINGS_EXTEND_H
#define MF_RATINGS_EXTEND_H

#include "base/error.h"
#include "base/id_list.h"
#include "ratings/ratings.h"

#include <stdbool.h>

/* Gives the ids of first_users and first_items the first indexes, in their order,
 * and the ids that only `ratings` has the ones after them. Users and items that
 * only the lists have get no rating. `ratings` must own its ids; afterwards they
 * are the extended lists, copied. Ranks and times stay with their ratings.
 * Memory: while it works 16 bytes per rating on top, with times 24 (32 where they are kept).
 * Fails MF_ERR_FORMAT when an id is twice in a list, MF_ERR_LIMIT (more ids than
 * an index can hold), MF_ERR_MEMORY; *ratings is untouched then. */
MF_MUST_CHECK bool mf_ratings_extend(mf_ratings *ratings, const mf_id_list *first_users,
                                     const mf_id_list *first_items, mf_error *err);

#endif
