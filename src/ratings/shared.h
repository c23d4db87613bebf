/* shared.h: how many rows two files have of the same pairs of user and item.
 *
 * A channel that holds train.csv beside all.csv has most of its rows twice, which no other count
 * shows as such.
 *
 * Threads: mf_shared_count from any number at once. Memory: 512 KiB. */
#ifndef MF_RATINGS_SHARED_H
#define MF_RATINGS_SHARED_H

#include "base/error.h"
#include "ratings/ratings.h"
#include "ratings/sort.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_SHARED_FILES = 256 };

typedef struct mf_shared {
    atomic_ullong n[MF_SHARED_FILES][MF_SHARED_FILES]; /* [earlier file][later file] */
} mf_shared;

/* Counts one user's rows of items that an earlier file of his rows has. item, file [n] in the
 * order in which the rows were read. Cost: O(n). MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_shared_count(mf_sorter *sorter, uint32_t n, const uint32_t *item,
                                   const uint8_t *file, mf_shared *shared, mf_error *err);

/* The pairs of files with most such rows, at most n_most of them, most first. Returns how many. */
size_t mf_shared_top(const mf_shared *shared, mf_shared_rows *top, size_t n_most);

#endif
