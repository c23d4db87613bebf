/* by_count.h: quality by how many training ratings users and items have.
 *
 * Ratings are few for most users and items, and means over all hide it: a model may be good for
 * those with many ratings alone. Counts are in MF_COUNT_GROUPS groups:
 *
 *   0   1 … 4   5 … 9   10 … 19   20 … 49   50 … 99   100 … 199   200 … 499   500 … 999   1000 …
 *
 * Threads: any, on different data. */
#ifndef MF_EVALUATE_BY_COUNT_H
#define MF_EVALUATE_BY_COUNT_H

#include "evaluate/held_out.h"
#include "evaluate/lists.h"
#include "metrics/ranking_metrics.h"
#include "model/model.h"
#include "ratings/ratings.h"

#include <stdint.h>

enum { MF_COUNT_GROUPS = 10, MF_COUNT_NAME_BYTES = 16 };

/* The group of a count. */
uint32_t mf_count_group(uint64_t count);

/* "0", "1–4", …, "1000+". Returns text. */
char *mf_count_group_name(uint32_t group, char text[MF_COUNT_NAME_BYTES]);

/* Of values in a group: how many, their sum, and that of their squares. */
typedef struct mf_group_sums {
    uint64_t n;
    double sum, squares;
} mf_group_sums;

/* The mean with its 95 % interval by the normal approximation (mean ± 1.96 s / √n); all NAN where
 * there is nothing. */
mf_interval mf_group_mean(const mf_group_sums *sums);

/* Lists of length k, by group. */
typedef struct mf_lists_by_count {
    mf_group_sums ndcg[MF_COUNT_GROUPS];  /* of each user, by the user's count */
    mf_group_sums found[MF_COUNT_GROUPS]; /* 1 or 0 for each relevant held-out rating, by the
                                           * item's count: whether the item is in the list */
    uint64_t places[MF_COUNT_GROUPS];     /* of the lists, by the item's count */
} mf_lists_by_count;

/* Adds an evaluation's lists to *by, which starts as zeros. held_out: what it was made with. train:
 * the ratings that count, item_count[train->n_items] of the items. A relevant rating of an item
 * that the user has in training is not counted, as in lists.h.
 * Cost: O(list places + held-out ratings × k). */
void mf_lists_by_count_add(const mf_evaluation *evaluation, const mf_held_out *held_out,
                           const mf_ratings *train, const uint32_t *item_count,
                           mf_lists_by_count *by);

/* Squared errors of predicted ratings, by group; their mean is a mean square. */
typedef struct mf_errors_by_count {
    mf_group_sums user[MF_COUNT_GROUPS];
    mf_group_sums item[MF_COUNT_GROUPS];
    uint64_t n_rows; /* looked at */
} mf_errors_by_count;

/* Of at most max_rows of the rows, evenly spread. model: with a rating model. train, item_count as
 * above. Cost: max_rows predictions. */
mf_errors_by_count mf_errors_by_count_of(const mf_model *model, const mf_ratings_rows *rows,
                                         const mf_ratings *train, const uint32_t *item_count,
                                         uint64_t max_rows);

#endif
