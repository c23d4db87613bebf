/* split.h: ratings set aside, and ratings seen from another training set.
 *
 * Every rating draws 64 bits from (seed, user index, item index), no two the same
 * (base/random.h is a bijection for a fixed key). Their order is a random
 * permutation of the ratings, and a part is a range of its ranks. So parts have
 * exact sizes, every rating is in exactly one fold, and nothing depends on the
 * order of the rows in the file beyond the indexes that it gives.
 *
 * The training part has the same indexes as `all`, borrows its ids, which therefore
 * must outlive it, and keeps its feedback and counts; users and items may be left
 * without a rating. time_rank is counted anew among a user's ratings that are left, so
 * it is what a reader of them alone would give. held_out is grouped by user, items
 * ascending. Both results are the caller's: mf_ratings_destroy, mf_ratings_rows_clear.
 *
 * Memory: the two results, 8 and 12 bytes per rating (4 more in training for a rank, 8
 * for a time); 0.5 MiB to find the ranks of draws; 16 bytes per rating of the user who
 * has most. The source stays as it is. Cost: about 30 ns per rating.
 * Threads: any number on one source. */
#ifndef MF_RATINGS_SPLIT_H
#define MF_RATINGS_SPLIT_H

#include "base/error.h"
#include "base/id_list.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stdint.h>

/* What is set aside. n is the number of a user's ratings. */
typedef enum mf_split_kind {
    MF_SPLIT_RANDOM,      /* fraction of all ratings, whose ever they are */
    MF_SPLIT_USER_RANDOM, /* of each user a random fraction * n */
    MF_SPLIT_TIME,        /* of each user the newest fraction * n */
    MF_SPLIT_LEAVE_LAST,  /* of each user the newest one; fraction means nothing */
    MF_SPLIT_GLOBAL_TIME, /* everything after a moment, see mf_ratings_split_by */
} mf_split_kind;

/* Sets aside `fraction` of the ratings, rounded to the nearest whole number (half
 * up). Fails MF_ERR_ARGUMENT unless 0 <= fraction <= 1, MF_ERR_MEMORY; then neither
 * result is written. */
MF_MUST_CHECK bool mf_ratings_split(const mf_ratings *all, double fraction, uint64_t seed,
                                    mf_ratings **train, mf_ratings_rows *held_out, mf_error *err);

/* The same with fold number `fold` of n_folds set aside, for cross-validation.
 * Fold sizes differ by one at most. MF_ERR_ARGUMENT unless fold < n_folds. */
MF_MUST_CHECK bool mf_ratings_split_fold(const mf_ratings *all, uint32_t fold, uint32_t n_folds,
                                         uint64_t seed, mf_ratings **train,
                                         mf_ratings_rows *held_out, mf_error *err);

/* The same by another kind of split. RANDOM is mf_ratings_split.
 *
 * The kinds that go by user round fraction * n to the nearest whole number (half up)
 * and leave each user at least one rating to train on: who has one alone keeps it. Of
 * ratings with equal times the one with the larger item index counts as newer: items
 * are numbered in order of appearance.
 *
 * GLOBAL_TIME looks for the moment after which the number of ratings is nearest to
 * fraction of all; ratings of that moment itself stay. With many equal times it can be
 * far off; when all are equal nothing is set aside. Users and items whose ratings
 * are all newer are left without any.
 *
 * Fails as mf_ratings_split; MF_ERR_CONFIG when a split by time has no times;
 * MF_ERR_ARGUMENT when GLOBAL_TIME has only their ranks (MF_TIMES_KEPT has both). */
MF_MUST_CHECK bool mf_ratings_split_by(const mf_ratings *all, mf_split_kind kind, double fraction,
                                       uint64_t seed, mf_ratings **train, mf_ratings_rows *held_out,
                                       mf_error *err);

/* `other`, which was read on its own, in the indexes of the lists users and items
 * (a training set's): MF_INDEX_NONE for ids that they do not have. In other's
 * order. Memory: 12 bytes per rating of other, and 8 to 16 bytes per id while it
 * works. Fails MF_ERR_FORMAT when an id is twice in a list; MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_ratings_align(const mf_ratings *other, const mf_id_list *users,
                                    const mf_id_list *items, mf_ratings_rows *rows, mf_error *err);

#endif
