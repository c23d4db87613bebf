/* sort.h: one user's ratings by item, each item once.
 *
 * Three ways, by what is cheapest: nothing when the items already ascend (as in
 * MovieLens' files); a radix sort of keys for most users; a counting
 * sort over all items for users who have rated a good part of them, which needs
 * 8 bytes per rating and so keeps the memory bound even for a single user.
 *
 * Threads: one mf_sorter each. */
#ifndef MF_RATINGS_SORT_H
#define MF_RATINGS_SORT_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_sorter {
    uint32_t n_items;
    bool defers;    /* see mf_sort_ratings */
    uint64_t *keys; /* [2 * n_keys] */
    uint32_t n_keys;
    uint32_t *item_place; /* [n_items] */
    uint32_t *place;      /* [n_places] where each rating goes */
    uint32_t *column;     /* [n_places] one column on its way */
    uint32_t n_places;
} mf_sorter;

/* Sorts n ratings, given in the order in which they were read, by item. Of those
 * of one item the one with the largest time stays, and of equal times the last.
 * time_high, or both times, may be NULL. *n_kept is how many are left, at the
 * front. A sorter that defers leaves ratings with a repeated item as they are and
 * sets *n_kept to 0. Fails MF_ERR_MEMORY. */
bool mf_sort_ratings(mf_sorter *sorter, uint32_t n, uint32_t *item, float *value,
                     uint32_t *time_low, uint32_t *time_high, uint32_t *n_kept, mf_error *err);

void mf_sorter_clear(mf_sorter *sorter);

#endif
