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
    bool adds;      /* see mf_sort_ratings */
    uint64_t *keys; /* [2 * n_keys] */
    uint32_t n_keys;
    uint32_t *item_place; /* [n_items] */
    uint32_t *place;      /* [2 * n_places] where each rating goes; one column on its way */
    uint32_t n_places;
} mf_sorter;

/* Ratings in columns, the caller's. */
typedef struct mf_sort_rows {
    uint32_t *item;
    float *value;
    uint32_t *time_low;  /* may be NULL */
    uint32_t *time_high; /* may be NULL */
} mf_sort_rows;

/* Sorts n ratings, given in the order in which they were read, by item. Of those
 * of one item the one with the largest time stays, and of equal times the last; if
 * the sorter adds, it gets the sum of their values, at most FLT_MAX. *n_kept is how
 * many are left, at the front. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_sort_ratings(mf_sorter *sorter, uint32_t n, const mf_sort_rows *rows,
                                   uint32_t *n_kept, mf_error *err);

/* Memory for 2 n numbers that stays the sorter's until its next use. NULL and
 * MF_ERR_MEMORY. */
uint32_t *mf_sorter_spare(mf_sorter *sorter, uint32_t n, mf_error *err);

/* A number for each item that stays the sorter's until its next use; what is in it is
 * unspecified. NULL and MF_ERR_MEMORY. */
uint32_t *mf_sorter_items(mf_sorter *sorter, mf_error *err);

void mf_sorter_clear(mf_sorter *sorter);

#endif
