/* baselines.h: what every model has to beat, on the same split.
 *
 *   popularity   items by how many rated them, the same for everybody
 *   item-item    score(u, i) = Σ_{j∈S_u} r_uj cos(i, j)
 *                cos(i, j)   = Σ_v r_vi r_vj / (|r_i| |r_j|), r_i the column of item i's ratings
 *                (Sarwar, Karypis, Konstan, Riedl 2001; no neighbourhood is cut off: that would be
 *                better still, and needs the cosines of all pairs first)
 *
 * Equal scores: the lower item first. Items without a rating in training are never listed; item-item
 * has no item either that shares no user with any of u's.
 *
 * Item-item is computed for one user at a time, through the users v who rated what u rated:
 * nothing of the size of items² is kept. Its sums run over items and users in index order.
 *
 * Threads: any number of lists side by side, of one pair of baselines. */
#ifndef MF_EVALUATE_BASELINES_H
#define MF_EVALUATE_BASELINES_H

#include "evaluate/lists.h"
#include "ratings/ratings.h"

typedef struct mf_baselines mf_baselines;

/* `train` is borrowed until destroy. NULL and MF_ERR_MEMORY.
 * Memory: 8 bytes per rating, 24 per item. */
mf_baselines *mf_baselines_create(const mf_ratings *train, mf_error *err);

/* NULL is fine. */
void mf_baselines_destroy(mf_baselines *baselines);

/* How often each item was rated in training, [n_items]; a view. */
const uint32_t *mf_baselines_item_count(const mf_baselines *baselines);

/* The lists; baselines must outlive them. A list costs what it takes and leaves out. */
mf_list_source mf_baselines_popularity(const mf_baselines *baselines);

/* A list costs about twice the number of all ratings on dense data. A thread has 8 bytes per user
 * and per item. */
mf_list_source mf_baselines_item_item(const mf_baselines *baselines);

#endif
