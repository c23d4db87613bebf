/* group.h: rows in file order to ratings by user.
 *
 * A stable counting sort by user, one column after the other, each span's column given back as
 * soon as it is dealt out; then every user's ratings by item (sort.h) and, where they are wanted,
 * times to ranks (time_rank.h). Threads take fixed stretches of the file, so the result does not
 * depend on how many there are.
 *
 * Memory at the peak: at most 20 bytes per row (24 with wide timestamps, and where times are kept; 1
 * more of several files), 13 in files like MovieLens'; 12 per user; 4 per user and thread, of
 * which there are no more than rows.
 */
#ifndef MF_RATINGS_GROUP_H
#define MF_RATINGS_GROUP_H

#include "base/error.h"
#include "ratings/ratings.h"
#include "ratings/shared.h"
#include "ratings/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_grouping {
    mf_span *spans; /* [n_spans] in file order; their columns are used up */
    uint64_t n_spans;
    mf_store **stores; /* [n_stores] by reader; cleared */
    uint32_t n_stores;
    uint32_t **user_index; /* [readers] local index to index; NULL: they are equal */
    uint32_t **item_index;
    uint32_t n_users;
    uint32_t n_threads;
    mf_shared *shared; /* NULL, or counts rows that two files have of one pair */
    bool adds;         /* the values of a repeated pair; else the newest one stays */
    mf_times times;
} mf_grouping;

/* Fills user_start, item, value, time_rank, time, n_ratings and counts.n_repeated of
 * *ratings, whose arrays are NULL before; after a failure they are the caller's to
 * destroy. Fails MF_ERR_MEMORY, MF_ERR_LIMIT (2^32 - 1 rows or more; more than 2^31
 * with times of one user). */
MF_MUST_CHECK bool mf_group(const mf_grouping *grouping, mf_ratings *ratings, mf_error *err);

#endif
