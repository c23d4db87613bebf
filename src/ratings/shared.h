/* shared.h: how many rows two files have of the same pairs of user and item.
 *
 * A channel that holds train.csv beside all.csv has most of its rows twice, which no other count
 * shows as such.
 *
 * Threads: mf_shared_count from any number at once. Memory: 512 KiB. Cost: nothing but for rows of
 * repeated pairs. */
#ifndef MF_RATINGS_SHARED_H
#define MF_RATINGS_SHARED_H

#include "ratings/ratings.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_SHARED_FILES = 256 };

typedef struct mf_shared {
    atomic_ullong n[MF_SHARED_FILES][MF_SHARED_FILES]; /* [earlier file][later file] */
} mf_shared;

/* Two rows of one pair, the one after the other in the order in which they were read, and their
 * files. */
void mf_shared_count(mf_shared *shared, uint8_t before, uint8_t file);

/* The pairs of files with most such rows, at most n_most of them, most first. Returns how many. */
size_t mf_shared_top(const mf_shared *shared, mf_shared_rows *top, size_t n_most);

#endif
