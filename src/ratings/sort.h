/* sort.h: one user's ratings by item, each item once.
 *
 * Nothing is sorted where the items already ascend, as in MovieLens' files.
 *
 * Threads: one mf_sorter each. Memory: 16 bytes per rating of the user with most ratings. */
#ifndef MF_RATINGS_SORT_H
#define MF_RATINGS_SORT_H

#include "base/error.h"
#include "ratings/shared.h"

#include <stdbool.h>
#include <stdint.h>

/* All zero bytes is a sorter without options. */
typedef struct mf_sorter {
    bool adds;         /* see mf_sort_ratings */
    bool defers;       /* leaves repeated items: *n_kept is 0, nothing is done */
    mf_shared *shared; /* NULL, or counts rows of one item in different files */
    uint64_t *keys;    /* [2 n_keys] keys, and as much to sort them */
    uint32_t n_keys;
} mf_sorter;

/* Ratings in columns, the caller's. */
typedef struct mf_sort_rows {
    uint32_t *item;
    float *value;
    uint32_t *time_low;  /* may be NULL */
    uint32_t *time_high; /* may be NULL */
    const uint8_t *file; /* where the sorter has `shared`: the file of each row */
} mf_sort_rows;

/* Sorts n ratings, given in the order in which they were read, by item. Of those
 * of one item the one with the largest time stays, and of equal times the last; if
 * the sorter adds, it gets the sum of their values, at most FLT_MAX. *n_kept is how
 * many are left, at the front. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_sort_ratings(mf_sorter *sorter, uint32_t n, const mf_sort_rows *rows,
                                   uint32_t *n_kept, mf_error *err);

/* Memory for 2 n keys that stays the sorter's until its next use. NULL and MF_ERR_MEMORY. */
uint64_t *mf_sorter_keys(mf_sorter *sorter, uint32_t n, mf_error *err);

void mf_sorter_clear(mf_sorter *sorter);

/* Sorts n keys by their upper halves, stably; spare has n. Cost: O(n) where these are spread evenly,
 * else for each 8 bits of them; O(n²) below 32 keys. */
void mf_sort_keys(uint64_t *keys, uint32_t n, uint64_t *spare);

#endif
