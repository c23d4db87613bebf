/* split.h: ratings set aside, and ratings seen from another training set.
 *
 * Every rating draws 64 bits from (seed, user index, item index), no two the same
 * (base/random.h is a bijection for a fixed key). Their order is a random
 * permutation of the ratings, and a part is a range of its ranks. So parts have
 * exact sizes, every rating is in exactly one fold, and nothing depends on the
 * order of the rows in the file beyond the indexes that it gives.
 *
 * Memory: the two results, 8 and 12 bytes per rating; 0.5 MiB to find the ranks.
 * The source stays as it is. Cost: about 30 ns per rating.
 * Threads: any number on one source. */
#ifndef MF_RATINGS_SPLIT_H
#define MF_RATINGS_SPLIT_H

#include "base/error.h"
#include "base/id_list.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stdint.h>

/* Sets aside `fraction` of the ratings, rounded to the nearest whole number (half
 * up). *train has the same indexes and borrows the ids of `all`, which therefore
 * must outlive it; users and items may be left without a rating. Both results are
 * the caller's: mf_ratings_destroy, mf_ratings_rows_clear. held_out is grouped by
 * user, items ascending. Fails MF_ERR_ARGUMENT unless 0 <= fraction <= 1,
 * MF_ERR_MEMORY; then neither is written. */
bool mf_ratings_split(const mf_ratings *all, double fraction, uint64_t seed, mf_ratings **train,
                      mf_ratings_rows *held_out, mf_error *err);

/* The same with fold number `fold` of n_folds set aside, for cross-validation.
 * Fold sizes differ by one at most. MF_ERR_ARGUMENT unless fold < n_folds. */
bool mf_ratings_split_fold(const mf_ratings *all, uint32_t fold, uint32_t n_folds, uint64_t seed,
                           mf_ratings **train, mf_ratings_rows *held_out, mf_error *err);

/* `other`, which was read on its own, in the indexes of the lists users and items
 * (a training set's): MF_INDEX_NONE for ids that they do not have. In other's
 * order. Memory: 12 bytes per rating of other, and 8 to 16 bytes per id while it
 * works. Fails MF_ERR_FORMAT when an id is twice in a list; MF_ERR_MEMORY. */
bool mf_ratings_align(const mf_ratings *other, const mf_id_list *users, const mf_id_list *items,
                      mf_ratings_rows *rows, mf_error *err);

#endif
