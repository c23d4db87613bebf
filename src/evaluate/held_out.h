/* held_out.h: what there is to find: held-out ratings by user.
 *
 * A held-out item is relevant when its rating is at least `relevant_rating`. An item that the
 * model does not know counts as well when it was liked: no list can find it, and leaving it out
 * would make a figure better than what users get.
 *
 * Threads: any may read one. */
#ifndef MF_EVALUATE_HELD_OUT_H
#define MF_EVALUATE_HELD_OUT_H

#include "base/error.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_held_out {
    uint32_t n_users;
    uint64_t *start;   /* [n_users + 1] */
    uint32_t *item;    /* [start[n_users]] ascending per user; MF_INDEX_NONE: unknown items, last */
    uint8_t *relevant; /* beside item: 1 when it counts as found */

    uint64_t n_rows;              /* all that was handed over */
    uint64_t n_relevant;          /* of known users */
    uint64_t n_unknown_user_rows; /* left out */
    uint64_t n_unknown_item_rows; /* of known users */
} mf_held_out;

/* From rows in the indexes of a training set or model of n_users (mf_ratings_split_by,
 * mf_ratings_align), in any order. relevant_rating -INFINITY: every row is relevant.
 * Release it with mf_held_out_clear, which an empty one survives as well. Fails MF_ERR_ARGUMENT
 * (user out of range), MF_ERR_MEMORY; then *held_out is empty.
 * Memory: 5 bytes per row; twice that while it works. Cost: O(n log n) at most. */
MF_MUST_CHECK bool mf_held_out_create(const mf_ratings_rows *rows, uint32_t n_users,
                                      float relevant_rating, mf_held_out *held_out, mf_error *err);

void mf_held_out_clear(mf_held_out *held_out);

#endif
